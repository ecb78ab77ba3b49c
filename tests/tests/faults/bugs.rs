//! The checker sees what it is there for: with each bug planted, a storm that would show it must
//! come to a violation.

use std::time::Duration;

use sortie_tests::chaos::storm::{StormOptions, storm};
use sortie_tests::chaos::{Bug, Harm, Kind, Mix, Service};

use crate::options;
use crate::storms::tell;

/// A checker that needs more storms than this to see a bug will not see its like.
const CHANCES: u64 = 3;

/// A storm in which a bug shows: what happens, to whose wires, on what goals.
struct Scene {
    harms: &'static [Harm],
    wires: Service,
    mix: Mix,
}

/// Short steps and quick planners, so that much is begun and ended.
const QUICK: Mix = Mix {
    steps: 8,
    kinds: &[Kind::Pure, Kind::Read, Kind::Large, Kind::Idempotent, Kind::Once],
    slow: 12,
    slow_ms: 500,
    talk_ms: 200,
    failing: 15,
    failures: 2,
};

/// Nothing happens.
const CALM: Scene = Scene { harms: &[], wires: Service::Worker, mix: QUICK };
/// What a coordinator asks arrives when others own its lanes. Planners take their time, so that many
/// plans are under way.
const LATE_COORDINATOR: Scene = Scene {
    harms: &[Harm::RequestsLate],
    wires: Service::Coordinator,
    mix: Mix { talk_ms: 1_500, ..QUICK },
};
/// What a worker asks arrives when others have its attempts.
const LATE_WORKER: Scene = Scene {
    harms: &[Harm::RequestsLate],
    wires: Service::Worker,
    mix: Mix { slow: 2, slow_ms: 6_000, ..QUICK },
};

async fn is_caught(bug: Bug, scene: Scene) {
    for seed in 1..=CHANCES {
        let mut options = StormOptions::new(options(), seed, Duration::from_secs(10));
        options.bug = Some(bug);
        options.harms = scene.harms.to_vec();
        options.wires = vec![scene.wires];
        options.mix = scene.mix;
        options.calm = Duration::from_secs(7);
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
    is_caught(Bug::AckBeforeAppend, CALM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_a_parent_that_is_not_checked() {
    is_caught(Bug::NoParentCheck, LATE_COORDINATOR).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_a_heartbeat_by_plain_claim() {
    is_caught(Bug::HeartbeatByPlainClaim, LATE_WORKER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_a_timer_that_is_popped_before_the_commit() {
    // Steps that wait for another try: nothing but their timer wakes them.
    let mix = Mix { failing: 2, failures: 5, ..QUICK };
    let harms = &[Harm::CoordinatorKilled];
    is_caught(Bug::TimerPoppedBeforeCommit, Scene { harms, mix, ..CALM }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_steps_that_are_queued_outside_of_the_commit() {
    is_caught(Bug::QueuedOutsideTheCommit, LATE_COORDINATOR).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_a_report_of_a_stale_attempt_that_is_accepted() {
    // The first try fails, and is reported again while the second one runs.
    let mix = Mix { failing: 2, failures: 1, ..LATE_WORKER.mix };
    let harms = &[Harm::RepliesLost];
    is_caught(Bug::StaleAttemptAccepted, Scene { harms, mix, ..LATE_WORKER }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_a_command_that_is_dropped_after_a_conflict() {
    is_caught(Bug::CommandDroppedAfterConflict, CALM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_a_result_key_that_two_deliveries_share() {
    let mix = Mix { kinds: &[Kind::Large], slow: 2, slow_ms: 2_000, ..QUICK };
    is_caught(Bug::ResultKeyShared, Scene { mix, ..LATE_WORKER }).await;
}
