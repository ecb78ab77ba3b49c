//! From mail to commits and back: deciding, sending, and what each reply means.

use std::sync::Arc;

use sortie_engine::{
    CommitBudget, CommitId, Context, Folded, INLINE_INPUT_BYTES, INLINE_RESULT_BYTES, ReadyStep,
    RunId, StepId, Timestamp,
};
use sortie_store::{Commit, CommitReply, Input, InputValue, ReadyEntry, Store};

use super::live::{Flight, Live};
use super::{BYTES_PER_COMMIT, Driver, RUNS_PER_COMMIT, STORE_PAUSE, load, story};

/// A call of the store that has given its replies.
pub(super) struct CommitsDone {
    commits: Vec<Arc<Commit>>,
    replies: Vec<CommitReply>,
}

impl Driver {
    /// Decides everything that waits and sends it, while there is room for calls of the store.
    pub(super) fn commit_dirty(&mut self) {
        while self.commits.len() < self.options.commits && !self.dirty.is_empty() {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while batch.len() < RUNS_PER_COMMIT && bytes < BYTES_PER_COMMIT {
                let Some(run) = self.dirty.pop_front() else { break };
                if let Some((commit, size)) = self.decide(run) {
                    batch.push(commit);
                    bytes += size;
                }
            }
            if !batch.is_empty() {
                self.commits.push(Box::pin(send(self.store.clone(), batch)));
            }
        }
    }

    /// Everything that waits for a run becomes one commit, if there is anything to make durable.
    fn decide(&mut self, run: RunId) -> Option<(Arc<Commit>, usize)> {
        let slot = self.runs.get_mut(&run)?;
        slot.is_dirty = false;
        let live = slot.live.as_mut().filter(|live| live.flight.is_none())?;
        let now = self.clock.now();
        let catalogue = self.catalogue.borrow().clone();
        let cx = Context {
            now,
            seed: self.rng.u64(..),
            catalogue: &catalogue,
            planner: &self.planner,
            retry: self.options.retry,
        };
        let calls = self.calls.places().free().min(1);
        let budget = CommitBudget { calls, ..self.options.budget };
        let folded = live.run.advance(slot.mailbox.commands(), &cx, budget);
        for refusal in &folded.refused {
            tracing::warn!(%run, reason = %refusal, "a command was refused");
        }
        let mail = slot.mailbox.take(folded.taken);
        let timer = live.run.timer(now);
        let consumed: Vec<_> = mail.iter().filter_map(|mail| mail.item).collect();
        if live.run.wants_call(now) && !slot.is_waiting {
            slot.is_waiting = true;
            self.waiting.push_back(run);
        }
        let is_stored = timer.is_none() || live.stored_timer.is_some_and(|at| at > now);
        if folded.events.is_empty() && consumed.is_empty() && is_stored {
            self.timers.set(run, timer);
            if timer.is_none() && slot.mailbox.is_empty() {
                self.runs.remove(&run);
            }
            return None;
        }
        let start = folded.start.map(|call| (call, self.calls.places().take()));
        live.flight = Some(Flight { mail, start });
        let (id, bytes) = (CommitId::new(self.rng.u128(..)), folded.bytes);
        let commit = Commit { timer, consumed, ..assemble(live, id, folded) };
        live.stored_timer = timer;
        Some((Arc::new(commit), bytes))
    }

    pub(super) fn committed(&mut self, done: CommitsDone) {
        let now = self.clock.now();
        self.counts.send_modify(|counts| {
            let is = |reply: &CommitReply| *reply == CommitReply::Conflict;
            let conflicts = done.replies.iter().filter(|reply| is(reply)).count() as u64;
            counts.conflicts += conflicts;
            counts.commits += done.replies.len() as u64 - conflicts;
        });
        for (commit, reply) in done.commits.iter().zip(done.replies) {
            match reply {
                CommitReply::Ok | CommitReply::Already => {
                    story::tell(commit.run, &commit.events);
                    self.went_through(commit, now);
                }
                CommitReply::Conflict => self.was_refused(commit.run),
                CommitReply::NoRun => self.is_gone(commit.run),
            }
        }
    }

