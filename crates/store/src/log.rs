//! Histories of runs. A commit names its parent, like git, and is the only way to change a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use sortie_engine::{
    CommitId, Goal, Recorded, RunId, RunState, Seq, StepId, StepResult, Timestamp,
};

use crate::error::StoreError;
use crate::lanes::InboxId;
use crate::queue::ReadyEntry;

/// A goal to accept.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The run's name, in a lane that the caller owns.
    pub run: RunId,
    /// The id of the first commit.
    pub commit: CommitId,
    /// The goal.
    pub goal: Arc<Goal>,
    /// The client's name for the submission and a hash of its body.
    pub idempotency: Option<(String, u128)>,
}

/// An accepted goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submitted {
    /// The run: the one that was named, or the one that the idempotency key had already.
    pub run: RunId,
    /// Whether nothing new was started.
    pub already: bool,
}

/// Why a goal was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitRefusal {
    /// The idempotency key belongs to a submission with another body.
    #[error("idempotency key `{key}` belongs to run {run}, which was submitted with another body")]
    KeyTaken {
        /// The key.
        key: String,
        /// Its run.
        run: RunId,
    },
    /// There is no room for more open runs now.
    #[error("{open} runs are open, at most {most} fit: try again later")]
    Full {
        /// Open runs.
        open: usize,
        /// The limit.
        most: usize,
    },
    /// So many attempts wait for workers that a new run would only wait with them.
    #[error("{waiting} attempts wait for workers, at most {most} may: try again later")]
    QueueFull {
        /// Attempts that wait.
        waiting: usize,
        /// The limit.
        most: usize,
    },
    /// What is left of the store's memory is kept for the runs that were accepted.
    #[error(
        "{used_percent} % of the store's memory is used, at most {most_percent} % may: try again later"
    )]
    MemoryFull {
        /// What is used.
        used_percent: u64,
        /// The limit.
        most_percent: u64,
    },
}

/// One durable change of a run.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The run.
    pub run: RunId,
    /// Fresh random bits; a resend keeps them.
    pub id: CommitId,
    /// The commit that this one was decided on.
    pub parent: CommitId,
    /// New facts, in order; may be empty. Shared, so that the log keeps them without a copy.
    pub events: Arc<[Recorded]>,
    /// Results to keep under their steps.
    pub results: Vec<(StepId, StepResult)>,
    /// Attempts for the workers. A step has one at most: a new one replaces the one before.
    pub ready: Vec<Arc<ReadyEntry>>,
    /// Steps whose entry is taken from the workers, if it is still there; before `ready` is pushed.
    pub withdrawn: Vec<StepId>,
    /// When the run must be looked at although nothing arrived; nothing once it has ended.
    pub timer: Option<Timestamp>,
    /// Whether the run's last event opened a model call.
    pub model_call: bool,
    /// Inbox items that this commit has dealt with.
    pub consumed: Vec<InboxId>,
    /// What lists show.
    pub summary: RunSummary,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitReply {
    /// It is the run's head now.
    Ok,
    /// It was the run's head already: the call before went through.
    Already,
    /// The run's head is neither its parent nor itself. Nothing was changed: load and decide again.
    Conflict,
    /// There is no such run. Nothing was changed; the inbox items were deleted.
    NoRun,
}

/// What lists show of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// The beginning of the client's words.
    pub goal: Arc<str>,
    /// Where it stands.
    pub state: RunState,
    /// Whether it succeeded although steps failed.
    pub partial: bool,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Steps of the plan version in force.
    pub steps: u32,
    /// Those of them that have ended.
    pub steps_ended: u32,
    /// The client's marks.
    pub labels: Arc<BTreeMap<String, String>>,
}

/// Bytes of the client's words that lists show.
const SUMMARY_GOAL_BYTES: usize = 240;

impl RunSummary {
    /// What lists show of a run that was just submitted.
    #[must_use]
    pub fn submitted(run: RunId, goal: &Goal, at: Timestamp) -> Self {
        let most = goal.text.len().min(SUMMARY_GOAL_BYTES);
        let end = (0..=most).rfind(|end| goal.text.is_char_boundary(*end));
        Self {
            run,
            goal: Arc::from(&goal.text[..end.unwrap_or(0)]),
            state: RunState::Planning,
            partial: false,
            submitted_at: at,
            ended_at: None,
            steps: 0,
            steps_ended: 0,
            labels: Arc::new(goal.labels.clone()),
        }
    }
}

