//! The boundary to the cluster inside the process: coordinator, planner and worker over the
//! embedded store, reached through their gRPC interfaces over an in-process transport.
//!
//! The rest of the program knows only a [`Channel`] and an orderly end.

use std::net::SocketAddr;
use std::path::PathBuf;

use sortie_engine::Limits;
use sortie_worker::{Registry, RegistryError};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// Puts a program's own tools beside the built-in ones.
pub(crate) type AddTools = Box<dyn FnOnce(&mut Registry) -> Result<(), RegistryError> + Send>;

/// How the cluster is built.
pub(crate) struct Options {
    /// Documents for the search tool; without a folder, those inside the program.
    pub(crate) docs: Option<PathBuf>,
    /// Worker slots.
    pub(crate) concurrency: usize,
    /// Ended runs that are kept in memory.
    pub(crate) retention: usize,
    /// The limits of runs that do not bring their own.
    pub(crate) limits: Limits,
    /// A program's own tools.
    pub(crate) add_tools: AddTools,
}

/// Where and how the cluster is offered to others.
pub(crate) struct Front {
    /// The address to listen on.
    pub(crate) listen: SocketAddr,
    /// Whether the interfaces describe themselves to clients.
    pub(crate) reflection: bool,
}

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EmbeddedError {
    /// This build does not contain one.
    #[error(
        "internal error: this build of sortie has no cluster inside; name one with --endpoint URL"
    )]
    NotBuilt,
}

/// A running cluster inside the process.
pub(crate) struct Embedded {
    channel: Channel,
    stop: CancellationToken,
}

impl Embedded {
    /// Builds the cluster and starts it.
    pub(crate) async fn start(options: Options) -> Result<Self, EmbeddedError> {
        tracing::debug!(
            docs = ?options.docs,
            concurrency = options.concurrency,
            retention = options.retention,
            run_timeout = ?options.limits.run_timeout,
            "no cluster is built in"
        );
        drop(options.add_tools);
        Err(EmbeddedError::NotBuilt)
    }

    /// Where its coordinator and planner are reached.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Ends it: no run is accepted any more, what runs is stopped.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
    }
}

/// Builds the cluster and offers it on a port until `stop` is cancelled.
pub(crate) async fn serve(
    options: Options,
    front: Front,
    stop: CancellationToken,
) -> Result<(), EmbeddedError> {
    tracing::debug!(listen = %front.listen, reflection = front.reflection, "serving");
    let cluster = Embedded::start(options).await?;
    stop.cancelled().await;
    cluster.stop().await;
    Ok(())
}
