//! What happens when Redis dies, forgets, or holds what nobody can read.

use std::time::Duration;

use redis::Commands as _;
use sortie_tests::chaos::{Graph, Harm, Kind, Node, PATIENCE, Service, Stage, now_ms, wait_until};

use crate::{options, slow};

/// Runs go on so soon after Redis answers again.
const BACK_MS: u64 = 2_000;
/// Every process says so soon that its Redis is another one.
const TOLD: Duration = Duration::from_secs(5);

/// Hands goals in that go on for some seconds, and waits until all are under way.
async fn busy(stage: &mut Stage, count: u32) {
    for number in 0..count {
        let node = |step: u32| {
            let after: Vec<_> = (step > 2).then(|| step - 2).into_iter().collect();
            Node::new(step, Kind::Pure, 40, &after)
        };
        stage.submit(Graph::new(&format!("r{number}"), (1..=60).map(node).collect()));
    }
    for number in 0..count {
        stage.began(&format!("r{number}"), None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_redis_that_is_restarted_on_its_files_has_lost_nothing() {
    let mut stage = Stage::open(options()).await;
    busy(&mut stage, 12).await;
    let fault = stage.strike(Harm::RedisKilled, &[]);
    stage.cluster.redis.kill();
    stage.cluster.redis.restart().await;
    stage.healed(fault);
    let back = now_ms();
    let (evidence, _) = stage.verdict().await;
    let next = evidence.goals.iter().filter_map(|told| {
        let history = &told.end.as_ref()?.history;
        let next = history.iter().map(|recorded| recorded.at.as_millis()).find(|at| *at > back);
        Some(next? - back)
    });
    let longest = next.max().unwrap();
    println!("the last run went on {longest} ms after Redis was back");
    assert!(longest <= BACK_MS, "{longest} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_stands_still_for_longer_than_a_lease_costs_nothing_but_time() {
    let mut stage = Stage::open(options()).await;
    busy(&mut stage, 8).await;
    let fault = stage.strike(Harm::RedisKilled, &[]);
    stage.cluster.redis.freeze();
    tokio::time::sleep(crate::LEASE + Duration::from_secs(1)).await;
    stage.cluster.redis.thaw();
    stage.healed(fault);
    stage.verdict().await;
}

/// Every coordinator and worker must be not ready within the time, with this reason.
async fn all_say(stage: &Stage, word: &str) {
    let services = [Service::Coordinator, Service::Worker];
    let is_told = |line: &String| line.contains("\"not ready\"") && line.contains(word);
    let silent = || -> Vec<_> {
        let places = stage.cluster.places.iter();
        let places = places.filter(|place| services.contains(&place.service()));
        places
            .filter(|place| !place.process().lines().iter().any(is_told))
            .map(|place| place.process().name().to_owned())
            .collect()
    };
    let what = format!("all to say {word:?}");
    let took = wait_until(&what, PATIENCE, async || silent().is_empty()).await;
    println!("all said {word:?} after {took:?}");
    assert!(took <= TOLD, "{took:?}");
}

/// What was put into a Redis that is not theirs.
fn written(stage: &Stage) -> Vec<String> {
    stage.cluster.redis.connect().unwrap().keys("*").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_is_emptied_is_reported_by_every_process() {
    let mut stage = Stage::open(options()).await;
    let began = stage.begin("gone", slow(Kind::Read, 60_000)).await;
    stage.cluster.redis.empty();
    all_say(&stage, "was emptied").await;
    assert_eq!(written(&stage), [""; 0]);
    drop(began);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_is_swapped_for_an_empty_one_is_reported_by_every_process() {
    let mut stage = Stage::open(options()).await;
    let began = stage.begin("gone", slow(Kind::Read, 60_000)).await;
    stage.cluster.redis.swap().await;
    all_say(&stage, "was emptied").await;
    assert_eq!(written(&stage), [""; 0]);
    drop(began);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_is_swapped_for_another_cluster_s_is_reported_by_every_process() {
    let mut stage = Stage::open(options()).await;
    let began = stage.begin("gone", slow(Kind::Read, 60_000)).await;
    let mut connection = stage.cluster.redis.connect().unwrap();
    let _: () = connection.hset("{s0}:meta", "id", "ffffffffffffffffffffffffffffffff").unwrap();
    all_say(&stage, "holds another store").await;
    drop(began);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_nobody_can_read_stop_nobody() {
    let mut stage = Stage::open(options()).await;
    stage.begin("before", slow(Kind::Pure, 0)).await;
    let mut connection = stage.cluster.redis.connect().unwrap();
    for queue in ["chaos", "builtin"] {
        let key = format!("{{s0}}:ready:{queue}");
        let _: String = connection.xadd(&key, "*", &[("e", "garbage")]).unwrap();
        let _: String = connection.xadd(&key, "*", &[("x", "y")]).unwrap();
    }
    for lane in 0..16 {
        let inbox = format!("{{s0}}:inbox:{lane}");
        let _: String = connection.xadd(&inbox, "*", &[("c", "garbage")]).unwrap();
        let _: String = connection.xadd(&inbox, "*", &[("r", "nobody"), ("c", "x")]).unwrap();
        let timers = format!("{{s0}}:timers:{lane}");
        let _: u32 = connection.zadd(&timers, "garbage", 1).unwrap();
    }
    for number in 0..20 {
        stage.submit(Graph::new(&format!("after{number}"), vec![slow(Kind::Pure, 0)]));
    }
    let (_, cluster) = stage.verdict().await;
    let mut connection = cluster.redis.connect().unwrap();
    wait_until("the garbage to be put aside", PATIENCE, async || {
        let dead: u64 = connection.xlen("{s0}:dead").unwrap();
        dead >= 4
    })
    .await;
}
