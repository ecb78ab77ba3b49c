//! When to try again: exponential backoff with jitter, a pure function of the failure.

use std::time::Duration;

use crate::failure::{Failure, Retry};

/// How failures are retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The pause after the first failure, before jitter.
    pub first: Duration,
    /// No pause of our own is longer.
    pub longest: Duration,
    /// Asked-for pauses (`Retry-After`) are honoured up to this.
    pub longest_asked: Duration,
    /// Tries at one plan version's call or one answer before the run gives up.
    pub calls: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            longest_asked: Duration::from_secs(300),
            calls: 3,
        }
    }
}

impl RetryPolicy {
    /// The pause before the next try after `failures` failed ones, if trying again can help.
    ///
    /// The pause is drawn from the upper half of `first * 2^(failures - 1)`: late enough to spare a
    /// struggling service, spread enough that many runs do not return at once.
    #[must_use]
    pub fn pause(&self, failure: &Failure, failures: u32, seed: u64) -> Option<Duration> {
        if failure.kind.retry() == Retry::Never {
            return None;
        }
        let doublings = failures.saturating_sub(1).min(20);
        let ceiling = self.first.saturating_mul(1 << doublings).min(self.longest);
        let drawn = ceiling.mul_f64(0.5 + 0.5 * unit(seed));
        let asked = failure.retry_after.unwrap_or_default().min(self.longest_asked);
        Some(drawn.max(asked))
    }
}

/// A number in `0..1` out of a seed (the finalizer of SplitMix64).
fn unit(seed: u64) -> f64 {
    let mixed = mix(seed);
    #[allow(clippy::cast_precision_loss)] // 53 bits fit exactly
    let number = (mixed >> 11) as f64;
    number / (1_u64 << 53) as f64
}

/// Spreads a seed over all bits, so that neighbours draw unlike numbers.
pub(crate) const fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureKind;

    #[test]
    fn pauses_grow_within_their_bounds_and_stop_at_the_longest() {
        let policy = RetryPolicy::default();
        let failure = Failure::new(FailureKind::Unavailable, "down");
        for (failures, ceiling) in [(1, 500), (2, 1000), (3, 2000), (7, 30_000), (40, 30_000)] {
            for seed in 0..100 {
                let pause = policy.pause(&failure, failures, seed).unwrap();
                assert!(pause.as_millis() >= ceiling / 2 && pause.as_millis() <= ceiling);
            }
        }
        let drawn: std::collections::BTreeSet<_> =
            (0..100).map(|seed| policy.pause(&failure, 1, seed)).collect();
        assert!(drawn.len() > 90, "jitter must spread");
    }

    #[test]
    fn a_wish_for_a_longer_pause_is_honoured_up_to_a_limit() {
        let policy = RetryPolicy::default();
        let asked = |seconds| Failure {
            retry_after: Some(Duration::from_secs(seconds)),
            ..Failure::new(FailureKind::RateLimited, "slow down")
        };
        assert_eq!(policy.pause(&asked(20), 1, 0), Some(Duration::from_secs(20)));
        assert_eq!(policy.pause(&asked(86_400), 1, 0), Some(policy.longest_asked));
    }

    #[test]
    fn what_cannot_help_is_not_tried_again() {
        let failure = Failure::new(FailureKind::NotFound, "nothing");
        assert_eq!(RetryPolicy::default().pause(&failure, 1, 0), None);
    }
}
