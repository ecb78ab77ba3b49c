//! Ownership of lanes: taking, keeping, losing, and the sweep that finds what was missed.

use std::collections::BTreeSet;
use std::time::Duration;

use sortie_engine::{Command, Lane, RunId};
use sortie_store::{Clock, InboxCursor, InboxId, StoreError};

use tokio::time::Instant;

use super::live::Mail;
use super::{Driver, of_lanes};

/// A call of the store within the loop takes no longer.
const PATIENCE: Duration = Duration::from_secs(2);

impl Driver {
    /// Takes and keeps lanes; whether the owned ones have changed.
    pub(super) async fn renew_lanes(&mut self) -> bool {
        let (owner, wanted) = (&self.options.owner, &self.options.lanes);
        let own = self.store.own(owner, wanted, self.options.lane_lease);
        let owned = match within(own).await {
            Ok(owned) => owned.into_iter().collect::<BTreeSet<_>>(),
            Err(error) => {
                tracing::warn!(error = %error, "lanes could not be renewed");
                if self.renewed.elapsed() < self.options.lane_lease {
                    return false;
                }
                // A whole lease without an answer: others may have taken them.
                BTreeSet::new()
            }
        };
        self.renewed = Instant::now();
        let before: BTreeSet<_> = self.owned.keys().copied().collect();
        if owned == before {
            return false;
        }
        self.drop_lanes(&before.difference(&owned).copied().collect());
        for lane in owned.difference(&before) {
            if let Err(error) = self.adopt(*lane).await {
                // It is not known here as owned, so the next renewal tries again.
                tracing::warn!(%lane, error = %error, "a lane could not be adopted");
            }
        }
        self.owned_tx.send_replace(self.owned.keys().copied().collect());
        true
    }

    /// A lane's runs are loaded when something arrives or is due for them; those whose model call
    /// may be open at once.
    async fn adopt(&mut self, lane: Lane) -> Result<(), StoreError> {
        let timers = within(self.store.timers(lane)).await?;
        let calls = within(self.store.model_calls(lane)).await?;
        self.owned.insert(lane, InboxCursor { lane, after: InboxId(0) });
        for (run, at) in timers {
            self.timers.set(run, Some(at));
        }
        for run in calls {
            self.deliver(run, Mail::local(Command::TimerDue));
        }
        tracing::debug!(%lane, "lane adopted");
        Ok(())
    }

    fn drop_lanes(&mut self, lanes: &BTreeSet<Lane>) {
        for lane in lanes {
            self.owned.remove(lane);
            tracing::info!(%lane, "lane lost");
        }
        for run in of_lanes(&self.runs, lanes) {
            self.runs.remove(&run);
        }
        self.timers.forget(lanes);
        self.dirty.retain(|run| !lanes.contains(&run.lane()));
    }

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

    /// The end: what is under way is finished, the lanes are free at once.
    pub(super) async fn leave(mut self) {
        use futures_util::stream::StreamExt as _;
        let drain = async {
            while let Some(done) = self.commits.next().await {
                self.committed(done);
            }
        };
        if tokio::time::timeout(PATIENCE * 2, drain).await.is_err() {
            tracing::warn!("commits are still without an answer: whoever adopts the runs goes on");
        }
        self.runs.clear();
        self.calls.finish().await;
        let lanes: Vec<_> = self.owned.keys().copied().collect();
        if let Err(error) = within(self.store.disown(&self.options.owner, &lanes)).await {
            tracing::warn!(error = %error, "lanes could not be given up");
        }
    }
}

/// A call of the store within the loop, which must not stand still for one that hangs.
async fn within<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let silent = StoreError::Unavailable { action: "look after the lanes" };
    tokio::time::timeout(PATIENCE, call).await.map_err(|_| silent)?
}
