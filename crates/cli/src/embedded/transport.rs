//! How the cluster's interfaces are reached: over pipes inside the process, or over TCP.

use std::io;
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

use super::EmbeddedError;

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

/// A channel to services inside the process, and the server to run for it.
pub(super) fn in_process(
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

/// Serves on a port until `stop`; streams that are open then get a little time.
pub(super) async fn serve_tcp(
    routes: Routes,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), EmbeddedError> {
    let incoming = TcpListenerStream::new(listener).map(|accepted| {
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
        () = async { stop.cancelled().await; tokio::time::sleep(DRAIN).await } => Ok(()),
    }
}