/// A run's history, or the end of it.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The id of the last commit.
    pub head: CommitId,
    /// For each commit after the asked-for place, oldest first: its id and its events. The first
    /// is cut to the events after that place; commits without events may be left out.
    pub commits: Vec<(CommitId, Arc<[Recorded]>)>,
    /// The commit that holds the event just at the asked-for place, if there is one.
    pub anchor: Option<CommitId>,
}

impl History {
    /// Adds a commit that may hold events after the asked-for place: what lies before is cut off,
    /// and where the place itself is in it, it is the anchor.
    pub(crate) fn push(&mut self, id: CommitId, events: Arc<[Recorded]>, after: Seq) {
        let cut = events.partition_point(|recorded| recorded.seq <= after);
        if cut > 0 {
            self.anchor = Some(id);
        }
        match events.get(cut..) {
            Some([]) | None => {}
            Some(_) if cut == 0 => self.commits.push((id, events)),
            Some(rest) => self.commits.push((id, Arc::from(rest))),
        }
    }
}

/// Which runs to list.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// At most so many.
    pub limit: usize,
    /// Older than the last run of the page before.
    pub after: Option<PageToken>,
    /// Only these states; all if empty.
    pub states: Vec<RunState>,
    /// Only runs that carry all of these.
    pub labels: BTreeMap<String, String>,
}

impl ListQuery {
    /// Whether a run is one of those that are asked for.
    pub(crate) fn fits(&self, summary: &RunSummary) -> bool {
        let has = |(key, value): (&String, &String)| summary.labels.get(key) == Some(value);
        (self.states.is_empty() || self.states.contains(&summary.state))
            && self.labels.iter().all(has)
    }
}

/// The place of a run in the list of all runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageToken {
    /// When the run was submitted.
    pub submitted_at: Timestamp,
    /// The run.
    pub run: RunId,
}

/// A page of runs, the newest first.
#[derive(Debug, Clone, Default)]
pub struct ListPage {
    /// The runs.
    pub runs: Vec<RunSummary>,
    /// For the next page; nothing on the last.
    pub next: Option<PageToken>,
}

impl ListPage {
    /// What was found, cut down to the page that was asked for.
    pub(crate) fn cut(mut found: Vec<RunSummary>, limit: usize) -> Self {
        let more = found.len() > limit;
        found.truncate(limit);
        let token =
            |last: &RunSummary| PageToken { submitted_at: last.submitted_at, run: last.run };
        let next = if more { found.last().map(token) } else { None };
        Self { runs: found, next }
    }
}

/// Histories of runs.
#[async_trait]
pub trait RunLog: Send + Sync + 'static {
    /// Accepts goals: head, first record, timer, idempotency record and an inbox item for the
    /// lane's owner, all or nothing for each goal. The same run id with the same commit id is the
    /// same submission, sent again, and gets the same answer as the first time; with another
    /// commit id it is taken, and nothing new is started.
    async fn submit(
        &self,
        batch: Vec<Submission>,
    ) -> Result<Vec<Result<Submitted, SubmitRefusal>>, StoreError>;

    /// Changes runs; a reply for each commit, in order. Each is all or nothing.
    async fn commit(&self, batch: Vec<Arc<Commit>>) -> Result<Vec<CommitReply>, StoreError>;

    /// The history of a run after event `after`; nothing if there is no such run.
    async fn load(&self, run: RunId, after: Seq) -> Result<Option<History>, StoreError>;

    /// For each run the place of its last event; nothing where there is no such run.
    async fn last_seqs(&self, runs: &[RunId]) -> Result<Vec<Option<Seq>>, StoreError>;

    /// The recorded results of steps; nothing where there is none.
    async fn results(
        &self,
        run: RunId,
        steps: &[StepId],
    ) -> Result<Vec<Option<Arc<Value>>>, StoreError>;

    /// Runs, the newest first.
    async fn list(&self, query: ListQuery) -> Result<ListPage, StoreError>;
}
