//! Texts of answers that are being written here, for watchers who come late: whoever misses text
//! asks for it by a signal, and the call that writes the answer says all of it again.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sortie_engine::RunId;
use tokio::sync::Notify;

/// The runs whose answers are being written by this coordinator's calls.
#[derive(Debug, Clone, Default)]
pub struct Texts(Arc<Mutex<BTreeMap<RunId, Arc<Notify>>>>);

/// A text that is being written; dropping it ends that.
pub(super) struct Writing {
    texts: Texts,
    run: RunId,
    wanted: Arc<Notify>,
}

impl Texts {
    /// Somebody misses text of this run's answer. Nothing happens if it is written elsewhere; those
    /// who ask at the same time are answered together.
    pub fn want(&self, run: RunId) {
        if let Some(wanted) = self.lock().get(&run) {
            wanted.notify_one();
        }
    }

    /// From now on this run's answer is written here.
    pub(super) fn write(&self, run: RunId) -> Writing {
        let wanted = Arc::new(Notify::new());
        self.lock().insert(run, wanted.clone());
        Writing { texts: self.clone(), run, wanted }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RunId, Arc<Notify>>> {
        // A map is whole between any two of its operations.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writing {
    /// Waits until somebody misses text.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // The next attempt at the answer may have begun before this one is gone.
        if let Entry::Occupied(own) = self.texts.lock().entry(self.run)
            && Arc::ptr_eq(own.get(), &self.wanted)
        {
            own.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use sortie_engine::Lane;

    #[tokio::test]
    async fn who_writes_hears_that_text_is_missed_and_a_later_attempt_takes_its_place() {
        let (texts, run) = (Texts::default(), RunId::new(0, Lane(0), 1));
        texts.want(run);
        let first = texts.write(run);
        assert_eq!(first.wanted().now_or_never(), None);
        texts.want(run);
        texts.want(run);
        first.wanted().await;
        assert_eq!(first.wanted().now_or_never(), None);
        let second = texts.write(run);
        drop(first);
        texts.want(run);
        second.wanted().await;
        drop(second);
        assert!(texts.lock().is_empty());
    }
}
