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
mod services;
mod transport;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sortie_coordinator::{
    CatalogueWatch, Driver, DriverOptions, Front as FrontDoor, FrontOptions, FrontParts,
    GrpcPlanner, Readiness, ServiceOptions, WatchHub, WatchOptions,
};
use sortie_engine::{Lane, Limits, WorkerName};
use sortie_models::{Model, Models, Prompts};
use sortie_planner::{Answers, PlannerService, Plans};
use sortie_store::{Embedded as EmbeddedStore, EmbeddedOptions, LaneOwner, Store};
use sortie_worker::tools::Reading;
use sortie_worker::{Documents, Registry, RegistryError, Worker, WorkerOptions, tools};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Channel;

pub(crate) use error::EmbeddedError;
use services::Services;

/// Puts a program's own tools beside the built-in ones.
pub(crate) type AddTools = Box<dyn FnOnce(&mut Registry) -> Result<(), RegistryError> + Send>;

/// When the process is told to end, running tools are stopped at once: their results could go
/// nowhere, for the store's memory ends with the process.
const GRACE: Duration = Duration::ZERO;

/// A home folder has thousands of files that are no documents; these are enough to see the fault.
const MAX_SKIPPED_TOLD: usize = 20;

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
    services: Services,
    routes: Routes,
    readiness: Readiness,
}

impl Embedded {
    /// Builds the cluster and starts it.
    pub(crate) async fn start(options: Options) -> Result<Self, EmbeddedError> {
        tell_models(&options);
        let planning = planning(&options.models, &options.prompts)?;
        let executor = options.models.executor.map(|model| (model, options.prompts));
        let registry = Arc::new(registry(options.docs, executor, options.add_tools)?);
        let embedded = EmbeddedStore::new(EmbeddedOptions {
            keep_runs: options.retention,
            ..EmbeddedOptions::default()
        });
        let store: Arc<dyn Store> = embedded;
        let services = Services::new();
        let name = format!("embedded-{:08x}", fastrand::u32(..));
        let worker = worker(&store, registry, &name, options.concurrency).await?;
        services.spawn("worker", |stop| worker.run(stop));
        let (catalogue_watch, catalogue) = CatalogueWatch::open(store.clone()).await?;
        services.spawn("catalogue", |stop| catalogue_watch.run(stop));
        let planner = services.offer(Routes::new(planning.clone().into_server()));
        let lanes = (0..store.lane_count()).map(Lane).collect();
        let (driver, handle) = Driver::new(
            store.clone(),
            Arc::new(GrpcPlanner::new(planner)),
            catalogue.changes(),
            DriverOptions::new(LaneOwner(name), lanes),
        )
        .await?;
        services.spawn("driver", |stop| driver.run(stop));
        let (hub, watches) = WatchHub::new(store.clone(), WatchOptions::default());
        let hub = hub.with_texts(handle.texts);
        services.spawn("hub", |stop| hub.run(stop));
        let parts = FrontParts { store, watches, catalogue, lanes: handle.lanes };
        let front = FrontOptions { limits: options.limits, ..FrontOptions::default() };
        let front = FrontDoor::new(parts, front);
        let offered = ServiceOptions { reflection: options.reflection };
        let (routes, readiness) = sortie_coordinator::services(front, offered).await?;
        readiness.set(true).await;
        let routes = routes.add_service(planning.into_server());
        let channel = services.offer(routes.clone());
        Ok(Self { channel, services, routes, readiness })
    }

    /// Where its coordinator and planner are reached.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Ends it: no run is accepted any more, what runs is stopped.
    pub(crate) async fn stop(self) {
        self.readiness.set(false).await;
        drop(self.channel);
        self.services.stop().await;
    }
}

/// Builds the cluster and offers it on a port until `stop` is cancelled.
pub(crate) async fn serve(
    options: Options,
    listen: SocketAddr,
    stop: CancellationToken,
) -> Result<(), EmbeddedError> {
    let bind = |source| EmbeddedError::Listen { address: listen, source };
    let listener = TcpListener::bind(listen).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let cluster = Embedded::start(options).await?;
    tracing::warn!("runs are kept in memory: they are forgotten when this process ends");
    tracing::info!(address = %format_args!("http://{address}"), "listening");
    let server = transport::serve_tcp(cluster.routes.clone(), listener, stop.clone());
    let mut server = std::pin::pin!(server);
    tokio::select! {
        served = &mut server => {
            cluster.stop().await;
            served
        }
        () = cluster.services.died() => {
            cluster.stop().await;
            Err(EmbeddedError::PartDied)
        }
        // Together: an open watch ends only with the hub, and the server with its last stream.
        () = stop.cancelled() => tokio::join!(server, cluster.stop()).0,
    }
}

/// Who plans and who answers.
fn planning(models: &Models, prompts: &Prompts) -> Result<PlannerService, EmbeddedError> {
    let plans = match &models.planner {
        Some(model) => Plans::by(model.clone(), prompts)?,
        None => Plans::Offline,
    };
    let answers = match &models.synthesizer {
        Some(model) => Answers::by(model.clone(), prompts)?,
        None => Answers::Offline,
    };
    Ok(PlannerService::new(plans, answers))
}

/// The built-in tools, those that read with a model included where there is one, and the program's
/// own.
fn registry(
    docs: Option<PathBuf>,
    executor: Option<(Model, Prompts)>,
    add_tools: AddTools,
) -> Result<Registry, EmbeddedError> {
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

/// Names who does the thinking.
fn tell_models(options: &Options) {
    let prompts = options.prompts.folder().map(|folder| folder.display().to_string());
    let prompts = prompts.unwrap_or("the program's".to_owned());
    for (role, model) in options.models.iter() {
        match model {
            Some(model) => tracing::info!(%role, model = %model.name(), prompts, "with a model"),
            None => tracing::info!(%role, "with the built-in rules"),
        }
    }
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

/// A worker for every queue that its tools wait in.
async fn worker(
    store: &Arc<dyn Store>,
    registry: Arc<Registry>,
    name: &str,
    concurrency: usize,
) -> Result<Worker, EmbeddedError> {
    let mut queues: Vec<_> = registry.catalogue().iter().map(|tool| tool.queue.clone()).collect();
    queues.sort();
    queues.dedup();
    let options = WorkerOptions { name: WorkerName::new(name), queues, concurrency, grace: GRACE };
    Ok(Worker::new(store.clone(), registry, options).await?)
}
