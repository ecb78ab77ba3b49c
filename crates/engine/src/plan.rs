//! A plan as its author wrote it, before anything is believed.

use std::fmt;

use serde_json::Value;

use crate::failure::clip;
use crate::ids::StepNumber;

/// A step as its author wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct StepDraft {
    /// The author's label.
    pub number: StepNumber,
    /// What the step is for.
    pub description: String,
    /// The name of the tool; it may not exist.
    pub tool: String,
    /// The tool's input, with references.
    pub tool_input: Value,
    /// The labels of steps that must succeed before this one starts.
    pub depends_on: Vec<StepNumber>,
}

impl StepDraft {
    /// About how many bytes the step takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        crate::template::json_bytes(&self.tool_input) + self.weight_without_input()
    }

    pub(crate) fn weight_without_input(&self) -> usize {
        self.description.len() + self.tool.len() + self.depends_on.len() * 4 + 32
    }
}

/// One fault of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The step that has it; nothing for a fault of the whole plan.
    pub step: Option<StepNumber>,
    /// What is wrong and what would be right, for the author.
    pub message: String,
}

/// Messages quote the author's words; no more of them than helps.
pub(crate) const MAX_PROBLEM_BYTES: usize = 512;

impl Problem {
    /// The same with a message of bounded size, for problems told by others.
    #[must_use]
    pub(crate) fn clipped(&self) -> Self {
        Self { step: self.step, message: clip(self.message.clone(), MAX_PROBLEM_BYTES) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Some(step) => write!(f, "step {step}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}
