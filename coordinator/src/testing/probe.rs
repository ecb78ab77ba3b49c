//! A store that can be looked at, cut off and swapped.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use sortie_engine::{
    AttemptNumber, Command, Lane, QueueName, ResultId, RunId, Seq, StepId, Timestamp, WorkerName,
};
use sortie_store::{
    Claimed, Commit, CommitReply, Completed, Completion, Embedded, EmbeddedOptions, Extended,
    History, InboxCursor, InboxId, InboxItem, LaneOwner, Lanes, ListPage, ListQuery, Notices,
    Presence, ReadyQueue, Recalls, RunLog, Service, Signal, Signals, StoreError, Submission,
    SubmitRefusal, Submitted, Token,
};

/// An embedded store behind a window: readings are counted, answers can get lost, and the store
/// behind it can be swapped for another, as if it had lost its memory.
pub(crate) struct Probe {
    inner: Mutex<Arc<Embedded>>,
    pub(crate) loads: AtomicUsize,
    /// So many answers to submissions are lost after they were carried out.
    pub(crate) lost_answers: AtomicUsize,
    /// Whether signals of commits are swallowed.
    pub(crate) is_deaf: AtomicBool,
}

impl Probe {
    pub(crate) fn new(options: EmbeddedOptions) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Embedded::new(options)),
            loads: AtomicUsize::new(0),
            lost_answers: AtomicUsize::new(0),
            is_deaf: false.into(),
        })
    }

    pub(crate) fn inner(&self) -> Arc<Embedded> {
        self.inner.lock().unwrap().clone()
    }

    pub(crate) fn swap(&self, other: Arc<Embedded>) {
        *self.inner.lock().unwrap() = other;
    }
}

#[async_trait]
impl RunLog for Probe {
    async fn submit(
        &self,
        batch: Vec<Submission>,
    ) -> Result<Vec<Result<Submitted, SubmitRefusal>>, StoreError> {
        let replies = self.inner().submit(batch).await;
        let lost = |left: usize| left.checked_sub(1);
        match self.lost_answers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lost) {
            Ok(_) => Err(StoreError::Unavailable { action: "submit" }),
            Err(_) => replies,
        }
    }

    async fn commit(&self, batch: Vec<Arc<Commit>>) -> Result<Vec<CommitReply>, StoreError> {
        self.inner().commit(batch).await
    }

    async fn load(&self, run: RunId, after: Seq) -> Result<Option<History>, StoreError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        self.inner().load(run, after).await
    }

    async fn last_seqs(&self, runs: &[RunId]) -> Result<Vec<Option<Seq>>, StoreError> {
        self.inner().last_seqs(runs).await
    }

    async fn results(
        &self,
        run: RunId,
        steps: &[StepId],
    ) -> Result<Vec<Option<Arc<Value>>>, StoreError> {
        self.inner().results(run, steps).await
    }

    async fn list(&self, query: ListQuery) -> Result<ListPage, StoreError> {
        self.inner().list(query).await
    }
}

#[async_trait]
impl ReadyQueue for Probe {
    async fn claim(
        &self,
        worker: &WorkerName,
        queues: &[QueueName],
        slots: usize,
        wait: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.inner().claim(worker, queues, slots, wait).await
    }

    async fn extend(
        &self,
        worker: &WorkerName,
        tokens: &[Token],
    ) -> Result<Vec<Extended>, StoreError> {
        self.inner().extend(worker, tokens).await
    }

    async fn complete(&self, batch: Vec<Completion>) -> Result<Vec<Completed>, StoreError> {
        self.inner().complete(batch).await
    }

    async fn release(&self, worker: &WorkerName, tokens: &[Token]) -> Result<(), StoreError> {
        self.inner().release(worker, tokens).await
    }

    async fn steal(
        &self,
        worker: &WorkerName,
        queues: &[QueueName],
        slots: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.inner().steal(worker, queues, slots).await
    }

    async fn put_result(&self, run: RunId, value: Arc<Value>) -> Result<ResultId, StoreError> {
        self.inner().put_result(run, value).await
    }

    async fn custody(
        &self,
        runs: &[RunId],
    ) -> Result<Vec<Vec<(StepId, AttemptNumber)>>, StoreError> {
        self.inner().custody(runs).await
    }

    async fn recalls(&self) -> Result<Box<dyn Recalls>, StoreError> {
        self.inner().recalls().await
    }

    fn lease(&self) -> Duration {
        self.inner().lease()
    }
}

#[async_trait]
impl Lanes for Probe {
    fn lane_count(&self) -> u8 {
        self.inner().lane_count()
    }

    async fn own(
        &self,
        owner: &LaneOwner,
        wanted: &[Lane],
        lease: Duration,
    ) -> Result<Vec<Lane>, StoreError> {
        self.inner().own(owner, wanted, lease).await
    }

    async fn disown(&self, owner: &LaneOwner, lanes: &[Lane]) -> Result<(), StoreError> {
        self.inner().disown(owner, lanes).await
    }

    async fn send(&self, batch: Vec<(RunId, Command)>) -> Result<(), StoreError> {
        self.inner().send(batch).await
    }

    async fn read_inbox(
        &self,
        cursors: &[InboxCursor],
        most: usize,
        wait: Duration,
    ) -> Result<Vec<InboxItem>, StoreError> {
        self.inner().read_inbox(cursors, most, wait).await
    }

    async fn discard(&self, items: &[(Lane, InboxId)]) -> Result<(), StoreError> {
        self.inner().discard(items).await
    }

    async fn timers(&self, lane: Lane) -> Result<Vec<(RunId, Timestamp)>, StoreError> {
        self.inner().timers(lane).await
    }

    async fn model_calls(&self, lane: Lane) -> Result<Vec<RunId>, StoreError> {
        self.inner().model_calls(lane).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.inner().now().await
    }
}

/// A subscription that hears nothing.
struct Deaf;

#[async_trait]
impl Signals for Deaf {
    async fn next(&mut self) -> Result<Option<Signal>, StoreError> {
        std::future::pending().await
    }
}

#[async_trait]
impl Notices for Probe {
    async fn publish(&self, batch: Vec<Signal>) -> Result<(), StoreError> {
        self.inner().publish(batch).await
    }

    async fn subscribe(&self) -> Result<Box<dyn Signals>, StoreError> {
        if self.is_deaf.load(Ordering::Relaxed) {
            Ok(Box::new(Deaf))
        } else {
            self.inner().subscribe().await
        }
    }

    async fn announce(&self, presence: Presence, ttl: Duration) -> Result<(), StoreError> {
        self.inner().announce(presence, ttl).await
    }

    async fn retire(&self, name: &str) -> Result<(), StoreError> {
        self.inner().retire(name).await
    }

    async fn present(&self, service: Service) -> Result<Vec<Presence>, StoreError> {
        self.inner().present(service).await
    }
}
