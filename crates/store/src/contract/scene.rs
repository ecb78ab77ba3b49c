//! What the rules are told with: runs as their coordinator knows them, workers, inboxes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use serde_json::{Value, json};
use sortie_engine::{
    AttemptNumber, AttemptReport, CommandId, CommitId, Effect, Event, Generation, Goal, Lane,
    Outcome, PlannedStep, QueueName, Recorded, ResultBody, RunId, RunState, Seq, StepId,
    StepNumber, StepResult, Template, Timestamp, ToolName, ToolTerms, Usage, WorkerName,
};

use super::Harness;
use crate::{
    Claimed, Commit, CommitReply, Completed, Completion, InboxCursor, InboxId, InboxItem,
    ReadyEntry, RunSummary, Store, Submission, SubmitRefusal, Submitted,
};

pub(crate) const LANE: Lane = Lane(0);
/// Longer than any wait in a test that goes well.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A store with shorter words for what the rules ask of it.
pub(crate) struct Scene {
    pub(crate) store: Arc<dyn Store>,
}

pub(crate) fn fresh_run(lane: Lane) -> RunId {
    RunId::new(0, lane, fastrand::u128(..))
}

pub(crate) fn fresh_commit() -> CommitId {
    CommitId::new(fastrand::u128(..))
}

pub(crate) fn worker(name: &str) -> WorkerName {
    WorkerName::new(name)
}

pub(crate) fn queues(names: &[&str]) -> Vec<QueueName> {
    names.iter().map(|name| QueueName::new(name)).collect()
}

pub(crate) fn goal(run: RunId) -> Submission {
    let goal = Arc::new(Goal::new("find the cheapest flight"));
    Submission { run, commit: fresh_commit(), goal, idempotency: None }
}

/// An attempt at a step, in a queue.
pub(crate) fn entry(run: RunId, step: u32, queue: &str) -> Arc<ReadyEntry> {
    let input = Template::parse(&json!({"of": step})).expect("a template without references");
    Arc::new(ReadyEntry {
        run,
        step: StepId::new(step),
        attempt: AttemptNumber::FIRST,
        generation: Generation::FIRST,
        planned: Arc::new(PlannedStep {
            number: StepNumber::new(step),
            description: "look".to_owned(),
            tool: ToolName::new("look"),
            input,
            depends_on: Vec::new(),
        }),
        terms: Arc::new(ToolTerms {
            queue: QueueName::new(queue),
            effect: Effect::Pure,
            timeout: Duration::from_secs(5),
            calls_model: false,
        }),
        inputs: Vec::new(),
        deadline: Timestamp::from_millis(u64::MAX),
        workers_lost: 0,
    })
}

/// A report that ends the attempt with this result.
pub(crate) fn report(claimed: &Claimed, by: &str, result: StepResult) -> Completion {
    Completion {
        run: claimed.entry.run,
        token: claimed.token,
        report: AttemptReport {
            step: claimed.entry.step,
            attempt: claimed.entry.attempt,
            outcome: Outcome::Succeeded(result),
            worker: worker(by),
            started_at: Timestamp::from_millis(1),
            workers_lost: 0,
            usage: Usage::default(),
        },
    }
}

/// A result that lies in the store under a name of its own.
pub(crate) fn stored(id: sortie_engine::ResultId) -> StepResult {
    StepResult { body: ResultBody::Stored(id), bytes: 5000, preview: Arc::from("["), empty: false }
}

pub(crate) fn steps(claimed: &[Claimed]) -> Vec<u32> {
    claimed.iter().map(|claimed| claimed.entry.step.get()).collect()
}

/// A call that has come to where it waits.
pub(crate) fn waiting<F: Future>(call: F) -> Pin<Box<F>> {
    let mut call = Box::pin(call);
    let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "the call should wait");
    call
}

impl Scene {
    pub(crate) fn of(harness: &dyn Harness) -> Self {
        Self { store: harness.store() }
    }

    pub(crate) async fn submit(&self, goal: Submission) -> Result<Submitted, SubmitRefusal> {
        let mut replies = self.store.submit(vec![goal]).await.expect("submit");
        replies.pop().expect("a reply for each submission")
    }

    /// A submitted run of a lane.
    pub(crate) async fn run_in(&self, lane: Lane) -> Known {
        let goal = goal(fresh_run(lane));
        let (run, head) = (goal.run, goal.commit);
        self.submit(goal).await.expect("a goal is accepted");
        self.know(run, head).await
    }

    pub(crate) async fn run(&self) -> Known {
        self.run_in(LANE).await
    }

    /// A run that has queued these steps.
    pub(crate) async fn run_with(&self, steps: &[u32]) -> Known {
        let mut known = self.run().await;
        known.queue(steps).await;
        known
    }

    pub(crate) async fn know(&self, run: RunId, head: CommitId) -> Known {
        let history = self.store.load(run, Seq::ZERO).await.expect("load").expect("a history");
        let first = &history.commits[0].1[0];
        let Event::RunSubmitted { goal } = &first.event else { panic!("first is {first:?}") };
        let summary = RunSummary::submitted(run, goal, first.at);
        Known { store: self.store.clone(), run, head, seq: Seq::FIRST, summary }
    }

