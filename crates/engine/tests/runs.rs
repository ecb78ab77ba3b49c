//! The life of a run after its plan: execution, failures, deadlines, cancel, answers, takeover.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::needless_pass_by_value)]

mod kit;

use std::sync::Arc;
use std::time::Duration;

use kit::{World, draft, failure};
use serde_json::json;
use sortie_engine::*;

fn diamond() -> Vec<StepDraft> {
    vec![
        draft(1, "look", "a", &[]),
        draft(2, "look", "b", &[1]),
        draft(3, "look", "c", &[1]),
        draft(4, "sum", "{{2.text}} {{3.text}}", &[]),
    ]
}

fn cancel(id: &str) -> Command {
    Command::Cancel { command: id.into(), reason: "enough".to_owned() }
}

#[test]
fn a_step_is_queued_in_the_commit_of_its_last_dependency() {
    let mut world = World::planned(Goal::new("g"), &diamond());
    assert_eq!(world.queued(), [1]);
    world.succeeds(1);
    assert_eq!(world.queued(), [2, 3]);
    world.succeeds(3);
    assert_eq!(world.queued(), [0_u32; 0]);
    world.succeeds(2);
    assert_eq!(world.queued(), [4]);
    world.succeeds(4);
    assert_eq!(world.last.start, Some(ModelCall::Answer(AttemptNumber::FIRST)));
    world.answers("42");
    assert_eq!(world.run.state(), RunState::Succeeded);
    assert_eq!(world.run.answer().map(|a| &**a), Some("42"));
}

#[test]
fn a_result_is_recorded_once() {
    let mut world = World::planned(Goal::new("g"), &diamond());
    let report = world.ends(1, Outcome::Succeeded(StepResult::inline(json!({"text": "1"}))));
    world.take_all([report.clone(), report.clone()]);
    assert_eq!(world.last.results.len(), 1);
    world.take(report);
    assert!(world.last.events.is_empty());
}

#[test]
fn a_failed_step_takes_only_its_dependents_with_it() {
    let mut world = World::planned(Goal::new("g"), &diamond());
    world.succeeds(1);
    world.fails(2, FailureKind::NotFound);
    assert_eq!(world.states(), [(1, "succeeded"), (2, "failed"), (3, "queued"), (4, "skipped")]);
    world.succeeds(3);
    world.answers("partly");
    assert!(world.run.is_partial());
}

#[test]
fn a_failure_skips_the_whole_chain_and_each_names_its_nearest_cause() {
    let chain: Vec<_> =
        (1..=4).map(|n| draft(n, "look", "x", &(1..n).collect::<Vec<_>>())).collect();
    let mut steps = chain;
    steps.push(draft(5, "look", "y", &[]));
    let mut world = World::planned(Goal::new("g"), &steps);
    world.fails(1, FailureKind::ToolFailed);
    let skipped = |n| matches!(world.step(n).state, StepState::Skipped { .. });
    assert!(skipped(2) && skipped(3) && skipped(4));
    assert_eq!(world.step(5).state.as_str(), "queued");
}

#[test]
fn a_dependent_that_arrives_after_the_failure_is_skipped_at_once() {
    let mut world = World::new(Goal::new("g"));
    world.take(world.arrives(&draft(1, "look", "a", &[])));
    world.take(world.arrives(&draft(3, "look", "{{2.text}}", &[])));
    world.fails(1, FailureKind::NotFound);
    world.take(world.arrives(&draft(2, "look", "{{1.text}}", &[])));
    assert_eq!(world.states(), [(1, "failed"), (2, "skipped"), (3, "skipped")]);
    world.take(world.plan_ends());
    assert_eq!(world.run.state(), RunState::Failed);
}

#[test]
fn a_run_without_any_result_fails_with_the_reasons() {
    let steps =
        [draft(1, "look", "a", &[]), draft(2, "look", "b", &[]), draft(3, "sum", "{{1}}", &[])];
    let mut world = World::planned(Goal::new("g"), &steps);
    world.fails(1, FailureKind::NotFound);
    world.fails(2, FailureKind::NotFound);
    let failure = world.run.failure().unwrap();
    assert_eq!(failure.kind, FailureKind::NoResults);
    assert_eq!(
        failure.message,
        "no step has a result: step 1 (do 1): it was not_found; step 2 (do 2): it was not_found"
    );
}

