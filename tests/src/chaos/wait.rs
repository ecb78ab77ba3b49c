//! Waiting for something that will be seen, and the time that everybody on the machine shares.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nothing that a test waits for takes longer, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Looks until it holds; the answer is how long that took.
///
/// # Panics
/// If it does not hold within `patience`.
#[track_caller]
pub fn wait_until<F>(
    what: &str,
    patience: Duration,
    holds: F,
) -> impl Future<Output = Duration> + use<'_, F>
where
    F: AsyncFnMut() -> bool,
{
    let caller = std::panic::Location::caller();
    wait(what, patience, holds, caller)
}

async fn wait(
    what: &str,
    patience: Duration,
    mut holds: impl AsyncFnMut() -> bool,
    caller: &'static std::panic::Location<'static>,
) -> Duration {
    let begun = Instant::now();
    while !holds().await {
        let waited = begun.elapsed();
        assert!(waited < patience, "{caller}: waited {waited:?} for {what}");
        tokio::time::sleep(LOOK).await;
    }
    begun.elapsed()
}

/// Milliseconds since 1970 on the clock that all processes of the machine share: what ledger, log
/// of faults and histories are compared by.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
