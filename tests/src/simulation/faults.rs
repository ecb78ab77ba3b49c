//! The store as one process of the story sees it: calls may be slow, may fail before they happen,
//! may happen without an answer, or may happen twice. A dead process's calls go nowhere, but what
//! it had sent still arrives.

mod bugs;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use sortie_engine::{
    Command, Lane, QueueName, ResultId, RunId, Seq, StepId, Timestamp, WorkerName,
};
use sortie_store::{
    Claimed, Commit, CommitReply, Completed, Completion, Embedded, Extended, History, InboxCursor,
    InboxId, InboxItem, LaneOwner, Lanes, ListPage, ListQuery, Notices, Presence, ReadyQueue,
    Recalls, RunLog, Signal, Signals, StoreError, Submission, SubmitRefusal, Submitted, Token,
};

use super::Ledger;
pub use bugs::Bug;

/// Whether faults happen, and how many did.
#[derive(Debug)]
pub struct Faults {
    on: AtomicBool,
    hits: AtomicU64,
    /// In a thousand calls.
    rate: u64,
    /// Whether drivers cannot renew their lanes for some seconds now and then, and drive on.
    zombies: bool,
    bug: Option<Bug>,
}

/// One renewal of lanes in so many begins a time in which none succeeds.
const DEAFNESS: u64 = 15;

impl Faults {
    /// Faults of a rate that the seed decides: some stories are calm, some are not.
    #[must_use]
    pub fn new(seed: u64, bug: Option<Bug>) -> Self {
        let rate = [0, 5, 20, 80, 200][(seed % 5) as usize];
        Self {
            on: AtomicBool::new(true),
            hits: AtomicU64::new(0),
            rate,
            zombies: !seed.is_multiple_of(3),
            bug,
        }
    }

    /// From now on everything works.
    pub fn end(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    pub(super) fn are_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    pub(super) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}

/// The store as one process sees it.
pub struct FaultyStore {
    store: Arc<Embedded>,
    faults: Arc<Faults>,
    ledger: Arc<Ledger>,
    rng: Mutex<fastrand::Rng>,
    dead: AtomicBool,
    /// Renewals of lanes that will fail.
    deaf: AtomicU64,
}

enum Fate {
    Fine,
    /// The request is lost.
    Before,
    /// The reply is lost.
    After,
    /// The request arrives twice.
    Twice,
}

impl FaultyStore {
    pub(super) fn new(
        store: Arc<Embedded>,
        faults: Arc<Faults>,
        ledger: Arc<Ledger>,
        rng: fastrand::Rng,
    ) -> Arc<Self> {
        let (rng, dead, deaf) = (Mutex::new(rng), AtomicBool::new(false), AtomicU64::new(0));
        Arc::new(Self { store, faults, ledger, rng, dead, deaf })
    }

    /// The process is gone: nothing that it does from now on arrives anywhere.
    pub(super) fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    fn draw(&self, below: u64) -> u64 {
        self.rng.lock().map_or(0, |mut rng| rng.u64(..below))
    }

    /// Whether this renewal of lanes fails, as those before and after it: its driver becomes a
    /// zombie, whose lanes others take while it goes on.
    fn is_deaf(&self) -> bool {
        if !self.faults.zombies || !self.faults.are_on() {
            return false;
        }
        let left = self.deaf.load(Ordering::Relaxed);
        let next = if left > 0 {
            left - 1
        } else if self.draw(DEAFNESS) == 0 {
            self.faults.hit();
            3 + self.draw(5)
        } else {
            return false;
        };
        self.deaf.store(next, Ordering::Relaxed);
        true
    }

    async fn fate(&self) -> Fate {
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if !self.faults.are_on() {
            return Fate::Fine;
        }
        if self.draw(4) == 0 {
            tokio::time::sleep(Duration::from_millis(self.draw(60))).await;
        }
        if self.draw(1000) >= self.faults.rate {
            return Fate::Fine;
        }
        self.faults.hit();
        match self.draw(4) {
            0 => Fate::Before,
            1 => Fate::Twice,
            2 => {
                tokio::time::sleep(Duration::from_millis(self.draw(3_000))).await;
                Fate::Fine
            }
            _ => Fate::After,
        }
    }

    /// Commits, and has the judge look at it.
    async fn execute(&self, batch: Vec<Arc<Commit>>) -> Result<Vec<CommitReply>, StoreError> {
        let replies = self.store.commit(batch.clone()).await?;
        for (commit, reply) in batch.iter().zip(&replies) {
            self.ledger.committed(&self.store, commit, *reply).await;
        }
        Ok(replies)
    }

    /// Makes a call that the fault injector may break. `call` may be made twice.
    async fn through<T, F>(
        &self,
        action: &'static str,
        call: impl Fn() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        match self.fate().await {
            Fate::Fine => call().await,
            Fate::Before => Err(StoreError::Unavailable { action }),
            Fate::After => {
                call().await?;
                Err(StoreError::Unavailable { action })
            }
            Fate::Twice => {
                call().await?;
                call().await
            }
        }
    }
}

#[async_trait]
impl RunLog for FaultyStore {
    async fn submit(
        &self,
        batch: Vec<Submission>,
    ) -> Result<Vec<Result<Submitted, SubmitRefusal>>, StoreError> {
        self.through("submit", || self.store.submit(batch.clone())).await
    }

