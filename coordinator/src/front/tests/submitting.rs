//! `SubmitGoal`, and what is offered beside the front door.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sortie_engine::{FailureKind, Lane, RunId, Seq};
use sortie_proto::{failure, v1};
use sortie_store::{EmbeddedOptions, InboxCursor, InboxId, Lanes as _, RunLog as _};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1 as reflection, v1alpha};
use tonic_types::StatusExt as _;

use super::Bench;

fn goal(text: &str, key: &str) -> v1::SubmitGoalRequest {
    v1::SubmitGoalRequest {
        goal: text.to_owned(),
        idempotency_key: key.to_owned(),
        ..Default::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_accepted_goal_is_a_run_in_a_lane_of_ours() {
    let mut bench = Bench::new().await;
    bench.lanes.send_replace(vec![Lane(9)]);
    let answer = bench.client.submit_goal(goal("why?", "")).await.unwrap().into_inner();
    assert!(!answer.already_submitted);
    let run: RunId = answer.run_id.parse().unwrap();
    assert_eq!(run.lane(), Lane(9));
    assert!(bench.store.load(run, Seq::ZERO).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_without_lanes_takes_goals_all_the_same() {
    let mut bench = Bench::new().await;
    bench.lanes.send_replace(Vec::new());
    let begun = tokio::time::Instant::now();
    let answer = bench.client.submit_goal(goal("why?", "")).await.unwrap().into_inner();
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let run: RunId = answer.run_id.parse().unwrap();
    let cursor = InboxCursor { lane: run.lane(), after: InboxId(0) };
    let items = bench.store.read_inbox(&[cursor], 10, Duration::ZERO).await.unwrap();
    assert!(items.iter().any(|item| item.run == run), "nobody would hear of the run");
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_a_goal_is_told_at_once() {
    let mut bench = Bench::new().await;
    let mut request = goal(&"x".repeat(70_000), &"k".repeat(300));
    request.policy = 77;
    request.labels.insert(String::new(), String::new());
    request.limits = Some(v1::Limits {
        attempts: Some(0),
        step_timeout: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
        ..Default::default()
    });
    let status = bench.client.submit_goal(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let details = status.get_details_bad_request().unwrap();
    let fields: Vec<_> = details.field_violations.iter().map(|v| v.field.as_str()).collect();
    let expected = ["policy", "limits.step_timeout", "goal", "limits.attempts", "labels"];
    assert_eq!(fields, expected.into_iter().chain(["idempotency_key"]).collect::<Vec<_>>());
    assert_eq!(failure::failure(&status).kind, FailureKind::InvalidInput);
}

#[tokio::test(start_paused = true)]
async fn a_goal_above_the_size_of_messages_is_refused() {
    let mut bench = Bench::new().await;
    let status = bench.client.submit_goal(goal(&"x".repeat(5 << 20), "")).await.unwrap_err();
    assert!(matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted), "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn the_same_key_is_the_same_run_and_another_body_is_refused() {
    let mut bench = Bench::new().await;
    let first = bench.client.submit_goal(goal("why?", "k")).await.unwrap().into_inner();
    let again = bench.client.submit_goal(goal("why?", "k")).await.unwrap().into_inner();
    assert_eq!(again, v1::SubmitGoalResponse { already_submitted: true, ..first.clone() });
    let status = bench.client.submit_goal(goal("how?", "k")).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
    assert!(status.message().contains(&first.run_id), "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_store_that_gets_lost_makes_no_second_run() {
    let mut bench = Bench::new().await;
    bench.store.lost_answers.store(3, Ordering::Relaxed);
    bench.client.submit_goal(goal("why?", "")).await.unwrap();
    assert_eq!(bench.store.lost_answers.load(Ordering::Relaxed), 0);
    let runs = bench.client.list_runs(v1::ListRunsRequest::default()).await.unwrap().into_inner();
    assert_eq!(runs.runs.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn silence_and_a_lack_of_room_are_told_with_a_time_to_come_back() {
    let mut bench =
        Bench::with(EmbeddedOptions { max_open_runs: 1, ..EmbeddedOptions::default() }).await;
    bench.store.lost_answers.store(usize::MAX, Ordering::Relaxed);
    let silent = bench.client.submit_goal(goal("why?", "")).await.unwrap_err();
    assert_eq!(silent.code(), Code::Unavailable);
    bench.store.lost_answers.store(0, Ordering::Relaxed);
    let full = bench.client.submit_goal(goal("why?", "")).await.unwrap_err();
    assert_eq!(full.code(), Code::ResourceExhausted);
    for status in [silent, full] {
        assert!(status.get_details_retry_info().is_some(), "{status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn liveness_does_not_depend_on_readiness() {
    let bench = Bench::new().await;
    let mut health = HealthClient::new(bench.channel.clone());
    let mut ask = async |service: &str| {
        let request = HealthCheckRequest { service: service.to_owned() };
        health.check(request).await.unwrap().into_inner().status().as_str_name()
    };
    assert_eq!(ask("liveness").await, "SERVING");
    assert_eq!(ask("readiness").await, "NOT_SERVING");
    bench.readiness.set(true).await;
    for service in ["liveness", "readiness", "", "sortie.v1.Coordinator"] {
        assert_eq!(ask(service).await, "SERVING", "{service}");
    }
}

#[tokio::test(start_paused = true)]
async fn both_versions_of_reflection_know_the_coordinator_and_health() {
    let bench = Bench::new().await;
    let mut current =
        reflection::server_reflection_client::ServerReflectionClient::new(bench.channel.clone());
    let ask = reflection::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(reflection::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
    };
    let asked = futures_util::stream::iter([ask]);
    let mut answers = current.server_reflection_info(asked).await.unwrap().into_inner();
    let told = format!("{:?}", answers.message().await.unwrap());
    let mut old =
        v1alpha::server_reflection_client::ServerReflectionClient::new(bench.channel.clone());
    let ask = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::ListServices(
            String::new(),
        )),
    };
    let asked = futures_util::stream::iter([ask]);
    let mut answers = old.server_reflection_info(asked).await.unwrap().into_inner();
    for told in [told, format!("{:?}", answers.message().await.unwrap())] {
        assert!(told.contains("sortie.v1.Coordinator"), "{told}");
        assert!(told.contains("grpc.health.v1.Health"), "{told}");
    }
}
