//! What happens when a planner dies.

use sortie_engine::Event;
use sortie_tests::chaos::{Graph, Harm, Kind, Node, PATIENCE, Service, Stage, wait_until};

use crate::options;

#[tokio::test(flavor = "multi_thread")]
async fn plan_of_a_killed_planner_is_made_anew_by_another() {
    let mut stage = Stage::open(options()).await;
    for number in 0..8 {
        let mut graph = Graph::new(
            &format!("p{number}"),
            (1..=4).map(|step| Node::new(step, Kind::Pure, 0, &[])).collect(),
        );
        graph.plan_ms = 800;
        stage.submit(graph);
    }
    // Steps of plans that are still being written run already.
    for number in 0..8 {
        stage.began(&format!("p{number}"), None).await;
    }
    for nth in 0..2 {
        let pid = stage.cluster.place(Service::Planner, nth).process().pid();
        let fault = stage.strike(Harm::PlannerKilled, &[pid]);
        stage.cluster.place(Service::Planner, nth).restart().await;
        stage.healed(fault);
    }
    let (evidence, _) = stage.verdict().await;
    let ends = evidence.goals.iter().filter_map(|told| told.end.as_ref());
    let broken = ends
        .flat_map(|end| &end.history)
        .filter(|recorded| matches!(recorded.event, Event::PlanCallFailed { .. }));
    let broken = broken.count();
    println!("{broken} plans were broken off");
    assert!(broken > 0, "the kill hit no plan");
}

#[tokio::test(flavor = "multi_thread")]
async fn planner_that_is_away_is_skipped() {
    let mut stage = Stage::open(options()).await;
    let pid = stage.cluster.place(Service::Planner, 0).process().pid();
    let fault = stage.strike(Harm::PlannerKilled, &[pid]);
    stage.cluster.place(Service::Planner, 0).kill();
    let front = stage.cluster.place(Service::Planner, 1).front().unwrap().pieces();
    for number in 0..10 {
        stage.submit(Graph::new(&format!("p{number}"), vec![Node::new(1, Kind::Pure, 0, &[])]));
    }
    let other = stage.cluster.place(Service::Planner, 1).front().unwrap();
    wait_until("the other to plan", PATIENCE, async || other.pieces() > front).await;
    stage.healed(fault);
    let (evidence, _) = stage.verdict().await;
    let failed = evidence.goals.iter().filter_map(|told| told.end.as_ref()).filter(|end| {
        end.history.iter().any(|recorded| matches!(recorded.event, Event::RunFailed { .. }))
    });
    assert_eq!(failed.count(), 0, "no run fails while one planner is there");
}
