//! Another plan for a goal, through the whole cluster: what the planner is told, what is kept, and
//! what the answer is made of.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

use std::sync::{Arc, Mutex};

use serde_json::json;
use sortie_coordinator::PlanRequest;
use sortie_engine::{Event, Failure, FailureKind, Goal, PlanCause, ReplanPolicy, RunState};
use sortie_tests::cluster::{Gauge, Line, Script, Story, TestCluster, Tool, registry, step, tool};

/// Finds everything but gold.
fn search(calls: &Gauge) -> Tool {
    let calls = calls.clone();
    tool("search", move |input, _| {
        let _counted = calls.enter();
        async move {
            match input.as_str() {
                Some("gold") => Err(Failure::new(FailureKind::NotFound, "there is no gold")),
                _ => Ok(json!({ "text": input })),
            }
        }
    })
}

fn goal() -> Goal {
    Goal { replan: ReplanPolicy::OnFailure, ..Goal::new("find it") }
}

/// Looks for gold first; `again` says what it does about the failure.
async fn tell(
    again: impl Fn(&PlanRequest) -> Vec<Line> + Send + Sync + 'static,
    calls: &Gauge,
) -> Story {
    let script = Script::for_each(move |request: &PlanRequest| match request.replan.is_empty() {
        true => vec![
            step(1, "search", json!("silver"), &[]),
            step(2, "search", json!("gold"), &[]),
            step(3, "search", json!("{{2.text}}"), &[]),
        ],
        false => again(request),
    });
    let cluster = TestCluster::start(script, registry([search(calls)])).await;
    let run = cluster.submit(goal()).await;
    cluster.ended(run).await
}

#[tokio::test(start_paused = true)]
async fn the_planner_sees_what_was_found_and_only_the_rest_is_done_again() {
    let calls = Gauge::default();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = seen.clone();
    let again = move |request: &PlanRequest| {
        notes.lock().unwrap().clone_from(&request.replan);
        vec![step(1, "search", json!("silver"), &[]), step(4, "search", json!("copper"), &[])]
    };
    let story = tell(again, &calls).await;
    assert_eq!(story.state(), RunState::Succeeded);
    assert!(!story.run.is_partial());
    assert_eq!(calls.entered(), 3, "silver, gold, copper; silver once");
    let seen = seen.lock().unwrap();
    let told: Vec<_> = seen
        .iter()
        .map(|report| match &report.outcome {
            Ok(preview) => (report.number.get(), preview.json.clone()),
            Err(failure) => (report.number.get(), failure.message.clone()),
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, r#"{"text":"silver"}"#.to_owned()),
            (2, "there is no gold".to_owned()),
            (3, "skipped, for step 2 has no result".to_owned()),
        ]
    );
    let causes = story.events.iter().filter_map(|recorded| match &recorded.event {
        Event::PlanVersionStarted { cause, .. } => Some(*cause),
        _ => None,
    });
    assert_eq!(causes.collect::<Vec<_>>(), [PlanCause::First, PlanCause::Replan]);
}

#[tokio::test(start_paused = true)]
async fn a_planner_without_another_plan_leaves_what_there_is() {
    let again = |_: &PlanRequest| {
        vec![Line::Fail(Failure::new(FailureKind::Unplannable, "there is no other way"))]
    };
    let story = tell(again, &Gauge::default()).await;
    assert_eq!(story.state(), RunState::Succeeded);
    assert!(story.run.is_partial());
    let answer = story.answer();
    assert!(answer.contains("silver") && answer.contains("2!not_found"), "{answer}");
}