    fn went_through(&mut self, commit: &Commit, now: Timestamp) {
        let run = commit.run;
        let Some(slot) = self.runs.get_mut(&run) else { return };
        let Some(live) = slot.live.as_mut() else { return };
        let Some(flight) = live.flight.take() else { return };
        live.head = commit.id;
        slot.mailbox.forget(&flight.mail);
        live.stop_stale_call();
        if let Some((call, place)) = flight.start {
            let handle = self.calls.start(&live.run, call, &self.catalogue.borrow(), place);
            live.call = Some((call, handle));
        }
        self.timers.set(run, commit.timer.filter(|at| *at > now));
        let again = !slot.mailbox.is_empty() || commit.timer.is_some_and(|at| at <= now);
        if again {
            slot.is_dirty = true;
            self.dirty.push_back(run);
        } else if live.run.state().is_terminal() {
            self.runs.remove(&run);
        }
    }

    /// Someone else changed the run: what is here is stale. Its calls are stopped, its mail is
    /// decided again on what the store has.
    fn was_refused(&mut self, run: RunId) {
        tracing::warn!(%run, "a commit was refused: the run is loaded again");
        let Some(slot) = self.runs.get_mut(&run) else { return };
        if let Some(flight) = slot.live.take().and_then(|live| live.flight) {
            slot.mailbox.put_back(flight.mail);
        }
        self.timers.set(run, None);
        self.loads.push(load(self.store.clone(), run));
    }

    fn is_gone(&mut self, run: RunId) {
        tracing::error!(%run, "the store has lost a run");
        self.runs.remove(&run);
        self.timers.set(run, None);
    }
}

/// Sends a batch until it is answered. A call without an answer may have happened: the same ids
/// and bytes are sent again, and what went through the first time answers `Already`.
async fn send(store: Arc<dyn Store>, commits: Vec<Arc<Commit>>) -> CommitsDone {
    loop {
        match store.commit(commits.clone()).await {
            Ok(replies) => return CommitsDone { commits, replies },
            Err(error) => {
                tracing::warn!(error = %error, runs = commits.len(), "a commit has no answer");
                tokio::time::sleep(STORE_PAUSE).await;
            }
        }
    }
}

fn assemble(live: &mut Live, id: CommitId, folded: Folded) -> Commit {
    live.remember(&folded.results);
    let ready = folded.ready.into_iter().map(|ready| Arc::new(entry(live, ready))).collect();
    Commit {
        run: live.run.id(),
        id,
        parent: live.head,
        events: folded.events.into(),
        results: folded.results,
        ready,
        withdrawn: folded.withdrawn,
        timer: None,
        model_call: live.run.open_call().is_some(),
        consumed: Vec::new(),
        summary: live.summary(),
    }
}

fn entry(live: &Live, ready: ReadyStep) -> ReadyEntry {
    let mut room = INLINE_INPUT_BYTES;
    let mut input = |number, step: StepId| {
        let bytes = live.run.step(step).and_then(|step| step.result()).map_or(0, |r| r.bytes);
        let here = live.results.get(&step).filter(|_| bytes <= room.min(INLINE_RESULT_BYTES));
        let value = match here {
            Some(value) => {
                room -= bytes;
                InputValue::Here(value.clone())
            }
            None => InputValue::Recorded(step),
        };
        Input { number, value }
    };
    let inputs = ready.inputs.iter().map(|(number, step)| input(*number, *step)).collect();
    ReadyEntry {
        run: live.run.id(),
        step: ready.step,
        attempt: ready.attempt,
        generation: ready.generation,
        planned: ready.planned,
        terms: ready.terms,
        inputs,
        deadline: ready.deadline,
        workers_lost: ready.workers_lost,
    }
}
