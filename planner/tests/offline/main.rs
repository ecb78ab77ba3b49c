//! The built-in offline planner from the outside: goals in, plans and answers out.
#![allow(
    clippy::unwrap_used,
    reason = "the helpers of tests, which clippy takes for ordinary code"
)]

mod answers;
mod properties;
mod service;
mod table;
mod tools;

use sortie_engine::StepDraft;
use sortie_planner::offline::{Unplannable, plan};

/// Plans with every tool there is.
fn planned(goal: &str) -> Result<Vec<StepDraft>, Unplannable> {
    plan(goal, &["search", "calculate", "summarize", "now"].into(), 50)
}
