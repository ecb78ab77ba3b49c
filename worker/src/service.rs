//! The worker's loop: claims attempts while it has free slots, runs each in a task of its own,
//! reports what came of them.
//!
//! ```text
//!            ┌── claim (free slots) ──┐
//!   queues ──┤                        ├──> attempt tasks ──> reports ──> store
//!            └── steal (lost leases) ─┘        ^ stop
//!                       heartbeats ────────────┘
//! ```
//!
//! Tools may have threads of their own ([`Worker::with_tool_threads`]): then one that blocks its
//! thread delays other tools at most, and no heartbeat, claim or report.

mod attempt;
mod claims;
mod held;
mod pulse;
mod reports;
mod threads;
mod time;

use std::sync::Arc;
use std::time::Duration;

use sortie_engine::{QueueName, Timestamp, WorkerName};
use sortie_store::{Claimed, Clock, Presence, Service, Signal, Store, StoreError, Working};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::executor::Executor;
use crate::registry::Registry;
use attempt::{Runner, release};
use claims::{Claims, Taken};
use held::{Held, NotHeld, Stop};
use pulse::Pulse;
use reports::Reports;
use threads::ToolThreads;
use time::StoreTime;

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

/// So many leases the last reports are offered to a store that does not hear them: what is done should
/// not be done again, and a process that is told to end must end.
const REPORT_LEASES: u32 = 6;
/// The pause before a store that did not answer is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(200);
/// Nothing waits longer for others to hear what may be missed.
const NOTICE_WAIT: Duration = Duration::from_secs(1);
/// How long the others know of a worker that says nothing.
const PRESENCE: Duration = Duration::from_secs(15);

/// Claims ready steps and runs tools.
pub struct Worker {
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    options: WorkerOptions,
    time: Arc<StoreTime>,
    pulse: Arc<Pulse>,
    working: watch::Receiver<Working>,
    threads: ToolThreads,
}

/// What the rest of the process sees of a worker.
#[derive(Debug, Clone)]
pub struct WorkerHandle {
    /// Whether it really consumes, for readiness.
    pub working: watch::Receiver<Working>,
}

/// What a running worker works with.
struct Tools {
    runner: Arc<Runner>,
    held: Arc<Held>,
    tasks: TaskTracker,
}

