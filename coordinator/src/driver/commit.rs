//! From mail to commits and back: deciding, sending, and what each reply means.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use sortie_engine::{
    CommitBudget, CommitId, Context, Folded, INLINE_INPUT_BYTES, INLINE_RESULT_BYTES, ReadyStep,
    RunId, StepId, Timestamp,
};
use sortie_store::{Commit, CommitReply, Input, InputValue, ReadyEntry, Store};

use super::live::{Flight, Live};
use super::{BYTES_PER_COMMIT, Driver, RUNS_PER_COMMIT, STORE_PAUSE, story};

/// The longest pause before a run whose commits are refused again and again is decided again.
const REFUSAL_PAUSE: Duration = Duration::from_secs(15);

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
        let (is_owned, is_leaving) = (self.owns(run), self.tenure.is_leaving(run.lane()));
        let slot = self.runs.get_mut(&run)?;
        slot.is_dirty = false;
        if !is_owned {
            return None; // its mail waits until the lane is regained
        }
        let live = slot.live.as_mut().filter(|live| live.flight.is_none())?;
        let now = self.clock.now();
        let catalogue = self.catalogue.borrow().clone();
        let cx = Context {
            now,
            seed: self.rng.u64(..),
            catalogue: &catalogue,
            planner: &self.authors.planner,
            synthesizer: &self.authors.synthesizer,
            retry: self.options.retry,
        };
        // Whoever did not wait takes no place before those who do, and nobody takes one in a lane
        // that another coordinator is about to get.
        let is_admitted = std::mem::take(&mut slot.is_admitted);
        let may_call = !is_leaving && (is_admitted || self.waiting.is_empty());
        let calls = if may_call { self.calls.places().free().min(1) } else { 0 };
        let budget = CommitBudget { calls, ..self.options.budget };
        let advance = || live.run.advance(slot.mailbox.commands(), &cx, budget);
        let Ok(folded) = std::panic::catch_unwind(AssertUnwindSafe(advance)) else {
            // One run must not take the others with it. What it had to say is still in the store.
            tracing::error!(%run, "a decision about a run panicked: the run is left alone");
            self.forget(run);
            return None;
        };
        for refusal in &folded.refused {
            tracing::warn!(%run, reason = %refusal, "a command was refused");
        }
        let mail = slot.mailbox.take(folded.taken);
        let (timer, stored_timer) = (live.run.timer(now), live.timer_to_store(now));
        let consumed: Vec<_> = mail.iter().filter_map(|mail| mail.item).collect();
        if live.run.wants_call(now) && !slot.is_waiting && !is_leaving {
            slot.is_waiting = true;
            self.waiting.push_back(run);
        }
        let is_stored = stored_timer.is_none() || live.has_stored_timer(now);
        if folded.events.is_empty() && consumed.is_empty() && is_stored {
            self.timers.set(run, timer);
            if !slot.mailbox.is_empty() {
                slot.is_dirty = true;
                self.dirty.push_back(run);
            } else if timer.is_none() {
                self.runs.remove(&run);
            }
            return None;
        }
        let start = folded.start.map(|call| (call, self.calls.places().take()));
        let (id, bytes) = (CommitId::new(self.rng.u128(..)), folded.bytes);
        live.flight = Some(Flight { id, mail, start, timer });
        let commit = Commit { timer: stored_timer, consumed, ..assemble(live, id, folded) };
        live.stored_timer = stored_timer;
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
                CommitReply::Conflict => self.was_refused(commit),
                CommitReply::NoRun => self.is_gone(commit),
            }
        }
    }

    fn went_through(&mut self, commit: &Commit, now: Timestamp) {
        let (run, is_owned) = (commit.run, self.owns(commit.run));
        let Some(slot) = self.runs.get_mut(&run) else { return };
        let Some(live) = slot.live.as_mut().filter(|live| live.flies(commit.id)) else { return };
        let Some(flight) = live.flight.take() else { return };
        live.head = commit.id;
        slot.refusals = 0;
        slot.mailbox.forget(&flight.mail);
        live.stop_stale_call();
        if flight.start.is_some() && !is_owned {
            // The lane is not ours any more, or not yet again: whoever adopts it asks.
            self.forget(run);
            return;
        }
        if let Some((call, place)) = flight.start {
            let handle = self.calls.start(&live.run, call, &self.catalogue.borrow(), place);
            live.call = Some((call, handle));
        }
        let is_due = flight.timer.is_some_and(|at| at <= now);
        let said_nothing = commit.events.is_empty() && commit.consumed.is_empty();
        if is_due && said_nothing && slot.mailbox.is_empty() {
            // The engine should never ask to be asked again for nothing; if it does, not at once.
            tracing::error!(%run, "a run is due and nothing follows");
            self.timers.set(run, Some(now + STORE_PAUSE));
            return;
        }
        self.timers.set(run, flight.timer.filter(|at| *at > now));
        if !slot.mailbox.is_empty() || is_due {
            slot.is_dirty = true;
            self.dirty.push_back(run);
        } else if live.run.state().is_terminal() {
            self.runs.remove(&run);
        }
    }

    /// Someone else changed the run: what is here is stale. Its calls are stopped, its mail is
    /// decided again on what the store has.
    fn was_refused(&mut self, commit: &Commit) {
        let run = commit.run;
        let Some(slot) = self.runs.get_mut(&run).filter(|slot| slot.flies(commit.id)) else {
            return;
        };
        tracing::warn!(%run, "a commit was refused: the run is loaded again");
        if let Some(flight) = slot.live.take().and_then(|live| live.flight) {
            slot.mailbox.put_back(flight.mail);
        }
        // The first time nothing is wrong but that somebody was faster. A run whose keys somebody has
        // damaged is refused each time.
        let pause = match slot.refusals {
            0 => Duration::ZERO,
            before => (STORE_PAUSE * 2_u32.pow(before.min(8))).min(REFUSAL_PAUSE),
        };
        slot.refusals += 1;
        self.timers.set(run, None);
        self.load(run, pause);
    }

    fn is_gone(&mut self, commit: &Commit) {
        if self.runs.get(&commit.run).is_some_and(|slot| slot.flies(commit.id)) {
            tracing::error!(run = %commit.run, "the store has lost a run");
            self.forget(commit.run);
        }
    }

    pub(super) fn forget(&mut self, run: RunId) {
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
                tracing::debug!(error = %error, runs = commits.len(), "a commit has no answer");
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
