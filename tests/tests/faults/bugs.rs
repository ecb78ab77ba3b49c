//! The checker sees what it is there for: with each bug planted, a storm that would show it must
//! come to a violation.

use std::time::Duration;

use sortie_tests::chaos::storm::{StormOptions, storm};
use sortie_tests::chaos::{Bug, Harm, Mix};

use crate::options;
use crate::storms::tell;

/// A checker that needs more storms than this to see a bug will not see its like.
const CHANCES: u64 = 3;

/// Short steps and quick planners, so that much is begun and ended.
const QUICK: Mix = Mix { steps: 8, slow_ms: 500, talk_ms: 200, failing: 15, failures: 2 };
/// Planners that take their time: a frozen coordinator wakes with words that came too late.
const TALKING: Mix = Mix { talk_ms: 1_500, ..QUICK };
/// Steps that take long: a frozen worker wakes with a tool that others run by now.
const SLOW: Mix = Mix { slow_ms: 6_000, ..QUICK };
/// Steps that wait for another try: nothing but their timer wakes them.
const PATIENT: Mix = Mix { failing: 2, failures: 5, ..QUICK };

async fn is_caught(bug: Bug, harms: &[Harm], mix: Mix) {
    for seed in 1..=CHANCES {
        let mut options = StormOptions::new(options(), seed, Duration::from_secs(14));
        options.bug = Some(bug);
        options.harms = harms.to_vec();
        options.mix = mix;
        options.calm = Duration::from_secs(15);
        let outcome = storm(options).await;
        if let Some(violation) = outcome.violations.first() {
            eprintln!("{bug:?} is seen in storm {seed}: {violation}\n{}", outcome.summary);
            return;
        }
        tell(&outcome);
    }
    panic!("nobody saw {bug:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_an_acknowledgement_before_the_append() {
    is_caught(Bug::AckBeforeAppend, &[], QUICK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_a_parent_that_is_not_checked() {
    is_caught(Bug::NoParentCheck, &[Harm::CoordinatorFrozen], TALKING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_a_heartbeat_by_plain_claim() {
    is_caught(Bug::HeartbeatByPlainClaim, &[Harm::WorkerFrozen], SLOW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_a_timer_that_is_popped_before_the_commit() {
    is_caught(Bug::TimerPoppedBeforeCommit, &[Harm::CoordinatorKilled], PATIENT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_steps_that_are_queued_outside_of_the_commit() {
    is_caught(Bug::QueuedOutsideTheCommit, &[Harm::CoordinatorFrozen], TALKING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_a_report_of_a_stale_attempt_that_is_accepted() {
    is_caught(Bug::StaleAttemptAccepted, &[Harm::RepliesLost, Harm::WorkerFrozen], SLOW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_a_command_that_is_dropped_after_a_conflict() {
    is_caught(Bug::CommandDroppedAfterConflict, &[Harm::CoordinatorFrozen], QUICK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_a_result_key_that_two_deliveries_share() {
    is_caught(Bug::ResultKeyShared, &[Harm::WorkerFrozen], SLOW).await;
}
