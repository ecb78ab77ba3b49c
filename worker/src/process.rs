//! The worker as a process: its tools, its Redis, its health, its end.
//!
//! ```text
//!   waiting for the store ──> working ── SIGTERM ──> draining ──> ended
//!        not ready             ready                 not ready
//! ```

mod arguments;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use sortie_engine::{QueueName, WorkerName};
use sortie_models::{Role, configured};
use sortie_service::config::{self, Settings};
use sortie_service::health::{Vote, health};
use sortie_service::parts::Parts;
use sortie_service::process::{Fault, chain, run, unique_name};
use sortie_service::serving::{HostError, Port};
use sortie_store::{
    ConnectError, Durability, Health, Redis, RedisOptions, Store, StoreError, Working, answered,
    arrive,
};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::equip::{AddTools, EquipError, equip};
use crate::registry::{Registry, RegistryError};
use crate::service::{Worker, WorkerOptions};

pub use arguments::WorkerArgs;

use arguments::Program;

/// What a worker's process does with models.
const ROLES: [Role; 1] = [Role::Executor];

/// How a worker is run.
pub struct Config {
    /// Where it tells of its health, if anywhere.
    pub listen: Option<SocketAddr>,
    /// The Redis of the cluster.
    pub redis: RedisOptions,
    /// Its tools.
    pub registry: Registry,
    /// Attempts that it runs at once.
    pub concurrency: usize,
    /// How long attempts may go on after the end was asked for.
    pub grace: Duration,
}

/// Why there is no worker.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Its tools cannot be put together.
    #[error(transparent)]
    Equip(#[from] EquipError),
    /// The Redis of the cluster can never be used as it is.
    #[error(transparent)]
    Redis(#[from] ConnectError),
    /// The store answered what it should never answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The threads of its tools cannot be started.
    #[error("threads for tools cannot be started")]
    Threads(#[source] std::io::Error),
    /// Its health cannot be offered, or a part of it died.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl From<ServeError> for Fault {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Equip(error) => error.into(),
            ServeError::Redis(error) => Self::Refused(error.to_string()),
            ServeError::Store(error) => Self::Failed(error.to_string()),
            ServeError::Threads(_) => Self::Failed(chain(&error)),
            ServeError::Host(error) => error.into(),
        }
    }
}

impl Config {
    /// What the settings and the keys of this process say.
    ///
    /// # Errors
    /// If models, prompts or tools cannot be used, or if no tool waits in a queue that is to be
    /// served.
    pub fn of(settings: &Settings, add_tools: AddTools) -> Result<Self, Fault> {
        let cluster = &settings.cluster;
        let models = configured::connected(settings, &configured::keys(), &ROLES)?;
        let prompts = configured::prompts(settings)?;
        configured::tell(&models, &prompts, &ROLES);
        let executor = models.executor.map(|model| (model, prompts));
        let mut registry = equip(settings.docs.value.clone(), executor, add_tools)?;
        if !cluster.queues.value.is_empty() {
            keep_queues(&mut registry, &cluster.queues)?;
        }
        Ok(Self {
            listen: cluster.worker_listen.value,
            redis: RedisOptions {
                durability: match cluster.durability.value {
                    config::Durability::Standard => Durability::Standard,
                    config::Durability::Dev => Durability::Dev,
                },
                ..RedisOptions::new(cluster.redis.value.expose())
            },
            registry,
            concurrency: settings.concurrency.value,
            grace: cluster.grace.value,
        })
    }
}

/// A worker offers only the tools of the queues that it serves: what it offers, plans will use.
fn keep_queues(
    registry: &mut Registry,
    queues: &config::Setting<Vec<String>>,
) -> Result<(), Fault> {
    let known = registry.queues();
    let is_known = |name: &&String| known.iter().any(|queue| queue.as_str() == name.as_str());
    let strangers: Vec<_> = queues.value.iter().filter(|name| !is_known(name)).cloned().collect();
    if !strangers.is_empty() {
        let known: Vec<_> = known.iter().map(QueueName::as_str).collect();
        return Err(Fault::Refused(format!(
            "{}: no tool of this worker waits in {}; its tools wait in {}",
            queues.origin,
            strangers.join(", "),
            known.join(", ")
        )));
    }
    registry.retain_queues(|queue| queues.value.iter().any(|name| name == queue.as_str()));
    Ok(())
}