#[test]
fn a_strict_run_fails_at_the_first_failure_and_takes_its_steps_back() {
    let mut goal = Goal::new("g");
    goal.policy = FailurePolicy::Strict;
    let mut world = World::planned(goal, &diamond());
    world.succeeds(1);
    let three = world.step(3).id;
    world.fails(2, FailureKind::NotFound);
    assert_eq!(world.last.withdrawn, [three]);
    assert_eq!(
        world.states(),
        [(1, "succeeded"), (2, "failed"), (3, "cancelled"), (4, "cancelled")]
    );
    let failure = world.run.failure().unwrap();
    assert_eq!(failure.kind, FailureKind::StepFailed);
    assert!(failure.message.contains("step 2 failed: not_found"), "{failure}");
}

#[test]
fn what_may_help_is_retried_with_backoff_and_then_fails() {
    let mut world = World::planned(Goal::new("g"), &[draft(1, "look", "a", &[])]);
    let mut pauses = Vec::new();
    for attempt in 1..=3 {
        assert_eq!(world.step(1).state, StepState::Queued(AttemptNumber::new(attempt)));
        world.fails(1, FailureKind::Unavailable);
        if let StepState::Retrying { until, .. } = world.step(1).state {
            pauses.push(until.since(world.now));
            world.wait(1);
            assert_eq!(world.step(1).state.as_str(), "retrying");
            world.wait_for_timer();
        }
    }
    assert_eq!(world.run.state(), RunState::Failed);
    assert!(pauses.len() == 2 && pauses[1] > pauses[0] / 2, "{pauses:?}");
}

#[test]
fn a_retry_that_would_come_too_late_is_not_made() {
    let mut goal = Goal::new("g");
    goal.limits.step_timeout = Some(Duration::from_secs(10));
    let mut world = World::planned(goal, &[draft(1, "look", "a", &[])]);
    let mut slow = failure(FailureKind::RateLimited);
    slow.retry_after = Some(Duration::from_secs(60));
    world.take(world.ends(1, Outcome::Failed(slow)));
    assert_eq!(world.step(1).state.as_str(), "failed");
}

#[test]
fn a_late_report_of_an_earlier_attempt_changes_nothing() {
    let mut world = World::planned(Goal::new("g"), &[draft(1, "look", "a", &[])]);
    let late = world.ends(1, Outcome::Succeeded(StepResult::inline(json!({"text": "late"}))));
    world.fails(1, FailureKind::Timeout);
    world.take(late.clone());
    assert!(world.last.events.is_empty());
    world.wait_for_timer();
    world.take(late);
    assert!(world.last.events.is_empty());
    world.succeeds(1);
}

#[test]
fn a_step_and_a_run_end_at_their_deadlines() {
    let mut goal = Goal::new("g");
    goal.limits.step_timeout = Some(Duration::from_secs(10));
    goal.limits.run_timeout = Duration::from_secs(60);
    let steps =
        [draft(1, "look", "a", &[]), draft(2, "look", "b", &[1]), draft(3, "look", "c", &[])];
    let mut world = World::planned(goal, &steps);
    world.succeeds(3);
    let one = world.step(1).id;
    world.wait_for_timer();
    assert_eq!(world.last.withdrawn, [one]);
    assert_eq!(world.states(), [(1, "failed"), (2, "skipped"), (3, "succeeded")]);
    assert!(
        matches!(&world.step(1).state, StepState::Failed(f) if f.message.contains("within 10 s"))
    );
    world.wait(60_000);
    assert_eq!(world.run.state(), RunState::Failed);
    assert_eq!(world.run.failure().unwrap().kind, FailureKind::DeadlineExceeded);
}

#[test]
fn three_lost_workers_end_a_step_over_all_its_attempts() {
    let mut world = World::planned(Goal::new("g"), &[draft(1, "look", "a", &[])]);
    let mut report = world.ends(1, Outcome::Failed(failure(FailureKind::Unavailable)));
    if let Command::AttemptEnded(report) = &mut report {
        report.workers_lost = 2;
    }
    world.take(report);
    world.wait_for_timer();
    let ready = &world.last.ready[0];
    assert_eq!(ready.workers_lost, 2);
    let delivery = Delivery::judge(ready.terms.effect, ready.workers_lost, 2);
    assert!(
        matches!(delivery, Delivery::Refuse { failure, .. } if failure.kind == FailureKind::WorkerLost)
    );
    world.fails(1, FailureKind::WorkerLost);
    assert_eq!(world.run.state(), RunState::Failed);
}

