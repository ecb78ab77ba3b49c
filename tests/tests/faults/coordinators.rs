//! What happens when a coordinator dies or stands still.

use std::time::Instant;

use sortie_engine::RunState;
use sortie_tests::chaos::{Graph, Harm, Kind, Node, PATIENCE, Service, Stage, now_ms, wait_until};

use crate::{options, slow};

/// How long a lane belongs to a coordinator that says nothing.
const LANE_LEASE_MS: u64 = 3_000;

/// A chain of short steps: something happens in it all the time.
fn chain(key: &str, length: u32) -> Graph {
    let node = |number: u32| {
        let after: Vec<_> = (number > 1).then(|| number - 1).into_iter().collect();
        Node::new(number, Kind::Pure, 90, &after)
    };
    Graph::new(key, (1..=length).map(node).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_coordinator_is_replaced_within_a_lane_lease() {
    let mut stage = Stage::open(options()).await;
    // Lanes are shared, so half of these belong to the one that is killed.
    for number in 0..16 {
        stage.submit(chain(&format!("c{number}"), 60));
    }
    for number in 0..16 {
        stage.began(&format!("c{number}"), None).await;
    }
    let pid = stage.cluster.place(Service::Coordinator, 0).process().pid();
    let fault = stage.strike(Harm::CoordinatorKilled, &[pid]);
    let killed = now_ms();
    stage.cluster.place(Service::Coordinator, 0).kill();
    stage.healed(fault);
    let (evidence, _) = stage.verdict().await;
    let gaps = evidence.goals.iter().filter_map(|told| {
        let history = &told.end.as_ref()?.history;
        let next = history.iter().map(|recorded| recorded.at.as_millis()).find(|at| *at > killed);
        Some(next? - killed)
    });
    let longest = gaps.max().unwrap();
    println!("the last run went on after {longest} ms");
    assert!(longest > 500, "{longest} ms: the kill hit nobody");
    assert!(longest <= LANE_LEASE_MS + 1_000, "{longest} ms");
    let reconnects: u32 =
        evidence.goals.iter().flat_map(|told| &told.watches).map(|w| w.connections - 1).sum();
    assert!(reconnects > 0, "some watched at the one that was killed");
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_coordinator_is_replaced_and_its_late_commits_are_refused() {
    let mut stage = Stage::open(options()).await;
    for number in 0..16 {
        stage.submit(chain(&format!("c{number}"), 60));
    }
    for number in 0..16 {
        stage.began(&format!("c{number}"), None).await;
    }
    let pid = stage.cluster.place(Service::Coordinator, 0).process().pid();
    let fault = stage.strike(Harm::CoordinatorFrozen, &[pid]);
    stage.cluster.place(Service::Coordinator, 0).process().freeze();
    // A step that begins more than a lane lease later was queued by the successor.
    let taken = stage.since(fault) + LANE_LEASE_MS + 500;
    stage.cluster.written("the others to go on", |entry| entry.at_ms > taken).await;
    stage.cluster.place(Service::Coordinator, 0).process().thaw();
    stage.healed(fault);
    stage.verdict().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_and_answer_that_a_dead_coordinator_waited_for_are_asked_for_again() {
    let mut stage = Stage::open(options().of_each(1)).await;
    let mut planned = chain("planned", 3);
    planned.plan_ms = 1_000;
    let mut answered = chain("answered", 1);
    answered.answer_ms = 3_000;
    stage.submit(planned);
    stage.submit(answered);
    stage.began("planned", None).await;
    let client = stage.client.clone();
    wait_until("both calls to be open", PATIENCE, async || {
        let until = Instant::now() + PATIENCE;
        let planning = client.count(RunState::Planning, until).await.unwrap();
        planning == 1 && client.count(RunState::Synthesizing, until).await.unwrap() == 1
    })
    .await;
    let pid = stage.cluster.place(Service::Coordinator, 0).process().pid();
    let fault = stage.strike(Harm::CoordinatorKilled, &[pid]);
    stage.cluster.place(Service::Coordinator, 0).restart().await;
    stage.healed(fault);
    let (evidence, _) = stage.verdict().await;
    let takeovers = evidence.goals.iter().filter_map(|told| told.end.as_ref()).filter(|end| {
        end.history.iter().any(|recorded| match &recorded.event {
            sortie_engine::Event::PlanVersionStarted { version, .. } => version.get() > 1,
            sortie_engine::Event::AnswerAttemptStarted { attempt, .. } => attempt.get() > 1,
            _ => false,
        })
    });
    assert_eq!(takeovers.count(), 2, "both calls were open");
}

#[tokio::test(flavor = "multi_thread")]
async fn coordinator_that_is_told_to_end_gives_its_lanes_up_at_once() {
    let mut stage = Stage::open(options()).await;
    for number in 0..8 {
        stage.submit(chain(&format!("c{number}"), 40));
    }
    stage.began("c7", None).await;
    let coordinator = stage.cluster.place(Service::Coordinator, 0).process_mut();
    coordinator.terminate();
    let told = now_ms();
    let status = coordinator.ended(PATIENCE).await;
    assert_eq!(status.code(), Some(0), "an orderly end");
    println!("it ended after {} ms", now_ms() - told);
    stage.submit(Graph::new("later", vec![slow(Kind::Pure, 0)]));
    stage.verdict().await;
}
