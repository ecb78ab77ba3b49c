//! A whole cluster inside a test or a benchmark: the real driver, the real worker and the watch hub
//! over the embedded store, with a planner and tools that the test brings.
//!
//! ```text
//!   test ── submit, cancel ──> store <── driver ──> planner (a script)
//!     ^                        │   ^
//!     └──── watch hub <────────┘   └── worker ──> tools (functions)
//! ```
//!
//! There is no gRPC and no process in it, so it works on paused time: there everything takes exactly
//! as long as scripts and tools sleep. Nothing polls: whoever waits for a run watches it.

mod fleet;
mod script;
mod story;
mod tools;
mod trouble;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sortie_coordinator::{
    CatalogueHandle, CatalogueWatch, Driver, DriverOptions, News, Place, Planner, WatchHub,
    WatchOptions, Watches,
};
use sortie_engine::{Command, CommandId, CommitId, Event, Goal, Lane, RunId, WorkerName};
use sortie_store::{Embedded, EmbeddedOptions, LaneOwner, Store, Submission};
use sortie_worker::{Registry, Worker, WorkerHandle, WorkerOptions};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use trouble::Troubled;

pub use fleet::{Fleet, Member};
pub use script::{Line, Script, step};
pub use story::Story;
pub use tools::{Gauge, Guard, Tool, registry, tool};
pub use trouble::{Fault, Operation, Trouble};

/// How a cluster is built; what is not said is as in the `sortie` program.
pub struct ClusterOptions {
    /// Who plans and answers.
    pub planner: Arc<dyn Planner>,
    /// What the worker can do.
    pub registry: Registry,
    /// The store.
    pub store: EmbeddedOptions,
    /// Attempts that the worker runs at once.
    pub concurrency: usize,
    /// Model calls that may be open at once.
    pub model_calls: usize,
    /// How long attempts may go on after the end.
    pub grace: Duration,
    /// What goes wrong between the worker and the store.
    pub trouble: Trouble,
    /// Threads of their own for tools; on paused time there are none.
    pub tool_threads: Option<usize>,
}

impl ClusterOptions {
    /// The usual cluster around this planner and these tools.
    #[must_use]
    pub fn new(planner: Arc<dyn Planner>, registry: Registry) -> Self {
        Self {
            planner,
            registry,
            store: EmbeddedOptions::default(),
            concurrency: 64,
            model_calls: 32,
            grace: Duration::from_secs(5),
            trouble: Trouble::default(),
            tool_threads: None,
        }
    }
}

/// A running cluster. Its tasks end with [`TestCluster::stop`], or with the runtime.
pub struct TestCluster {
    store: Arc<dyn Store>,
    watches: Watches,
    /// The catalogue is kept fresh as long as someone reads it.
    _catalogue: CatalogueHandle,
    tasks: TaskTracker,
    stop: CancellationToken,
    worker_stop: CancellationToken,
    worker_handle: WorkerHandle,
    names: AtomicU64,
}

impl TestCluster {
    /// The usual cluster around this planner and these tools.
    pub async fn start(planner: Arc<dyn Planner>, registry: Registry) -> Self {
        Self::with(ClusterOptions::new(planner, registry)).await
    }

