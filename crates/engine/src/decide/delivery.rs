//! What a worker must do with an attempt that it was handed: the only decision about a step that
//! falls outside a run, because it must fall before the tool starts.

use crate::failure::{Failure, FailureKind};
use crate::tool::Effect;

/// A step over which so many workers were lost is not given to another one: it may be what kills
/// them.
pub const WORKER_LOSSES: u32 = 3;

/// What to do with a delivered attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Run the tool.
    Run {
        /// Workers that were lost over this attempt before.
        workers_lost: u32,
    },
    /// Report this failure without running the tool.
    Refuse {
        /// What to report.
        failure: Failure,
        /// Workers that were lost over this attempt before.
        workers_lost: u32,
    },
}

impl Delivery {
    /// `lost_before` counts workers lost over earlier attempts, `deliveries` how often this attempt
    /// was handed out, this time included.
    #[must_use]
    pub fn judge(effect: Effect, lost_before: u32, deliveries: u32) -> Self {
        let workers_lost = deliveries.saturating_sub(1);
        let refuse =
            |kind, message| Self::Refuse { failure: Failure::new(kind, message), workers_lost };
        if workers_lost > 0 && effect == Effect::Once {
            let message = "the worker that had the step is gone, and it must not run twice: \
                           look whether it was done"
                .to_owned();
            return refuse(FailureKind::OutcomeUnknown, message);
        }
        let lost = lost_before.saturating_add(workers_lost);
        if lost >= WORKER_LOSSES {
            let message = format!("{lost} workers were lost over this step");
            return refuse(FailureKind::WorkerLost, message);
        }
        Self::Run { workers_lost }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_lost_worker_ends_the_step_and_a_once_step_never_runs_again() {
        for (effect, before, deliveries, expected) in [
            (Effect::Read, 0, 1, None),
            (Effect::Read, 0, 3, None),
            (Effect::Read, 0, 4, Some(FailureKind::WorkerLost)),
            (Effect::Read, 2, 2, Some(FailureKind::WorkerLost)),
            (Effect::Once, 0, 1, None),
            (Effect::Once, 2, 1, None),
            (Effect::Once, 0, 2, Some(FailureKind::OutcomeUnknown)),
        ] {
            let kind = match Delivery::judge(effect, before, deliveries) {
                Delivery::Run { workers_lost } => {
                    assert_eq!(workers_lost, deliveries - 1);
                    None
                }
                Delivery::Refuse { failure, .. } => Some(failure.kind),
            };
            assert_eq!(kind, expected, "{effect} {before} {deliveries}");
        }
    }
}
