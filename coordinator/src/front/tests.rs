//! The front door as clients meet it: a real server and a real client over an in-process pipe.

mod commands;
mod reading;
mod submitting;
mod watching;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::stream;
use hyper_util::rt::TokioIo;
use sortie_engine::{Lane, RunId};
use sortie_proto::v1::coordinator_client::CoordinatorClient;
use sortie_store::EmbeddedOptions;
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::{Channel, Endpoint, Server, Uri};

use sortie_service::health::Readiness;

use super::{Front, FrontOptions, FrontParts, ServiceOptions, services};
use crate::catalogue::CatalogueWatch;
use crate::testing::Probe;
use crate::watch::{WatchHub, WatchOptions, Watches};

/// Small enough that a client who does not read is soon felt.
const PIPE_BYTES: usize = 16 * 1024;

/// A coordinator's front door with everything behind it but a driver.
struct Bench {
    store: Arc<Probe>,
    client: CoordinatorClient<Channel>,
    channel: Channel,
    watches: Watches,
    lanes: watch::Sender<Vec<Lane>>,
    readiness: Readiness,
    _stop: DropGuard,
}

impl Bench {
    async fn new() -> Self {
        Self::with(EmbeddedOptions::default()).await
    }

    async fn with(options: EmbeddedOptions) -> Self {
        let store = Probe::new(options);
        let stop = CancellationToken::new();
        let (hub, watches) = WatchHub::new(store.clone(), WatchOptions::default());
        tokio::spawn(hub.run(stop.clone()));
        let (catalogue, tools) = CatalogueWatch::open(store.clone()).await.unwrap();
        tokio::spawn(catalogue.run(stop.clone()));
        let (lanes, owned) = watch::channel(vec![Lane(2), Lane(5)]);
        let parts = FrontParts {
            store: store.clone(),
            watches: watches.clone(),
            catalogue: tools,
            lanes: owned,
        };
        let front = Front::new(parts, FrontOptions::default());
        let (routes, readiness) = services(front, ServiceOptions::default()).await.unwrap();
        let (dial, calls) = mpsc::channel::<std::io::Result<DuplexStream>>(4);
        let incoming = stream::unfold(calls, async |mut calls| Some((calls.recv().await?, calls)));
        let server = Server::builder().add_routes(routes);
        tokio::spawn(server.serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned()));
        let channel = connect(dial).await;
        let client = CoordinatorClient::new(channel.clone());
        let _stop = stop.drop_guard();
        Self { store, client, channel, watches, lanes, readiness, _stop }
    }

    fn loads(&self) -> usize {
        self.store.loads.load(Ordering::Relaxed)
    }

    async fn nobody_watches(&self) {
        self.watches.runs().wait_for(|count| *count == 0).await.unwrap();
    }
}

async fn connect(dial: mpsc::Sender<std::io::Result<DuplexStream>>) -> Channel {
    let pipe = tower::service_fn(move |_: Uri| {
        let dial = dial.clone();
        async move {
            let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
            dial.send(Ok(theirs)).await.map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(TokioIo::new(ours))
        }
    });
    let endpoint = Endpoint::from_static("http://in-process").timeout(Duration::from_secs(600));
    endpoint.connect_with_connector(pipe).await.unwrap()
}

fn run(unique: u128) -> RunId {
    RunId::new(0, Lane(2), unique)
}
