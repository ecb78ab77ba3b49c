//! Storms: everything that can break, one after the other, while goals come without end.
//!
//! | Variable | Means |
//! |---|---|
//! | `SORTIE_CHAOS_MINUTES` | how long the storm lasts |
//! | `SORTIE_CHAOS_SEED` | which one it is |

use std::time::Duration;

use sortie_tests::chaos::storm::{StormOptions, idle, storm};
use sortie_tests::chaos::{ClusterOptions, Outcome};

use crate::options;

/// What a test run has time for.
const SHORT: Duration = Duration::from_secs(40);

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What is wrong, with the seed and the last words of everybody.
pub(crate) fn tell(outcome: &Outcome) {
    eprintln!("{}", outcome.summary);
    for violation in &outcome.violations {
        eprintln!("{violation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_storm_breaks_a_promise() {
    let length = from_env("SORTIE_CHAOS_MINUTES").map(|minutes| Duration::from_secs(60 * minutes));
    let seed = from_env("SORTIE_CHAOS_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
    let cluster = ClusterOptions { workers: 3, ..options() };
    let options = StormOptions::new(cluster, seed, length.unwrap_or(SHORT));
    let harms = options.harms.clone();
    let outcome = storm(options).await;
    tell(&outcome);
    assert!(outcome.violations.is_empty(), "broken promises, see above");
    let idle = idle(&harms, &outcome.evidence.faults);
    assert!(idle.is_empty(), "these never hit anything: {idle:?}");
}
