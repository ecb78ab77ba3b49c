//! Ownership of lanes: taking, keeping, losing, and the sweep that finds what was missed.

use std::collections::BTreeSet;

use sortie_engine::{Command, Lane};
use sortie_store::{Clock, InboxCursor, InboxId, StoreError};

use super::live::Mail;
use super::{Driver, of_lanes};

impl Driver {
    /// Takes and keeps lanes; whether the owned ones have changed.
    pub(super) async fn renew_lanes(&mut self) -> bool {
        let (owner, wanted) = (&self.options.owner, &self.options.lanes);
        let owned = match self.store.own(owner, wanted, self.options.lane_lease).await {
            Ok(owned) => owned.into_iter().collect::<BTreeSet<_>>(),
            Err(error) => {
                tracing::warn!(error = %error, "lanes could not be renewed");
                return false;
            }
        };
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
        let timers = self.store.timers(lane).await?;
        let calls = self.store.model_calls(lane).await?;
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
            self.timers.set(run, None);
        }
        self.dirty.retain(|run| !lanes.contains(&run.lane()));
    }

    /// Compares what the store has with what is known here, and repairs. Without faults it finds
    /// nothing.
    pub(super) async fn sweep(&mut self) {
        if let Ok(clock) = Clock::read(&*self.store).await {
            self.clock = clock;
        }
        let mut repairs = 0;
        for lane in self.owned.keys().copied().collect::<Vec<_>>() {
            let Ok(timers) = self.store.timers(lane).await else { continue };
            for (run, at) in timers {
                if !self.runs.contains_key(&run) && !self.timers.has(run) {
                    repairs += 1;
                    self.timers.set(run, Some(at));
                }
            }
            // Items that were read and are in no mailbox were missed; the others are known.
            if let Some(cursor) = self.owned.get_mut(&lane) {
                cursor.after = InboxId(0);
            }
        }
        if repairs > 0 {
            tracing::warn!(repairs, "the sweep found timers that nobody had");
            self.counts.send_modify(|counts| counts.repairs += repairs);
        }
    }

    /// The end: what is under way is finished, the lanes are free at once.
    pub(super) async fn leave(mut self) {
        use futures_util::stream::StreamExt as _;
        while let Some(done) = self.commits.next().await {
            self.committed(done);
        }
        self.runs.clear();
        self.calls.finish().await;
        let lanes: Vec<_> = self.owned.keys().copied().collect();
        if let Err(error) = self.store.disown(&self.options.owner, &lanes).await {
            tracing::warn!(error = %error, "lanes could not be given up");
        }
    }
}
