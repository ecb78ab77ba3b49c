//! What planner and workers need of models beside talking to them: which model takes which role,
//! what calls cost, prompts in files, results as data that no one takes for instructions, failures
//! and usage in the engine's words.
#![warn(missing_docs)]

mod choose;
pub mod configured;
mod connect;
mod data;
mod defaults;
mod failure;
mod keys;
mod model;
pub mod money;
mod prices;
mod prompt;
mod roles;

pub use choose::{Choice, Chosen, Contradiction, Layer, Remote, Said, Wish, Wishes, choose};
pub use connect::Connector;
pub use data::fenced;
pub use failure::failure;
pub use keys::{KeyName, Keys};
pub use model::{Model, Price};
pub use prices::{BadPrices, PriceList};
pub use prompt::{BadPrompt, Filled, Prompt, PromptSource, Prompts};
pub use roles::{ByRole, Models, Role};
