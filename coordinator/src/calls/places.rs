//! Places for model calls: a count with an end, so that a thousand runs that are submitted at once
//! do not become a thousand model calls at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// How many model calls may be open.
pub(crate) struct Places {
    taken: AtomicUsize,
    most: usize,
    freed: Notify,
}

/// One of the places; dropping it frees it.
pub(crate) struct Place(Arc<Places>);

impl Places {
    pub(crate) fn new(most: usize) -> Self {
        Self { taken: AtomicUsize::new(0), most, freed: Notify::new() }
    }

    pub(crate) fn free(&self) -> usize {
        self.most.saturating_sub(self.taken.load(Ordering::Acquire))
    }

    /// Takes a place. The driver is the only taker and asks [`Places::free`] before.
    pub(crate) fn take(self: &Arc<Self>) -> Place {
        self.taken.fetch_add(1, Ordering::AcqRel);
        Place(self.clone())
    }

    /// Waits until a place was freed.
    pub(crate) async fn freed(&self) {
        self.freed.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_place_is_free_and_says_so() {
        let places = Arc::new(Places::new(2));
        let (one, two) = (places.take(), places.take());
        assert_eq!(places.free(), 0);
        drop(one);
        places.freed().await;
        assert_eq!(places.free(), 1);
        drop(two);
        assert_eq!(places.free(), 2);
    }
}
