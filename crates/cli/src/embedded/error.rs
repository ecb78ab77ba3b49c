//! Why there is no cluster inside the process.

use std::io;
use std::net::SocketAddr;

use sortie_models::BadPrompt;
use sortie_store::StoreError;
use sortie_worker::tools::BuiltinError;
use sortie_worker::{BadFolder, RegistryError};

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EmbeddedError {
    /// The person's folder of documents cannot be used.
    #[error(transparent)]
    Documents(#[from] BadFolder),
    /// A tool of the program cannot be registered.
    #[error(transparent)]
    Tool(#[from] RegistryError),
    /// A built-in tool is broken.
    #[error(transparent)]
    Builtin(#[from] BuiltinError),
    /// One of the person's prompts cannot be used.
    #[error(transparent)]
    Prompt(#[from] BadPrompt),
    /// The address cannot be listened on.
    #[error("listen on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    /// The store does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The contract's own description is broken.
    #[error("describe the interfaces")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// A part of the cluster ended by itself.
    #[error("a part of the cluster died, and the cluster with it: the log says which and why")]
    PartDied,
    /// The server ended.
    #[error("serve")]
    Serve(#[from] tonic::transport::Error),
}

impl EmbeddedError {
    /// Whether the person can mend it: another folder, another address, another tool name.
    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Documents(_) | Self::Prompt(_) | Self::Tool(_) | Self::Listen { .. })
    }
}
