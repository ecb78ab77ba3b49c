//! Why there is no cluster inside the process.

use sortie_models::BadPrompt;
use sortie_service::process::{Fault, chain};
use sortie_service::serving::HostError;
use sortie_store::StoreError;
use sortie_worker::EquipError;

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EmbeddedError {
    /// The worker's tools cannot be put together.
    #[error(transparent)]
    Equip(#[from] EquipError),
    /// One of the person's prompts cannot be used.
    #[error(transparent)]
    Prompt(#[from] BadPrompt),
    /// The store does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be offered, or a part of it died.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl From<EmbeddedError> for Fault {
    fn from(error: EmbeddedError) -> Self {
        match error {
            EmbeddedError::Equip(error) => error.into(),
            EmbeddedError::Prompt(error) => Self::Refused(chain(&error)),
            EmbeddedError::Store(error) => Self::Failed(error.to_string()),
            EmbeddedError::Host(error) => error.into(),
        }
    }
}
