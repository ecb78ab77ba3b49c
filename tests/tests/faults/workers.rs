//! What happens when a worker dies, stands still, or is told to end.

use std::time::{Duration, Instant};

use sortie_engine::{Event, RunState};
use sortie_tests::chaos::ledger::{Entry, Fact};
use sortie_tests::chaos::{
    Evidence, Graph, Harm, Kind, Node, PATIENCE, Service, Stage, now_ms, wait_until,
};

use crate::{LEASE, options, slow};

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

fn has(evidence: &Evidence, wanted: impl Fn(&Event) -> bool) -> bool {
    let ends = evidence.goals.iter().filter_map(|told| told.end.as_ref());
    ends.flat_map(|end| &end.history).any(|recorded| wanted(&recorded.event))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_worker_is_replaced_within_one_lease() {
    let mut stage = Stage::open(options()).await;
    let first = stage.begin("killed", slow(Kind::Read, 1_500)).await;
    let place = stage.place_of(Service::Worker, first.pid);
    let fault = stage.strike(Harm::WorkerKilled, &[first.pid]);
    stage.cluster.place(Service::Worker, place).kill();
    stage.healed(fault);
    let second = stage.began("killed", Some(first.pid)).await;
    let took = second.at_ms - stage.since(fault);
    println!("the tool began again after {took} ms");
    assert!(took <= ms(LEASE) + 1_000, "{took} ms");
    stage.verdict().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_worker_loses_its_attempt_and_stops_when_it_wakes() {
    let mut stage = Stage::open(options()).await;
    let first = stage.begin("frozen", slow(Kind::Read, 7_000)).await;
    let place = stage.place_of(Service::Worker, first.pid);
    let fault = stage.strike(Harm::WorkerFrozen, &[first.pid]);
    stage.cluster.place(Service::Worker, place).process().freeze();
    let second = stage.began("frozen", Some(first.pid)).await;
    assert_eq!(second.key, first.key, "the tool can tell that it is the same");
    stage.cluster.place(Service::Worker, place).process().thaw();
    stage.healed(fault);
    let woken = now_ms();
    let stopped = stage.ended(&first).await;
    assert_eq!(stopped.fact, Fact::Stopped);
    let took = stopped.at_ms.saturating_sub(woken);
    println!("the woken worker stopped its tool after {took} ms");
    assert!(took <= ms(LEASE) / 2, "{took} ms");
    stage.verdict().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn once_step_of_a_killed_worker_ends_as_unknown() {
    let mut stage = Stage::open(options()).await;
    let nodes = vec![Node::new(1, Kind::Pure, 0, &[]), Node::new(2, Kind::Once, 30_000, &[1])];
    stage.submit(Graph::new("once", nodes));
    let began = stage.cluster.written("the once tool to begin", |entry| entry.step == 2).await;
    let place = stage.place_of(Service::Worker, began.pid);
    let fault = stage.strike(Harm::WorkerKilled, &[began.pid]);
    stage.cluster.place(Service::Worker, place).restart().await;
    stage.healed(fault);
    let (evidence, _) = stage.verdict().await;
    assert!(has(&evidence, |event| matches!(event, Event::StepUnknown { .. })));
    assert!(has(&evidence, |event| matches!(event, Event::RunSucceeded { partial: true, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn third_worker_that_dies_over_a_step_is_the_last() {
    let mut stage = Stage::open(options().of_each(1)).await;
    let mut pid = None;
    let mut nodes = vec![slow(Kind::Read, 30_000)];
    nodes.push(Node::new(2, Kind::Pure, 0, &[]));
    stage.submit(Graph::new("poison", nodes));
    for _ in 0..3 {
        let began = stage
            .cluster
            .written("the slow tool to begin", |entry| {
                entry.fact == Fact::Began
                    && entry.step == 1
                    && Some(entry.pid) != pid
                    && entry.pid == stage.cluster.places.last().unwrap().process().pid()
            })
            .await;
        pid = Some(began.pid);
        let fault = stage.strike(Harm::WorkerKilled, &[began.pid]);
        stage.cluster.place(Service::Worker, 0).restart().await;
        stage.healed(fault);
    }
    let (evidence, _) = stage.verdict().await;
    let lost = sortie_engine::FailureKind::WorkerLost;
    assert!(has(&evidence, |event| {
        matches!(event, Event::StepFailed { failure, .. } if failure.kind == lost)
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_that_is_told_to_end_finishes_its_tool_and_claims_nothing_more() {
    let mut stage = Stage::open(options().of_each(1)).await;
    let began = stage.begin("drained", slow(Kind::Once, 3_000)).await;
    // The other one waits for a worker.
    let away = stage.strike(Harm::WorkerKilled, &[]);
    stage.cluster.place(Service::Worker, 0).process().terminate();
    stage.submit(Graph::new("later", vec![slow(Kind::Pure, 0)]));
    let client = stage.client.clone();
    wait_until("both steps to be queued", PATIENCE, async || {
        let runs = client.count(RunState::Executing, Instant::now() + PATIENCE).await;
        runs.unwrap_or_default() == 2
    })
    .await;
    let began_now = |stage: &Stage| {
        let is = |entry: &Entry| entry.fact == Fact::Began;
        stage.cluster.ledger().into_iter().filter(is).count()
    };
    assert_eq!(began_now(&stage), 1, "it still runs the first");
    let status = stage.cluster.place(Service::Worker, 0).process_mut().ended(PATIENCE).await;
    assert_eq!(status.code(), Some(0), "an orderly end");
    assert!(matches!(stage.ended(&began).await.fact, Fact::Ended { .. }));
    assert_eq!(began_now(&stage), 1, "it has had a slot for the other, and claimed nothing");
    stage.cluster.place(Service::Worker, 0).start().await;
    stage.healed(away);
    let (evidence, _) = stage.verdict().await;
    assert_eq!(evidence.ledger.iter().filter(|entry| entry.fact == Fact::Began).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn step_waits_for_a_worker_that_serves_its_queue() {
    let mut stage = Stage::open(options().of_each(1)).await;
    let fault = stage.strike(Harm::WorkerKilled, &[]);
    stage.cluster.place(Service::Worker, 0).kill();
    stage.submit(Graph::new("waits", vec![slow(Kind::Once, 0)]));
    let client = stage.client.clone();
    wait_until("the step to be queued", PATIENCE, async || {
        let runs = client.count(RunState::Executing, Instant::now() + PATIENCE).await;
        runs.unwrap_or_default() > 0
    })
    .await;
    stage.cluster.place(Service::Worker, 0).start().await;
    stage.healed(fault);
    let (evidence, _) = stage.verdict().await;
    assert!(has(&evidence, |event| matches!(event, Event::RunSucceeded { partial: false, .. })));
}
