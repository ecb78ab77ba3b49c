//! The sweep: what nobody told this driver is found by looking.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::time::Duration;

use sortie_engine::{AttemptNumber, Command, Lane, RunId, StepId, StepState};
use sortie_store::{Clock, InboxCursor, InboxId, StoreError};
use tokio::time::Instant;

use super::Driver;
use super::lanes::{last_seqs, within};
use super::live::{Mail, Slot};

/// One look for lost attempts is over about so many queued steps, and at most so many runs: Redis
/// walks over them and everybody waits.
const STEPS_AT_ONCE: usize = 2_000;
const RUNS_AT_ONCE: usize = 256;
/// Between two looks of one search.
const SEARCH_PAUSE: Duration = Duration::from_millis(50);
/// An inbox with more items than this is not searched for a report: its owner is far behind.
const INBOX_AT_ONCE: usize = 10_000;

/// A search for lost attempts: look after look, with the loop's other work in between.
#[derive(Debug, Default)]
pub(super) struct Search {
    next: Option<(RunId, Instant)>,
}

impl Search {
    /// When the next look is due, while a search is under way.
    pub(super) fn due(&self) -> Option<Instant> {
        self.next.map(|(_, at)| at)
    }
}

/// A queued step that nobody may have.
type Place = (RunId, StepId, AttemptNumber);

impl Driver {
    /// Compares what the store has with what is known here, and repairs. Without faults it finds
    /// nothing: everything here has changed only by commits of ours.
    pub(super) async fn sweep(&mut self) {
        // The mail that was read and is in no mailbox was missed; what is in one is known there.
        for cursor in self.owned.values_mut() {
            cursor.after = InboxId(0);
        }
        match self.compare().await {
            Ok(repairs) => self.repaired(repairs),
            Err(error) => tracing::debug!(%error, "a sweep was broken off"),
        }
        if self.search.next.is_none() {
            self.search_from(Bound::Unbounded).await;
        }
    }

    fn repaired(&self, repairs: u64) {
        if repairs > 0 {
            tracing::warn!(
                repairs,
                "the sweep found runs that had changed behind this coordinator"
            );
            self.counts.send_modify(|counts| counts.repairs += repairs);
        }
    }

    /// Timers, model calls and the ends of histories. A store that does not answer ends it: the loop
    /// has lanes to keep.
    async fn compare(&mut self) -> Result<u64, StoreError> {
        self.clock = within(Clock::read(&*self.store)).await?;
        let mut repairs = 0;
        for lane in self.owned.keys().copied().collect::<Vec<_>>() {
            repairs += self.sweep_absent(lane).await?;
        }
        Ok(repairs + self.sweep_stale().await?)
    }

    /// Runs that are not in memory: their timers are the store's, and none waits for a model call
    /// that nobody makes.
    async fn sweep_absent(&mut self, lane: Lane) -> Result<u64, StoreError> {
        let timers = within(self.store.timers(lane)).await?;
        let calls = within(self.store.model_calls(lane)).await?;
        let (mut repairs, now) = (0, self.clock.now());
        for (run, at) in timers {
            let known = self.timers.at(run);
            // A goal that was submitted just now is on its way here through the inbox.
            let is_fresh = known.is_none() && at <= now && at + self.options.lane_lease > now;
            if !self.runs.contains_key(&run) && known != Some(at) && !is_fresh {
                repairs += 1;
                self.timers.set(run, Some(at));
            }
        }
        for run in calls {
            if !self.runs.contains_key(&run) {
                repairs += 1;
                self.deliver(run, Mail::local(Command::TimerDue));
            }
        }
        Ok(repairs)
    }

    /// Runs in memory that somebody else has changed: an earlier owner's commit may arrive late.
    async fn sweep_stale(&mut self) -> Result<u64, StoreError> {
        let idle = self.runs.iter().filter_map(|(run, slot)| {
            let live = slot.live.as_ref().filter(|live| live.flight.is_none())?;
            Some((*run, live.run.seq()))
        });
        let (runs, known): (Vec<_>, Vec<_>) = idle.unzip();
        let seqs = last_seqs(&*self.store, &runs).await?;
        let mut repairs = 0;
        for ((run, known), seq) in runs.into_iter().zip(known).zip(seqs) {
            if seq.is_some_and(|seq| seq != known) {
                repairs += 1;
                self.reload(run);
            }
        }
        Ok(repairs)
    }

