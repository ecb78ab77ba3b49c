//! What planner and workers need of models beside talking to them: prompts in files, results as
//! data that no one takes for instructions, failures and usage in the engine's words.
#![warn(missing_docs)]

mod data;
mod failure;
mod model;
mod prompt;

pub use data::fenced;
pub use failure::failure;
pub use model::{Model, Price};
pub use prompt::{BadPrompt, Filled, Prompt, PromptSource, Prompts};
