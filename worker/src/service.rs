//! The worker's loop: claims attempts while it has free slots, runs each in a task of its own,
//! reports what came of them.
//!
//! ```text
//!            ┌── claim (free slots) ──┐
//!   queues ──┤                        ├──> attempt tasks ──> reports ──> store
//!            └── steal (lost leases) ─┘        ^ stop
//!                       heartbeats ────────────┘
//! ```

mod attempt;
mod held;
mod reports;

use std::sync::Arc;
use std::time::Duration;

use sortie_engine::{QueueName, Timestamp, WorkerName};
use sortie_store::{Claimed, Clock, Presence, Service, Signal, Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::executor::Executor;
use crate::registry::Registry;
use attempt::Runner;
use held::{Held, Hold};
use reports::Reports;

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Its name, unique for each start.
    pub name: WorkerName,
    /// The queues that it serves.
    pub queues: Vec<QueueName>,
    /// Attempts that it runs at once.
    pub concurrency: usize,
    /// How long attempts may go on after shutdown before they are given up.
    pub grace: Duration,
}

/// One claim waits at most so long; then it is asked again.
const CLAIM_WAIT: Duration = Duration::from_secs(2);
/// Attempts claimed at once: enough to amortise a call, few enough to share with other workers.
const CLAIM_AT_ONCE: usize = 64;
/// The pause before a store that did not answer is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(200);
/// How long the others know of a worker that says nothing.
const PRESENCE: Duration = Duration::from_secs(15);

/// Claims ready steps and runs tools.
pub struct Worker {
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    options: WorkerOptions,
    clock: Clock,
}

