//! Histories written by hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sortie_engine::{
    AttemptNumber, CommitId, Effect, Event, Goal, PlanCause, PlanVersion, PlannedStep, QueueName,
    Recorded, RunId, RunState, Seq, StepId, StepNumber, StepResult, Template, Timestamp, ToolName,
    ToolTerms, Usage, WorkerName,
};
use sortie_store::{Commit, CommitReply, RunSummary, Store, Submission};

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

fn planned(number: u32) -> Event {
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
