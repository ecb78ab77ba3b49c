//! Why there is no plan, in words that help: which part of the goal, what the rules can do, and
//! what to do instead.

use std::fmt;

/// A goal of which the rules cannot make a whole plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unplannable {
    /// There is nothing to plan.
    Empty,
    /// A part of the goal belongs to no family of goals that the rules know.
    NotUnderstood {
        /// The goal's own words.
        part: String,
    },
    /// A part is understood and lacks something that only its author knows.
    Unclear {
        /// The goal's own words.
        part: String,
        /// What is missing, and what would be right.
        problem: String,
    },
    /// No worker offers a tool that the plan needs.
    MissingTool {
        /// Its name.
        tool: &'static str,
    },
    /// The plan would be larger than the goal's limit.
    TooManySteps {
        /// How many steps it would have.
        needed: usize,
        /// How many it may have.
        limit: usize,
    },
}

/// Enough of a goal to recognise its part.
const MAX_PART_CHARS: usize = 160;

impl Unplannable {
    pub(super) fn not_understood(part: &str) -> Self {
        Self::NotUnderstood { part: clip(part) }
    }

    pub(super) fn unclear(part: &str, problem: impl Into<String>) -> Self {
        Self::Unclear { part: clip(part), problem: problem.into() }
    }
}

fn clip(text: &str) -> String {
    let mut shown: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    if let Some((cut, _)) = shown.char_indices().nth(MAX_PART_CHARS) {
        shown.truncate(cut);
        shown.push('…');
    }
    shown
}

impl fmt::Display for Unplannable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the goal is empty: say what you want to know"),
            Self::NotUnderstood { part } => write!(
                f,
                "the built-in offline planner does not understand `{part}`: it compares named \
                 things, works out percentages, what is left of an amount, arithmetic and units, \
                 and looks up and summarizes what the documents say. Anything else needs a model: \
                 see README, section Models"
            ),
            Self::Unclear { part, problem } => write!(
                f,
                "the built-in offline planner cannot plan `{part}`: {problem}. Say it in the goal"
            ),
            Self::MissingTool { tool } => write!(
                f,
                "the plan needs the tool `{tool}`, and no worker offers it: start a worker that \
                 has it"
            ),
            Self::TooManySteps { needed, limit } => write!(
                f,
                "the plan needs {needed} steps and the goal allows {limit}: raise the limit or \
                 split the goal"
            ),
        }
    }
}

impl std::error::Error for Unplannable {}
