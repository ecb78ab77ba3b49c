//! Another plan when steps failed or found nothing: when it is asked for, what it keeps, what it
//! must not do again, and what counts if there is none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::needless_pass_by_value)]

mod kit;

use std::sync::Arc;

use kit::{World, draft, failure};
use sortie_engine::*;

fn goal() -> Goal {
    Goal { replan: ReplanPolicy::OnFailure, ..Goal::new("g") }
}

/// One of two searches fails, which takes the sum with it.
fn failed() -> World {
    let steps = [
        draft(1, "look", "a", &[]),
        draft(2, "look", "b", &[]),
        draft(3, "sum", "{{1.text}} {{2.text}}", &[]),
    ];
    let mut world = World::planned(goal(), &steps);
    world.fails(2, FailureKind::NotFound);
    assert_eq!(world.run.open_call(), None, "step 1 is still at work");
    world.succeeds(1);
    world
}

fn asks_again(world: &World) -> bool {
    let asked = |recorded: &Recorded| {
        matches!(recorded.event, Event::PlanVersionStarted { cause: PlanCause::Replan, .. })
    };
    world.last.events.iter().any(asked)
}

fn planner_gives_up(world: &mut World) {
    let (version, failure) = (world.version(), failure(FailureKind::Unplannable));
    world.take(Command::PlanFailed { version, failure, usage: Usage::default() });
}

#[test]
fn another_plan_is_asked_for_when_all_steps_have_ended_and_keeps_what_is_done() {
    let mut world = failed();
    assert!(asks_again(&world));
    assert_eq!(world.last.start, Some(ModelCall::Plan(PlanVersion::new(2))));
    let replaced = world.run.replaced_plan().unwrap();
    assert_eq!(replaced.steps.len(), 3);
    let first = world.step_ids()[0];
    world.plans(&[
        draft(1, "look", "a", &[]),
        draft(4, "look", "c", &[]),
        draft(5, "sum", "{{1.text}} {{4.text}}", &[]),
    ]);
    assert_eq!(world.step(1).id, first, "the result is kept");
    assert_eq!(world.states(), [(1, "succeeded"), (4, "queued"), (5, "pending")]);
    assert!(world.run.replaced_plan().is_none());
    world.succeeds(4);
    world.succeeds(5);
    world.answers("all of it");
    assert!(!world.run.is_partial());
}

#[test]
fn a_result_that_says_nothing_is_a_reason_too() {
    let mut world = World::planned(goal(), &[draft(1, "look", "a", &[])]);
    world.finds_nothing(1);
    assert!(asks_again(&world));
}

#[test]
fn a_run_without_any_result_is_planned_anew_before_it_fails() {
    let mut world = World::planned(goal(), &[draft(1, "look", "a", &[])]);
    world.fails(1, FailureKind::NotFound);
    assert!(asks_again(&world));
    planner_gives_up(&mut world);
    assert_eq!(world.run.failure().unwrap().kind, FailureKind::NoResults);
}

#[test]
fn without_the_wish_and_without_a_reason_nothing_is_planned_anew() {
    let mut never = World::planned(Goal::new("g"), &[draft(1, "look", "a", &[])]);
    never.finds_nothing(1);
    assert!(matches!(never.run.open_call(), Some(ModelCall::Answer(_))));
    let mut fine = World::planned(goal(), &[draft(1, "look", "a", &[])]);
    fine.succeeds(1);
    assert!(matches!(fine.run.open_call(), Some(ModelCall::Answer(_))));
}

#[test]
fn a_plan_that_fails_again_and_again_is_replaced_three_times() {
    let mut world = World::planned(goal(), &[draft(1, "look", "0", &[])]);
    for round in 1..=MAX_REPLANS {
        world.fails(1, FailureKind::NotFound);
        assert!(asks_again(&world), "round {round}");
        world.plans(&[draft(1, "look", &round.to_string(), &[])]);
    }
    world.fails(1, FailureKind::NotFound);
    assert_eq!(world.run.failure().unwrap().kind, FailureKind::NoResults);
}

#[test]
fn if_there_is_no_other_plan_the_answer_is_made_of_what_there_is() {
    let mut world = failed();
    planner_gives_up(&mut world);
    assert_eq!(world.states(), [(1, "succeeded"), (2, "failed"), (3, "skipped")]);
    assert_eq!(world.version(), PlanVersion::new(3));
    world.answers("half of it");
    assert!(world.run.is_partial());
    assert_eq!(world.run.state(), RunState::Succeeded);
}

#[test]
fn a_new_plan_that_stays_unsound_is_dropped_with_all_that_it_started() {
    let mut world = failed();
    for _ in 0..=world.run.goal().limits.plan_repairs {
        let steps =
            [draft(1, "look", "a", &[]), draft(7, "look", "d", &[]), draft(8, "fly", "", &[])];
        world.plans(&steps);
        world.take(Command::TimerDue);
    }
    // Step 7 was queued while the plan was written; nobody waits for it any more.
    assert_eq!(world.states(), [(1, "succeeded"), (2, "failed"), (3, "skipped")]);
    let open: Vec<_> =
        world.run.all_steps().iter().filter(|step| !step.state.is_terminal()).collect();
    assert!(open.is_empty(), "{open:?}");
    assert!(matches!(world.run.open_call(), Some(ModelCall::Answer(_))));
}

