//! Histories on their way from the store into the slots of their runs.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use sortie_engine::{Command, RunId, Seq};
use sortie_store::{History, InboxId, Store, StoreError};
use tokio::sync::Semaphore;

use super::live::{Live, Mail};
use super::{Driver, STORE_PAUSE};

/// Histories that are read at once. The store's connection has room for some tens of calls on their
/// way, and the loop that takes their answers must find room there for its own.
const AT_ONCE: usize = 32;

/// A run, the name of the load, and what it gave.
type Loaded = (RunId, u64, Result<Option<History>, StoreError>);

/// Loads that wait or are under way.
pub(super) struct Loads {
    under_way: FuturesUnordered<BoxFuture<'static, Loaded>>,
    places: Arc<Semaphore>,
    /// The name of the last one: an answer to an older one is not for the slot of today.
    last: u64,
}

impl Default for Loads {
    fn default() -> Self {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        Self { under_way: FuturesUnordered::new(), places, last: 0 }
    }
}

impl Loads {
    /// Reads a run's history after a pause; tells the name of the load.
    fn begin(&mut self, store: Arc<dyn Store>, run: RunId, pause: Duration) -> u64 {
        self.last += 1;
        let (load, places) = (self.last, self.places.clone());
        self.under_way.push(Box::pin(async move {
            // Even a sleep of no length waits for the timer's next millisecond.
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            let _place = places.acquire().await;
            (run, load, store.load(run, Seq::ZERO).await)
        }));
        load
    }

    /// The next one that has ended.
    pub(super) async fn next(&mut self) -> Option<Loaded> {
        self.under_way.next().await
    }
}

impl Driver {
    /// Reads a run's history into its slot, after a pause.
    pub(super) fn load(&mut self, run: RunId, pause: Duration) {
        let Some(slot) = self.runs.get_mut(&run) else { return };
        slot.load = self.loads.begin(self.store.clone(), run, pause);
    }

    pub(super) fn loaded(&mut self, (run, load, history): Loaded) {
        let slot = self.runs.get_mut(&run).filter(|slot| slot.load == load && slot.live.is_none());
        let Some(slot) = slot else { return };
        match history {
            Ok(Some(history)) => match replay(run, &history) {
                Some(live) => {
                    let resumes = live.run.open_call().is_some();
                    slot.live = Some(live);
                    if resumes {
                        slot.mailbox.push(Mail::local(Command::Resume));
                    } else if slot.mailbox.is_empty() {
                        slot.mailbox.push(Mail::local(Command::TimerDue));
                    }
                    slot.is_dirty = true;
                    self.dirty.push_back(run);
                }
                None => {
                    // Nothing that this version understands: a newer coordinator may.
                    tracing::error!(%run, "the history of a run cannot be replayed");
                    self.runs.remove(&run);
                }
            },
            Ok(None) => {
                tracing::warn!(%run, "commands for a run that does not exist were discarded");
                let ids = slot.mailbox.inbox_ids();
                self.runs.remove(&run);
                self.discard(run, ids);
            }
            Err(error @ StoreError::Broken { .. }) => {
                // What is in the store cannot be read, at least not by this version. The sweep asks
                // again, in case a newer coordinator has mended it.
                tracing::error!(%run, %error, "the history of a run cannot be read");
                self.runs.remove(&run);
            }
            Err(error) => {
                tracing::debug!(%run, %error, "a run could not be loaded");
                self.load(run, STORE_PAUSE);
            }
        }
    }

    fn discard(&self, run: RunId, ids: Vec<InboxId>) {
        let store = self.store.clone();
        let items: Vec<_> = ids.into_iter().map(|id| (run.lane(), id)).collect();
        self.calls.spawn(async move {
            if let Err(error) = store.discard(&items).await {
                tracing::warn!(error = %error, "inbox items could not be discarded");
            }
        });
    }
}

/// The state that a history folds into. One that nobody should have written must not take the other
/// runs with it.
fn replay(run: RunId, history: &History) -> Option<Box<Live>> {
    std::panic::catch_unwind(AssertUnwindSafe(|| Live::replay(run, history))).ok().flatten()
}
