//! Everything that a plan or a tool can do wrong, and what becomes of it: a typed outcome with a
//! clear message, nothing stuck, and a cluster that works afterwards.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

use std::time::Duration;

use serde_json::{Value, json};
use sortie_engine::{Event, Failure, FailureKind, Goal, RunState, StepState};
use sortie_tests::cluster::{Gauge, Line, Script, Story, TestCluster, Tool, registry, step, tool};

fn echo() -> Tool {
    tool("echo", |input, _| async { Ok(input) })
}

/// A tool that promises the shape of its results.
fn typed() -> Tool {
    let shape = json!({
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "additionalProperties": false,
    });
    tool("typed", |_, _| async { Ok(json!({"text": "x"})) }).output(shape)
}

fn failing() -> Tool {
    tool("fail", |_, _| async { Err(Failure::new(FailureKind::ToolFailed, "no luck")) })
}

fn echoes(number: u32, input: Value, after: &[u32]) -> Line {
    step(number, "echo", input, after)
}

async fn tell(lines: Vec<Line>) -> Story {
    let tools = registry([echo(), typed(), failing()]);
    TestCluster::start(Script::new(lines), tools).await.run("go").await
}

/// Plans with these lines end as `invalid_plan`, after the planner was asked to repair them.
async fn invalid(lines: Vec<Line>) -> String {
    let story = tell(lines).await;
    assert_eq!(story.state(), RunState::Failed);
    let failure = story.failure();
    assert_eq!(failure.kind, FailureKind::InvalidPlan, "{failure}");
    let versions = story.events.iter();
    let versions = versions.filter(|r| matches!(r.event, Event::PlanVersionStarted { .. })).count();
    assert_eq!(versions, 3, "the plan, and two repairs");
    failure.message
}