/// Threads for tools: as many as the machine can run at once, and a few more than one, so that a tool
/// that blocks its thread does not hold up all others.
fn tool_threads() -> usize {
    const LEAST: usize = 4;
    std::thread::available_parallelism().map_or(LEAST, |cores| cores.get().max(LEAST))
}

/// The program of a worker with the built-in tools and those that `add_tools` puts beside them.
#[must_use]
pub fn main_with<F>(add_tools: F) -> ExitCode
where
    F: FnOnce(&mut Registry) -> Result<(), RegistryError> + Send + 'static,
{
    let arguments = Program::parse();
    let add_tools = Box::new(add_tools);
    run(&arguments.common, arguments.worker.flags(), |settings, stop| {
        start(settings, add_tools, stop)
    })
}

/// Serves as the settings say, until `stop`.
///
/// # Errors
/// In words for whoever started it.
pub async fn start(
    settings: Settings,
    add_tools: AddTools,
    stop: CancellationToken,
) -> Result<(), Fault> {
    Ok(serve(Config::of(&settings, add_tools)?, stop).await?)
}

/// Works until `stop`; then claims nothing more and lets attempts end within the grace.
///
/// # Errors
/// If it cannot begin, or something ends it early.
pub async fn serve(config: Config, stop: CancellationToken) -> Result<(), ServeError> {
    let port = match config.listen {
        Some(address) => Some(Port::take(address).await?),
        None => None,
    };
    let (readiness, health) = health(&[]).await;
    let routes = Routes::new(health);
    let parts = Parts::new();
    let votes = Votes { store: readiness.vote("store"), worker: readiness.vote("worker") };
    parts.spawn("readiness", |stop| readiness.follow(stop));
    let mut redis = None;
    let work = work(config, &parts, votes, &mut redis, &stop);
    let ended = match port {
        Some(port) => port.serve_beside(routes.prepare(), &parts, work).await,
        None => parts.beside(work).await,
    };
    if let Some(redis) = redis {
        redis.close().await;
    }
    ended
}

/// Who says whether the process is ready.
struct Votes {
    store: Vote,
    worker: Vote,
}

async fn work(
    config: Config,
    parts: &Parts,
    votes: Votes,
    redis: &mut Option<Arc<Redis>>,
    stop: &CancellationToken,
) -> Result<(), ServeError> {
    let Some(arrived) = arrive(config.redis, stop).await? else { return Ok(()) };
    *redis = Some(arrived.clone());
    let health = arrived.health();
    parts.spawn("store health", |stop| votes.store.follow(health, Health::trouble, stop));
    let store: Arc<dyn Store> = arrived;
    let registry = Arc::new(config.registry);
    let options = WorkerOptions {
        name: WorkerName::new(&unique_name("worker")),
        queues: registry.queues(),
        concurrency: config.concurrency,
        grace: config.grace,
    };
    let new = || Worker::new(store.clone(), registry.clone(), options.clone());
    let Some(worker) = answered(new, stop).await? else { return Ok(()) };
    let worker = worker.with_tool_threads(tool_threads()).map_err(ServeError::Threads)?;
    let working = worker.handle().working;
    parts.spawn("worker health", |stop| votes.worker.follow(working, Working::trouble, stop));
    let (name, queues) = (&options.name, options.queues.len());
    tracing::info!(%name, queues, concurrency = config.concurrency, "working");
    parts.spawn("worker", |stop| worker.run(stop));
    stop.cancelled().await;
    Ok(())
}
