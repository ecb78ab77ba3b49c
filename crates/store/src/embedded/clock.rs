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
    pub(super) fn start() -> Self {
        let epoch = SystemTime::UNIX_EPOCH;
        let since_epoch = SystemTime::now().duration_since(epoch).unwrap_or(Duration::ZERO);
        Self { base: Timestamp::from_millis(0) + since_epoch, start: Instant::now() }
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
        let clock = Clock::start();
        let before = clock.now();
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now().since(before), Duration::from_secs(90));
    }
}
