//! `GetRun`, `ListRuns`, `ListTools`, `GetResult`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sortie_engine::{AttemptNumber, Effect, Event, QueueName, Schema, StepId, ToolName, ToolSpec};
use sortie_proto::v1;
use sortie_store::{Notices as _, Presence, Service};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{Bench, run};
use crate::testing::Scribe;

#[tokio::test(start_paused = true)]
async fn a_snapshot_shows_small_results_whole_and_large_ones_by_their_beginning() {
    let mut bench = Bench::new().await;
    let mut scribe = Scribe::submit(bench.store.clone(), run(1)).await;
    scribe.plan().await;
    let small = json!({"text": "x".repeat(1000)});
    scribe.succeed(1, small.clone()).await;
    scribe.succeed(3, json!("y".repeat(100_000))).await;
    let request = v1::GetRunRequest { run_id: run(1).to_string() };
    let shown = bench.client.get_run(request).await.unwrap().into_inner().run.unwrap();
    assert_eq!((shown.seq, shown.state(), shown.plan_version), (10, v1::RunState::Executing, 1));
    let [first, second, third] = shown.steps.as_slice() else { panic!("three steps") };
    assert_eq!(serde_json::from_str::<Value>(&first.result).unwrap(), small);
    assert_eq!((first.result_truncated, first.worker.as_str()), (false, "w"));
    assert_eq!((second.state(), second.result.as_str()), (v1::StepState::Ready, ""));
    assert!(third.result_truncated && third.result.starts_with("\"yyy"));
    assert_eq!(third.result_bytes, 100_002);
}

#[tokio::test(start_paused = true)]
async fn a_queued_step_that_no_worker_serves_is_shown_with_its_queue() {
    let mut bench = Bench::new().await;
    let mut scribe = Scribe::submit(bench.store.clone(), run(1)).await;
    scribe.plan().await;
    let (step, attempt) = (StepId::new(2), AttemptNumber::FIRST);
    scribe.write(vec![Event::StepQueued { step, attempt }]).await;
    let mut shown = async || {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let request = v1::GetRunRequest { run_id: run(1).to_string() };
        let run = bench.client.get_run(request).await.unwrap().into_inner().run.unwrap();
        run.steps.into_iter().map(|step| step.unserved_queue).collect::<Vec<_>>()
    };
    assert_eq!(shown().await, ["", "builtin", ""]);
    let (name, service) = ("w".to_owned(), Service::Worker);
    let (queues, tools) = (vec![QueueName::new("builtin")], Vec::new());
    let worker = Presence { name, service, queues, tools };
    bench.store.announce(worker, Duration::from_secs(60)).await.unwrap();
    assert_eq!(shown().await, ["", "", ""]);
}

#[tokio::test(start_paused = true)]
async fn a_result_comes_whole_in_chunks() {
    let mut bench = Bench::new().await;
    let mut scribe = Scribe::submit(bench.store.clone(), run(1)).await;
    scribe.plan().await;
    let value = json!("é".repeat(100_000));
    scribe.succeed(2, value.clone()).await;
    let mut ask = async |run_id: String, step_number| {
        let request = v1::GetResultRequest { run_id, step_number };
        let mut chunks = bench.client.get_result(request).await?.into_inner();
        let mut json = Vec::new();
        while let Some(chunk) = chunks.message().await? {
            assert!(chunk.json.len() <= 64 * 1024);
            json.extend(chunk.json);
        }
        Ok::<_, tonic::Status>(serde_json::from_slice::<Value>(&json).unwrap())
    };
    assert_eq!(ask(run(1).to_string(), 2).await.unwrap(), value);
    for (run_id, step) in [(run(1), 1), (run(1), 99), (run(1), 0), (run(2), 2)] {
        let status = ask(run_id.to_string(), step).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound, "{step}");
    }
    assert_eq!(ask("r1".to_owned(), 1).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test(start_paused = true)]
async fn lists_go_by_pages_until_the_last() {
    let mut bench = Bench::new().await;
    for unique in 1..=7 {
        let mut scribe = Scribe::submit(bench.store.clone(), run(unique)).await;
        if unique == 4 {
            scribe.answer("42").await;
        }
    }
    let mut seen = Vec::new();
    let mut request = v1::ListRunsRequest { page_size: 3, ..Default::default() };
    loop {
        let page = bench.client.list_runs(request.clone()).await.unwrap().into_inner();
        assert!(page.runs.len() <= 3);
        seen.extend(page.runs.into_iter().map(|run| run.run_id));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    let newest_first: Vec<_> = (1..=7).rev().map(|unique| run(unique).to_string()).collect();
    assert_eq!(seen, newest_first);
    let ended =
        v1::ListRunsRequest { states: vec![v1::RunState::Succeeded.into()], ..Default::default() };
    let ended = bench.client.list_runs(ended).await.unwrap().into_inner().runs;
    assert_eq!(ended.len(), 1);
    assert_eq!(
        (ended[0].run_id.clone(), ended[0].state()),
        (run(4).to_string(), v1::RunState::Succeeded)
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_with_faults_is_refused_with_all_of_them() {
    let mut bench = Bench::new().await;
    let request = v1::ListRunsRequest {
        page_token: "next".to_owned(),
        states: vec![0, 99],
        ..Default::default()
    };
    let status = bench.client.list_runs(request).await.unwrap_err();
    let details = status.get_details_bad_request().unwrap();
    let fields: Vec<_> = details.field_violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["page_token", "states", "states"]);
}

#[tokio::test(start_paused = true)]
async fn tools_are_those_of_the_workers_that_are_there() {
    let mut bench = Bench::new().await;
    let tool = |name: &str| {
        Arc::new(ToolSpec {
            name: ToolName::new(name),
            description: String::new(),
            input: Schema::parse(json!({"type": "object"})).unwrap(),
            output: None,
            effect: Effect::Read,
            queue: QueueName::new("builtin"),
            timeout: Duration::from_secs(1),
            max_result_bytes: 10,
            calls_model: false,
        })
    };
    let tools = vec![tool("search"), tool("calculate")];
    let presence =
        Presence { name: "w".to_owned(), service: Service::Worker, queues: Vec::new(), tools };
    bench.store.announce(presence, Duration::from_secs(3600)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let listed = bench.client.list_tools(v1::ListToolsRequest {}).await.unwrap().into_inner();
    let names: Vec<_> = listed.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["calculate", "search"]);
}
