//! The coordinator as a process: its port, its store, its planners, its end.
//!
//! ```text
//!   door closed, waiting for the store ──> door open, driving ── SIGTERM ──> lanes given up, ended
//!              not ready                        ready                           not ready
//! ```
//!
//! Nothing of a run is lost when it ends: what was acknowledged is in the store, and whoever owns
//! its lane next goes on.

mod arguments;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use sortie_engine::{Lane, Limits};
use sortie_service::config::{self, Settings};
use sortie_service::health::Vote;
use sortie_service::parts::Parts;
use sortie_service::process::{Fault, chain, run, unique_name};
use sortie_service::serving::{HostError, Port};
use sortie_store::{
    ConnectError, Durability, Health, LaneOwner, Redis, RedisOptions, Store, StoreError, Working,
    answered, arrive,
};
use tokio_util::sync::CancellationToken;

use crate::catalogue::CatalogueWatch;
use crate::driver::{Driver, DriverOptions};
use crate::front::{Door, Front, FrontOptions, FrontParts, ServiceOptions, services};
use crate::planner::{BadPlanner, GrpcPlanner};
use crate::watch::{WatchHub, WatchOptions};

pub use arguments::CoordinatorArgs;

use arguments::Program;

/// How a coordinator is run.
#[derive(Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The Redis of the cluster.
    pub redis: RedisOptions,
    /// Where the planners are.
    pub planners: Vec<String>,
    /// The limits of runs that do not bring their own.
    pub limits: Limits,
    /// Whether clients may ask for the contract.
    pub reflection: bool,
}

/// Why there is no coordinator.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A planner's address is none.
    #[error(transparent)]
    Planner(#[from] BadPlanner),
    /// The Redis of the cluster can never be used as it is.
    #[error(transparent)]
    Redis(#[from] ConnectError),
    /// The store answered what it should never answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be offered, or a part of it died.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl From<ServeError> for Fault {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Planner(error) => Self::Refused(chain(&error)),
            ServeError::Redis(error) => Self::Refused(error.to_string()),
            ServeError::Store(error) => Self::Failed(error.to_string()),
            ServeError::Host(error) => error.into(),
        }
    }
}

impl From<&Settings> for Config {
    fn from(settings: &Settings) -> Self {
        let cluster = &settings.cluster;
        Self {
            listen: cluster.coordinator_listen.value,
            redis: RedisOptions {
                durability: match cluster.durability.value {
                    config::Durability::Standard => Durability::Standard,
                    config::Durability::Dev => Durability::Dev,
                },
                max_open_runs: cluster.max_open_runs.value,
                max_queue_depth: cluster.max_queue_depth.value,
                keep_runs: settings.retention.value,
                ..RedisOptions::new(cluster.redis.value.expose())
            },
            planners: cluster.planner.value.clone(),
            limits: settings.limits.values(),
            reflection: settings.reflection.value,
        }
    }
}

/// The program of the coordinator.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Program::parse();
    run(&arguments.common, arguments.coordinator.flags(), start)
}

/// Serves as the settings say, until `stop`.
///
/// # Errors
/// In words for whoever started it.
pub async fn start(settings: Settings, stop: CancellationToken) -> Result<(), Fault> {
    Ok(serve(Config::from(&settings), stop).await?)
}

/// Serves until `stop`; then gives its lanes up.
///
/// # Errors
/// If it cannot begin, or something ends it early.
pub async fn serve(config: Config, stop: CancellationToken) -> Result<(), ServeError> {
    let planner = GrpcPlanner::dial(&config.planners)?;
    let port = Port::take(config.listen).await?;
    let door = Door::closed();
    let offered = ServiceOptions { reflection: config.reflection };
    let (routes, readiness) = services(door.clone(), offered).await?;
    let parts = Parts::new();
    let store_vote = readiness.vote("store");
    let votes = Votes { driver: readiness.vote("driver"), inboxes: readiness.vote("inboxes") };
    parts.spawn("readiness", |stop| readiness.follow(stop));
    let mut redis = None;
    let work = async {
        let Some(arrived) = connect(&config, store_vote, &parts, &stop).await? else {
            return Ok(());
        };
        redis = Some(arrived.clone());
        let assembled = assemble(arrived, planner, &config, votes, &parts, &stop).await?;
        let Some(front) = assembled else { return Ok(()) };
        door.open(front);
        stop.cancelled().await;
        Ok(())
    };
    let ended = port.serve_beside(routes, &parts, work).await;
    if let Some(redis) = redis {
        redis.close().await;
    }
    ended
}

/// What the driver says of whether the process is ready.
struct Votes {
    driver: Vote,
    inboxes: Vote,
}

/// The store, as soon as it is there, and its word in the readiness of the process.
async fn connect(
    config: &Config,
    vote: Vote,
    parts: &Parts,
    stop: &CancellationToken,
) -> Result<Option<Arc<Redis>>, ServeError> {
    let Some(redis) = arrive(config.redis.clone(), stop).await? else { return Ok(None) };
    let health = redis.health();
    parts.spawn("store health", |stop| vote.follow(health, Health::trouble, stop));
    Ok(Some(redis))
}

/// Starts the parts of the coordinator, and gives the front door that stands before them.
async fn assemble(
    store: Arc<dyn Store>,
    planner: GrpcPlanner,
    config: &Config,
    votes: Votes,
    parts: &Parts,
    stop: &CancellationToken,
) -> Result<Option<Front>, ServeError> {
    let name = unique_name("coordinator");
    let open = || CatalogueWatch::open(store.clone());
    let Some((catalogue_watch, catalogue)) = answered(open, stop).await? else { return Ok(None) };
    let lanes = (0..store.lane_count()).map(Lane).collect();
    let options = DriverOptions::new(LaneOwner(name.clone()), lanes);
    let planner = Arc::new(planner);
    let new = || Driver::new(store.clone(), planner.clone(), catalogue.changes(), options.clone());
    let Some((driver, handle)) = answered(new, stop).await? else { return Ok(None) };
    let (hub, watches) = WatchHub::new(store.clone(), WatchOptions::default());
    let hub = hub.with_texts(handle.texts);
    parts.spawn("catalogue", |stop| catalogue_watch.run(stop));
    parts.spawn("driver", |stop| driver.run(stop));
    let Votes { driver: lanes, inboxes } = votes;
    parts.spawn("driver health", |stop| lanes.follow(handle.working, Working::trouble, stop));
    parts.spawn("reader health", |stop| inboxes.follow(handle.reading, Working::trouble, stop));
    parts.spawn("hub", |stop| hub.run(stop));
    tracing::info!(name, planners = config.planners.len(), "driving");
    let front = FrontOptions { limits: config.limits.clone(), ..FrontOptions::default() };
    Ok(Some(Front::new(FrontParts { store, watches, catalogue, lanes: handle.lanes }, front)))
}
