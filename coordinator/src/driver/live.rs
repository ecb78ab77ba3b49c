//! One run in a driver's memory: its state, its mail, and what is under way for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;
use sortie_engine::{
    Command, CommitId, ModelCall, ResultBody, Run, RunId, StepId, StepResult, Timestamp,
};
use sortie_store::{History, InboxId, InboxItem, RunSummary};

use crate::calls::{CallHandle, Place, Word};

/// A command that waits, with the inbox item that it came by.
pub(super) struct Mail {
    pub(super) command: Command,
    pub(super) item: Option<InboxId>,
}

impl Mail {
    pub(super) fn from_inbox(item: InboxItem) -> Self {
        Self { command: item.command, item: Some(item.id) }
    }

    /// Something that no inbox holds: if it is lost, the adopting driver finds out by itself.
    pub(super) const fn local(command: Command) -> Self {
        Self { command, item: None }
    }
}

/// Commands that wait for a run, each inbox item once.
#[derive(Default)]
pub(super) struct Mailbox {
    waiting: VecDeque<Mail>,
    /// Items that wait or are part of a commit under way.
    known: BTreeSet<InboxId>,
}

impl Mailbox {
    /// Whether it was new: a sweep reads items again that are here already.
    pub(super) fn push(&mut self, mail: Mail) -> bool {
        let is_new = mail.item.is_none_or(|id| self.known.insert(id));
        if is_new {
            self.waiting.push_back(mail);
        }
        is_new
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn commands(&self) -> impl Iterator<Item = &Command> {
        self.waiting.iter().map(|mail| &mail.command)
    }

    pub(super) fn take(&mut self, count: usize) -> Vec<Mail> {
        self.waiting.drain(..count).collect()
    }

    /// Mail whose commit did not go through is decided again, before what came later.
    pub(super) fn put_back(&mut self, mail: Vec<Mail>) {
        for one in mail.into_iter().rev() {
            self.waiting.push_front(one);
        }
    }

    pub(super) fn forget(&mut self, mail: &[Mail]) {
        for id in mail.iter().filter_map(|mail| mail.item) {
            self.known.remove(&id);
        }
    }

    pub(super) fn inbox_ids(&self) -> Vec<InboxId> {
        self.known.iter().copied().collect()
    }
}

/// A run's place in the driver: its mail, and its state once that is loaded.
pub(super) struct Slot {
    pub(super) mailbox: Mailbox,
    /// On the heap, so that the map of slots moves little.
    pub(super) live: Option<Box<Live>>,
    /// Whether it stands in the driver's queue of runs to commit.
    pub(super) is_dirty: bool,
    /// Whether it stands in the queue for a place among the model calls.
    pub(super) is_waiting: bool,
    /// Whether it has waited its turn: the next decision may take a place.
    pub(super) is_admitted: bool,
    /// Commits that were refused in a row.
    pub(super) refusals: u32,
    /// The load whose answer it waits for.
    pub(super) load: u64,
}

impl Slot {
    pub(super) fn loading() -> Self {
        Self {
            mailbox: Mailbox::default(),
            live: None,
            is_dirty: false,
            is_waiting: false,
            is_admitted: false,
            refusals: 0,
            load: 0,
        }
    }

    /// Whether this commit is under way for it.
    pub(super) fn flies(&self, commit: CommitId) -> bool {
        self.live.as_ref().is_some_and(|live| live.flies(commit))
    }

    /// Whether it should join the queue of runs to commit.
    pub(super) fn wants_commit(&self) -> bool {
        !self.is_dirty && self.live.as_ref().is_some_and(|live| live.flight.is_none())
    }
}

/// A run's state in memory.
pub(super) struct Live {
    pub(super) run: Run,
    pub(super) head: CommitId,
    /// The timer that the store has.
    pub(super) stored_timer: Option<Timestamp>,
    /// Small results, for the inputs of steps to come.
    pub(super) results: BTreeMap<StepId, Arc<Value>>,
    pub(super) call: Option<(ModelCall, CallHandle)>,
    pub(super) flight: Option<Flight>,
    /// What lists show of it, as it was at the start: the parts that never change are shared.
    summary: RunSummary,
}

/// What belongs to a run's commit that is under way.
pub(super) struct Flight {
    /// Which commit: a reply to an older one is not about this.
    pub(super) id: CommitId,
    pub(super) mail: Vec<Mail>,
    /// The model call to start after it, with the place that is kept for it.
    pub(super) start: Option<(ModelCall, Place)>,
    /// When the run must be looked at here although nothing arrived.
    pub(super) timer: Option<Timestamp>,
}

impl Live {
    /// The state that a history folds into, if this version understands it.
    pub(super) fn replay(run: RunId, history: &History) -> Option<Box<Self>> {
        let events = history.commits.iter().flat_map(|(_, events)| events.iter());
        let run = Run::replay(run, events)?;
        let summary = RunSummary::submitted(run.id(), run.goal(), run.submitted_at());
        Some(Box::new(Self {
            run,
            head: history.head,
            stored_timer: None,
            results: BTreeMap::new(),
            call: None,
            flight: None,
            summary,
        }))
    }

    /// What lists show of it now.
    pub(super) fn summary(&self) -> RunSummary {
        let (steps, ended) = self.run.progress();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        RunSummary {
            state: self.run.state(),
            partial: self.run.is_partial(),
            ended_at: self.run.ended_at(),
            steps: count(steps),
            steps_ended: count(ended),
            ..self.summary.clone()
        }
    }

    /// When the run is due for whoever adopts it. One that waits for a place here may have one there:
    /// it is due at once, and when it is looked at again here is its owner's own affair.
    pub(super) fn timer_to_store(&self, now: Timestamp) -> Option<Timestamp> {
        if self.run.wants_call(now) { Some(now) } else { self.run.timer(now) }
    }

    /// Whether the timer that the store has does for that.
    pub(super) fn has_stored_timer(&self, now: Timestamp) -> bool {
        let is_due_there = self.run.wants_call(now);
        self.stored_timer.is_some_and(|at| (at <= now) == is_due_there)
    }

    pub(super) fn flies(&self, commit: CommitId) -> bool {
        self.flight.as_ref().is_some_and(|flight| flight.id == commit)
    }

    /// Whether the run still listens to the call that says this.
    pub(super) fn hears(&mut self, word: &Word) -> bool {
        let listens = self.call.as_ref().is_some_and(|(call, _)| *call == word.call);
        if listens && word.is_last {
            self.call = None;
        }
        listens
    }

    /// Ends a model call that the run does not wait for any more.
    pub(super) fn stop_stale_call(&mut self) {
        let wanted = self.run.open_call();
        self.call = self.call.take().filter(|(call, _)| Some(*call) == wanted);
    }

    pub(super) fn remember(&mut self, results: &[(StepId, StepResult)]) {
        for (step, result) in results {
            if let ResultBody::Inline(value) = &result.body {
                self.results.insert(*step, value.clone());
            }
        }
    }
}
