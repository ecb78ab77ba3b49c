//! What the tests of this crate share: a store that can be looked at, cut off and swapped, and
//! histories written by hand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use sortie_engine::{
    AttemptNumber, Command, CommitId, Effect, Event, Goal, Lane, PlanCause, PlanVersion,
    PlannedStep, QueueName, Recorded, ResultId, RunId, RunState, Seq, StepId, StepNumber,
    StepResult, Template, Timestamp, ToolName, ToolTerms, Usage, WorkerName,
};
use sortie_store::{
    Claimed, Commit, CommitReply, Completed, Completion, Embedded, EmbeddedOptions, Extended,
    History, InboxCursor, InboxId, InboxItem, LaneOwner, Lanes, ListPage, ListQuery, Notices,
    Presence, ReadyQueue, RunLog, RunSummary, Signals, Store, StoreError, Submission,
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
    pub(crate) is_deaf: std::sync::atomic::AtomicBool,
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
    async fn next(&mut self) -> Result<Option<sortie_store::Signal>, StoreError> {
        std::future::pending().await
    }
}

#[async_trait]
impl Notices for Probe {
    async fn publish(&self, batch: Vec<sortie_store::Signal>) -> Result<(), StoreError> {
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

    async fn present(&self) -> Result<Vec<Presence>, StoreError> {
        self.inner().present().await
    }
}

/// A run whose history is written by hand, one commit at a time.
pub(crate) struct Scribe {
    store: Arc<dyn Store>,
    pub(crate) run: RunId,
    head: CommitId,
    seq: Seq,
}

impl Scribe {
    /// A submitted run.
    pub(crate) async fn submit(store: Arc<dyn Store>, run: RunId) -> Self {
        let head = CommitId::new(fastrand::u128(1..));
        let goal = Arc::new(Goal::new("what is it?"));
        let submission = Submission { run, commit: head, goal, idempotency: None };
        store.submit(vec![submission]).await.unwrap().pop().unwrap().unwrap();
        Self { store, run, head, seq: Seq::FIRST }
    }

    /// Goes on with a run that somebody else submitted.
    pub(crate) async fn adopt(store: Arc<dyn Store>, run: RunId) -> Self {
        let history = store.load(run, Seq::ZERO).await.unwrap().unwrap();
        let last = history.commits.iter().rev().find_map(|(_, events)| events.last());
        let seq = last.unwrap().seq;
        Self { store, run, head: history.head, seq }
    }

    pub(crate) async fn write(&mut self, events: Vec<Event>) {
        self.write_with(events, Vec::new()).await;
    }

    pub(crate) async fn write_with(
        &mut self,
        events: Vec<Event>,
        results: Vec<(StepId, StepResult)>,
    ) {
        let id = CommitId::new(fastrand::u128(1..));
        let mut record = |event| {
            self.seq = self.seq.next();
            Recorded { seq: self.seq, at: Timestamp::from_millis(5), event }
        };
        let events: Vec<_> = events.into_iter().map(&mut record).collect();
        let has_ended = events.iter().any(|recorded| recorded.event.ends_run());
        let commit = Commit {
            run: self.run,
            id,
            parent: self.head,
            events: events.into(),
            results,
            ready: Vec::new(),
            withdrawn: Vec::new(),
            timer: (!has_ended).then_some(Timestamp::from_millis(u64::MAX)),
            model_call: false,
            consumed: Vec::new(),
            summary: summary(self.run, has_ended),
        };
        let replies = self.store.commit(vec![Arc::new(commit)]).await.unwrap();
        assert_eq!(replies, [CommitReply::Ok]);
        self.head = id;
    }

    /// Three steps, the first with a result, in a commit each.
    pub(crate) async fn plan(&mut self) {
        let version = PlanVersion::FIRST;
        let planner = Arc::from("test");
        self.write(vec![Event::PlanVersionStarted { version, cause: PlanCause::First, planner }])
            .await;
        for number in 1..=3 {
            self.write(vec![planned(number)]).await;
        }
        self.write(vec![Event::PlanAccepted { version, usage: Usage::default() }]).await;
    }

    /// A step has this result.
    pub(crate) async fn succeed(&mut self, number: u32, value: Value) {
        let step = StepId::new(number);
        let attempt = AttemptNumber::FIRST;
        let result = StepResult::inline(value);
        let done = Event::StepSucceeded {
            step,
            attempt,
            result: result.recorded(),
            worker: WorkerName::new("w"),
            started_at: Timestamp::from_millis(4),
            usage: Usage::default(),
        };
        let queued = Event::StepQueued { step, attempt };
        self.write_with(vec![queued, done], vec![(step, result)]).await;
    }

    pub(crate) async fn answer(&mut self, text: &str) {
        let usage = Usage::default();
        self.write(vec![Event::RunSucceeded { answer: text.into(), partial: false, usage }]).await;
    }
}

pub(crate) fn planned(number: u32) -> Event {
    let input = Template::parse(&Value::from(format!("input {number}"))).unwrap();
    Event::StepPlanned {
        version: PlanVersion::FIRST,
        step: StepId::new(number),
        planned: Arc::new(PlannedStep {
            number: StepNumber::new(number),
            description: format!("step {number}"),
            tool: ToolName::new("calculate"),
            input,
            depends_on: Vec::new(),
        }),
        terms: Arc::new(ToolTerms {
            queue: QueueName::new("builtin"),
            effect: Effect::Pure,
            timeout: Duration::from_secs(1),
            calls_model: false,
        }),
    }
}

fn summary(run: RunId, has_ended: bool) -> RunSummary {
    RunSummary {
        run,
        goal: Arc::from("what is it?"),
        state: if has_ended { RunState::Succeeded } else { RunState::Executing },
        partial: false,
        submitted_at: Timestamp::from_millis(1),
        ended_at: has_ended.then_some(Timestamp::from_millis(5)),
        steps: 0,
        steps_ended: 0,
        labels: Arc::new(BTreeMap::new()),
    }
}
