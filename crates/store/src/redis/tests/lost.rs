//! What a lost answer, a half-way function or a stranger may leave behind.

use std::time::Duration;

use super::*;
use crate::contract::scene::{LANE, LONG, Scene, queues, steps, worker};
use crate::redis::claim::{self, ClaimCall};
use crate::{Commit, CommitReply, ReadyQueue as _};
use sortie_engine::{Command, Outcome, Seq, StepId};

#[tokio::test]
async fn what_a_lost_claim_was_given_is_put_back_without_a_delivery() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    scene.run_with(&[1, 2]).await;
    let kept = scene.claim_one("w").await;
    // A read whose answer nobody heard.
    let group = harness.group().to_owned();
    let read = ["XREADGROUP", "GROUP", &group, "w", "STREAMS", "{s0}:ready:q", ">"];
    harness.ask::<redis::Value>(&read).await;
    assert_eq!(scene.claim("w", 9).await.len(), 0);
    harness.store.0.pulse.lost_a_claim();
    assert_eq!(steps(&scene.claim("w", 0).await), [0; 0], "who wants nothing looks for nothing");
    let taking = harness.store.0.taking.read().await;
    harness.store.0.recover(&worker("w"), &queues(&["q"])).await.expect("recover");
    assert_eq!(scene.claim("v", 9).await.len(), 0, "it may be on its way to who takes");
    drop(taking);
    harness.store.0.recover(&worker("w"), &queues(&["q"])).await.expect("recover");
    let again = scene.claim("v", 9).await;
    assert_eq!((steps(&again), again[0].deliveries), (vec![2], 1));
    let extended = scene.store.extend(&worker("w"), &[kept.token]).await;
    assert_eq!(extended, Ok(vec![crate::Extended::Ok]), "what is known stays");
}

#[tokio::test]
async fn what_a_function_left_half_way_is_cut_off() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    let mut known = scene.run().await;
    let log = format!("{{s0}}:run:{}:log", known.run);
    harness.ask::<()>(&["RPUSH", &log, "0000000000000002 half of a record"]).await;
    let whole = scene.store.load(known.run, Seq::ZERO).await.expect("load").expect("a run");
    assert_eq!(whole.commits.len(), 1);
    assert_eq!(known.commit(known.next(1)).await, CommitReply::Ok);
    let whole = scene.store.load(known.run, Seq::ZERO).await.expect("load").expect("a run");
    assert_eq!((whole.commits.len(), whole.head), (2, known.head));
}

#[tokio::test]
async fn a_run_that_fails_inside_redis_leaves_the_others_of_its_batch_alone() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    let (broken, well) = (scene.run().await, scene.run().await);
    let log = format!("{{s0}}:run:{}:log", broken.run);
    harness.ask::<()>(&["SET", &log, "no list"]).await;
    let replies = scene.commit(vec![broken.next(1), well.next(1)]).await;
    assert_eq!(replies, [CommitReply::Conflict, CommitReply::Ok]);
}

#[tokio::test]
async fn an_unreadable_attempt_is_put_aside_and_its_run_is_told() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    let known = scene.run_with(&[]).await;
    let run = known.run.to_string();
    let entry = ["XADD", "{s0}:ready:q", "*", "r", &run, "s", "4", "a", "2", "d", "0", "e", "?"];
    harness.ask::<String>(&entry).await;
    assert_eq!(scene.claim("w", 9).await.len(), 0);
    let inbox = scene.inbox(LANE).await;
    let Some(Command::AttemptEnded(report)) = inbox.last().map(|item| item.command.clone()) else {
        panic!("the run is not told: {inbox:?}");
    };
    assert_eq!((report.step.get(), report.attempt.get()), (4, 2));
    assert!(matches!(report.outcome, Outcome::Failed(_)));
    let (dead, left): (u64, u64) =
        (harness.ask(&["XLEN", "{s0}:dead"]).await, harness.ask(&["XLEN", "{s0}:ready:q"]).await);
    assert_eq!((dead, left), (1, 0));
    assert_eq!(harness.pending("{s0}:ready:q").await.len(), 0);
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_use_up_the_names() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    // The last name is far ahead of the clock, and its millisecond is used up.
    let far = "4000000000000-1048575";
    harness.ask::<String>(&["XADD", "{s0}:inbox:0", far, "r", "?", "c", "?"]).await;
    let known = scene.run().await;
    let items = scene.inbox(LANE).await;
    assert_eq!(items.iter().map(|item| item.run).collect::<Vec<_>>(), [known.run]);
    let names: Vec<(String, redis::Value)> =
        harness.ask(&["XRANGE", "{s0}:inbox:0", "-", "+"]).await;
    assert_eq!(names.last().expect("an item").0, "4000000000001-0");
}

#[tokio::test]
async fn a_claim_that_is_closed_gives_back_what_it_gets() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    let mut known = scene.run().await;
    let (by, names) = (worker("w"), queues(&["q"]));
    let claim = scene.store.claim(&by, &names, 1, Duration::from_secs(30));
    drop(crate::contract::scene::waiting(claim));
    harness.store.close().await;
    let other = Redis::connect(options(&harness.server)).await.expect("connect");
    let scene = Scene { store: Arc::new(other) };
    let mut again = scene.know(known.run, known.head).await;
    std::mem::swap(&mut known, &mut again);
    known.queue(&[1]).await;
    assert_eq!(steps(&scene.claim("v", 1).await), [1]);
}

/// The names of the consumers of queue `q`.
async fn consumers(harness: &RedisHarness) -> Vec<String> {
    type About = std::collections::BTreeMap<String, redis::Value>;
    let group = harness.group();
    let found: Vec<About> = harness.ask(&["XINFO", "CONSUMERS", "{s0}:ready:q", group]).await;
    let name = |about: &About| redis::from_redis_value_ref(&about["name"]).unwrap();
    found.iter().map(name).collect()
}