    pub(crate) async fn commit(&self, batch: Vec<Commit>) -> Vec<CommitReply> {
        self.store.commit(batch.into_iter().map(Arc::new).collect()).await.expect("commit")
    }

    /// What a worker gets from queue `q` without waiting.
    pub(crate) async fn claim(&self, by: &str, slots: usize) -> Vec<Claimed> {
        self.claim_from(by, &["q"], slots).await
    }

    pub(crate) async fn claim_from(&self, by: &str, names: &[&str], slots: usize) -> Vec<Claimed> {
        let names = queues(names);
        self.store.claim(&worker(by), &names, slots, Duration::ZERO).await.expect("claim")
    }

    pub(crate) async fn claim_one(&self, by: &str) -> Claimed {
        self.claim(by, 1).await.pop().expect("something to claim")
    }

    pub(crate) async fn steal(&self, by: &str, slots: usize) -> Vec<Claimed> {
        self.store.steal(&worker(by), &queues(&["q"]), slots).await.expect("steal")
    }

    pub(crate) async fn complete(&self, claimed: &Claimed, by: &str) -> Completed {
        let result = StepResult::inline(json!({"by": by}));
        self.send_report(report(claimed, by, result)).await
    }

    pub(crate) async fn send_report(&self, completion: Completion) -> Completed {
        let replies = self.store.complete(vec![completion]).await.expect("complete");
        *replies.first().expect("a reply for each report")
    }

    /// All that waits in the inbox of a lane.
    pub(crate) async fn inbox(&self, lane: Lane) -> Vec<InboxItem> {
        let cursor = InboxCursor { lane, after: InboxId(0) };
        self.store.read_inbox(&[cursor], usize::MAX, Duration::ZERO).await.expect("read an inbox")
    }

    /// The recorded result of a step.
    pub(crate) async fn result(&self, run: RunId, step: u32) -> Option<Value> {
        let found = self.store.results(run, &[StepId::new(step)]).await.expect("read results");
        found.first().expect("an answer for each step").as_deref().cloned()
    }

    /// Whether a run is in the list of its lane's timers, and for when.
    pub(crate) async fn timer(&self, run: RunId) -> Option<Timestamp> {
        let timers = self.store.timers(run.lane()).await.expect("read timers");
        timers.into_iter().find(|(of, _)| *of == run).map(|(_, at)| at)
    }
}

/// A run as its coordinator knows it.
pub(crate) struct Known {
    store: Arc<dyn Store>,
    pub(crate) run: RunId,
    pub(crate) head: CommitId,
    pub(crate) seq: Seq,
    pub(crate) summary: RunSummary,
}

impl Known {
    /// The next commit, with so many events and nothing else.
    pub(crate) fn next(&self, events: u64) -> Commit {
        let command = CommandId::new("c");
        let events = (1..=events).map(|n| Recorded {
            seq: Seq::new(self.seq.get() + n),
            at: self.summary.submitted_at,
            event: Event::CommandDone { command: command.clone() },
        });
        Commit {
            run: self.run,
            id: fresh_commit(),
            parent: self.head,
            events: events.collect(),
            results: Vec::new(),
            ready: Vec::new(),
            withdrawn: Vec::new(),
            timer: Some(self.summary.submitted_at + LONG),
            model_call: false,
            consumed: Vec::new(),
            summary: self.summary.clone(),
        }
    }

    /// Commits, and follows if it went through.
    pub(crate) async fn commit(&mut self, commit: Commit) -> CommitReply {
        let commit = Arc::new(commit);
        let replies = self.store.commit(vec![commit.clone()]).await.expect("commit");
        let reply = *replies.first().expect("a reply for each commit");
        if reply == CommitReply::Ok {
            self.follow(&commit);
        }
        reply
    }

    pub(crate) fn follow(&mut self, commit: &Commit) {
        self.head = commit.id;
        self.seq = commit.events.last().map_or(self.seq, |last| last.seq);
        self.summary = commit.summary.clone();
    }

    pub(crate) fn entry(&self, step: u32) -> Arc<ReadyEntry> {
        entry(self.run, step, "q")
    }

    /// Queues steps in `q`.
    pub(crate) async fn queue(&mut self, steps: &[u32]) {
        let ready = steps.iter().map(|step| self.entry(*step)).collect();
        let commit = Commit { ready, ..self.next(1) };
        assert_eq!(self.commit(commit).await, CommitReply::Ok);
    }

    /// Takes a step's attempt from the workers.
    pub(crate) async fn withdraw(&mut self, step: u32) {
        let commit = Commit { withdrawn: vec![StepId::new(step)], ..self.next(1) };
        assert_eq!(self.commit(commit).await, CommitReply::Ok);
    }

    /// Ends the run.
    pub(crate) async fn end(&mut self, state: RunState) {
        let mut commit = Commit { timer: None, ..self.next(1) };
        commit.summary.state = state;
        assert_eq!(self.commit(commit).await, CommitReply::Ok);
    }
}
