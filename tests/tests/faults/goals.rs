//! A cluster answers every goal that the program alone answers, with the product's own planner.

use sortie_tests::chaos::{ClusterOptions, ProcessCluster, Service};

use crate::expectation::read;
use crate::options;

/// The examples are shared with the planner's own tests.
const SHARED: &str = include_str!("../../../planner/tests/goals/offline.jsonl");

async fn answers_every_goal(count: usize) {
    let options = ClusterOptions { scripted: false, ..options().of_each(count) };
    let cluster = ProcessCluster::start(options).await;
    let urls = cluster.fronts(Service::Coordinator);
    let goals = read(SHARED);
    let wrong: Vec<_> = goals
        .iter()
        .zip(urls.iter().cycle())
        .flat_map(|(goal, url)| goal.run(&["--endpoint", url]))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn cluster_with_one_of_each_answers_every_goal() {
    answers_every_goal(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cluster_with_three_of_each_answers_every_goal() {
    answers_every_goal(3).await;
}
