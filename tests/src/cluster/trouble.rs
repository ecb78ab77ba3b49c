//! Trouble between a worker or a coordinator and its store: a test says which operation goes wrong,
//! how, and when it works again. Everything else passes.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use sortie_engine::{
    AttemptNumber, Command, Lane, QueueName, ResultId, RunId, Seq, StepId, Timestamp, WorkerName,
};
use sortie_store::{
    Claimed, Commit, CommitReply, Completed, Completion, Extended, History, InboxCursor, InboxId,
    InboxItem, LaneOwner, Lanes, ListPage, ListQuery, Notices, Presence, ReadyQueue, Recalls,
    RunLog, Service, Signal, Signals, Store, StoreError, Submission, SubmitRefusal, Submitted,
    Token,
};

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Heartbeats.
    Extend,
    /// Reports.
    Complete,
    /// Large results on their way.
    PutResult,
    /// Commits.
    Commit,
    /// What commits push for workers; it can only be forgotten.
    Ready,
    /// Renewals of lanes.
    Own,
    /// Readings of inboxes.
    ReadInbox,
    /// Claims.
    Claim,
    /// Signals.
    Publish,
    /// Every operation: the store is out of reach.
    Any,
}

/// How it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call fails before it happens.
    Refused,
    /// The call never returns.
    Silent,
    /// The call happens at once, and its answer takes so long.
    Late(Duration),
    /// The call is answered as if it had happened, but the store forgot it: a replica took over.
    Forgotten,
    /// Commits are in conflict, whatever their parent: the run's keys were damaged.
    Conflict,
    /// The call panics.
    Crash,
}

#[derive(Debug, Default)]
struct Faults {
    now: BTreeMap<Operation, Fault>,
    hits: BTreeMap<Operation, usize>,
}

/// What goes wrong at the moment, and how often it did.
#[derive(Debug, Clone, Default)]
pub struct Trouble(Arc<Mutex<Faults>>);

impl Trouble {
    /// From now on the operation goes wrong like this.
    pub fn begin(&self, operation: Operation, fault: Fault) {
        self.change(|faults| faults.now.insert(operation, fault));
    }

    /// From now on it works.
    pub fn end(&self, operation: Operation) {
        self.change(|faults| faults.now.remove(&operation));
    }

    /// How often it went wrong.
    #[must_use]
    pub fn hits(&self, operation: Operation) -> usize {
        self.change(|faults| faults.hits.get(&operation).copied().unwrap_or(0))
    }

