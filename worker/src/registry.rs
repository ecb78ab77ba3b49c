//! The tools of one worker process, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use sortie_engine::{Catalogue, QueueName, ToolName, ToolSpec};

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

    /// The queues that its tools wait in, by name.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueName> {
        let mut queues: Vec<_> =
            self.tools.values().map(|entry| entry.spec.queue.clone()).collect();
        queues.sort();
        queues.dedup();
        queues
    }

    /// Keeps only the tools that wait in these queues.
    pub fn retain_queues(&mut self, is_kept: impl Fn(&QueueName) -> bool) {
        self.tools.retain(|_, entry| is_kept(&entry.spec.queue));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::Call;
    use async_trait::async_trait;
    use serde_json::{Value, json};
    use sortie_engine::{Effect, Failure, QueueName, Schema};
    use std::time::Duration;

    struct Named(&'static str);

    #[async_trait]
    impl Tool for Named {
        fn spec(&self) -> ToolSpec {
            ToolSpec {
                name: ToolName::new(self.0),
                description: "for tests".to_owned(),
                input: Schema::parse(json!({})).unwrap(),
                output: None,
                effect: Effect::Pure,
                queue: QueueName::new("test"),
                timeout: Duration::from_secs(1),
                max_result_bytes: 1,
                calls_model: false,
            }
        }

        async fn call(&self, _: Value, _: &Call) -> Result<Value, Failure> {
            Ok(Value::Null)
        }
    }

    #[test]
    fn tools_are_found_and_listed_by_name() {
        let mut registry = Registry::new();
        registry.register(Named("web.fetch-page_2")).unwrap().register(Named("a")).unwrap();
        let names: Vec<_> = registry.catalogue().iter().map(|s| s.name.to_string()).collect();
        assert_eq!(names, ["a", "web.fetch-page_2"]);
        assert_eq!(registry.get(&ToolName::new("a")).unwrap().0.name.as_str(), "a");
        assert!(registry.get(&ToolName::new("b")).is_none());
    }

    #[test]
    fn tools_of_other_queues_are_not_kept() {
        let mut registry = Registry::new();
        registry.register(Named("a")).unwrap();
        let queues = registry.queues();
        assert_eq!(queues.len(), 1);
        registry.retain_queues(|queue| queues.contains(queue));
        assert_eq!(registry.catalogue().len(), 1);
        registry.retain_queues(|_| false);
        assert!(registry.queues().is_empty() && registry.catalogue().is_empty());
    }

    #[test]
    fn a_taken_name_is_refused_and_the_first_tool_stays() {
        let mut registry = Registry::new();
        registry.register(Named("a")).unwrap();
        let refusal = registry.register(Named("a")).err().unwrap();
        assert_eq!(refusal, RegistryError::NameTaken(ToolName::new("a")));
        assert_eq!(refusal.to_string(), "register tool `a`: the name is taken");
        assert_eq!(registry.catalogue().len(), 1);
    }

    #[test]
    fn a_name_that_cannot_stand_in_a_plan_is_refused() {
        let long: &'static str = "abcdefgh".repeat(9).leak();
        for bad in ["", "A", "1a", "a b", "é", "a/b", "-a", long] {
            let refusal = Registry::new().register(Named(bad)).err();
            assert_eq!(refusal, Some(RegistryError::BadName(ToolName::new(bad))), "{bad}");
        }
        assert!(Registry::new().register(Named(&long[..64])).is_ok());
    }
}
