//! Which store a Redis holds, and what happens when it is another one.

use std::time::Duration;

use super::*;
use crate::contract::scene::{LONG, Scene, fresh_run, goal, queues, steps, worker};
use crate::redis::{ConnectError, Health};
use crate::{Lanes as _, Notices as _, ReadyQueue as _, RunLog as _, StoreError};
use sortie_engine::{Lane, Seq};

/// Waits for a state of health.
async fn health(store: &Redis, wanted: impl Fn(&Health) -> bool) -> Health {
    let mut health = store.health();
    let waited = tokio::time::timeout(LONG, health.wait_for(wanted)).await;
    waited.expect("the health changes in time").expect("the store is open").clone()
}

fn problem<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Err(StoreError::Unfit { problem, .. }) => problem,
        other => panic!("the store should be unfit: {other:?}"),
    }
}

#[tokio::test]
async fn two_processes_share_a_store_and_its_functions() {
    let harness = fresh().await;
    let other = Redis::connect(RedisOptions { lanes: 4, ..options(&harness.server) }).await;
    let other = other.expect("connect");
    assert_eq!(other.0.id, harness.store.0.id);
    assert_eq!(other.lane_count(), 16, "a store that is there keeps its lanes");
    let libraries: Vec<redis::Value> = harness.ask(&["FUNCTION", "LIST"]).await;
    assert_eq!(libraries.len(), 1);
    let run = goal(fresh_run(Lane(3)));
    harness.store.submit(vec![run.clone()]).await.unwrap()[0].clone().unwrap();
    assert_eq!(other.last_seqs(&[run.run]).await, Ok(vec![Some(Seq::FIRST)]));
}

#[tokio::test]
async fn an_emptied_redis_is_not_touched_and_told_of() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    let known = scene.run_with(&[1]).await;
    let held = scene.claim_one("w").await;
    harness.ask::<()>(&["FLUSHALL"]).await;
    let store = &harness.store;
    for problem in [
        problem(store.load(known.run, Seq::ZERO).await),
        problem(store.commit(vec![Arc::new(known.next(1))]).await),
        problem(store.submit(vec![goal(fresh_run(Lane(0)))]).await),
        problem(store.extend(&worker("w"), &[held.token]).await),
        problem(store.claim(&worker("w"), &queues(&["q"]), 1, Duration::ZERO).await),
        problem(store.timers(Lane(0)).await),
    ] {
        assert!(problem.contains("this Redis was emptied"), "{problem}");
    }
    assert_eq!(harness.keys("*").await, Vec::<String>::new(), "nothing was written");
    let told = health(store, |health| *health != Health::Fit).await;
    assert!(told.to_string().contains("restart every process"), "{told}");
}

#[tokio::test]
async fn another_store_in_the_same_place_is_told_from_ours_and_ours_is_welcome_back() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    scene.claim("w", 1).await;
    let ours: String = harness.ask(&["HGET", "{s0}:meta", "id"]).await;
    harness.ask::<()>(&["FLUSHALL"]).await;
    let new = Redis::connect(options(&harness.server)).await.expect("connect");
    new.submit(vec![goal(fresh_run(Lane(0)))]).await.expect("the new store is fit");
    let theirs = problem(harness.store.timers(Lane(0)).await);
    assert!(theirs.contains("holds another store"), "{theirs}");
    // A claim is a plain command; the group's name keeps it away from what is not ours.
    let scene = Scene { store: Arc::new(new) };
    scene.run_with(&[1]).await;
    let (by, names) = (worker("w"), queues(&["q"]));
    let claimed = harness.store.claim(&by, &names, 1, Duration::ZERO).await;
    assert!(problem(claimed).contains("another store"));
    assert_eq!(scene.claim("w", 9).await.len(), 1, "nobody took it");
    health(&harness.store, |health| *health != Health::Fit).await;
    harness.ask::<()>(&["HSET", "{s0}:meta", "id", &ours]).await;
    health(&harness.store, |health| *health == Health::Fit).await;
}

#[tokio::test]
async fn what_was_held_before_redis_was_swapped_can_be_reported_when_it_is_back() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    scene.run_with(&[1]).await;
    let held = scene.claim_one("w").await;
    let ours: String = harness.ask(&["HGET", "{s0}:meta", "id"]).await;
    harness.ask::<()>(&["HSET", "{s0}:meta", "id", "another"]).await;
    harness.ask::<()>(&["XGROUP", "DESTROY", "{s0}:ready:q", &ours]).await;
    let (by, names) = (worker("w"), queues(&["q"]));
    problem(harness.store.claim(&by, &names, 1, Duration::ZERO).await);
    problem(harness.store.extend(&by, &[held.token]).await);
    harness.ask::<()>(&["HSET", "{s0}:meta", "id", &ours]).await;
    assert_eq!(scene.complete(&held, "w").await, crate::Completed::Ok);
}

#[tokio::test]
async fn a_store_of_another_form_is_not_opened() {
    let harness = fresh().await;
    harness.ask::<()>(&["HSET", "{s0}:meta", "schema", "7"]).await;
    let refused = Redis::connect(options(&harness.server)).await.err().expect("refused");
    assert!(!refused.may_pass());
    assert!(refused.to_string().contains("form 7"), "{refused}");
}

