//! Plans by a model.

use std::time::Duration;

use sortie_engine::FailureKind;
use sortie_llm::{ErrorKind, Purpose, StopReason};
use sortie_proto::failure::failure;
use sortie_proto::v1;
use sortie_proto::v1::make_plan_response::Part;
use tonic::{Status, Streaming};

use crate::fake::Fake;
use crate::{client, kit};

const STEP: &str = r#"{"step_number": 1, "description": "Rent", "tool": "search", "tool_input": {"query": "rent in Lyon"}, "depends_on": []}"#;

fn request() -> v1::MakePlanRequest {
    v1::MakePlanRequest {
        run_id: "r".to_owned(),
        version: 1,
        goal: "What is the rent in Lyon?".to_owned(),
        tools: kit::tools(),
        max_steps: 9,
        ..v1::MakePlanRequest::default()
    }
}

async fn asked(fake: &Fake, request: v1::MakePlanRequest) -> Streaming<v1::MakePlanResponse> {
    client(fake).await.make_plan(request).await.unwrap().into_inner()
}

async fn next(parts: &mut Streaming<v1::MakePlanResponse>) -> Result<Part, Status> {
    let part = parts.message().await?;
    Ok(part.expect("the stream goes on").part.unwrap())
}

async fn info(parts: &mut Streaming<v1::MakePlanResponse>) {
    let Part::Info(info) = next(parts).await.unwrap() else { panic!("info comes first") };
    assert_eq!(info.planner, "script fake");
}

async fn step(parts: &mut Streaming<v1::MakePlanResponse>) -> v1::PlannedStep {
    match next(parts).await.unwrap() {
        Part::Step(step) => step,
        other => panic!("{other:?}"),
    }
}

async fn end(parts: &mut Streaming<v1::MakePlanResponse>) -> v1::PlanEnd {
    let Part::End(end) = next(parts).await.unwrap() else { panic!("no end") };
    assert!(parts.message().await.unwrap().is_none(), "nothing follows the end");
    end
}

