//! What happens when the network between a process and Redis is bad.

use sortie_tests::chaos::ledger::Fact;
use sortie_tests::chaos::{Fault, Graph, Harm, Kind, Node, PATIENCE, Service, Stage, wait_until};

use crate::{LEASE, options, slow};

/// Goals that keep a cluster busy for a while.
fn busy(stage: &mut Stage, count: u32) {
    for number in 0..count {
        let nodes = (1..=12).map(|step| {
            let after: Vec<_> = (step > 3).then(|| step - 3).into_iter().collect();
            let kind = if step % 4 == 0 { Kind::Large } else { Kind::Pure };
            Node::new(step, kind, 100, &after)
        });
        stage.submit(Graph::new(&format!("b{number}"), nodes.collect()));
    }
}

/// Breaks one process's wire while the cluster is busy, until it has hit something.
async fn break_wire(service: Service, harm: Harm, fault: Fault) {
    let mut stage = Stage::open(options()).await;
    busy(&mut stage, 12);
    stage.began("b11", None).await;
    let pid = stage.cluster.place(service, 0).process().pid();
    let hit = stage.strike(harm, &[pid]);
    let wire = stage.cluster.place(service, 0).redis();
    let before = wire.hits();
    wire.set(fault);
    wait_until("the fault to hit", PATIENCE, async || wire.hits() > before).await;
    // Long enough that leases of lanes and attempts run out.
    tokio::time::sleep(LEASE + LEASE / 2).await;
    wire.set(Fault::None);
    stage.healed(hit);
    stage.verdict().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_whose_connections_are_reset_goes_on() {
    break_wire(Service::Worker, Harm::Reset, Fault::Reset).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coordinator_whose_connections_are_reset_goes_on() {
    break_wire(Service::Coordinator, Harm::Reset, Fault::Reset).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_in_a_black_hole_is_replaced_and_comes_back() {
    break_wire(Service::Worker, Harm::BlackHole, Fault::HoldBoth).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coordinator_in_a_black_hole_is_replaced_and_comes_back() {
    break_wire(Service::Coordinator, Harm::BlackHole, Fault::HoldBoth).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_asked_is_done_once_although_the_replies_are_lost() {
    break_wire(Service::Worker, Harm::RepliesLost, Fault::LoseReplies).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_coordinator_asked_is_done_once_although_the_replies_are_lost() {
    break_wire(Service::Coordinator, Harm::RepliesLost, Fault::LoseReplies).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_without_redis_stops_its_tools_within_a_lease_and_starts_nothing() {
    let mut stage = Stage::open(options().of_each(1)).await;
    let began = stage.begin("alone", slow(Kind::Idempotent, 6_000)).await;
    let fault = stage.strike(Harm::BlackHole, &[began.pid]);
    stage.cluster.place(Service::Worker, 0).redis().set(Fault::HoldBoth);
    let stopped = stage.ended(&began).await;
    let took = stopped.at_ms - stage.since(fault);
    println!("the worker stopped its tool after {took} ms without Redis");
    assert_eq!(stopped.fact, Fact::Stopped);
    let lease = u64::try_from(LEASE.as_millis()).unwrap();
    assert!(took <= lease + lease / 2, "{took} ms");
    stage.cluster.place(Service::Worker, 0).redis().set(Fault::None);
    stage.healed(fault);
    stage.verdict().await;
}
