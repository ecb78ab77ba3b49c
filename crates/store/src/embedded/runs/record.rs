//! One run: its history, and what belongs to it.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::Value;
use sortie_engine::{CommitId, Event, Recorded, RunId, Seq, StepId, Timestamp};

use crate::embedded::attempts::Place;
use crate::log::{Commit, History, PageToken, RunSummary, Submission};

/// A commit that made the history longer.
struct Entry {
    id: CommitId,
    events: Arc<[Recorded]>,
}

impl Entry {
    fn last(&self) -> Seq {
        self.events.last().map_or(Seq::ZERO, |recorded| recorded.seq)
    }
}

/// One run.
pub(in crate::embedded) struct Record {
    pub(in crate::embedded) head: CommitId,
    /// What made the history longer, oldest first; never empty.
    log: Vec<Entry>,
    pub(in crate::embedded) summary: RunSummary,
    pub(in crate::embedded) timer: Option<Timestamp>,
    pub(in crate::embedded) model_call: bool,
    /// Where the attempt of a step was put; whether it still lies there is not known here.
    pub(in crate::embedded) places: FxHashMap<StepId, Place>,
    pub(in crate::embedded) results: FxHashMap<StepId, Arc<Value>>,
    key: Option<Arc<str>>,
}

impl Record {
    /// The first record of a run; and the hash of its request, which is needed only once.
    pub(in crate::embedded) fn begin(submission: Submission, at: Timestamp) -> (Box<Self>, u128) {
        let Submission { run, commit, goal, idempotency } = submission;
        let summary = RunSummary::submitted(run, &goal, at);
        let first = Recorded { seq: Seq::FIRST, at, event: Event::RunSubmitted { goal } };
        let (key, hash) = idempotency.map_or((None, 0), |(key, hash)| (Some(key.into()), hash));
        let record = Self {
            head: commit,
            log: vec![Entry { id: commit, events: Arc::new([first]) }],
            summary,
            timer: Some(at),
            model_call: false,
            places: FxHashMap::default(),
            results: FxHashMap::default(),
            key,
        };
        (Box::new(record), hash)
    }

    pub(in crate::embedded) const fn run(&self) -> RunId {
        self.summary.run
    }

    pub(in crate::embedded) const fn key(&self) -> Option<&Arc<str>> {
        self.key.as_ref()
    }

    /// Whether both are the same submission, however far they have come since.
    pub(in crate::embedded) fn began_as(&self, other: &Self) -> bool {
        let first = |record: &Self| record.log.first().map(|entry| entry.id);
        first(self) == first(other)
    }

    pub(in crate::embedded) const fn place_in_lists(&self) -> PageToken {
        PageToken { submitted_at: self.summary.submitted_at, run: self.summary.run }
    }

    pub(in crate::embedded) fn last_seq(&self) -> Seq {
        self.log.last().map_or(Seq::ZERO, Entry::last)
    }

    /// Adds a commit to the history. Its parent is checked before.
    pub(in crate::embedded) fn append(&mut self, commit: &Commit) {
        debug_assert!(self.goes_on(commit), "events of run {} leave a gap", commit.run);
        self.head = commit.id;
        if !commit.events.is_empty() {
            self.log.push(Entry { id: commit.id, events: commit.events.clone() });
        }
        self.timer = commit.timer;
        self.model_call = commit.model_call;
        // The place in lists must hold still, so what it is made of is not the commit's to change.
        let RunSummary { run, submitted_at, .. } = self.summary;
        self.summary = RunSummary { run, submitted_at, ..commit.summary.clone() };
    }

    fn goes_on(&self, commit: &Commit) -> bool {
        let due = self.last_seq().next().get()..;
        due.zip(commit.events.iter()).all(|(due, recorded)| recorded.seq.get() == due)
    }

    pub(in crate::embedded) fn history(&self, after: Seq) -> History {
        let known = self.log.partition_point(|entry| entry.last() < after);
        let commits = Vec::with_capacity(self.log.len() - known);
        let mut history = History { head: self.head, commits, anchor: None };
        for entry in &self.log[known..] {
            history.push(entry.id, entry.events.clone(), after);
        }
        history
    }
}
