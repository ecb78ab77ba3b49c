//! The store's clock. It reads the machine's time of day once and counts on from there, so that it
//! never jumps, and stands still where tokio's time is paused.

use std::time::{Duration, SystemTime};

use sortie_engine::Timestamp;
use tokio::time::Instant;

pub(super) struct Clock {
    base: Timestamp,
    start: Instant,
}

impl Clock {
    /// A clock that shows `base` now.
    pub(super) fn start(base: Timestamp) -> Self {
        Self { base, start: Instant::now() }
    }

    /// The machine's time of day.
    pub(super) fn time_of_day() -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Timestamp::from_millis(0) + since_epoch.unwrap_or(Duration::ZERO)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.base + self.start.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_follows_tokios_time() {
        let clock = Clock::start(Clock::time_of_day());
        let before = clock.now();
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now().since(before), Duration::from_secs(90));
    }
}
