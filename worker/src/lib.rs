//! The worker: claims ready steps and runs tools. [`process`] is what `sortie-worker` and
//! `sortie worker` run.

mod documents;
mod equip;
mod executor;
pub mod process;
mod registry;
mod service;
mod tool;
pub mod tools;
mod words;

pub use documents::{BadFolder, Documents, Found, Passage, SkippedDocument};
pub use equip::{AddTools, EquipError, equip};
pub use executor::{Attempt, Ended, Executor};
pub use registry::{Registry, RegistryError};
pub use service::{Worker, WorkerHandle, WorkerOptions};
pub use tool::{Call, Tool};