    /// The next look of a search.
    pub(super) async fn search_on(&mut self) {
        if let Some((last, _)) = self.search.next {
            self.search_from(Bound::Excluded(last)).await;
        }
    }

    /// Looks for lost attempts of some runs, and sees to it that those behind them have their turn.
    async fn search_from(&mut self, start: Bound<RunId>) {
        let (mut quiet_runs, mut steps, mut last) = (Vec::new(), 0, None);
        for (run, slot) in self.runs.range((start, Bound::Unbounded)) {
            if let Some((run, queued)) = quiet(*run, slot) {
                steps += queued.len();
                quiet_runs.push((run, queued));
            }
            if steps >= STEPS_AT_ONCE || quiet_runs.len() >= RUNS_AT_ONCE {
                last = Some(*run);
                break;
            }
        }
        self.search.next = None;
        match self.seek(quiet_runs).await {
            Ok(found) => {
                self.repaired(found);
                self.search.next = last.map(|last| (last, Instant::now() + SEARCH_PAUSE));
            }
            // The next sweep begins anew.
            Err(error) => tracing::debug!(%error, "a search for lost attempts was broken off"),
        }
    }

    /// Queued steps that no worker has or can get, and of which nobody has reported. A report leaves
    /// the queue and enters the inbox at once, so whoever looks at the queue first and then into the
    /// inbox finds it in one of them, unless a commit has consumed it: then the commit that is
    /// decided here is refused.
    async fn seek(
        &mut self,
        quiet: Vec<(RunId, Vec<(StepId, AttemptNumber)>)>,
    ) -> Result<u64, StoreError> {
        let runs: Vec<_> = quiet.iter().map(|(run, _)| *run).collect();
        if runs.is_empty() {
            return Ok(0);
        }
        let custody = within(self.store.custody(&runs)).await?;
        let mut lost: Vec<Place> = Vec::new();
        for ((run, queued), held) in quiet.into_iter().zip(custody) {
            let gone = queued.into_iter().filter(|place| !held.contains(place));
            lost.extend(gone.map(|(step, attempt)| (run, step, attempt)));
        }
        if lost.is_empty() {
            return Ok(0);
        }
        let lanes: BTreeSet<_> = lost.iter().map(|(run, ..)| run.lane()).collect();
        let start = |lane| InboxCursor { lane, after: InboxId(0) };
        let cursors: Vec<_> = lanes.into_iter().map(start).collect();
        let items = within(self.store.read_inbox(&cursors, INBOX_AT_ONCE, Duration::ZERO)).await?;
        if items.len() >= INBOX_AT_ONCE {
            return Ok(0); // the next sweep looks again
        }
        for item in items {
            if let Command::AttemptEnded(report) = &item.command {
                lost.retain(|place| *place != (item.run, report.step, report.attempt));
            }
        }
        for (run, step, attempt) in &lost {
            tracing::warn!(%run, %step, %attempt, "an attempt was lost");
            let (step, attempt) = (*step, *attempt);
            self.deliver(*run, Mail::local(Command::AttemptVanished { step, attempt }));
        }
        Ok(lost.len() as u64)
    }

    fn reload(&mut self, run: RunId) {
        if let Some(slot) = self.runs.get_mut(&run) {
            slot.live = None;
            self.timers.set(run, None);
            self.load(run, Duration::ZERO);
        }
    }
}

/// A run of which nothing is under way here, with its queued steps, if it has any.
fn quiet(run: RunId, slot: &Slot) -> Option<(RunId, Vec<(StepId, AttemptNumber)>)> {
    let live = slot.live.as_ref().filter(|live| live.flight.is_none())?;
    let queued: Vec<_> = live
        .run
        .all_steps()
        .iter()
        .filter_map(|step| match step.state {
            StepState::Queued(attempt) => Some((step.id, attempt)),
            _ => None,
        })
        .collect();
    (slot.mailbox.is_empty() && !queued.is_empty()).then_some((run, queued))
}
