//! The settings of a cluster's processes: where they are, what they share, how much they take on.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::{Origin, Raw, Setting, addresses, put, size};

/// Where each service listens without a word: this machine only, until someone decides otherwise.
const COORDINATOR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 50051);
const PLANNER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 50052);
/// Where a planner is without a word: where it listens without one.
const PLANNER_URL: &str = "http://127.0.0.1:50052";
/// Where Redis is without a word: where it listens without one.
const REDIS: &str = "redis://127.0.0.1:6379";
/// Without a word: longer than most tools take, as long as supervisors wait before they kill.
const GRACE: Duration = Duration::from_secs(30);
/// Who waits longer for a process to end does not want it to end.
const MAX_GRACE: Duration = Duration::from_secs(3600);
/// Open runs without a word: a small one takes some 10 kB of Redis' memory, so about 1 GB.
const OPEN_RUNS: usize = 100_000;
const MAX_OPEN_RUNS: u64 = 100_000_000;
/// Steps that wait or are with workers without a word: mostly far below a kilobyte each.
const QUEUE_DEPTH: usize = 1_000_000;
const MAX_QUEUE_DEPTH: u64 = 1_000_000_000;

/// The keys of these settings.
pub(super) const KEYS: [&str; 10] = [
    "redis",
    "durability",
    "planner",
    "queues",
    "grace",
    "max_open_runs",
    "max_queue_depth",
    "coordinator_listen",
    "planner_listen",
    "worker_listen",
];

/// What the processes of a cluster need to find each other, and how much they take on.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterSettings {
    /// The Redis that coordinators and workers share.
    pub redis: Setting<RedisUrl>,
    /// What this Redis must promise.
    pub durability: Setting<Durability>,
    /// Where the planners are.
    pub planner: Setting<Vec<String>>,
    /// The queues that a worker serves; all of its tools' if there are none.
    pub queues: Setting<Vec<String>>,
    /// How long running tools may go on when their worker is told to end.
    pub grace: Setting<Duration>,
    /// Open runs; above it goals are refused.
    pub max_open_runs: Setting<usize>,
    /// Steps that wait or are with workers, in all queues together; above it goals are refused.
    pub max_queue_depth: Setting<usize>,
    /// Where a coordinator offers its services.
    pub coordinator_listen: Setting<SocketAddr>,
    /// Where a planner offers its services.
    pub planner_listen: Setting<SocketAddr>,
    /// Where a worker tells of its health. Nowhere without a word: any number of workers may stand
    /// on one machine.
    pub worker_listen: Setting<Option<SocketAddr>>,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            redis: Setting::default(RedisUrl(REDIS.to_owned())),
            durability: Setting::default(Durability::Standard),
            planner: Setting::default(vec![PLANNER_URL.to_owned()]),
            queues: Setting::default(Vec::new()),
            grace: Setting::default(GRACE),
            max_open_runs: Setting::default(OPEN_RUNS),
            max_queue_depth: Setting::default(QUEUE_DEPTH),
            coordinator_listen: Setting::default(COORDINATOR),
            planner_listen: Setting::default(PLANNER),
            worker_listen: Setting::default(None),
        }
    }
}

/// What a Redis must promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// What was acknowledged survives a crash of Redis; on one that cannot promise it no process is
    /// ready and no goal is accepted.
    Standard,
    /// What Redis loses is lost: without a file everything, with eviction any run at any time. What
    /// is missing is a warning.
    Dev,
}

/// Where a Redis is and how to get in. Shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

impl RedisUrl {
    /// All of it, for whoever connects.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("redis", &self.0));
        // Whatever stands before the last `@` may be a password, and a query may hold anything; who
        // looks for a Redis needs its address.
        let (hidden, place) =
            rest.rsplit_once('@').map_or(("", rest), |(_, place)| ("***@", place));
        write!(f, "{scheme}://{hidden}{}", place.split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

pub(super) fn set(
    to: &mut ClusterSettings,
    key: &str,
    raw: &Raw,
    origin: &Origin,
) -> Result<(), String> {
    match key {
        "redis" => put(&mut to.redis, redis(raw), origin),
        "durability" => put(&mut to.durability, durability(raw), origin),
        "planner" => put(&mut to.planner, addresses(raw), origin),
        "queues" => put(&mut to.queues, raw.list(), origin),
        "grace" => put(&mut to.grace, raw.duration(Some(MAX_GRACE)), origin),
        "max_open_runs" => put(&mut to.max_open_runs, size(raw, MAX_OPEN_RUNS), origin),
        "max_queue_depth" => put(&mut to.max_queue_depth, size(raw, MAX_QUEUE_DEPTH), origin),
        "coordinator_listen" => put(&mut to.coordinator_listen, super::listen(raw), origin),
        "planner_listen" => put(&mut to.planner_listen, super::listen(raw), origin),
        "worker_listen" => put(&mut to.worker_listen, listen_or_off(raw), origin),
        _ => Err("is not known".to_owned()),
    }
}

/// What is wrong is told without the text: it may hold a password.
fn redis(raw: &Raw) -> Result<RedisUrl, String> {
    let text = raw.text()?.trim().to_owned();
    let place = match text.split_once("://") {
        Some(("redis" | "rediss", rest)) => {
            let place = rest.split(['/', '?']).next().unwrap_or_default();
            place.rsplit('@').next().unwrap_or_default()
        }
        Some(("redis+unix", path)) => path.split('?').next().unwrap_or_default(),
        _ => "",
    };
    match place {
        "" => Err("must look like redis://127.0.0.1:6379, or rediss:// for TLS".to_owned()),
        _ => Ok(RedisUrl(text)),
    }
}

fn durability(raw: &Raw) -> Result<Durability, String> {
    match raw.text()?.as_str() {
        "standard" => Ok(Durability::Standard),
        "dev" => Ok(Durability::Dev),
        other => Err(format!("is `{other}`, must be standard or dev")),
    }
}

fn listen_or_off(raw: &Raw) -> Result<Option<SocketAddr>, String> {
    match raw.text()?.as_str() {
        "off" => Ok(None),
        _ => super::listen(raw).map(Some),
    }
}
