//! Limits: what is refused, and what goes on all the same.

use super::*;
use crate::contract::scene::{Scene, fresh_run, goal};
use crate::{Commit, CommitReply, SubmitRefusal};
use sortie_engine::{Lane, Seq, StepId, StepResult};

#[tokio::test]
async fn goals_are_refused_while_too_many_steps_wait() {
    let server = Server::start(&["--appendonly", "no"]);
    let options = RedisOptions { max_queue_depth: 3, ..options(&server) };
    let store = Arc::new(Redis::connect(options).await.expect("connect"));
    let scene = Scene { store: store.clone() };
    let mut known = scene.run_with(&[1, 2]).await;
    let fits = goal(fresh_run(Lane(0)));
    scene.submit(fits).await.expect("there is room");
    known.queue(&[3]).await;
    let refused = scene.submit(goal(fresh_run(Lane(0)))).await;
    assert_eq!(refused, Err(SubmitRefusal::QueueFull { waiting: 3, most: 3 }));
    let claimed = scene.claim_one("w").await;
    scene.complete(&claimed, "w").await;
    scene.submit(goal(fresh_run(Lane(0)))).await.expect("there is room again");
}

#[tokio::test]
async fn a_full_redis_refuses_goals_and_drains_what_it_has() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    let mut known = scene.run_with(&[1]).await;
    harness.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let refused = scene.submit(goal(fresh_run(Lane(0)))).await;
    assert!(matches!(refused, Err(SubmitRefusal::MemoryFull { .. })), "{refused:?}");
    let late = Redis::connect(options(&harness.server)).await;
    drop(late.expect("who starts now can help to drain it"));
    let claimed = scene.claim_one("w").await;
    scene.complete(&claimed, "w").await;
    let results = vec![(StepId::new(1), StepResult::inline(serde_json::json!("done")))];
    let commit = Commit { results, ..known.next(1) };
    assert_eq!(known.commit(commit).await, CommitReply::Ok);
    assert_eq!(scene.result(known.run, 1).await, Some(serde_json::json!("done")));
}

#[tokio::test]
async fn goals_are_refused_above_the_share_of_memory_that_is_theirs() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    harness.store.0.pulse.memory(Some(71));
    let refused = scene.submit(goal(fresh_run(Lane(0)))).await;
    let due = SubmitRefusal::MemoryFull { used_percent: 71, most_percent: 70 };
    assert_eq!(refused, Err(due));
    harness.store.0.pulse.memory(Some(70));
    scene.submit(goal(fresh_run(Lane(0)))).await.expect("there is room");
}

#[tokio::test]
async fn runs_that_ended_first_are_forgotten_first_with_all_that_is_theirs() {
    let server = Server::start(&["--appendonly", "no"]);
    let options = RedisOptions { keep_runs: 2, ..options(&server) };
    let store = Arc::new(Redis::connect(options).await.expect("connect"));
    let harness = RedisHarness { store, server };
    let scene = Scene::of(&harness);
    let mut ended = Vec::new();
    for turn in 0..4 {
        let key = Some((format!("key {turn}"), 1));
        // Of those that end in the same millisecond the one with the lesser name goes first.
        let run = sortie_engine::RunId::new(0, Lane(0), turn);
        let goal = crate::Submission { idempotency: key, ..goal(run) };
        scene.submit(goal.clone()).await.expect("accepted");
        let mut known = scene.know(goal.run, goal.commit).await;
        let id = scene.store.put_result(known.run, Arc::new(serde_json::json!("x"))).await;
        let id = id.expect("put a result");
        let results = vec![(StepId::new(1), crate::contract::scene::stored(id))];
        let consumed = scene.inbox(Lane(0)).await.iter().map(|item| item.id).collect();
        known.commit(Commit { results, consumed, ..known.next(1) }).await;
        known.end(sortie_engine::RunState::Succeeded).await;
        ended.push(known.run);
    }
    let seqs = scene.store.last_seqs(&ended).await.expect("last events");
    assert_eq!(seqs, [None, None, Some(Seq::new(3)), Some(Seq::new(3))]);
    let all = harness.keys("*").await;
    for run in &ended[..2] {
        let left: Vec<_> = all.iter().filter(|key| key.contains(&run.to_string())).collect();
        assert!(left.is_empty(), "{left:?}");
    }
    assert_eq!(all.iter().filter(|key| key.contains(":idem:")).count(), 2);
    assert_eq!(all.iter().filter(|key| key.contains(":result:")).count(), 2);
}

#[tokio::test]
async fn a_large_result_whose_report_is_not_heard_is_dropped_with_it() {
    let harness = fresh().await;
    let scene = Scene::of(&harness);
    let mut known = scene.run_with(&[1, 2]).await;
    let value = Arc::new(serde_json::json!("large"));
    for withdrawn in [false, true] {
        let held = scene.claim_one("w").await;
        let id = scene.store.put_result(known.run, value.clone()).await.expect("put a result");
        let report = crate::contract::scene::report(&held, "w", crate::contract::scene::stored(id));
        if withdrawn {
            known.withdraw(2).await;
        }
        for _ in 0..2 {
            scene.send_report(report.clone()).await;
        }
        let left = harness.keys("{s0}:result:*").await.len();
        assert_eq!(left, 1, "the first one waits for its commit, however often it is reported");
    }
}

#[tokio::test]
async fn the_fleet_shares_one_look_for_leases_that_have_run_out() {
    let server = Server::start(&["--appendonly", "no"]);
    let long = Duration::from_secs(3600);
    let options = RedisOptions { steal_every: long, ..options(&server) };
    let store = Arc::new(Redis::connect(options).await.expect("connect"));
    store.0.pulse.settled();
    let harness = RedisHarness { store, server };
    let scene = Scene::of(&harness);
    scene.run_with(&[1, 2, 3]).await;
    for held in scene.claim("w", 3).await {
        assert_eq!(harness.age_lease(held.token).await, Capability::Done);
    }
    assert_eq!(scene.steal("a", 2).await.len(), 2, "it takes what it can");
    assert_eq!(scene.steal("b", 2).await.len(), 1, "and leaves the rest to the next at once");
    assert_eq!(scene.steal("c", 9).await.len(), 0);
    let again: u64 = harness.ask(&["EXISTS", "{s0}:look:q"]).await;
    assert_eq!(again, 1, "nobody looks again so soon");
}
