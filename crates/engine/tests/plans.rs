//! Plans as they arrive: what is accepted, what is refused and in which words, what starts early.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::needless_pass_by_value)]

mod kit;

use kit::{World, draft, failure};
use serde_json::{Value, json};
use sortie_engine::*;

fn problems_of(steps: &[StepDraft]) -> Vec<String> {
    let mut goal = Goal::new("g");
    goal.limits.plan_repairs = 0;
    let world = World::planned(goal, steps);
    assert_eq!(world.run.state(), RunState::Failed);
    assert_eq!(world.run.failure().unwrap().kind, FailureKind::InvalidPlan);
    world.problems()
}

fn with_input(number: u32, input: Value) -> StepDraft {
    StepDraft { tool_input: input, ..draft(number, "look", "", &[]) }
}

#[test]
fn every_fault_of_a_plan_is_reported_and_says_what_would_be_right() {
    for (steps, expected) in [
        (vec![], "the plan has no steps"),
        (
            vec![draft(1, "fly", "x", &[])],
            "step 1: there is no tool `fly`, only: ask, look, send, sum, write",
        ),
        (vec![draft(1, "look", "x", &[1])], "step 1: depends on itself"),
        (vec![draft(1, "look", "{{1}}", &[])], "step 1: refers to its own result"),
        (vec![draft(1, "look", "x", &[9])], "step 1: depends on step 9, which does not exist"),
        (vec![draft(1, "look", "{{9}}", &[])], "step 1: depends on step 9, which does not exist"),
        (vec![draft(0, "look", "x", &[])], "step 0: step numbers start at 1"),
        (
            vec![draft(1, "look", "x", &[]), draft(1, "sum", "y", &[])],
            "step 1: there is another step 1",
        ),
        (
            vec![
                draft(1, "look", "x", &[3]),
                draft(2, "look", "x", &[1]),
                draft(3, "look", "x", &[2]),
            ],
            "steps wait for each other: step 1 waits for step 3 waits for step 2 waits for step 1",
        ),
        (
            vec![draft(1, "look", "x", &[]), draft(2, "look", "{{1.price}}", &[])],
            "step 2: `{{1.price}}` names nothing: results of the tool `look` have only `{{1.text}}`",
        ),
        (
            vec![draft(1, "look", "{{2.price}}", &[]), draft(2, "look", "x", &[])],
            "step 1: `{{2.price}}` names nothing: results of the tool `look` have only `{{2.text}}`",
        ),
        (
            vec![with_input(1, json!({"q": 1}))],
            "step 1: the input does not fit the tool `look`: `$.q` must be string",
        ),
        (vec![with_input(1, json!({"q": "{{x}}"}))], "step 1: `{{x}}` is no reference"),
    ] {
        let problems = problems_of(&steps);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(expected), "{problems:?}");
    }
}

#[test]
fn all_faults_of_one_plan_are_reported_together() {
    let steps = [
        draft(1, "fly", "x", &[]),
        draft(2, "look", "{{1.a}}", &[]), // step 1 is unsound, not missing
        draft(3, "look", "x", &[8]),
        draft(4, "look", "x", &[5]),
        draft(5, "look", "x", &[4]),
    ];
    assert_eq!(problems_of(&steps).len(), 3, "{:?}", problems_of(&steps));
}

#[test]
fn a_plain_string_fills_the_single_required_string() {
    let world = World::planned(Goal::new("g"), &[with_input(1, json!("rust"))]);
    assert_eq!(**world.step(1).planned.input.source(), json!({"q": "rust"}));
}

