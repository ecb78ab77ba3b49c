//! What the engine knows of a tool: everything a plan is checked against, nothing of how it works.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::ids::{QueueName, ToolName};
use crate::schema::Schema;

/// What running a tool does to the world, which decides when it may start and run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Same input, same output.
    Pure,
    /// Looks at the world, changes nothing.
    Read,
    /// Changes the world, and may be repeated under its idempotency key.
    Idempotent,
    /// Must not be repeated: delivered a second time it ends as unknown.
    Once,
}

impl Effect {
    /// Whether a step may start before its plan is known to be sound.
    #[must_use]
    pub const fn may_start_early(self) -> bool {
        matches!(self, Self::Pure | Self::Read)
    }

    /// The name used in logs, JSON and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Read => "read",
            Self::Idempotent => "idempotent",
            Self::Once => "once",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something a worker can do, as plans and planners see it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// The name that plans use.
    pub name: ToolName,
    /// For the planner: what it does, when to use it.
    pub description: String,
    /// What `tool_input` must look like.
    pub input: Schema,
    /// What results look like, if the tool promises a shape; references are checked against it.
    pub output: Option<Schema>,
    /// What running it does to the world.
    pub effect: Effect,
    /// Where its ready steps wait.
    pub queue: QueueName,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// The largest result, in bytes of JSON.
    pub max_result_bytes: u64,
    /// Whether an attempt is a model call and counts against the run's cap: exactly one, since the
    /// attempts are what is counted.
    pub calls_model: bool,
}

/// The tools that can be planned with, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    tools: BTreeMap<ToolName, Arc<ToolSpec>>,
}

impl Catalogue {
    /// The tool of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<ToolSpec>> {
        self.tools.get(name)
    }

    /// All tools, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ToolSpec>> {
        self.tools.values()
    }

    /// How many tools there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tools.len()
    }

    /// Whether there is no tool at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }
}

impl FromIterator<Arc<ToolSpec>> for Catalogue {
    fn from_iter<I: IntoIterator<Item = Arc<ToolSpec>>>(tools: I) -> Self {
        Self { tools: tools.into_iter().map(|tool| (tool.name.clone(), tool)).collect() }
    }
}