    /// Builds a cluster and starts it; it owns all lanes when this returns.
    ///
    /// # Panics
    /// If the embedded store does not answer, which it always does.
    pub async fn with(options: ClusterOptions) -> Self {
        let store: Arc<dyn Store> = Embedded::new(options.store);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let seen = Arc::new(Troubled { store: store.clone(), trouble: options.trouble });
        let registry = Arc::new(options.registry);
        let mut worker = start_worker(seen, registry, options.concurrency, options.grace).await;
        if let Some(threads) = options.tool_threads {
            worker = sure(worker.with_tool_threads(threads));
        }
        let worker_handle = worker.handle();
        let worker_stop = stop.child_token();
        tasks.spawn(worker.run(worker_stop.clone()));
        let (catalogue_watch, catalogue) = sure(CatalogueWatch::open(store.clone()).await);
        tasks.spawn(catalogue_watch.run(stop.clone()));
        let lanes = (0..store.lane_count()).map(Lane).collect();
        let driver = DriverOptions {
            model_calls: options.model_calls,
            seed: 1,
            ..DriverOptions::new(LaneOwner("c1".to_owned()), lanes)
        };
        let driver = Driver::new(store.clone(), options.planner, catalogue.changes(), driver).await;
        let (driver, mut handle) = sure(driver);
        tasks.spawn(driver.run(stop.clone()));
        let (hub, watches) = WatchHub::new(store.clone(), WatchOptions::default());
        tasks.spawn(hub.with_texts(handle.texts.clone()).run(stop.clone()));
        let all = usize::from(store.lane_count());
        sure(handle.lanes.wait_for(|owned| owned.len() == all).await);
        let names = AtomicU64::new(0);
        Self {
            store,
            watches,
            _catalogue: catalogue,
            tasks,
            stop,
            worker_stop,
            worker_handle,
            names,
        }
    }

    /// Its store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What is seen of its worker.
    #[must_use]
    pub const fn worker(&self) -> &WorkerHandle {
        &self.worker_handle
    }

    /// Hands a goal in; the runs are spread over the lanes.
    pub async fn submit(&self, goal: Goal) -> RunId {
        let name = self.names.fetch_add(1, Ordering::Relaxed);
        let lane = Lane((name % u64::from(self.store.lane_count())) as u8);
        let run = RunId::new(0, lane, u128::from(name) + 1);
        let commit = CommitId::new(u128::from(name) + 1);
        let submission = Submission { run, commit, goal: Arc::new(goal), idempotency: None };
        let mut replies = sure(self.store.submit(vec![submission]).await);
        sure(replies.remove(0)).run
    }

    /// Asks for the end of a run.
    pub async fn cancel(&self, run: RunId) {
        let command = CommandId::new("cancel");
        let cancel = Command::Cancel { command, reason: "enough".to_owned() };
        sure(self.store.send(vec![(run, cancel)]).await);
    }

    /// Watches a run until something happens in it, or has happened.
    pub async fn until(&self, run: RunId, wanted: impl Fn(&Event) -> bool) -> Story {
        let mut watcher = sure(self.watches.join(run, Place::START).await);
        let mut events = Vec::new();
        while !events.iter().any(|recorded: &sortie_engine::Recorded| wanted(&recorded.event)) {
            if let News::Events(batch) = sure(watcher.next().await) {
                events.extend_from_slice(batch.events());
            }
        }
        Story::new(run, events)
    }

    /// Watches a run to its end.
    pub async fn ended(&self, run: RunId) -> Story {
        self.until(run, Event::ends_run).await
    }

    /// Hands a goal in and watches its run to the end.
    pub async fn run(&self, goal: &str) -> Story {
        let run = self.submit(Goal::new(goal)).await;
        self.ended(run).await
    }

    /// Asks its worker to end; everything else goes on.
    pub fn stop_worker(&self) {
        self.worker_stop.cancel();
    }

    /// Ends it and waits for that.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A worker that serves all queues of its tools.
async fn start_worker(
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    concurrency: usize,
    grace: Duration,
) -> Worker {
    let mut queues: Vec<_> = registry.catalogue().iter().map(|t| t.queue.clone()).collect();
    queues.sort();
    queues.dedup();
    let options = WorkerOptions { name: WorkerName::new("w1"), queues, concurrency, grace };
    sure(Worker::new(store, registry, options).await)
}

/// In a test a cluster that does not answer is the end of the test.
fn sure<T, E: std::fmt::Debug>(answer: Result<T, E>) -> T {
    answer.unwrap_or_else(|error| panic!("the cluster does not answer: {error:?}"))
}
