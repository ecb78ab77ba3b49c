//! What the program has of models: the prompts of all its parts.

use sortie_models::PromptSource;

/// The prompts that parts of the program bring along.
pub(crate) fn prompt_sources() -> Vec<PromptSource> {
    let planner = sortie_planner::prompts::PROMPTS.into_iter();
    planner.chain(sortie_worker::tools::model::PROMPTS).collect()
}
