//! The store's time, read without asking the store each time.

use std::time::Duration;

use sortie_engine::Timestamp;
use tokio::time::Instant;

use crate::{Store, StoreError};

/// The store's time at one moment of ours; from there on our own clock counts.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    store: Timestamp,
    ours: Instant,
}

impl Clock {
    /// Asks the store for its time.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn read(store: &dyn Store) -> Result<Self, StoreError> {
        Ok(Self { store: store.now().await?, ours: Instant::now() })
    }

    /// The store's time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.store + self.ours.elapsed()
    }

    /// The moment of ours at which the store's clock shows `at`.
    #[must_use]
    pub fn instant(&self, at: Timestamp) -> Instant {
        // Timestamps have whole milliseconds: one more, so that we never wake before the time.
        self.ours + at.since(self.store) + Duration::from_millis(1)
    }
}
