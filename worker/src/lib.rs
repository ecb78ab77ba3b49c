//! The worker: claims ready steps and runs tools.

mod documents;
mod executor;
mod registry;
mod service;
mod tool;
pub mod tools;
mod words;

pub use documents::{BadFolder, Documents, Found, Passage, SkippedDocument};
pub use executor::{Attempt, Ended, Executor};
pub use registry::{Registry, RegistryError};
pub use service::{Worker, WorkerOptions};
pub use tool::{Call, Tool};