#[tokio::test]
async fn a_step_leaves_before_the_model_goes_on() {
    let fake = Fake::new();
    let mut parts = asked(&fake, request()).await;
    info(&mut parts).await;
    fake.says("{\"steps\": [").await;
    fake.says(STEP).await;
    let first = step(&mut parts).await;
    assert_eq!((first.step_number, first.tool_input.as_str()), (1, r#"{"query":"rent in Lyon"}"#));
    fake.says("]}").await;
    fake.ends(StopReason::Complete).await;
    let end = end(&mut parts).await;
    assert_eq!(end.problems, []);
    let usage = end.usage.unwrap();
    assert_eq!((usage.model_calls, usage.input_tokens, usage.output_tokens), (1, 70, 7));
    let asked = fake.request();
    assert_eq!(asked.purpose, Purpose::Plan);
    assert!(asked.shape.is_some() && asked.user.contains("What is the rent in Lyon?"));
}

#[tokio::test]
async fn a_model_that_breaks_off_may_be_asked_again() {
    for broken in [true, false] {
        let fake = Fake::new();
        let mut parts = asked(&fake, request()).await;
        info(&mut parts).await;
        fake.says("{\"steps\": [").await;
        if broken {
            fake.fails(ErrorKind::CutOff).await;
        } else {
            fake.breaks_off();
        }
        let told = failure(&next(&mut parts).await.unwrap_err());
        assert_eq!(told.kind, FailureKind::Unavailable);
    }
}

#[tokio::test]
async fn a_model_that_refuses_makes_the_goal_unplannable() {
    let fake = Fake::new();
    let mut parts = asked(&fake, request()).await;
    info(&mut parts).await;
    fake.ends(StopReason::Filtered).await;
    let told = failure(&next(&mut parts).await.unwrap_err());
    assert_eq!(told.kind, FailureKind::Unplannable);
    assert!(told.message.contains("script fake does not plan this goal"));
}

#[tokio::test]
async fn without_tools_no_model_is_asked() {
    let request = v1::MakePlanRequest { tools: Vec::new(), ..request() };
    let refused = client(&Fake::new()).await.make_plan(request).await.unwrap_err();
    let told = failure(&refused);
    assert_eq!(told.kind, FailureKind::Unavailable);
    assert!(told.message.contains("start a worker"));
    assert!(told.retry_after.is_some(), "workers may be on their way");
}

#[tokio::test]
async fn what_is_no_plan_ends_with_its_problems() {
    let fake = Fake::new();
    let mut parts = asked(&fake, request()).await;
    info(&mut parts).await;
    fake.says("I would look it up.").await;
    fake.ends(StopReason::Complete).await;
    let problems = end(&mut parts).await.problems;
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("`I would look it up.`"));
}

#[tokio::test]
async fn a_name_out_of_an_example_is_a_problem() {
    let fake = Fake::new();
    let mut parts = asked(&fake, request()).await;
    info(&mut parts).await;
    fake.says(&format!("[{}]", STEP.replace("Lyon", "Velmora"))).await;
    fake.ends(StopReason::Complete).await;
    step(&mut parts).await;
    let problems = end(&mut parts).await.problems;
    assert_eq!(problems[0].step_number, 1);
    assert!(problems[0].message.contains("is about `Velmora`, which is only in an example"));
}

#[tokio::test]
async fn a_plan_that_is_lost_ends_the_model_call() {
    let fake = Fake::new();
    let mut parts = asked(&fake, v1::MakePlanRequest { max_steps: 1, ..request() }).await;
    info(&mut parts).await;
    fake.says(&format!("[{STEP},{STEP}")).await;
    step(&mut parts).await;
    let problems = end(&mut parts).await.problems;
    assert_eq!(problems[0].message, "the plan has more than 1 steps");
    fake.is_left().await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_model_call() {
    let fake = Fake::new();
    let mut parts = asked(&fake, request()).await;
    info(&mut parts).await;
    fake.says("{\"steps\": [").await;
    drop(parts);
    fake.is_left().await;
}

/// Silence, reasoning, and text that completes no step are all the same to the client.
#[tokio::test(start_paused = true)]
async fn a_slow_model_gives_signs_of_life() {
    let fake = Fake::new();
    let mut parts = asked(&fake, request()).await;
    info(&mut parts).await;
    let start = tokio::time::Instant::now();
    for _ in 0..3 {
        assert_eq!(next(&mut parts).await.unwrap(), Part::Beat(v1::Beat {}));
    }
    assert!(start.elapsed() <= Duration::from_secs(16), "{:?}", start.elapsed());
    let writes = async {
        for _ in 0..12 {
            fake.says(" ").await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        fake.says(&format!("[{STEP}]")).await;
        fake.ends(StopReason::Complete).await;
    };
    let hears = async {
        let mut beats = 0;
        loop {
            match next(&mut parts).await.unwrap() {
                Part::Beat(_) => beats += 1,
                Part::Step(_) => return beats,
                other => panic!("{other:?}"),
            }
        }
    };
    let ((), beats) = tokio::join!(writes, hears);
    assert!(beats >= 2, "{beats}");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_does_not_begin_gives_signs_of_life() {
    let fake = Fake::that_never_begins();
    let mut parts = asked(&fake, request()).await;
    info(&mut parts).await;
    for _ in 0..2 {
        assert_eq!(next(&mut parts).await.unwrap(), Part::Beat(v1::Beat {}));
    }
    drop(parts);
    fake.is_left().await;
}

#[tokio::test]
async fn a_new_plan_keeps_the_finished_steps() {
    use v1::step_report::Outcome;
    let report = |step_number, outcome| v1::StepReport {
        step_number,
        description: "Old".to_owned(),
        tool: "search".to_owned(),
        tool_input: r#"{"query": "old"}"#.to_owned(),
        depends_on: Vec::new(),
        outcome: Some(outcome),
    };
    let found = Outcome::Result(v1::ResultPreview {
        json: r#"{"text": "Velmora"}"#.to_owned(),
        truncated: false,
        total_bytes: 22,
        empty: false,
    });
    let failed = Outcome::Failure(v1::Failure::default());
    let replan = v1::Replan { steps: vec![report(1, found), report(2, failed)] };
    let fake = Fake::new();
    let request = v1::MakePlanRequest { replan: Some(replan), ..request() };
    let mut parts = asked(&fake, request).await;
    info(&mut parts).await;
    let kept = step(&mut parts).await;
    assert_eq!((kept.step_number, kept.tool_input.as_str()), (1, r#"{"query": "old"}"#));
    // The result speaks of the name, so it is not copied from an example.
    let new = STEP.replace("\"step_number\": 1", "\"step_number\": 3").replace("Lyon", "Velmora");
    fake.says(&format!("[{new}]")).await;
    fake.ends(StopReason::Complete).await;
    assert_eq!(step(&mut parts).await.step_number, 3);
    assert_eq!(end(&mut parts).await.problems, []);
    let asked = fake.request();
    assert_eq!(asked.purpose, Purpose::Replan);
    let numbering = "kept, not to be written again: 1. Number your steps from 3.";
    assert!(asked.user.contains(numbering), "{}", asked.user);
}