impl Worker {
    /// A worker that others know of from now on.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn new(
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        options: WorkerOptions,
    ) -> Result<Self, StoreError> {
        let clock = Clock::read(&*store).await?;
        let worker = Self { store, registry, options, clock };
        worker.announce().await?;
        Ok(worker)
    }

    /// Works until `shutdown`; then claims nothing more, lets attempts end within the grace, and
    /// stops the rest. What is stopped is taken over by others once its lease has run out.
    pub async fn run(self, shutdown: CancellationToken) {
        let held = Arc::new(Held::default());
        let (reports, outbox) = Reports::new();
        let reporting = tokio::spawn(outbox.send_all(self.store.clone()));
        let keeping = held::keep(held.clone(), self.store.clone(), self.options.name.clone());
        let keeping = tokio::spawn(keeping);
        let runner = Arc::new(Runner {
            store: self.store.clone(),
            executor: Executor::new(self.registry.clone()),
            worker: self.options.name.clone(),
            clock: self.clock,
            reports,
        });
        let tasks = TaskTracker::new();
        self.serve(&runner, &held, &tasks, &shutdown).await;
        tasks.close();
        if tokio::time::timeout(self.options.grace, tasks.wait()).await.is_err() {
            tracing::warn!(attempts = tasks.len(), "attempts were stopped at shutdown");
            held.stop_all();
            tasks.wait().await;
        }
        drop(runner);
        // The last runner is gone, so the outbox ends once it is empty. Until then heartbeats keep
        // what it reports.
        if reporting.await.is_err() {
            tracing::error!("the reporting task crashed");
        }
        keeping.abort();
        if let Err(error) = self.store.retire(self.options.name.as_str()).await {
            tracing::debug!(error = %error, "the worker could not say that it is gone");
        }
    }

    async fn serve(
        &self,
        runner: &Arc<Runner>,
        held: &Arc<Held>,
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
    ) {
        let slots = Arc::new(Semaphore::new(self.options.concurrency));
        let mut stealing = tokio::time::interval(self.store.lease() / 2);
        let mut presence = tokio::time::interval(PRESENCE / 3);
        stealing.reset();
        presence.reset();
        loop {
            let claimed = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = presence.tick() => {
                    if let Err(error) = self.announce().await {
                        tracing::warn!(error = %error, "the worker could not say that it is there");
                    }
                    continue;
                }
                _ = stealing.tick() => self.steal(&slots).await,
                claimed = self.claim(&slots) => claimed,
            };
            match claimed {
                Ok(taken) => self.start(runner, tasks, hold(held, taken)).await,
                Err(error) => {
                    tracing::warn!(error = %error, "attempts could not be claimed");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    /// Waits for a free slot, then for attempts to fill the free slots with.
    async fn claim(&self, slots: &Arc<Semaphore>) -> Result<Vec<Taken>, StoreError> {
        // The semaphore is never closed.
        let Ok(first) = slots.clone().acquire_owned().await else { return Ok(Vec::new()) };
        let free = (slots.available_permits() + 1).min(CLAIM_AT_ONCE);
        let (name, queues) = (&self.options.name, &self.options.queues);
        let claimed = self.store.claim(name, queues, free, CLAIM_WAIT).await?;
        Ok(seat(claimed, Some(first), slots))
    }

    async fn steal(&self, slots: &Arc<Semaphore>) -> Result<Vec<Taken>, StoreError> {
        let free = slots.available_permits().min(CLAIM_AT_ONCE);
        if free == 0 {
            return Ok(Vec::new());
        }
        let (name, queues) = (&self.options.name, &self.options.queues);
        Ok(seat(self.store.steal(name, queues, free).await?, None, slots))
    }

    /// Starts attempts, each in a task that owns its slot and its hold: a crash gives both back.
    async fn start(&self, runner: &Arc<Runner>, tasks: &TaskTracker, taken: Vec<(Taken, Hold)>) {
        let at = self.clock.now();
        // Told before they begin, so that nobody hears of an end before the start.
        let signals = taken.iter().map(|(one, _)| self.started(&one.claimed, at)).collect();
        if let Err(error) = self.store.publish(signals).await {
            tracing::debug!(error = %error, "started attempts were not announced");
        }
        for (Taken { claimed, permit }, hold) in taken {
            let runner = runner.clone();
            tasks.spawn(async move {
                runner.run(claimed, at, hold).await;
                drop(permit);
            });
        }
    }

    fn started(&self, claimed: &Claimed, at: Timestamp) -> Signal {
        let entry = &claimed.entry;
        Signal::AttemptStarted {
            run: entry.run,
            step: entry.step,
            number: entry.planned.number,
            attempt: entry.attempt,
            worker: self.options.name.clone(),
            at,
        }
    }

    async fn announce(&self) -> Result<(), StoreError> {
        let presence = Presence {
            name: self.options.name.as_str().to_owned(),
            service: Service::Worker,
            queues: self.options.queues.clone(),
            tools: self.registry.catalogue().iter().cloned().collect(),
        };
        self.store.announce(presence, PRESENCE).await
    }
}

/// An attempt with the slot that it takes.
struct Taken {
    claimed: Claimed,
    permit: Option<OwnedSemaphorePermit>,
}

/// Gives each attempt a slot. Slots are counted before the claim, so there is one for each.
fn seat(
    claimed: Vec<Claimed>,
    mut first: Option<OwnedSemaphorePermit>,
    slots: &Arc<Semaphore>,
) -> Vec<Taken> {
    let next = |claimed| {
        let permit = first.take().or_else(|| slots.clone().try_acquire_owned().ok());
        Taken { claimed, permit }
    };
    claimed.into_iter().map(next).collect()
}

/// Holds what was taken. What this worker holds already goes on as it is, and the slot is free.
fn hold(held: &Arc<Held>, taken: Vec<Taken>) -> Vec<(Taken, Hold)> {
    let hold = |one: Taken| match held.hold(one.claimed.token) {
        Some(hold) => Some((one, hold)),
        None => {
            let entry = &one.claimed.entry;
            tracing::warn!(run = %entry.run, step = %entry.step, "an attempt of its own was stolen");
            None
        }
    };
    taken.into_iter().filter_map(hold).collect()
}
