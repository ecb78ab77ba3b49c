//! What a process says of a Redis that is not there, or cannot be used as it is: each in words that
//! say what to do.

use std::time::{Duration, Instant};

use redis::Commands as _;
use sortie_engine::RunState;
use sortie_tests::chaos::{
    Client, FaultyProxy, Graph, Kind, LEASE as LEASE_MS, PATIENCE, Process, ProcessCluster, Recipe,
    RedisOptions, RedisServer, wait_until,
};

use crate::{PROGRAM, options, slow};

/// A worker of this Redis, with its log.
fn worker(url: &str) -> Process {
    let arguments = ["worker", "--redis", url, "--log-format", "json"];
    Process::start(&Recipe::new("worker", PROGRAM, &arguments).with(LEASE_MS, "3000"))
}

/// A coordinator of this Redis, with its log.
fn coordinator(url: &str) -> Process {
    let arguments =
        ["coordinator", "--listen", "127.0.0.1:0", "--redis", url, "--log-format", "json"];
    Process::start(&Recipe::new("coordinator", PROGRAM, &arguments))
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_come_before_their_redis_say_so_and_wait_for_it() {
    // Nobody is behind the wire yet.
    let wire = FaultyProxy::start("127.0.0.1:1").await;
    let url = format!("redis://{}", wire.address());
    let (worker, coordinator) = (worker(&url), coordinator(&url));
    worker.says("does not answer").await;
    coordinator.says("does not answer").await;
    let redis = RedisServer::start().await;
    wire.lead_to(redis.address());
    worker.says("\"working\"").await;
    coordinator.says("\"driving\"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_without_persistence_is_not_used_as_if_it_had_some() {
    let forgetful = RedisOptions { durable: false, ..RedisOptions::default() };
    let redis = RedisServer::with(forgetful).await;
    let (worker, coordinator) = (worker(&redis.url()), coordinator(&redis.url()));
    for process in [&worker, &coordinator] {
        let line = process.says("not ready").await;
        assert!(line.contains("set `appendonly yes`"), "{line}");
    }
    // Its planner is nowhere, which it gives some seconds before it opens its door.
    coordinator.says("\"driving\"").await;
    let client = Client::new([coordinator.address().await]);
    let goal = Graph::new("lossy", vec![slow(Kind::Pure, 0)]);
    let until = Instant::now() + Duration::from_secs(3);
    let refused = client.submit(&goal, until).await.unwrap_err();
    assert!(refused.last.is_some_and(|last| last.contains("set `appendonly yes`")));
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_refuses_writes_is_told_from_one_that_is_away() {
    let replica = RedisOptions { read_only: true, ..RedisOptions::default() };
    let redis = RedisServer::with(replica).await;
    for mut process in [worker(&redis.url()), coordinator(&redis.url())] {
        let line = process.says("replica").await;
        println!("{line}");
        process.terminate();
        process.ended(PATIENCE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_ends_a_process_with_the_reason() {
    let password = Some("open-sesame".to_owned());
    let redis = RedisServer::with(RedisOptions { password, ..RedisOptions::default() }).await;
    for url in [format!("redis://{}", redis.address()), format!("redis://:no@{}", redis.address())]
    {
        for mut process in [worker(&url), coordinator(&url)] {
            let line = process.says("password").await;
            assert!(!line.contains("open-sesame"), "{line}");
            assert_eq!(process.ended(PATIENCE).await.code(), Some(2), "{line}");
        }
    }
    let cluster =
        RedisOptions { password: Some("open-sesame".to_owned()), ..RedisOptions::default() };
    // With the right one everything is as ever.
    ProcessCluster::start(sortie_tests::chaos::ClusterOptions {
        redis: cluster,
        ..options().of_each(1)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_redis_refuses_goals_with_a_reason_and_ends_those_it_has() {
    let mut stage = sortie_tests::chaos::Stage::open(options()).await;
    stage.begin("before", slow(Kind::Read, 1_500)).await;
    let client = stage.client.clone();
    let mut connection = stage.cluster.redis.connect().unwrap();
    let used: String = redis::cmd("INFO").arg("memory").query(&mut connection).unwrap();
    let used = used.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    let used: u64 = used.trim().parse().unwrap();
    let mut limit = |bytes: u64| {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("maxmemory").arg(bytes).exec(&mut connection).unwrap();
    };
    limit(used / 2);
    let late = Graph::new("late", vec![slow(Kind::Pure, 0)]);
    let until = Instant::now() + Duration::from_secs(3);
    let refused = stage.client.submit(&late, until).await.unwrap_err();
    println!("{refused}");
    assert!(refused.last.is_some_and(|last| last.contains("memory")));
    wait_until("the run that was there to end", PATIENCE, async || {
        let runs = client.count(RunState::Succeeded, Instant::now() + PATIENCE).await;
        runs.unwrap_or_default() == 1
    })
    .await;
    // Room again, and the same goal under the same key is taken.
    limit(0);
    let _: () = stage.cluster.redis.connect().unwrap().set("room", 1).unwrap();
    stage.submit(late);
    stage.verdict().await;
}
