//! The built-in offline planner: rules instead of a model.
//!
//! It is deterministic and honest. A goal is cut into tokens, tokens into clauses; each clause must
//! be understood whole, as a comparison, a calculation, something to look up or sum up, a statement
//! about money or a question about one. What is not understood makes the whole goal unplannable:
//! half of a plan would pass for all of it.
//!
//! ```text
//! goal → tokens → clauses → intents → steps
//!        token    clause    intent    draft, money
//! ```

mod amount;
pub mod answer;
mod arithmetic;
mod ask;
mod bill;
mod clause;
mod compare;
mod convert;
mod draft;
mod expression;
mod fact;
mod intent;
mod lookup;
mod money;
mod reader;
mod token;
mod topic;
mod units;
mod unplannable;
mod vocabulary;

use std::collections::BTreeSet;

use sortie_engine::StepDraft;

pub use unplannable::Unplannable;

/// How this planner names itself.
pub const NAME: &str = "built-in offline rules";

/// Makes a plan for a goal: at most `max_steps` steps, numbered from 1, that use only `tools`.
///
/// # Errors
/// If a part of the goal is not understood, or the plan needs more than there is.
pub fn plan(
    goal: &str,
    tools: &BTreeSet<&str>,
    max_steps: usize,
) -> Result<Vec<StepDraft>, Unplannable> {
    let tokens = token::tokens(goal).ok_or_else(|| Unplannable::not_understood(goal))?;
    if goal.trim().is_empty() {
        return Err(Unplannable::Empty);
    }
    let clauses = clause::clauses(&tokens);
    if clauses.is_empty() {
        return Err(Unplannable::not_understood(goal));
    }
    let steps = draft::draft(intent::intents(&clauses)?)?;
    if steps.is_empty() {
        return Err(Unplannable::unclear(goal, "it states something and asks nothing"));
    }
    if steps.len() > max_steps {
        return Err(Unplannable::TooManySteps { needed: steps.len(), limit: max_steps });
    }
    let missing = draft::TOOLS
        .into_iter()
        .find(|tool| !tools.contains(tool) && steps.iter().any(|step| step.tool == *tool));
    missing.map_or(Ok(steps), |tool| Err(Unplannable::MissingTool { tool }))
}