#[test]
fn a_lost_attempt_is_followed_by_the_next_one_at_once_unless_it_must_not_run_twice() {
    let mut goal = Goal::new("g");
    goal.limits.attempts = 2;
    let steps = [draft(1, "look", "a", &[]), draft(2, "send", "b", &[])];
    let mut world = World::planned(goal, &steps);
    let vanished = |world: &World, number| {
        let step = world.step(number);
        Command::AttemptVanished { step: step.id, attempt: AttemptNumber::new(step.attempts) }
    };
    let first = vanished(&world, 1);
    world.take(first.clone());
    assert_eq!((world.queued(), world.step(1).attempts), (vec![1], 2));
    world.take(first);
    assert!(world.last.events.is_empty(), "it is known already");
    let once = vanished(&world, 2);
    world.take(once);
    assert_eq!(world.states(), [(1, "queued"), (2, "unknown")]);
    let second = vanished(&world, 1);
    world.take(second);
    assert_eq!(world.states(), [(1, "failed"), (2, "unknown")]);
}

#[test]
fn a_report_makes_a_lost_attempt_a_stale_word() {
    let mut world = World::planned(Goal::new("g"), &[draft(1, "look", "a", &[])]);
    let step = world.step(1).id;
    let vanished = Command::AttemptVanished { step, attempt: AttemptNumber::FIRST };
    world.succeeds(1);
    world.take(vanished);
    assert!(world.last.events.is_empty());
}

#[test]
fn a_once_step_of_unknown_outcome_is_not_tried_again() {
    let steps =
        [draft(1, "send", "a", &[]), draft(2, "look", "b", &[1]), draft(3, "look", "c", &[])];
    let mut world = World::planned(Goal::new("g"), &steps);
    world.fails(1, FailureKind::OutcomeUnknown);
    assert_eq!(world.states(), [(1, "unknown"), (2, "skipped"), (3, "queued")]);
}

#[test]
fn a_once_step_is_never_started_again_whatever_it_says() {
    for (kind, state) in [(FailureKind::Unavailable, "failed"), (FailureKind::Timeout, "unknown")] {
        let steps = [draft(1, "send", "a", &[]), draft(2, "look", "b", &[])];
        let mut world = World::planned(Goal::new("g"), &steps);
        world.fails(1, kind);
        assert_eq!(world.step(1).state.as_str(), state, "{kind}");
    }
}

#[test]
fn cancel_reaches_queued_steps_and_is_answered_once() {
    let mut world = World::planned(Goal::new("g"), &diamond());
    let one = world.step(1).id;
    world.take_all([cancel("c1"), cancel("c1")]);
    assert_eq!(world.last.withdrawn, [one]);
    assert_eq!(world.run.state(), RunState::Cancelled);
    let done = |w: &World| {
        w.history.iter().filter(|r| matches!(r.event, Event::CommandDone { .. })).count()
    };
    assert_eq!(done(&world), 1);
    world.take_all([cancel("c1"), cancel("c2")]);
    assert_eq!(world.last.events.len(), 1, "a new id on an ended run is refused, in the history");
    let Event::CommandRefused { message, .. } = &world.last.events[0].event else { panic!() };
    assert_eq!(message, "the run has already cancelled");
}

#[test]
fn cancel_stops_a_planner_call() {
    let mut world = World::new(Goal::new("g"));
    world.take(cancel("c1"));
    assert_eq!(world.run.open_call(), None);
    assert_eq!(world.run.state(), RunState::Cancelled);
}

#[test]
fn the_answer_is_tried_again_and_its_failure_keeps_the_results() {
    let mut world = World::planned(Goal::new("g"), &[draft(1, "look", "a", &[])]);
    world.succeeds(1);
    world.answers("  ");
    assert_eq!(world.run.state(), RunState::Synthesizing);
    world.wait_for_timer();
    let attempt = AttemptNumber::new(2);
    assert_eq!(world.last.start, Some(ModelCall::Answer(attempt)));
    let late = Command::AnswerEnded {
        attempt: AttemptNumber::FIRST,
        text: Arc::from("late"),
        usage: Usage::default(),
    };
    world.take(late);
    assert!(world.last.events.is_empty());
    world.take(Command::AnswerFailed {
        attempt,
        failure: failure(FailureKind::PermissionDenied),
        usage: Usage::default(),
    });
    assert_eq!(world.run.state(), RunState::Failed);
    assert_eq!(world.step(1).state.as_str(), "succeeded");
}

#[test]
fn a_takeover_asks_again_for_what_was_open_and_for_nothing_else() {
    let mut world = World::new(Goal::new("g"));
    world.take(Command::Resume);
    assert_eq!(world.last.start, Some(ModelCall::Plan(PlanVersion::new(2))));
    assert!(world.last.events.iter().any(|r| {
        matches!(r.event, Event::PlanVersionStarted { cause: PlanCause::Takeover, .. })
    }));
    world.take(world.arrives(&draft(1, "look", "a", &[])));
    world.take(world.plan_ends());
    world.take(Command::Resume);
    assert!(world.last.events.is_empty());
    world.succeeds(1);
    world.take(Command::Resume);
    assert_eq!(world.last.start, Some(ModelCall::Answer(AttemptNumber::new(2))));
}

