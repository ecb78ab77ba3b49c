//! The store for clusters: everything in one Redis, which any number of processes share.
//!
//! ```text
//!   calls/log  calls/queue  calls/lanes  calls/notices        the four traits
//!        \          |            |            /
//!         +---- link (one connection for all short calls) ---- keeper (dials, checks)
//!                   |            |
//!              readers (a connection for each call that waits)    ear (a subscription)
//! ```
//!
//! What changes together changes in one function inside Redis (`library/*.lua`), and every function
//! is told which store is meant, so a Redis that was emptied or swapped is never taken for the one
//! that was there. What the functions keep, and why: docs/adr/0017-redis-store.md.
//!
//! A call without an answer may have happened. It is never sent twice from here: it becomes
//! [`StoreError::Unavailable`], and who asked sends the same again, with the same names.

mod calls;
mod claim;
mod connect;
mod ear;
mod fault;
mod fitness;
mod inspect;
mod keeper;
mod library;
mod link;
mod names;
mod pulse;
mod readers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Pipeline, Value, from_redis_value};
use sortie_engine::QueueName;
use tokio::sync::{RwLock, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::connect::ConnectError;
pub use self::fitness::{Durability, Finding, Verdict};
pub use self::inspect::inspect;
pub use self::keeper::Health;

use self::ear::Ear;
use self::fault::Fault;
use self::library::LIBRARY;
use self::link::Link;
use self::names::StoreId;
use self::pulse::Pulse;
use self::readers::Readers;
use crate::error::StoreError;
use crate::notices::Signal;
use crate::queue::Token;

/// How to reach a Redis, and how it is used.
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://` or, with TLS, `rediss://`, with user, password and database if there are any.
    pub url: String,
    /// How much may be lost when Redis is killed.
    pub durability: Durability,
    /// Shares of the runs, for a store that is new; one that is there keeps its own.
    pub lanes: u8,
    /// How long a claim or a heartbeat lasts: a dead worker's attempts wait so long.
    pub lease: Duration,
    /// How often all workers together look for leases that have run out.
    pub steal_every: Duration,
    /// Open runs; more are refused.
    pub max_open_runs: usize,
    /// Attempts that wait for workers or are with one; above it goals are refused.
    pub max_queue_depth: usize,
    /// Ended runs that are kept; the one that ended first is forgotten first.
    pub keep_runs: usize,
    /// How long ended runs are kept at most, found out when another one ends.
    pub keep_for: Option<Duration>,
}

impl RedisOptions {
    /// The usual values for this Redis.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            durability: Durability::Standard,
            lanes: 16,
            lease: Duration::from_secs(10),
            steal_every: Duration::from_millis(250),
            max_open_runs: 100_000,
            max_queue_depth: 1_000_000,
            keep_runs: 10_000,
            keep_for: None,
        }
    }
}

/// A short call that has no answer by then has none.
const PATIENCE: Duration = Duration::from_secs(2);
/// A commit may carry megabytes and waits for the disk.
const COMMIT_PATIENCE: Duration = Duration::from_secs(5);
/// How long the end waits for claims under way: they were woken, so that is one answer's time.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);

/// The store for clusters.
pub struct Redis(Arc<Core>);

/// What calls and their tasks share.
struct Core {
    id: StoreId,
    lanes: u8,
    options: RedisOptions,
    link: Link,
    readers: Readers,
    pulse: Arc<Pulse>,
    health: watch::Receiver<Health>,
    /// The numbers of the queues that are known, which tokens carry.
    queues: Mutex<BTreeMap<QueueName, u16>>,
    /// Attempts that this process was given and has not ended: what else is pending under its
    /// workers' names was given to nobody.
    handed: Mutex<BTreeSet<Token>>,
    /// Read by whoever takes attempts, from the question until they are in `handed`; written by who
    /// looks for what was taken and is in nobody's hands.
    taking: RwLock<()>,
    signals: Ear<Signal>,
    recalls: Ear<Token>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Redis {
    /// Whether the store can be used now.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.0.health.clone()
    }

    /// Ends it, after everybody who uses it: what was claimed and not started is given back.
    pub async fn close(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        if timeout(CLOSE_PATIENCE, self.0.tasks.wait()).await.is_err() {
            tracing::warn!(
                "the store did not answer at the end: attempts come back by their lease"
            );
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.0.stop.cancel();
    }
}

impl Core {
    /// The call of a function on this store.
    fn function(&self, name: &str) -> Cmd {
        let mut call = redis::cmd("FCALL");
        call.arg(LIBRARY.function(name)).arg(1).arg(names::meta()).arg(self.id.as_str());
        call
    }

    /// Asks one thing.
    async fn ask<T: FromRedisValue>(
        &self,
        action: &'static str,
        command: &Cmd,
    ) -> Result<T, StoreError> {
        self.try_ask(action, command).await.map_err(|fault| fault.into_error(action))
    }

    async fn try_ask<T: FromRedisValue>(
        &self,
        action: &'static str,
        command: &Cmd,
    ) -> Result<T, Fault> {
        let answer = self.link.ask(command, PATIENCE).await;
        let answer = answer.inspect_err(|fault| tracing::debug!(action, ?fault, "no answer"))?;
        from_redis_value(answer).map_err(|error| Fault::Broken(error.to_string()))
    }

    /// Asks several things at once.
    async fn ask_all(
        &self,
        action: &'static str,
        commands: &Pipeline,
        patience: Duration,
    ) -> Result<Vec<Value>, StoreError> {
        let answers = self.link.ask_all(commands, patience).await;
        let answers = answers.inspect_err(|fault| tracing::debug!(action, ?fault, "no answer"));
        answers.map_err(|fault| fault.into_error(action))
    }

    fn queues(&self) -> MutexGuard<'_, BTreeMap<QueueName, u16>> {
        // Whole between any two of its operations, as below.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These attempts are in nobody's hands here any more.
    fn forget(&self, tokens: &[Token]) {
        let mut handed = self.handed();
        for token in tokens {
            handed.remove(token);
        }
    }

    fn handed(&self) -> MutexGuard<'_, BTreeSet<Token>> {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that does not have the form that it must have.
fn broken(action: &'static str, problem: impl std::fmt::Display) -> StoreError {
    StoreError::Broken { action, problem: problem.to_string() }
}

#[cfg(test)]
mod tests;