#[test]
fn a_read_step_starts_while_the_planner_still_writes_and_a_once_step_does_not() {
    let mut world = World::new(Goal::new("g"));
    world.take(world.arrives(&draft(1, "look", "x", &[])));
    assert_eq!(world.queued(), [1]);
    world.take(world.arrives(&draft(2, "send", "x", &[])));
    assert_eq!(world.queued(), [0_u32; 0]);
    world.succeeds(1);
    world.take(world.arrives(&draft(3, "sum", "{{1.text}}", &[])));
    assert_eq!(world.queued(), [3], "its dependency has ended already");
    world.take(world.plan_ends());
    assert_eq!(world.queued(), [2]);
}

#[test]
fn a_dependency_that_has_not_come_yet_is_waited_for() {
    let mut world = World::new(Goal::new("g"));
    world.take(world.arrives(&draft(1, "look", "{{2.text}}", &[])));
    assert_eq!(world.states(), [(1, "pending")]);
    world.take(world.arrives(&draft(2, "look", "x", &[])));
    world.succeeds(2);
    assert_eq!(world.queued(), [1]);
    let ready = &world.last.ready[0];
    assert_eq!(ready.inputs, [(StepNumber::new(2), world.step(2).id)]);
}

#[test]
fn after_an_unsound_step_nothing_more_starts_before_the_repair() {
    let mut world = World::new(Goal::new("g"));
    world.take(world.arrives(&draft(1, "fly", "x", &[])));
    world.take(world.arrives(&draft(2, "look", "x", &[])));
    assert_eq!(world.states(), [(2, "ready")]);
    world.take(world.plan_ends());
    assert_eq!(world.last.start, Some(ModelCall::Plan(PlanVersion::new(2))));
    let broken = world.run.broken_plan().unwrap();
    assert_eq!(broken.steps.iter().map(|s| s.number.get()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(broken.problems.len(), 1);
}

#[test]
fn a_repair_adopts_what_is_the_same_and_supersedes_the_rest() {
    let mut world = World::new(Goal::new("g"));
    for step in [
        draft(1, "look", "a", &[]),
        draft(2, "look", "b", &[]),
        draft(3, "look", "c", &[]),
        draft(4, "sum", "{{1.text}}", &[]),
        draft(5, "sum", "{{3.text}}", &[]),
    ] {
        world.take(world.arrives(&step));
    }
    world.succeeds(1);
    world.succeeds(4);
    world.take(world.arrives(&draft(6, "fly", "x", &[])));
    let (one, two, three) = (world.step(1).id, world.step(2).id, world.step(3).id);
    let four = world.step(4).id;
    world.take(world.plan_ends());
    for step in [
        draft(7, "look", "a", &[]), // finished: adopted under another label
        draft(2, "look", "b", &[]), // with a worker: adopted
        draft(4, "sum", "{{7.text}}", &[]), // the same, for its reference was adopted
        draft(5, "sum", "{{2.text}}", &[]), // means another step: new
        draft(8, "look", "a", &[]), // a second one of the same: new
    ] {
        world.take(world.arrives(&step));
    }
    world.take(world.plan_ends());
    assert_eq!(world.step(7).id, one);
    assert_eq!(world.step(2).id, two);
    assert_eq!(world.step(4).id, four);
    assert!(world.step(8).id > four && world.step(5).id > four);
    assert_eq!(world.last.withdrawn, [three], "a worker has it and nobody wants it");
    let expected =
        [(2, "queued"), (4, "succeeded"), (5, "pending"), (7, "succeeded"), (8, "queued")];
    assert_eq!(world.states(), expected);
    world.succeeds(2);
    world.succeeds(8);
    world.succeeds(5);
    world.answers("done");
    assert!(!world.run.is_partial());
}

#[test]
fn a_step_that_is_out_is_not_adopted_where_it_would_have_to_wait() {
    let mut world = World::new(Goal::new("g"));
    world.take(world.arrives(&draft(1, "look", "a", &[])));
    let one = world.step(1).id;
    world.take(world.arrives(&draft(2, "fly", "x", &[])));
    world.take(world.plan_ends());
    world.take(world.arrives(&draft(2, "look", "b", &[])));
    world.take(world.arrives(&draft(1, "look", "a", &[2])));
    assert_ne!(world.step(1).id, one);
    world.take(world.plan_ends());
    assert_eq!(world.last.withdrawn, [one]);
}

#[test]
fn a_path_of_an_adopted_step_that_is_planned_later_is_checked_too() {
    let mut world = World::new(Goal::new("g"));
    world.take(world.arrives(&draft(1, "look", "a", &[])));
    let one = world.step(1).id;
    world.take(world.arrives(&draft(2, "fly", "x", &[])));
    world.take(world.plan_ends());
    world.take(world.arrives(&draft(2, "look", "{{1.price}}", &[])));
    world.take(world.arrives(&draft(1, "look", "a", &[])));
    assert_eq!(world.step(1).id, one, "adopted");
    world.take(world.plan_ends());
    assert!(world.problems()[0].contains("`{{1.price}}` names nothing"), "{:?}", world.problems());
}

#[test]
fn a_step_that_waits_for_two_lost_ones_is_skipped_once() {
    let mut world = World::new(Goal::new("g"));
    world.take(world.arrives(&draft(1, "look", "a", &[])));
    world.fails(1, FailureKind::NotFound);
    world.take(world.arrives(&draft(2, "look", "b", &[1, 3])));
    world.take(world.arrives(&draft(3, "look", "c", &[1])));
    assert_eq!(world.states(), [(1, "failed"), (2, "skipped"), (3, "skipped")]);
}

#[test]
fn a_read_that_must_now_follow_something_else_is_not_adopted() {
    let mut world = World::new(Goal::new("g"));
    world.take(world.arrives(&draft(1, "look", "file", &[])));
    world.take(world.arrives(&draft(2, "sum", "file", &[])));
    world.succeeds(1);
    world.succeeds(2);
    world.take(world.arrives(&draft(3, "nonsense", "x", &[])));
    world.take(world.plan_ends());
    world.take(world.arrives(&draft(1, "write", "file", &[])));
    world.take(world.arrives(&draft(2, "look", "file", &[1])));
    world.take(world.arrives(&draft(3, "sum", "file", &[1])));
    world.take(world.plan_ends());
    assert_eq!(world.states(), [(1, "queued"), (2, "pending"), (3, "succeeded")]);
}

#[test]
fn a_plan_of_rubbish_is_bounded_in_the_history() {
    let big = "x".repeat(300 * 1024);
    let missing: Vec<u32> = (1000..2024).collect();
    let mut quoting = serde_json::Map::new();
    for n in 0..16 {
        quoting.insert(format!("{n}{}", "k".repeat(15 * 1024)), json!(1));
    }
    for rubbish in [
        StepDraft { description: big.clone(), ..draft(1, "nonsense", &big, &[]) },
        StepDraft { description: big, ..draft(1, "look", "a", &[]) },
        draft(1, "look", "a", &missing),
        with_input(1, quoting.into()),
    ] {
        let mut world = World::new(Goal::new("g"));
        let first = world.version();
        for number in 1..=64 {
            let number = StepNumber::new(number);
            if world.version() == first {
                world.take(world.arrives(&StepDraft { number, ..rubbish.clone() }));
            }
        }
        if world.version() == first {
            world.take(world.plan_ends());
        }
        let weights: Vec<_> = world.history.iter().map(|r| r.event.weight()).collect();
        assert!(weights.iter().sum::<usize>() < 2 << 20, "{weights:?}");
        assert!(weights.iter().max().unwrap() < &(1 << 20), "{weights:?}");
    }
}

#[test]
fn takeovers_are_no_failures_of_the_planner() {
    let mut world = World::new(Goal::new("g"));
    world.take(Command::Resume);
    world.take(Command::Resume);
    let version = world.version();
    world.take(Command::PlanFailed {
        version,
        failure: failure(FailureKind::Unavailable),
        usage: Usage::default(),
    });
    assert_eq!(world.run.state(), RunState::Planning);
}

#[test]
fn a_plan_is_repaired_twice_at_most() {
    let mut world = World::new(Goal::new("g"));
    for version in 1..=3 {
        assert_eq!(world.version().get(), version);
        world.take(world.plan_ends());
    }
    assert_eq!(world.run.state(), RunState::Failed);
    let message = world.run.failure().unwrap().message;
    assert_eq!(message, "plan version 3 by test is not sound: the plan has no steps");
}

#[test]
fn a_plan_that_grows_without_end_is_cut_off() {
    let mut goal = Goal::new("g");
    goal.limits.steps = 3;
    let mut world = World::new(goal);
    for number in 1..=4 {
        world.take(world.arrives(&draft(number, "look", "x", &[])));
    }
    assert_eq!(world.problems(), ["the plan has more than 3 steps"]);
    assert_eq!(world.version().get(), 2, "the first call is given up and a repair asked for");

    let mut world = World::new(Goal::new("g"));
    for number in 1..=70 {
        if world.version().get() == 1 {
            world.take(world.arrives(&draft(number, "fly", "x", &[])));
        }
    }
    assert_eq!(world.version().get(), 2);

    let mut world = World::new(Goal::new("g"));
    for number in 1..=4 {
        if world.version().get() == 1 {
            world.take(world.arrives(&draft(number, "look", &"x".repeat(200_000), &[])));
        }
    }
    assert_eq!(world.problems(), ["the plan is larger than 524288 bytes"]);
}

#[test]
fn a_planner_that_breaks_off_is_asked_again_and_one_that_cannot_plan_is_not() {
    let mut world = World::new(Goal::new("g"));
    world.take(world.arrives(&draft(1, "look", "x", &[])));
    world.succeeds(1);
    let version = world.version();
    world.take(Command::PlanFailed {
        version,
        failure: failure(FailureKind::Unavailable),
        usage: Usage::default(),
    });
    assert_eq!(world.run.state(), RunState::Planning);
    world.wait_for_timer();
    assert_eq!(world.last.start, Some(ModelCall::Plan(version.next())));
    assert!(matches!(
        world.last.events[0].event,
        Event::PlanVersionStarted { cause: PlanCause::Retry, .. }
    ));
    world.take(world.arrives(&draft(1, "look", "x", &[])));
    assert_eq!(world.states(), [(1, "succeeded")], "what is finished is adopted");
    let (version, failure) = (world.version(), failure(FailureKind::Unplannable));
    world.take(Command::PlanFailed { version, failure, usage: Usage::default() });
    assert_eq!(world.run.failure().unwrap().kind, FailureKind::Unplannable);
}

#[test]
fn a_planner_that_never_answers_ends_the_run_after_three_calls() {
    let mut world = World::new(Goal::new("g"));
    for _ in 0..3 {
        let version = world.version();
        world.take(Command::PlanFailed {
            version,
            failure: failure(FailureKind::Unavailable),
            usage: Usage::default(),
        });
        if world.run.state() == RunState::Planning {
            world.wait_for_timer();
        }
    }
    assert_eq!(world.run.state(), RunState::Failed);
    assert_eq!(world.run.model_calls(), 3);
}

#[test]
fn words_of_an_older_call_are_stale_and_of_a_later_one_refused() {
    let mut world = World::new(Goal::new("g"));
    let old = world.arrives(&draft(1, "look", "x", &[]));
    let old_end = world.plan_ends();
    world.take(Command::Resume);
    assert_eq!(world.version().get(), 2);
    world.take_all([old, old_end]);
    assert!(world.last.events.is_empty());
    let draft = std::sync::Arc::new(draft(1, "look", "x", &[]));
    world.take(Command::StepPlanned { version: PlanVersion::new(9), draft });
    assert_eq!(world.last.refused.len(), 1);
}
