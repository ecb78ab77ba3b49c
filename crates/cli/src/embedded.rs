//! The cluster inside the process: coordinator, planner and worker over the embedded store, reached
//! through their gRPC interfaces over an in-process transport. No port, no file.
//!
//! ```text
//!   client ──┐  in-process   ┌──────────────┐          ┌───────────────┐
//!            ├──────────────>│ front, watch │──────────│               │
//!   TCP ─────┘  transport    ├──────────────┤          │ embedded store│
//!                            │ driver       │──────────│               │
//!                            └──────┬───────┘          └───────┬───────┘
//!                     in-process    v transport                │
//!                            ┌──────────────┐          ┌───────┴───────┐
//!                            │ planner      │          │ worker, tools │
//!                            └──────────────┘          └───────────────┘
//! ```
//!
//! The rest of the program knows only a [`Channel`] and an orderly end.

mod error;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sortie_coordinator::{
    CatalogueWatch, Driver, DriverOptions, Front as FrontDoor, FrontOptions, FrontParts,
    GrpcPlanner, ServiceOptions, WatchHub, WatchOptions,
};
use sortie_engine::{Lane, Limits, WorkerName};
use sortie_models::{Models, Prompts, Role, configured};
use sortie_planner::PlannerService;
use sortie_service::health::Readiness;
use sortie_service::parts::Parts;
use sortie_service::process::unique_name;
use sortie_service::serving::{Port, describe};
use sortie_store::{Embedded as EmbeddedStore, EmbeddedOptions, LaneOwner, Store};
use sortie_worker::{AddTools, Registry, Worker, WorkerOptions, equip};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Channel;

pub(crate) use error::EmbeddedError;

/// The services that it offers.
const OFFERED: [&str; 2] = ["sortie.v1.Coordinator", "sortie.v1.Planner"];
/// When the process is told to end, running tools are stopped at once: their results could go
/// nowhere, for the store's memory ends with the process.
const GRACE: Duration = Duration::ZERO;

/// How the cluster is built.
pub(crate) struct Options {
    /// Who plans, does steps and answers; the built-in rules where there is none.
    pub(crate) models: Models,
    /// What models are told.
    pub(crate) prompts: Prompts,
    /// Documents for the search tool; without a folder, those inside the program.
    pub(crate) docs: Option<PathBuf>,
    /// Worker slots.
    pub(crate) concurrency: usize,
    /// Ended runs that are kept in memory.
    pub(crate) retention: usize,
    /// Open runs, above which goals are refused.
    pub(crate) max_open_runs: usize,
    /// The limits of runs that do not bring their own.
    pub(crate) limits: Limits,
    /// A program's own tools.
    pub(crate) add_tools: AddTools,
    /// Whether the interfaces describe themselves to clients.
    pub(crate) reflection: bool,
}

/// A running cluster inside the process.
pub(crate) struct Embedded {
    channel: Channel,
    parts: Parts,
    routes: Routes,
    readiness: Readiness,
}

impl Embedded {
    /// Builds the cluster and starts it.
    pub(crate) async fn start(options: Options) -> Result<Self, EmbeddedError> {
        configured::tell(&options.models, &options.prompts, &Role::ALL);
        let planning = PlannerService::of(&options.models, &options.prompts)?;
        let executor = options.models.executor.map(|model| (model, options.prompts));
        let registry = Arc::new(equip(options.docs, executor, options.add_tools)?);
        let embedded = EmbeddedStore::new(EmbeddedOptions {
            keep_runs: options.retention,
            max_open_runs: options.max_open_runs,
            ..EmbeddedOptions::default()
        });
        let store: Arc<dyn Store> = embedded;
        let parts = Parts::new();
        let name = unique_name("embedded");
        let worker = worker(&store, registry, &name, options.concurrency).await?;
        parts.spawn("worker", |stop| worker.run(stop));
        let (catalogue_watch, catalogue) = CatalogueWatch::open(store.clone()).await?;
        parts.spawn("catalogue", |stop| catalogue_watch.run(stop));
        let planner = parts.offer(Routes::new(planning.clone().into_server()));
        let lanes = (0..store.lane_count()).map(Lane).collect();
        let (driver, handle) = Driver::new(
            store.clone(),
            Arc::new(GrpcPlanner::new(planner)),
            catalogue.changes(),
            DriverOptions::new(LaneOwner(name), lanes),
        )
        .await?;
        parts.spawn("driver", |stop| driver.run(stop));
        let (hub, watches) = WatchHub::new(store.clone(), WatchOptions::default());
        let hub = hub.with_texts(handle.texts);
        parts.spawn("hub", |stop| hub.run(stop));
        let behind = FrontParts { store, watches, catalogue, lanes: handle.lanes };
        let front = FrontOptions { limits: options.limits, ..FrontOptions::default() };
        let front = FrontDoor::new(behind, front);
        // Reflection is to tell of both services, so it is added here.
        let bare = ServiceOptions { reflection: false };
        let (routes, readiness) = sortie_coordinator::services(front, bare).await?;
        readiness.set(true).await;
        let mut routes = routes.add_service(planning.into_server());
        if options.reflection {
            routes = describe(routes, sortie_proto::DESCRIPTORS, &OFFERED)?;
        }
        let channel = parts.offer(routes.clone());
        Ok(Self { channel, parts, routes: routes.prepare(), readiness })
    }

    /// Where its coordinator and planner are reached.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Ends it: no run is accepted any more, what runs is stopped.
    pub(crate) async fn stop(self) {
        self.readiness.set(false).await;
        drop(self.channel);
        self.parts.stop().await;
    }
}

/// Builds the cluster and offers it on a port until `stop` is cancelled.
pub(crate) async fn serve(
    options: Options,
    listen: SocketAddr,
    stop: CancellationToken,
) -> Result<(), EmbeddedError> {
    let port = Port::take(listen).await?;
    let Embedded { channel, parts, routes, readiness } = Embedded::start(options).await?;
    drop(channel);
    tracing::warn!("runs are kept in memory: they are forgotten when this process ends");
    let until_told = async {
        stop.cancelled().await;
        readiness.set(false).await;
        Ok(())
    };
    port.serve_beside(routes, &parts, until_told).await
}

/// A worker for every queue that its tools wait in.
async fn worker(
    store: &Arc<dyn Store>,
    registry: Arc<Registry>,
    name: &str,
    concurrency: usize,
) -> Result<Worker, EmbeddedError> {
    let queues = registry.queues();
    let options = WorkerOptions { name: WorkerName::new(name), queues, concurrency, grace: GRACE };
    Ok(Worker::new(store.clone(), registry, options).await?)
}
