//! What time it is for the store, as it was read last.

use std::sync::{Mutex, PoisonError};

use sortie_engine::Timestamp;
use sortie_store::Clock;

/// A clock that is read anew now and then: the store's may be set.
pub(super) struct StoreTime(Mutex<Clock>);

impl StoreTime {
    pub(super) const fn new(clock: Clock) -> Self {
        Self(Mutex::new(clock))
    }

    pub(super) fn set(&self, clock: Clock) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = clock;
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now()
    }
}