#[tokio::test]
async fn workers_that_left_leave_no_names_behind() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    scene.run_with(&[1, 2, 3]).await;
    for name in ["busy", "idle"] {
        scene.claim_one(name).await;
    }
    let idle = harness.pending("{s0}:ready:q").await.remove(1);
    harness.ask::<()>(&["XACK", "{s0}:ready:q", harness.group(), &idle.0]).await;
    assert_eq!(consumers(&harness).await, ["busy", "idle"]);
    for name in ["busy", "idle", "nobody"] {
        scene.store.retire(name).await.expect("retire");
    }
    assert_eq!(consumers(&harness).await, ["busy"], "what it holds can still be stolen");
    let mut call = harness.store.0.function("tidy");
    call.arg(0).arg("q");
    let dead = scene.claim_one("dead").await;
    scene.complete(&dead, "dead").await;
    assert_eq!(consumers(&harness).await, ["busy", "dead"]);
    assert_eq!(harness.store.0.ask::<u64>("tidy", &call).await, Ok(1));
    assert_eq!(consumers(&harness).await, ["busy"]);
}

#[tokio::test]
async fn what_a_dropped_steal_took_goes_to_the_next() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    scene.run_with(&[1]).await;
    let held = scene.claim_one("w").await;
    assert_eq!(harness.age_lease(held.token).await, Capability::Done);
    let (thief, names) = (worker("thief"), queues(&["q"]));
    drop(crate::contract::scene::waiting(scene.store.steal(&thief, &names, 9)));
    let next = scene.store.claim(&worker("v"), &names, 1, LONG).await;
    let next = next.expect("claim");
    assert_eq!((steps(&next), next[0].deliveries), (vec![1], 2));
}

#[tokio::test]
async fn a_claim_whose_answer_was_sent_and_never_looked_at_is_given_back() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    scene.run_with(&[1]).await;
    let call = || ClaimCall {
        worker: worker("w"),
        queues: queues(&["q"]),
        slots: 1,
        wait: Duration::ZERO,
    };
    let core = &harness.store.0;
    let (reply, unread) = tokio::sync::oneshot::channel();
    claim::run(core.clone(), call(), reply).await;
    assert_eq!(harness.pending("{s0}:ready:q").await.len(), 1, "it is on its way");
    drop(unread);
    let next = scene.store.claim(&worker("v"), &queues(&["q"]), 1, LONG).await.expect("claim");
    assert_eq!((steps(&next), next[0].deliveries), (vec![1], 1));
    // One that is looked at stays.
    scene.run_with(&[2]).await;
    let (reply, read) = tokio::sync::oneshot::channel();
    claim::run(core.clone(), call(), reply).await;
    assert_eq!(steps(&claim::Given::heard(read, "claim").await.expect("claim")), [2]);
    assert_eq!(harness.pending("{s0}:ready:q").await.len(), 2);
}

#[tokio::test]
async fn a_queue_whose_group_is_gone_has_a_new_one_with_the_next_claim() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    let mut known = scene.run_with(&[1]).await;
    scene.claim_one("w").await;
    harness.ask::<u64>(&["DEL", "{s0}:ready:q"]).await;
    harness.store.0.pulse.lost_a_claim();
    let stolen = harness.store.steal(&worker("w"), &queues(&["q"]), 9).await.expect("steal");
    assert!(stolen.is_empty());
    // The first one finds out that the group is missing.
    assert_eq!(scene.claim("w", 9).await.len(), 0);
    known.queue(&[2]).await;
    assert_eq!(steps(&scene.claim("w", 9).await), [2]);
}

#[tokio::test]
async fn an_attempt_that_is_taken_back_is_in_nobodys_hands_any_more() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    let mut known = scene.run_with(&[1]).await;
    let mut recalls = scene.store.recalls().await.expect("listen");
    let held = scene.claim_one("w").await;
    assert!(harness.store.0.handed().contains(&held.token));
    let commit = Commit { withdrawn: vec![StepId::new(1)], ..known.next(0) };
    assert_eq!(known.commit(commit).await, CommitReply::Ok);
    while recalls.next().await.expect("a recall") != Some(held.token) {}
    assert!(harness.store.0.handed().is_empty());
}

#[tokio::test]
async fn bytes_that_are_no_text_are_put_aside_wherever_they_stand() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    let rubbish = &b"\xff\xfe"[..];
    for stream in ["{s0}:inbox:0", "{s0}:ready:q"] {
        let mut put = redis::cmd("XADD");
        put.arg(stream).arg("*").arg(rubbish).arg(rubbish);
        put.exec_async(&mut harness.connection().await).await.unwrap();
    }
    let mut put = redis::cmd("ZADD");
    put.arg("{s0}:timers:0").arg(1).arg(rubbish);
    put.exec_async(&mut harness.connection().await).await.unwrap();
    let known = scene.run_with(&[1]).await;
    assert_eq!(scene.inbox(LANE).await.len(), 1);
    assert_eq!(steps(&[scene.claim("w", 9).await, scene.claim("w", 9).await].concat()), [1]);
    assert!(scene.timer(known.run).await.is_some());
    assert_eq!(scene.store.timers(LANE).await.expect("timers").len(), 1);
    assert_eq!(harness.ask::<u64>(&["ZCARD", "{s0}:timers:0"]).await, 1, "it is gone");
    assert_eq!(harness.ask::<u64>(&["XLEN", "{s0}:dead"]).await, 3);
}