#[test]
fn a_repaired_replan_still_knows_what_it_replaces_and_may_be_repaired_as_often_as_the_first() {
    let mut limited = goal();
    limited.limits.plan_repairs = 1;
    let mut world = World::new(limited);
    world.plans(&[draft(1, "fly", "", &[])]);
    world.take(Command::TimerDue);
    world.plans(&[draft(1, "look", "a", &[])]);
    world.fails(1, FailureKind::NotFound);
    world.plans(&[draft(2, "fly", "", &[])]);
    world.take(Command::TimerDue);
    assert!(world.run.replaced_plan().is_some() && world.run.broken_plan().is_some());
    world.plans(&[draft(2, "look", "b", &[])]);
    assert_eq!(world.states(), [(2, "queued")]);
}

#[test]
fn what_may_have_changed_the_world_is_not_planned_again() {
    for (tool, kind) in [("send", FailureKind::Timeout), ("write", FailureKind::ToolFailed)] {
        let steps = [draft(1, "look", "a", &[]), draft(2, tool, "{{1.text}}", &[])];
        let mut world = World::planned(goal(), &steps);
        world.succeeds(1);
        world.fails(2, kind);
        assert!(asks_again(&world));
        world.plans(&[draft(1, "look", "a", &[]), draft(5, tool, "{{1.text}}", &[])]);
        let problems = world.problems();
        assert!(problems[0].contains("must not be done twice"), "{problems:?}");
        // With another input it is another deed.
        world.take(Command::TimerDue);
        world.plans(&[draft(1, "look", "a", &[]), draft(5, tool, "{{1.text}}!", &[])]);
        assert_eq!(world.step(5).state.as_str(), "queued");
    }
}

#[test]
fn a_deed_is_not_done_again_under_another_number_or_by_a_step_that_refers_ahead() {
    let steps = [
        draft(1, "send", "{{2.text}}", &[]),
        draft(2, "look", "a", &[]),
        draft(3, "look", "b", &[]),
    ];
    for again in [
        // Kept, and written once more.
        vec![
            draft(2, "look", "a", &[]),
            draft(1, "send", "{{2.text}}", &[]),
            draft(4, "send", "{{2.text}}", &[]),
        ],
        // Refers to what has not come yet, so that it cannot be kept.
        vec![draft(1, "send", "{{2.text}}", &[]), draft(2, "look", "a", &[])],
    ] {
        let mut world = World::planned(goal(), &steps);
        world.succeeds(2);
        world.succeeds(1);
        world.fails(3, FailureKind::NotFound);
        world.plans(&again);
        let problems = world.problems();
        assert!(
            problems.iter().any(|told| told.contains("must not be done twice")),
            "{problems:?}"
        );
        assert!(world.last.ready.is_empty(), "nothing is sent again");
    }
}

#[test]
fn a_restored_plan_knows_its_references_whatever_their_order() {
    let steps = [
        draft(1, "sum", "{{2.text}}", &[]),
        draft(2, "look", "a", &[]),
        draft(3, "look", "b", &[]),
    ];
    let mut world = World::planned(goal(), &steps);
    world.succeeds(2);
    world.succeeds(1);
    world.fails(3, FailureKind::NotFound);
    planner_gives_up(&mut world);
    assert_eq!(world.step(1).inputs(), [(StepNumber::new(2), world.step(2).id)]);
}

#[test]
fn the_cap_of_model_calls_is_kept_for_the_answer() {
    let mut limited = goal();
    limited.limits.model_calls = 2;
    let steps = [draft(1, "look", "a", &[]), draft(2, "look", "b", &[])];
    let mut world = World::planned(limited, &steps);
    world.succeeds(1);
    world.fails(2, FailureKind::NotFound);
    assert!(matches!(world.run.open_call(), Some(ModelCall::Answer(_))));
}

#[test]
fn a_strict_run_cannot_be_planned_anew() {
    let goal = Goal { policy: FailurePolicy::Strict, ..goal() };
    let faults: Vec<_> = goal.faults().iter().map(|fault| fault.field).collect();
    assert_eq!(faults, ["replan"]);
}

#[test]
fn usage_is_counted_by_role_and_step_failed_attempts_included() {
    let spent = |tokens| Usage { model_calls: 1, input_tokens: tokens, ..Usage::default() };
    let mut world = World::new(Goal::new("g"));
    world.take(world.arrives(&draft(1, "ask", "a", &[])));
    let version = world.version();
    world.take(Command::PlanEnded { version, usage: spent(1), problems: Vec::new() });
    for (outcome, tokens) in [
        (Outcome::Failed(failure(FailureKind::Unavailable)), 10),
        (Outcome::Succeeded(StepResult::inline("x".into())), 100),
    ] {
        let Command::AttemptEnded(report) = world.ends(1, outcome) else { unreachable!() };
        world.take(Command::AttemptEnded(AttemptReport { usage: spent(tokens), ..report }));
        if world.run.open_call().is_none() {
            world.wait_for_timer();
        }
    }
    for (text, tokens) in [("", 1_000), ("the answer", 10_000)] {
        if world.run.open_call().is_none() {
            world.wait_for_timer();
        }
        let Some(ModelCall::Answer(attempt)) = world.run.open_call() else { panic!("no answer") };
        let (text, usage) = (Arc::from(text), spent(tokens));
        world.take(Command::AnswerEnded { attempt, text, usage });
    }
    let usage = world.run.usage_by_role();
    let read = [usage.planner, usage.executor, usage.synthesizer].map(|used| used.input_tokens);
    assert_eq!(read, [1, 110, 11_000]);
    assert_eq!(world.step(1).usage.input_tokens, 110);
    assert_eq!(world.run.usage().model_calls, 5);
}