    fn now(&self, operation: Operation) -> Option<Fault> {
        self.change(|faults| {
            let fault = faults.now.get(&operation).copied();
            *faults.hits.entry(operation).or_default() += usize::from(fault.is_some());
            fault
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Faults) -> T) -> T {
        // The map is whole between any two of its operations.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the call may happen.
    async fn pass(&self, operation: Operation, action: &'static str) -> Result<bool, StoreError> {
        let fault = self.change(|faults| {
            let here = [operation, Operation::Any].into_iter();
            let (operation, fault) =
                here.filter_map(|one| Some((one, *faults.now.get(&one)?))).next()?;
            *faults.hits.entry(operation).or_default() += 1;
            Some(fault)
        });
        match fault {
            None => Ok(true),
            Some(Fault::Forgotten | Fault::Conflict) => Ok(false),
            Some(Fault::Refused) => Err(StoreError::Unavailable { action }),
            // Only what a claim does matters before its answer.
            Some(Fault::Late(_)) => Ok(true),
            Some(Fault::Silent) => pending().await,
            Some(Fault::Crash) => panic!("{action}, as the test says"),
        }
    }
}

/// The store as somebody in trouble sees it.
pub(super) struct Troubled {
    pub(super) store: Arc<dyn Store>,
    pub(super) trouble: Trouble,
}

#[async_trait]
impl ReadyQueue for Troubled {
    async fn claim(
        &self,
        worker: &WorkerName,
        queues: &[QueueName],
        slots: usize,
        wait: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.trouble.pass(Operation::Claim, "claim").await?;
        let claimed = self.store.claim(worker, queues, slots, wait).await;
        // In the middle of a wait, trouble may have begun.
        if let Some(Fault::Late(time)) = self.trouble.now(Operation::Claim)
            && claimed.as_ref().is_ok_and(|claimed| !claimed.is_empty())
        {
            tokio::time::sleep(time).await;
        }
        claimed
    }

    async fn extend(
        &self,
        worker: &WorkerName,
        tokens: &[Token],
    ) -> Result<Vec<Extended>, StoreError> {
        match self.trouble.pass(Operation::Extend, "extend").await? {
            true => self.store.extend(worker, tokens).await,
            false => Ok(vec![Extended::Ok; tokens.len()]),
        }
    }

    async fn complete(&self, batch: Vec<Completion>) -> Result<Vec<Completed>, StoreError> {
        match self.trouble.pass(Operation::Complete, "complete").await? {
            true => self.store.complete(batch).await,
            false => Ok(vec![Completed::Ok; batch.len()]),
        }
    }

    async fn release(&self, worker: &WorkerName, tokens: &[Token]) -> Result<(), StoreError> {
        self.trouble.pass(Operation::Any, "release").await?;
        self.store.release(worker, tokens).await
    }

    async fn steal(
        &self,
        worker: &WorkerName,
        queues: &[QueueName],
        slots: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.trouble.pass(Operation::Any, "steal").await?;
        self.store.steal(worker, queues, slots).await
    }

    async fn put_result(&self, run: RunId, value: Arc<Value>) -> Result<ResultId, StoreError> {
        match self.trouble.pass(Operation::PutResult, "put a result").await? {
            true => self.store.put_result(run, value).await,
            false => Ok(ResultId::new(0)),
        }
    }

    async fn custody(
        &self,
        runs: &[RunId],
    ) -> Result<Vec<Vec<(StepId, AttemptNumber)>>, StoreError> {
        self.trouble.pass(Operation::Any, "custody").await?;
        self.store.custody(runs).await
    }

    async fn recalls(&self) -> Result<Box<dyn Recalls>, StoreError> {
        self.trouble.pass(Operation::Any, "recalls").await?;
        self.store.recalls().await
    }

    fn lease(&self) -> Duration {
        self.store.lease()
    }
}

#[async_trait]
impl RunLog for Troubled {
    async fn submit(
        &self,
        batch: Vec<Submission>,
    ) -> Result<Vec<Result<Submitted, SubmitRefusal>>, StoreError> {
        self.trouble.pass(Operation::Any, "submit").await?;
        self.store.submit(batch).await
    }

    async fn commit(&self, batch: Vec<Arc<Commit>>) -> Result<Vec<CommitReply>, StoreError> {
        if !self.trouble.pass(Operation::Commit, "commit").await? {
            return Ok(vec![CommitReply::Conflict; batch.len()]);
        }
        if self.trouble.pass(Operation::Ready, "push").await? {
            return self.store.commit(batch).await;
        }
        let lose =
            |commit: Arc<Commit>| Arc::new(Commit { ready: Vec::new(), ..Commit::clone(&commit) });
        self.store.commit(batch.into_iter().map(lose).collect()).await
    }

    async fn load(&self, run: RunId, after: Seq) -> Result<Option<History>, StoreError> {
        self.trouble.pass(Operation::Any, "load").await?;
        self.store.load(run, after).await
    }

    async fn last_seqs(&self, runs: &[RunId]) -> Result<Vec<Option<Seq>>, StoreError> {
        self.trouble.pass(Operation::Any, "last seqs").await?;
        self.store.last_seqs(runs).await
    }

    async fn results(
        &self,
        run: RunId,
        steps: &[StepId],
    ) -> Result<Vec<Option<Arc<Value>>>, StoreError> {
        self.trouble.pass(Operation::Any, "results").await?;
        self.store.results(run, steps).await
    }

    async fn list(&self, query: ListQuery) -> Result<ListPage, StoreError> {
        self.trouble.pass(Operation::Any, "list").await?;
        self.store.list(query).await
    }
}

#[async_trait]
impl Lanes for Troubled {
    fn lane_count(&self) -> u8 {
        self.store.lane_count()
    }

    async fn own(
        &self,
        owner: &LaneOwner,
        wanted: &[Lane],
        lease: Duration,
    ) -> Result<Vec<Lane>, StoreError> {
        self.trouble.pass(Operation::Own, "own").await?;
        self.store.own(owner, wanted, lease).await
    }

    async fn disown(&self, owner: &LaneOwner, lanes: &[Lane]) -> Result<(), StoreError> {
        self.trouble.pass(Operation::Any, "disown").await?;
        self.store.disown(owner, lanes).await
    }

    async fn send(&self, batch: Vec<(RunId, Command)>) -> Result<(), StoreError> {
        self.trouble.pass(Operation::Any, "send").await?;
        self.store.send(batch).await
    }

    async fn read_inbox(
        &self,
        cursors: &[InboxCursor],
        most: usize,
        wait: Duration,
    ) -> Result<Vec<InboxItem>, StoreError> {
        self.trouble.pass(Operation::ReadInbox, "read inbox").await?;
        self.store.read_inbox(cursors, most, wait).await
    }

    async fn discard(&self, items: &[(Lane, InboxId)]) -> Result<(), StoreError> {
        self.trouble.pass(Operation::Any, "discard").await?;
        self.store.discard(items).await
    }

    async fn timers(&self, lane: Lane) -> Result<Vec<(RunId, Timestamp)>, StoreError> {
        self.trouble.pass(Operation::Any, "timers").await?;
        self.store.timers(lane).await
    }

    async fn model_calls(&self, lane: Lane) -> Result<Vec<RunId>, StoreError> {
        self.trouble.pass(Operation::Any, "model calls").await?;
        self.store.model_calls(lane).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.trouble.pass(Operation::Any, "now").await?;
        self.store.now().await
    }
}

#[async_trait]
impl Notices for Troubled {
    async fn publish(&self, batch: Vec<Signal>) -> Result<(), StoreError> {
        self.trouble.pass(Operation::Publish, "publish").await?;
        self.store.publish(batch).await
    }

    async fn subscribe(&self) -> Result<Box<dyn Signals>, StoreError> {
        self.trouble.pass(Operation::Any, "subscribe").await?;
        self.store.subscribe().await
    }

    async fn announce(&self, presence: Presence, ttl: Duration) -> Result<(), StoreError> {
        self.trouble.pass(Operation::Any, "announce").await?;
        self.store.announce(presence, ttl).await
    }

    async fn retire(&self, name: &str) -> Result<(), StoreError> {
        self.trouble.pass(Operation::Any, "retire").await?;
        self.store.retire(name).await
    }

    async fn present(&self, service: Service) -> Result<Vec<Presence>, StoreError> {
        self.trouble.pass(Operation::Any, "present").await?;
        self.store.present(service).await
    }
}
