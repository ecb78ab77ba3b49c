//! How interfaces are offered and reached: on a port, or over pipes inside the process.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint, Server, Uri};

use crate::parts::Parts;

/// Bytes that one side of a pipe may be ahead of the other.
const PIPE_BYTES: usize = 256 * 1024;
/// Connections that wait to be accepted; a channel has one.
const PENDING: usize = 8;
/// How often a silent TCP connection is tried, and how long it may take to answer: without this a
/// peer that vanished holds its streams for good.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// After the end was asked for, open streams get so long.
const DRAIN: Duration = Duration::from_secs(2);

/// Why a process cannot offer its services any more.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The address cannot be listened on.
    #[error("listen on {address}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The contract's own description is broken.
    #[error("describe the interfaces")]
    Describe(#[from] tonic_reflection::server::Error),
    /// The server ended.
    #[error("serve")]
    Serve(#[from] tonic::transport::Error),
    /// A part of the process ended by itself.
    #[error("a part of the process died, and the process with it: the log says which and why")]
    PartDied,
}

/// A port that is ours.
#[derive(Debug)]
pub struct Port {
    listener: TcpListener,
    address: SocketAddr,
    drain: Duration,
}

impl Port {
    /// Takes it. Connections wait until it is served.
    ///
    /// # Errors
    /// If it is somebody else's, or not to be had.
    pub async fn take(address: SocketAddr) -> Result<Self, HostError> {
        let failed = |source| HostError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, drain: DRAIN })
    }

    /// Gives open streams so long when the end was asked for.
    #[must_use]
    pub fn with_drain(self, drain: Duration) -> Self {
        Self { drain, ..self }
    }

    /// Serves until `stop`; streams that are open then get a little time.
    ///
    /// # Errors
    /// If the server ends by itself.
    pub async fn serve(self, routes: Routes, stop: CancellationToken) -> Result<(), HostError> {
        let drain = self.drain;
        tracing::info!(address = %format_args!("http://{}", self.address), "listening");
        let incoming = TcpListenerStream::new(self.listener).map(|accepted| {
            // Small frames must not wait for more: steps and events are small.
            accepted.inspect(|stream| {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(error = %error, "a connection keeps its delay");
                }
            })
        });
        let stopped = stop.clone();
        let served = Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, stopped.cancelled_owned());
        tokio::select! {
            ended = served => Ok(ended?),
            () = async { stop.cancelled().await; tokio::time::sleep(drain).await } => Ok(()),
        }
    }

    /// Serves beside the parts of the process for as long as `work` goes on, and ends the parts
    /// before the port: who asks meanwhile is told how it stands.
    ///
    /// # Errors
    /// What ended it early: the work, a part, or the server.
    pub async fn serve_beside<E: From<HostError>>(
        self,
        routes: Routes,
        parts: &Parts,
        work: impl Future<Output = Result<(), E>>,
    ) -> Result<(), E> {
        let close = CancellationToken::new();
        let mut server = std::pin::pin!(self.serve(routes, close.clone()));
        let ended = tokio::select! {
            served = &mut server => {
                parts.stop().await;
                return Ok(served?);
            }
            ended = parts.beside(work) => ended,
        };
        close.cancel();
        let served = server.await;
        ended?;
        Ok(served?)
    }
}

/// Adds what tells clients of the interfaces: health's own and these `services` of the contract.
///
/// # Errors
/// If the descriptors cannot be read, which a build would have to have broken.
pub fn describe(
    routes: Routes,
    contract: &'static [u8],
    services: &[&str],
) -> Result<Routes, HostError> {
    // Older clients know v1alpha only.
    let reflection = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(contract)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health");
        services.iter().copied().fold(builder, |builder, name| builder.with_service_name(name))
    };
    let (v1, v1alpha) = (reflection().build_v1()?, reflection().build_v1alpha()?);
    Ok(routes.add_service(v1).add_service(v1alpha))
}

/// A channel to services inside the process, and the server to run for it.
pub(crate) fn in_process(
    routes: Routes,
    close: CancellationToken,
) -> (Channel, impl Future<Output = ()> + Send + 'static) {
    let (pipes, incoming) = mpsc::channel::<DuplexStream>(PENDING);
    let connector = tower::service_fn(move |_: Uri| {
        let pipes = pipes.clone();
        async move {
            let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
            let gone = |_| io::Error::from(io::ErrorKind::ConnectionRefused);
            pipes.send(theirs).await.map_err(gone)?;
            Ok::<_, io::Error>(TokioIo::new(ours))
        }
    });
    // Nobody resolves this name: the connector makes pipes.
    let channel = Endpoint::from_static("http://in-process").connect_with_connector_lazy(connector);
    let incoming = ReceiverStream::new(incoming).map(Ok::<_, io::Error>);
    let server = async move {
        let served = Server::builder().add_routes(routes).serve_with_incoming(incoming);
        tokio::select! {
            () = close.cancelled() => {}
            ended = served => {
                if let Err(error) = ended {
                    tracing::error!(error = %error, "the in-process server ended");
                }
            }
        }
    };
    (channel, server)
}

/// How a machine on the net is dialled: it is given up soon if it does not answer, and a silent
/// connection is tried, for a partition would hang a stream for good.
///
/// # Errors
/// If this is no address.
pub fn dial(url: &str, patience: Duration) -> Result<Endpoint, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(url.to_owned())?;
    Ok(endpoint
        .connect_timeout(patience)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true))
}
