//! The sweep: what nobody told this driver is found by looking.

use std::time::Duration;

use sortie_engine::{Command, Lane, RunId};
use sortie_store::{Clock, InboxId};

use super::Driver;
use super::lanes::within;
use super::live::Mail;

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

    fn reload(&mut self, run: RunId) {
        if let Some(slot) = self.runs.get_mut(&run) {
            slot.live = None;
            self.timers.set(run, None);
            self.load(run, Duration::ZERO);
        }
    }
}