impl Worker {
    /// A worker that others know of from now on. Its tools run on the threads of whoever runs it.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn new(
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        options: WorkerOptions,
    ) -> Result<Self, StoreError> {
        let time = Arc::new(StoreTime::new(Clock::read(&*store).await?));
        let (pulse, working) = Pulse::new();
        let (pulse, threads) = (Arc::new(pulse), ToolThreads::shared());
        let worker = Self { store, registry, options, time, pulse, working, threads };
        worker.announce().await?;
        Ok(worker)
    }

    /// Gives the tools so many threads of their own: none that blocks can then delay heartbeats,
    /// claims or reports.
    ///
    /// # Errors
    /// If the threads cannot be started.
    pub fn with_tool_threads(mut self, threads: usize) -> std::io::Result<Self> {
        self.threads = ToolThreads::own(threads)?;
        Ok(self)
    }

    /// What the rest of the process sees of it.
    #[must_use]
    pub fn handle(&self) -> WorkerHandle {
        WorkerHandle { working: self.working.clone() }
    }

    /// Works until `shutdown`; then claims nothing more, gives back what has not begun, lets the
    /// rest end within the grace, and stops what is left: that goes back to the others, or is
    /// reported as unknown where its tool must not run twice.
    pub async fn run(self, shutdown: CancellationToken) {
        let held = Arc::new(Held::default());
        let (reports, outbox) = Reports::new();
        let mut reporting = tokio::spawn(outbox.send_all(self.store.clone()));
        let (name, pulse) = (self.options.name.clone(), self.pulse.clone());
        let mut keeping = tokio::spawn(held::keep(held.clone(), self.store.clone(), name, pulse));
        let runner = Arc::new(Runner {
            store: self.store.clone(),
            executor: Executor::new(self.registry.clone()),
            worker: self.options.name.clone(),
            time: self.time.clone(),
            reports,
            leaving: shutdown.clone(),
        });
        let tools = Tools { runner, held, tasks: TaskTracker::new() };
        tokio::select! {
            () = self.serve(&tools, &shutdown) => {}
            () = self.stay_present() => {}
            // Without either of them nothing that a tool does counts: the process ends.
            _ = &mut reporting => return tracing::error!("the reporting task crashed"),
            _ = &mut keeping => return tracing::error!("the heartbeats crashed"),
        }
        let have_ended = self.drain(&tools).await;
        drop(tools);
        // The last runner is gone, so the outbox ends once it is empty. Until then heartbeats keep
        // what it reports.
        let reported = async {
            if (&mut reporting).await.is_err() {
                tracing::error!("the reporting task crashed");
            }
        };
        // A store that hears nothing must not keep the process for ever. What it has not heard by then
        // comes back by its lease.
        let patience = self.store.lease() * if have_ended { REPORT_LEASES } else { 1 };
        if timeout(patience, reported).await.is_err() {
            tracing::error!("the store does not hear the last reports, they are given up");
            reporting.abort();
        }
        keeping.abort();
        if let Err(error) = self.store.retire(self.options.name.as_str()).await {
            tracing::debug!(error = %error, "the worker could not say that it is gone");
        }
    }

    /// Lets attempts end, then stops them; whether all have ended. One whose tool blocks its thread
    /// cannot be stopped: it is left behind, and its lease runs out.
    async fn drain(&self, tools: &Tools) -> bool {
        tools.tasks.close();
        if timeout(self.options.grace, tools.tasks.wait()).await.is_ok() {
            return true;
        }
        tracing::warn!(attempts = tools.tasks.len(), "attempts were stopped at shutdown");
        tools.held.stop_all(Stop::Ended);
        // They may need a lease to be given back by a store that does not answer.
        let have_ended = timeout(self.store.lease() * 2, tools.tasks.wait()).await.is_ok();
        if !have_ended {
            tracing::error!(attempts = tools.tasks.len(), "tools that do not stop are left behind");
        }
        have_ended
    }

    async fn serve(&self, tools: &Tools, shutdown: &CancellationToken) {
        let WorkerOptions { name, queues, concurrency, .. } = self.options.clone();
        let (store, pulse) = (self.store.clone(), self.pulse.clone());
        let mut claims = Claims::new(store, name, queues, pulse, concurrency);
        loop {
            let claimed = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                taken = claims.take(&tools.held) => taken,
            };
            match claimed {
                Ok(batch) => self.start(tools, claims.still_held(batch).await, shutdown).await,
                Err(error) => {
                    self.pulse.claim_failed(&error);
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        () = tokio::time::sleep(STORE_PAUSE) => {}
                    }
                }
            }
        }
    }

    /// Starts attempts, each in a task that owns its slot and its hold: a crash gives both back.
    /// What came after the end, or behind the fence, goes back unstarted.
    async fn start(&self, tools: &Tools, taken: Vec<Taken>, shutdown: &CancellationToken) {
        let (mut begin, mut back) = (Vec::new(), Vec::new());
        for one in taken {
            let (token, entry) = (one.claimed.token, &one.claimed.entry);
            match tools.held.hold(token) {
                _ if shutdown.is_cancelled() => back.push(token),
                Ok(hold) => begin.push((one, hold)),
                Err(NotHeld::Fenced) => back.push(token),
                // It goes on as it is, and the slot is free.
                Err(NotHeld::Already) => {
                    tracing::warn!(run = %entry.run, step = %entry.step, "an attempt of its own was stolen");
                }
            }
        }
        if !back.is_empty() {
            release(&*self.store, &self.options.name, &back).await;
        }
        let at = self.time.now();
        // Told before they begin, so that nobody hears of an end before the start.
        let signals = begin.iter().map(|(one, _)| self.started(&one.claimed, at)).collect();
        let told = timeout(NOTICE_WAIT, self.store.publish(signals)).await;
        if !matches!(told, Ok(Ok(()))) {
            tracing::debug!("started attempts were not announced");
        }
        for (Taken { claimed, permit }, hold) in begin {
            let runner = tools.runner.clone();
            let attempt = async move {
                runner.run(claimed, at, hold).await;
                drop(permit);
            };
            self.threads.spawn(&tools.tasks, attempt);
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

    /// Says again and again that the worker is there. It is not a part of the loop that claims: a
    /// claim that is given up for something else may have brought attempts.
    async fn stay_present(&self) {
        let mut pause = PRESENCE / 3;
        loop {
            tokio::time::sleep(pause).await;
            let silent = StoreError::Unavailable { action: "say who is there" };
            let told = timeout(NOTICE_WAIT, self.say_hello()).await;
            // Its word may run out while the store is away: nobody may wait for it longer than that.
            pause = match told.unwrap_or(Err(silent)) {
                Ok(()) => PRESENCE / 3,
                Err(error) => {
                    self.pulse.failed(&error);
                    STORE_PAUSE
                }
            };
        }
    }

    /// Tells others of this worker, and hears what time it is there: clocks are set.
    async fn say_hello(&self) -> Result<(), StoreError> {
        self.announce().await?;
        self.time.set(Clock::read(&*self.store).await?);
        Ok(())
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
