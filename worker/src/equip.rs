//! What a worker is equipped with: the built-in tools, those that read with a model where there is
//! one, and the program's own.

use std::path::PathBuf;

use sortie_models::{Model, Prompts};
use sortie_service::process::{Fault, chain};

use crate::documents::{BadFolder, Documents};
use crate::registry::{Registry, RegistryError};
use crate::tools::{self, BuiltinError, Reading};

/// Puts a program's own tools beside the built-in ones.
pub type AddTools = Box<dyn FnOnce(&mut Registry) -> Result<(), RegistryError> + Send>;

/// A home folder has thousands of files that are no documents; these are enough to see the fault.
const MAX_SKIPPED_TOLD: usize = 20;

/// Why there are no tools.
#[derive(Debug, thiserror::Error)]
pub enum EquipError {
    /// The person's folder of documents cannot be used.
    #[error(transparent)]
    Documents(#[from] BadFolder),
    /// A tool of the program cannot be registered.
    #[error(transparent)]
    Tool(#[from] RegistryError),
    /// A built-in tool is broken, or its prompt cannot be used.
    #[error(transparent)]
    Builtin(#[from] BuiltinError),
}

impl From<EquipError> for Fault {
    fn from(error: EquipError) -> Self {
        let words = chain(&error);
        match error {
            EquipError::Documents(_) => Self::Refused(format!("cannot {words}")),
            EquipError::Tool(_) | EquipError::Builtin(BuiltinError::Prompt { .. }) => {
                Self::Refused(words)
            }
            EquipError::Builtin(_) => Self::Failed(words),
        }
    }
}

/// The tools of a worker: documents come from the folder, or from the program where there is none.
///
/// # Errors
/// If the folder, a prompt or one of the tools cannot be used.
pub fn equip(
    docs: Option<PathBuf>,
    executor: Option<(Model, Prompts)>,
    add_tools: AddTools,
) -> Result<Registry, EquipError> {
    let documents = match docs {
        Some(folder) => Documents::from_folder(&folder)?,
        None => Documents::builtin(),
    };
    tell_skipped(&documents);
    let mut registry = match executor {
        Some((model, prompts)) => {
            tools::with_model(documents, &Reading { prompts, ..Reading::new(model) })?
        }
        None => tools::builtin(documents)?,
    };
    add_tools(&mut registry)?;
    Ok(registry)
}

/// Names what searches will not see, as far as anybody reads.
fn tell_skipped(documents: &Documents) {
    let skipped = documents.skipped();
    for one in skipped.iter().take(MAX_SKIPPED_TOLD) {
        let (document, reason) = (one.path.display(), &one.reason);
        tracing::warn!(%document, %reason, "a document was left out");
    }
    if let Some(more) = skipped.len().checked_sub(MAX_SKIPPED_TOLD).filter(|more| *more > 0) {
        tracing::warn!(more, "more documents were left out");
    }
}