    async fn commit(&self, batch: Vec<Arc<Commit>>) -> Result<Vec<CommitReply>, StoreError> {
        self.through("commit", || self.commit_with_bug(batch.clone())).await
    }

    async fn load(&self, run: RunId, after: Seq) -> Result<Option<History>, StoreError> {
        self.through("load", || self.store.load(run, after)).await
    }

    async fn last_seqs(&self, runs: &[RunId]) -> Result<Vec<Option<Seq>>, StoreError> {
        self.through("compare", || self.store.last_seqs(runs)).await
    }

    async fn results(
        &self,
        run: RunId,
        steps: &[StepId],
    ) -> Result<Vec<Option<Arc<Value>>>, StoreError> {
        self.through("results", || self.store.results(run, steps)).await
    }

    async fn list(&self, query: ListQuery) -> Result<ListPage, StoreError> {
        self.through("list", || self.store.list(query.clone())).await
    }
}

#[async_trait]
impl ReadyQueue for FaultyStore {
    async fn claim(
        &self,
        worker: &WorkerName,
        queues: &[QueueName],
        slots: usize,
        wait: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        // What a lost reply had claimed is with this worker, who does not know: its lease runs out.
        self.through("claim", || self.store.claim(worker, queues, slots, wait)).await
    }

    async fn extend(
        &self,
        worker: &WorkerName,
        tokens: &[Token],
    ) -> Result<Vec<Extended>, StoreError> {
        self.through("extend", || self.store.extend(worker, tokens)).await
    }

    async fn complete(&self, batch: Vec<Completion>) -> Result<Vec<Completed>, StoreError> {
        self.through("complete", || self.complete_with_bug(batch.clone())).await
    }

    async fn release(&self, worker: &WorkerName, tokens: &[Token]) -> Result<(), StoreError> {
        self.through("release", || self.store.release(worker, tokens)).await
    }

    async fn steal(
        &self,
        worker: &WorkerName,
        queues: &[QueueName],
        slots: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.through("steal", || self.store.steal(worker, queues, slots)).await
    }

    async fn put_result(&self, run: RunId, value: Arc<Value>) -> Result<ResultId, StoreError> {
        self.through("put result", || self.store.put_result(run, value.clone())).await
    }

    async fn recalls(&self) -> Result<Box<dyn Recalls>, StoreError> {
        self.store.recalls().await
    }

    fn lease(&self) -> Duration {
        self.store.lease()
    }
}

#[async_trait]
impl Lanes for FaultyStore {
    fn lane_count(&self) -> u8 {
        self.store.lane_count()
    }

    async fn own(
        &self,
        owner: &LaneOwner,
        wanted: &[Lane],
        lease: Duration,
    ) -> Result<Vec<Lane>, StoreError> {
        if self.is_deaf() {
            return Err(StoreError::Unavailable { action: "own" });
        }
        self.through("own", || self.store.own(owner, wanted, lease)).await
    }

    async fn disown(&self, owner: &LaneOwner, lanes: &[Lane]) -> Result<(), StoreError> {
        self.through("disown", || self.store.disown(owner, lanes)).await
    }

    async fn send(&self, batch: Vec<(RunId, Command)>) -> Result<(), StoreError> {
        self.through("send", || self.store.send(batch.clone())).await
    }

    async fn read_inbox(
        &self,
        cursors: &[InboxCursor],
        most: usize,
        wait: Duration,
    ) -> Result<Vec<InboxItem>, StoreError> {
        self.through("read inbox", || self.store.read_inbox(cursors, most, wait)).await
    }

    async fn discard(&self, items: &[(Lane, InboxId)]) -> Result<(), StoreError> {
        self.through("discard", || self.store.discard(items)).await
    }

    async fn timers(&self, lane: Lane) -> Result<Vec<(RunId, Timestamp)>, StoreError> {
        self.through("timers", || self.store.timers(lane)).await
    }

    async fn model_calls(&self, lane: Lane) -> Result<Vec<RunId>, StoreError> {
        self.through("model calls", || self.store.model_calls(lane)).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.store.now().await
    }
}

#[async_trait]
impl Notices for FaultyStore {
    async fn publish(&self, batch: Vec<Signal>) -> Result<(), StoreError> {
        self.through("publish", || self.store.publish(batch.clone())).await
    }

    async fn subscribe(&self) -> Result<Box<dyn Signals>, StoreError> {
        self.store.subscribe().await
    }

    async fn announce(&self, presence: Presence, ttl: Duration) -> Result<(), StoreError> {
        self.store.announce(presence, ttl).await
    }

    async fn retire(&self, name: &str) -> Result<(), StoreError> {
        self.store.retire(name).await
    }

    async fn present(&self) -> Result<Vec<Presence>, StoreError> {
        self.store.present().await
    }
}
