//! The sweep: what nobody told this driver is found by looking.

use std::collections::BTreeSet;
use std::time::Duration;

use sortie_engine::{AttemptNumber, Command, Lane, RunId, StepId, StepState};
use sortie_store::{Clock, InboxCursor, InboxId};

use super::Driver;
use super::lanes::within;
use super::live::{Mail, Slot};

/// Runs whose attempts are looked at in one call.
const CUSTODY_AT_ONCE: usize = 256;
/// An inbox with more items than this is not searched for a report: its owner is far behind.
const INBOX_AT_ONCE: usize = 10_000;

impl Driver {
    /// Compares what the store has with what is known here, and repairs. Without faults it finds
    /// nothing: everything here has changed only by commits of ours.
    pub(super) async fn sweep(&mut self) {
        if let Ok(clock) = within(Clock::read(&*self.store)).await {
            self.clock = clock;
        }
        let mut repairs = 0;
        for lane in self.owned.keys().copied().collect::<Vec<_>>() {
            repairs += self.sweep_absent(lane).await;
            // Items that were read and are in no mailbox were missed; the others are known.
            if let Some(cursor) = self.owned.get_mut(&lane) {
                cursor.after = InboxId(0);
            }
        }
        repairs += self.sweep_stale().await;
        repairs += self.sweep_custody().await;
        if repairs > 0 {
            tracing::warn!(
                repairs,
                "the sweep found runs that had changed behind this coordinator"
            );
            self.counts.send_modify(|counts| counts.repairs += repairs);
        }
    }

    /// Runs that are not in memory: their timers are the store's, and none waits for a model call
    /// that nobody makes.
    async fn sweep_absent(&mut self, lane: Lane) -> u64 {
        let Ok(timers) = within(self.store.timers(lane)).await else { return 0 };
        let Ok(calls) = within(self.store.model_calls(lane)).await else { return 0 };
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
        repairs
    }

    /// Runs in memory that somebody else has changed: an earlier owner's commit may arrive late.
    async fn sweep_stale(&mut self) -> u64 {
        let idle = self.runs.iter().filter_map(|(run, slot)| {
            let live = slot.live.as_ref().filter(|live| live.flight.is_none())?;
            Some((*run, live.run.seq()))
        });
        let (runs, known): (Vec<_>, Vec<_>) = idle.unzip();
        let Ok(seqs) = within(self.store.last_seqs(&runs)).await else { return 0 };
        let mut repairs = 0;
        for ((run, known), seq) in runs.into_iter().zip(known).zip(seqs) {
            if seq.is_some_and(|seq| seq != known) {
                repairs += 1;
                self.reload(run);
            }
        }
        repairs
    }

    /// Queued steps that no worker has or can get, and of which nobody has reported. A report leaves
    /// the queue and enters the inbox at once, so whoever looks at the queue first and then into the
    /// inbox finds it in one of them, unless a commit has consumed it: then the commit that is
    /// decided here is refused.
    async fn sweep_custody(&mut self) -> u64 {
        let quiet: Vec<_> = self.runs.iter().filter_map(|(run, slot)| quiet(*run, slot)).collect();
        let mut lost = Vec::new();
        for some in quiet.chunks(CUSTODY_AT_ONCE) {
            let runs: Vec<_> = some.iter().map(|(run, _)| *run).collect();
            let Ok(custody) = within(self.store.custody(&runs)).await else { return 0 };
            for ((run, queued), held) in some.iter().zip(custody) {
                let gone = queued.iter().filter(|place| !held.contains(place));
                lost.extend(gone.map(|(step, attempt)| (*run, *step, *attempt)));
            }
        }
        if lost.is_empty() {
            return 0;
        }
        let lanes: BTreeSet<_> = lost.iter().map(|(run, ..)| run.lane()).collect();
        let start = |lane| InboxCursor { lane, after: InboxId(0) };
        let cursors: Vec<_> = lanes.into_iter().map(start).collect();
        let items = within(self.store.read_inbox(&cursors, INBOX_AT_ONCE, Duration::ZERO)).await;
        let Some(items) = items.ok().filter(|items| items.len() < INBOX_AT_ONCE) else {
            return 0; // the next sweep looks again
        };
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
        lost.len() as u64
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