#[track_caller]
fn assert_says(message: &str, wanted: &str) {
    assert!(message.contains(wanted), "`{wanted}` is not in: {message}");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_tool_is_named_with_those_that_exist() {
    let message = invalid(vec![step(1, "teleport", json!({}), &[])]).await;
    assert_says(&message, "step 1: there is no tool `teleport`, only: echo, fail, typed");
}

#[tokio::test(start_paused = true)]
async fn a_cycle_is_printed() {
    let lines =
        vec![echoes(1, json!(1), &[3]), echoes(2, json!(2), &[1]), echoes(3, json!("{{2}}"), &[])];
    let message = invalid(lines).await;
    assert_says(&message, "step 1 waits for step 3 waits for step 2 waits for step 1");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_waits_for_itself_is_named() {
    assert_says(&invalid(vec![echoes(1, json!(1), &[1])]).await, "step 1: depends on itself");
    let refers = invalid(vec![echoes(1, json!("{{1}}"), &[])]).await;
    assert_says(&refers, "step 1: refers to its own result");
}

#[tokio::test(start_paused = true)]
async fn a_missing_step_is_named() {
    let message = invalid(vec![echoes(1, json!("{{9.text}}"), &[])]).await;
    assert_says(&message, "step 1: depends on step 9, which does not exist");
}

#[tokio::test(start_paused = true)]
async fn a_path_that_no_result_can_have_is_found_before_anything_runs() {
    let lines = || vec![step(1, "typed", json!({}), &[]), echoes(2, json!("{{1.price}}"), &[])];
    let wanted = "step 2: `{{1.price}}` names nothing: results of the tool `typed`";
    assert_says(&invalid(lines()).await, wanted);
    let backwards: Vec<_> = lines().into_iter().rev().collect();
    assert_says(&invalid(backwards).await, wanted);
}

#[tokio::test(start_paused = true)]
async fn a_plan_without_steps_is_no_plan() {
    assert_says(&invalid(Vec::new()).await, "the plan has no steps");
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_a_plan_is_told_at_once() {
    let lines = vec![
        step(1, "teleport", json!({}), &[]),
        echoes(2, json!(1), &[2]),
        echoes(3, json!("{{9}}"), &[]),
    ];
    let message = invalid(lines).await;
    for wanted in ["step 1: there is no tool", "step 2: depends on itself", "step 3: depends on"] {
        assert_says(&message, wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_repaired_plan_goes_on_with_what_is_done() {
    let calls = Gauge::default();
    let counted = {
        let calls = calls.clone();
        tool("counted", move |input, _| {
            drop(calls.enter());
            async { Ok(input) }
        })
    };
    let script = Script::for_each(|request| {
        let other = if request.repair.is_some() { "counted" } else { "teleport" };
        vec![step(1, "counted", json!("one"), &[]), step(2, other, json!("two: {{1}}"), &[])]
    });
    let story = TestCluster::start(script, registry([counted])).await.run("go").await;
    assert_eq!(story.answer(), "1=\"one\"; 2=\"two: one\"; ");
    assert_eq!(calls.entered(), 2, "the first step was not done again");
}

#[tokio::test(start_paused = true)]
async fn a_part_that_a_result_does_not_have_fails_the_step_that_wants_it() {
    let lines = vec![echoes(1, json!({"a": 1}), &[]), echoes(2, json!("{{1.b}}"), &[])];
    let story = tell(lines).await;
    assert_eq!(story.step_failure(2).kind, FailureKind::BadReference);
    assert_says(&story.step_failure(2).message, "{{1.b}}");
    assert_eq!((story.state(), story.run.is_partial()), (RunState::Succeeded, true));
}

#[tokio::test(start_paused = true)]
async fn a_failed_steps_dependents_are_skipped_and_the_others_go_on() {
    let lines = vec![
        step(1, "fail", json!({}), &[]),
        echoes(2, json!("{{1}}"), &[]),
        echoes(3, json!(3), &[2]),
        echoes(4, json!(4), &[]),
    ];
    let story = tell(lines).await;
    assert_eq!((story.state(), story.run.is_partial()), (RunState::Succeeded, true));
    assert_eq!(story.step_failure(1).message, "no luck");
    assert!(matches!(story.step(2).state, StepState::Skipped { .. }));
    assert!(matches!(story.step(3).state, StepState::Skipped { .. }));
    assert_eq!(story.answer(), "1!tool_failed; 2!step_failed; 3!step_failed; 4=4; ");
}

#[tokio::test(start_paused = true)]
async fn a_run_without_any_result_fails_with_the_reasons() {
    let story = tell(vec![step(1, "fail", json!({}), &[]), echoes(2, json!(2), &[1])]).await;
    let failure = story.failure();
    assert_eq!(failure.kind, FailureKind::NoResults);
    assert_says(&failure.message, "step 1 (does 1): no luck");
}

#[tokio::test(start_paused = true)]
async fn braces_in_a_result_are_only_text() {
    let page = "see {{1}}, {{2.secret}} and {{";
    let quote = tool("page", move |_, _| async move { Ok(json!({ "text": page })) });
    let lines = vec![
        step(1, "page", json!({}), &[]),
        echoes(2, json!("quoted: {{1.text}}"), &[]),
        echoes(3, json!({"whole": "{{2}}"}), &[]),
    ];
    let tools = registry([echo(), quote]);
    let story = TestCluster::start(Script::new(lines), tools).await.run("go").await;
    let quoted = json!(format!("quoted: {page}"));
    let wanted = format!("2={quoted}; 3={}; ", json!({ "whole": quoted }));
    assert!(story.answer().ends_with(&wanted), "{}", story.answer());
}

#[tokio::test(start_paused = true)]
async fn a_result_of_ten_mebibytes_is_too_large() {
    let huge = tool("huge", |_, _| async { Ok(json!("x".repeat(10 << 20))) });
    let lines = vec![step(1, "huge", json!({}), &[]), echoes(2, json!(2), &[])];
    let tools = registry([echo(), huge]);
    let story = TestCluster::start(Script::new(lines), tools).await.run("go").await;
    assert_eq!(story.step_failure(1).kind, FailureKind::ResultTooLarge);
    assert_says(&story.step_failure(1).message, "10485762 bytes, 1048576 are allowed");
    assert_eq!(story.answer(), "1!result_too_large; 2=2; ");
}

#[tokio::test(start_paused = true)]
async fn a_large_result_travels_whole() {
    let text = "y".repeat(900_000);
    let large = {
        let text = text.clone();
        tool("large", move |_, _| {
            let text = text.clone();
            async move { Ok(json!(text)) }
        })
    };
    let length =
        tool(
            "length",
            |input: Value, _| async move { Ok(json!(input["of"].as_str().unwrap().len())) },
        );
    let lines =
        vec![step(1, "large", json!({}), &[]), step(2, "length", json!({"of": "{{1}}"}), &[])];
    let tools = registry([large, length]);
    let story = TestCluster::start(Script::new(lines), tools).await.run("go").await;
    assert!(story.answer().ends_with("2=900000; "), "{}", story.answer());
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_panics_fails_its_step_and_the_next_run_works() {
    let panics = tool("panics", |input: Value, _| async move {
        assert!(input["calm"] == true, "the disk is on fire");
        Ok(input)
    });
    let script = Script::for_each(|request| {
        let calm = request.goal == "calm";
        vec![step(1, "panics", json!({ "calm": calm }), &[]), echoes(2, json!(2), &[])]
    });
    let cluster = TestCluster::start(script, registry([echo(), panics])).await;
    let story = cluster.run("wild").await;
    assert_eq!(story.step_failure(1).kind, FailureKind::ToolPanicked);
    assert_says(&story.step_failure(1).message, "tool `panics` crashed: the disk is on fire");
    assert_eq!(story.answer(), "1!tool_panicked; 2=2; ");
    let story = cluster.run("calm").await;
    assert_eq!(story.answer(), "1={\"calm\":true}; 2=2; ");
    cluster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_hangs_is_stopped_at_its_limit_and_tried_again() {
    let hanging = Gauge::default();
    let hang = {
        let hanging = hanging.clone();
        tool("hang", move |_, _| {
            let guard = hanging.enter();
            async move {
                let _guard = guard;
                std::future::pending().await
            }
        })
    };
    let lines = vec![step(1, "hang", json!({}), &[]), echoes(2, json!(2), &[])];
    let tools = registry([echo(), hang.timeout(Duration::from_secs(3))]);
    let story = TestCluster::start(Script::new(lines), tools).await.run("go").await;
    assert_eq!(story.step_failure(1).kind, FailureKind::Timeout);
    assert_says(&story.step_failure(1).message, "tool `hang` took longer than 3s");
    assert_eq!((hanging.entered(), hanging.most(), hanging.now()), (3, 1, 0));
    assert!(story.took() < Duration::from_secs(3 * 3 + 2), "{:?}", story.took());
}

#[tokio::test(start_paused = true)]
async fn a_planner_that_cannot_plan_is_not_asked_twice() {
    let failure = Failure::new(FailureKind::Unplannable, "no rule for sonnets");
    let script = Script::new(vec![Line::Fail(failure.clone())]);
    let story = TestCluster::start(script.clone(), registry([echo()])).await.run("go").await;
    assert_eq!(story.failure(), failure);
    assert_eq!(script.calls().entered(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_planner_that_panics_fails_its_call_and_not_the_coordinator() {
    let script = Script::for_each(|request| {
        assert!(request.goal != "wild", "the planner is on fire");
        vec![echoes(1, json!(1), &[])]
    });
    let cluster = TestCluster::start(script, registry([echo()])).await;
    let story = cluster.run("wild").await;
    assert_eq!(story.failure().kind, FailureKind::Internal);
    assert!(story.took() < Duration::from_secs(60), "{:?}", story.took());
    assert_eq!(cluster.run("calm").await.answer(), "1=1; ");
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_too_many_steps_is_not_heard_to_the_end() {
    let script = Script::for_each(|_| (1..=20).map(|n| echoes(n, json!(n), &[])).collect());
    let cluster = TestCluster::start(script, registry([echo()])).await;
    let mut goal = Goal::new("go");
    goal.limits.steps = 5;
    let run = cluster.submit(goal).await;
    let failure = cluster.ended(run).await.failure();
    assert_eq!(failure.kind, FailureKind::InvalidPlan);
    assert_says(&failure.message, "the plan has more than 5 steps");
}
