//! The tools of one worker process, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use sortie_engine::{Catalogue, ToolName, ToolSpec};

use crate::tool::Tool;

/// The tools of one worker process.
#[derive(Clone, Default)]
pub struct Registry {
    tools: BTreeMap<ToolName, Entry>,
}

#[derive(Clone)]
struct Entry {
    spec: Arc<ToolSpec>,
    tool: Arc<dyn Tool>,
}

/// A tool that cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The name is taken.
    #[error("register tool `{0}`: the name is taken")]
    NameTaken(ToolName),
    /// The name cannot stand in a plan.
    #[error(
        "register tool `{0}`: a name has 1 to 64 characters of a-z, 0-9, `_`, `-`, `.` and starts with a letter"
    )]
    BadName(ToolName),
}

impl Registry {
    /// A registry without tools.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tool.
    ///
    /// # Errors
    /// If its name is taken or cannot stand in a plan.
    pub fn register(&mut self, tool: impl Tool) -> Result<&mut Self, RegistryError> {
        let spec = Arc::new(tool.spec());
        let name = spec.name.clone();
        if !is_name(name.as_str()) {
            return Err(RegistryError::BadName(name));
        }
        if self.tools.contains_key(&name) {
            return Err(RegistryError::NameTaken(name));
        }
        self.tools.insert(name, Entry { spec, tool: Arc::new(tool) });
        Ok(self)
    }

    /// The tool of this name with what plans know of it.
    #[must_use]
    pub fn get(&self, name: &ToolName) -> Option<(&Arc<ToolSpec>, &Arc<dyn Tool>)> {
        self.tools.get(name).map(|entry| (&entry.spec, &entry.tool))
    }

    /// What plans can use.
    #[must_use]
    pub fn catalogue(&self) -> Catalogue {
        self.tools.values().map(|entry| entry.spec.clone()).collect()
    }
}

fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.".contains(&b);
    name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(fits)
}
