//! The store as one process of the story sees it: calls may be slow, may fail before they happen,
//! may happen without an answer, or may happen twice. A dead process's calls go nowhere, but what
//! it had sent still arrives.

mod bugs;
mod trouble;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use sortie_engine::{
    AttemptNumber, Command, Lane, QueueName, ResultId, RunId, Seq, StepId, Timestamp, WorkerName,
};
use sortie_store::{
    Claimed, Commit, CommitReply, Completed, Completion, Embedded, Extended, History, InboxCursor,
    InboxId, InboxItem, LaneOwner, Lanes, ListPage, ListQuery, Notices, Presence, ReadyQueue,
    Recalls, RunLog, Service, Signal, Signals, StoreError, Submission, SubmitRefusal, Submitted,
    Token,
};

use tokio::time::Instant;

use super::{LANE_LEASE, Ledger};
pub use bugs::Bug;
pub use trouble::Faults;

/// One renewal of lanes in so many begins a time in which none succeeds.
const DEAFNESS: u64 = 15;
/// The longest such time beside the lease of the lanes, in milliseconds.
const LONGEST_DEAFNESS: u64 = 12_000;

/// One commit in so many is held up on its way, and arrives when its sender has given it up, sent
/// it again, lost its lane or died.
const LATENESS: u64 = 30;
/// The longest time on the way, in milliseconds.
const LONGEST_WAY: u64 = 9_000;

/// The store as one process sees it.
pub struct FaultyStore {
    /// Itself, for what arrives when nobody waits for it.
    me: Weak<Self>,
    store: Arc<Embedded>,
    faults: Arc<Faults>,
    ledger: Arc<Ledger>,
    rng: Mutex<fastrand::Rng>,
    dead: AtomicBool,
    /// Until then renewals of lanes fail.
    deaf: Mutex<Option<Instant>>,
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
        let (rng, dead, deaf) = (Mutex::new(rng), AtomicBool::new(false), Mutex::new(None));
        Arc::new_cyclic(|me| Self { me: me.clone(), store, faults, ledger, rng, dead, deaf })
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
        let now = Instant::now();
        let Ok(mut deaf) = self.deaf.lock() else { return false };
        if deaf.is_none_or(|until| until <= now) && self.draw(DEAFNESS) == 0 {
            self.faults.hit();
            let time = Duration::from_millis(self.draw(LONGEST_DEAFNESS));
            *deaf = Some(now + LANE_LEASE + time);
        }
        deaf.is_some_and(|until| until > now)
    }

    /// Whether this commit is held up; then it is on its way, and nobody hears the reply.
    fn holds_up(&self, batch: &[Arc<Commit>]) -> bool {
        let happens = self.faults.zombies && self.faults.are_on() && self.draw(LATENESS) == 0;
        let Some(me) = self.me.upgrade().filter(|_| happens) else { return false };
        self.faults.hit();
        let (way, batch) = (Duration::from_millis(self.draw(LONGEST_WAY)), batch.to_vec());
        // Owned by the story's runtime: it outlives its sender, as bytes in a network do.
        tokio::spawn(async move {
            tokio::time::sleep(way).await;
            let _ = me.commit_with_bug(batch).await;
        });
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
        if !self.dead.load(Ordering::Relaxed) && self.holds_up(&batch) {
            return Err(StoreError::Unavailable { action: "commit" });
        }
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

    async fn custody(
        &self,
        runs: &[RunId],
    ) -> Result<Vec<Vec<(StepId, AttemptNumber)>>, StoreError> {
        self.through("custody", || self.store.custody(runs)).await
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
        self.through("announce", || self.store.announce(presence.clone(), ttl)).await
    }

    async fn retire(&self, name: &str) -> Result<(), StoreError> {
        self.through("retire", || self.store.retire(name)).await
    }

    async fn present(&self, service: Service) -> Result<Vec<Presence>, StoreError> {
        self.through("present", || self.store.present(service)).await
    }
}
