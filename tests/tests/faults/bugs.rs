//! The checker sees what it is there for: with each bug planted, a storm that would show it must
//! come to a violation.

use std::time::Duration;

use sortie_tests::chaos::storm::{StormOptions, storm};
use sortie_tests::chaos::{Bug, Harm, Kind, Mix, Rule, Service};

use crate::options;
use crate::storms::tell;

/// A checker that needs more storms than this to see a bug will not see its like.
const CHANCES: u64 = 6;

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

/// The longest goal of a scene is over by then: what is open afterwards stays open.
const CALM_DOWN: Duration = Duration::from_secs(30);

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
    mix: Mix { steps: 4, slow: 2, slow_ms: 4_000, ..QUICK },
};

#[tokio::test(flavor = "multi_thread")]
async fn the_scenes_break_nothing_by_themselves() {
    for scene in [CALM, LATE_COORDINATOR, LATE_WORKER] {
        let outcome = storm(scene.storm(1)).await;
        tell(&outcome);
        // A machine that is busy with other storms may be slow; it may not be wrong.
        let wrong = outcome.violations.iter().filter(|one| one.rule != Rule::WorkGoesOn);
        assert_eq!(wrong.count(), 0, "without a bug, see above");
    }
}

impl Scene {
    fn storm(&self, seed: u64) -> StormOptions {
        let mut options = StormOptions::new(options(), seed, Duration::from_secs(10));
        options.harms = self.harms.to_vec();
        options.wires = vec![self.wires];
        options.mix = self.mix;
        options.calm = CALM_DOWN;
        options
    }
}

async fn is_caught(bug: Bug, scene: Scene) {
    for seed in 1..=CHANCES {
        let options = StormOptions { bug: Some(bug), ..scene.storm(seed) };
        let outcome = storm(options).await;
        // Slowness is no proof: the scene without the bug may be slow as well.
        let proof = outcome.violations.iter().find(|one| one.rule != Rule::WorkGoesOn);
        if let Some(violation) = proof {
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
    // The first try fails at two workers, and one of them is heard while the second try runs.
    let mix = Mix { steps: 3, failing: 1, failures: 1, slow: 1, ..LATE_WORKER.mix };
    is_caught(Bug::StaleAttemptAccepted, Scene { mix, ..LATE_WORKER }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_a_command_that_is_dropped_after_a_conflict() {
    is_caught(Bug::CommandDroppedAfterConflict, CALM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_a_result_key_that_two_deliveries_share() {
    let mix = Mix { kinds: &[Kind::Large], slow_ms: 2_000, ..LATE_WORKER.mix };
    is_caught(Bug::ResultKeyShared, Scene { mix, ..LATE_WORKER }).await;
}
