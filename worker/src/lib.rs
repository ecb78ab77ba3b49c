//! The worker: claims ready steps and runs tools.

mod registry;
mod tool;

pub use registry::{Registry, RegistryError};
pub use tool::{Call, Tool};