#[tokio::test]
async fn a_redis_that_is_not_there_may_be_there_later() {
    let harness = fresh().await;
    let url = harness.server.url().to_owned();
    drop(harness);
    let refused = Redis::connect(RedisOptions::new(&url)).await.err().expect("refused");
    assert!(refused.may_pass(), "{refused}");
    assert!(refused.to_string().contains("does not answer"), "{refused}");
}

#[tokio::test]
async fn a_wrong_password_is_told_and_does_not_pass() {
    let server = Server::start(&["--requirepass", "secret"]);
    let refused = Redis::connect(RedisOptions::new(server.url())).await.err().expect("refused");
    assert!(matches!(refused, ConnectError::Unfit { .. }), "{refused}");
    assert!(refused.to_string().contains("password"), "{refused}");
    let url = format!("{}?pass=secret", server.url());
    let store = Redis::connect(RedisOptions { url, ..options(&server) }).await;
    store.expect("the right password opens");
}

#[tokio::test]
async fn a_replica_and_a_lossy_redis_are_told_of() {
    let harness = over(Server::start(&["--appendonly", "no"])).await;
    assert!(matches!(harness.store.health().borrow().clone(), Health::Fit));
    let standard = RedisOptions::new(harness.server.url());
    let strict = Redis::connect(standard).await.expect("connect");
    let told = health(&strict, |health| *health != Health::Fit).await.to_string();
    assert!(told.contains("no append-only file") && told.contains("appendfsync always"), "{told}");
    harness.ask::<()>(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let told = health(&harness.store, |health| *health != Health::Fit).await.to_string();
    assert!(told.contains("replica"), "{told}");
    let refused = problem(harness.store.submit(vec![goal(fresh_run(Lane(0)))]).await);
    assert!(refused.contains("point Sortie at the primary"), "{refused}");
    let refused = problem(harness.store.retire("w").await);
    assert!(refused.contains("read-only replica"), "{refused}");
}

#[tokio::test]
async fn a_redis_that_may_lose_what_is_acknowledged_is_given_no_goals() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    let mut known = scene.run_with(&[1]).await;
    let strict = RedisOptions { durability: Durability::Standard, ..options(&harness.server) };
    let strict = Redis::connect(strict).await.expect("connect");
    health(&strict, |health| *health != Health::Fit).await;
    let told = problem(strict.submit(vec![goal(fresh_run(Lane(0)))]).await);
    assert!(told.contains("set `appendonly yes`"), "{told}");
    // What was accepted before goes on.
    let strict = Arc::new(strict);
    let scene = Scene { store: strict.clone() };
    let mut again = scene.know(known.run, known.head).await;
    std::mem::swap(&mut known, &mut again);
    known.queue(&[2]).await;
    assert_eq!(steps(&scene.claim("w", 9).await), [1, 2]);
    harness.ask::<()>(&["CONFIG", "SET", "appendfsync", "always"]).await;
    harness.ask::<()>(&["CONFIG", "SET", "appendonly", "yes"]).await;
    health(&strict, |health| *health == Health::Fit).await;
    strict.submit(vec![goal(fresh_run(Lane(0)))]).await.unwrap()[0].clone().unwrap();
}

#[tokio::test]
async fn doctor_is_told_what_is_good_and_what_is_not() {
    let server = Server::start(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let findings = crate::inspect(server.url(), Durability::Standard).await.expect("inspect");
    let verdict = |name: &str| {
        let found = findings.iter().find(|finding| finding.name == name);
        found.unwrap_or_else(|| panic!("`{name}` is looked at")).verdict
    };
    use crate::Verdict::{Bad, Ok, Warn};
    let names = ["version", "role", "persistence", "memory", "eviction", "functions"];
    assert_eq!(names.map(verdict), [Ok, Ok, Bad, Warn, Ok, Ok]);
}

/// A Redis of before 7.0, as far as it gets to be asked.
async fn old_redis() -> std::net::SocketAddr {
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                // A command is `*COUNT`, then for each word `$LENGTH` and the word.
                while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
                    let count: usize = line[1..].trim().parse().unwrap();
                    let mut words = Vec::new();
                    for _ in 0..count {
                        line.clear();
                        stream.read_line(&mut line).await.unwrap();
                        let mut word = vec![0; line[1..].trim().parse::<usize>().unwrap() + 2];
                        stream.read_exact(&mut word).await.unwrap();
                        words.push(String::from_utf8_lossy(&word).trim().to_owned());
                    }
                    line.clear();
                    let answer = match (words[0].as_str(), count) {
                        ("INFO", 1) => "$20\r\nredis_version:6.2.14\r\n",
                        ("INFO", _) => "-ERR syntax error\r\n",
                        ("CLIENT", _) => "+OK\r\n",
                        _ => "-ERR unknown command\r\n",
                    };
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_redis_that_is_too_old_is_told_and_does_not_pass() {
    let url = format!("redis://{}", old_redis().await);
    let refused = Redis::connect(RedisOptions::new(&url)).await.err().expect("refused");
    assert!(!refused.may_pass());
    assert!(refused.to_string().contains("version 6.2.14, and Sortie needs 7.0"), "{refused}");
    let findings = crate::inspect(&url, Durability::Standard).await.expect("inspect");
    let bad =
        |name: &str| findings.iter().any(|f| f.name == name && f.verdict == crate::Verdict::Bad);
    assert!(bad("version") && bad("functions"), "{findings:?}");
}