#[test]
fn model_calls_stop_at_the_cap_and_one_is_kept_for_the_answer() {
    let mut goal = Goal::new("g");
    goal.limits.model_calls = 4;
    let steps: Vec<_> = (1..=4).map(|n| draft(n, "ask", "x", &[])).collect();
    let mut world = World::planned(goal, &steps);
    assert_eq!(world.states(), [(1, "queued"), (2, "queued"), (3, "failed"), (4, "failed")]);
    world.succeeds(1);
    world.succeeds(2);
    world.answers("partly");
    assert_eq!(world.run.model_calls(), 4);
    assert!(world.run.is_partial());
}

#[test]
fn a_retry_beyond_the_cap_fails_its_step_and_holds_nobody_back() {
    let mut goal = Goal::new("g");
    goal.limits.model_calls = 3; // plan, one attempt, answer
    let steps =
        [draft(1, "ask", "a", &[]), draft(2, "look", "b", &[]), draft(3, "look", "c", &[2])];
    let mut world = World::planned(goal, &steps);
    world.fails(1, FailureKind::Unavailable);
    world.wait(10_000);
    assert_eq!(world.states(), [(1, "failed"), (2, "queued"), (3, "pending")]);
    assert!(world.run.timer(world.now).unwrap() > world.now);
    world.succeeds(2);
    assert_eq!(world.queued(), [3]);
}

#[test]
fn what_is_queued_and_ended_in_one_commit_is_never_handed_out() {
    let mut goal = Goal::new("g");
    goal.policy = FailurePolicy::Strict;
    goal.limits.model_calls = 3; // plan, one attempt, answer
    let world = World::planned(goal, &[draft(1, "ask", "a", &[]), draft(2, "ask", "b", &[])]);
    assert_eq!(world.states(), [(1, "cancelled"), (2, "failed")]);
    assert!(world.last.ready.is_empty(), "{:?}", world.last.ready);
}

#[test]
fn steps_that_expire_together_fit_into_their_commits() {
    let mut goal = Goal::new("g");
    goal.limits.steps = 100;
    goal.limits.step_timeout = Some(Duration::from_secs(5));
    let steps: Vec<_> = (1..=100).map(|n| draft(n, "look", "x", &[])).collect();
    let mut world = World::planned(goal, &steps);
    world.budget.writes = 30;
    world.wait(6_000);
    let mut withdrawn = world.last.withdrawn.len();
    assert!(withdrawn < 30);
    while !world.run.state().is_terminal() {
        world.take(Command::TimerDue);
        withdrawn += world.last.withdrawn.len();
    }
    assert_eq!(withdrawn, 100);
}

#[test]
fn a_run_waits_for_a_place_among_the_model_calls() {
    let mut world = World::submitted(Goal::new("g"));
    world.budget.calls = 0;
    world.take(Command::TimerDue);
    assert!(world.last.events.is_empty() && world.run.wants_call(world.now));
    assert_eq!(world.run.timer(world.now), Some(world.now + CALL_RECHECK));
    world.budget.calls = 1;
    world.take(Command::TimerDue);
    assert_eq!(world.last.start, Some(ModelCall::Plan(PlanVersion::FIRST)));
}

#[test]
fn what_does_not_fit_into_a_commit_follows_in_the_next_ones() {
    let mut goal = Goal::new("g");
    goal.limits.steps = 100;
    let steps: Vec<_> = (1..=100).map(|n| draft(n, "look", "x", &[])).collect();
    let mut world = World::new(goal);
    world.budget.writes = 30;
    let arrivals: Vec<_> = steps.iter().map(|step| world.arrives(step)).collect();
    for arrival in arrivals {
        world.take(arrival);
    }
    world.take(world.plan_ends());
    assert!(world.states().iter().all(|(_, state)| *state == "queued"));
    world.take(cancel("c1"));
    let mut withdrawn = world.last.withdrawn.len();
    assert!(withdrawn < 30, "the command itself takes a write");
    while world.run.state() == RunState::Stopping {
        assert_eq!(world.run.timer(world.now), Some(world.now));
        world.take(Command::TimerDue);
        withdrawn += world.last.withdrawn.len();
    }
    assert_eq!(withdrawn, 100);
    assert_eq!(world.run.state(), RunState::Cancelled);
}
