//! Claims: what waits is handed out once, oldest first, to as many as find something.

use std::time::Duration;

use tokio::task::JoinSet;

use super::Harness;
use super::scene::{Known, LONG, Scene, entry, queues, steps, waiting, worker};
use crate::{Claimed, Commit, CommitReply};

/// Queues steps, each in the queue that stands beside it.
async fn queue_in(known: &mut Known, places: &[(u32, &str)]) {
    for (step, queue) in places {
        let ready = vec![entry(known.run, *step, queue)];
        let commit = Commit { ready, ..known.next(1) };
        assert_eq!(known.commit(commit).await, CommitReply::Ok);
    }
}

pub async fn an_attempt_is_handed_out_once_as_it_was_queued(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let known = scene.run_with(&[1]).await;
    let claimed = scene.claim_one("w").await;
    assert_eq!((&claimed.entry, claimed.deliveries), (&known.entry(1), 1));
    assert_eq!(scene.claim("w", 9).await.len(), 0);
    assert_eq!(scene.claim("v", 9).await.len(), 0);
}

pub async fn attempts_are_claimed_oldest_first(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run_with(&[5, 3]).await;
    known.queue(&[4]).await;
    assert_eq!(steps(&scene.claim("w", 2).await), [5, 3]);
    assert_eq!(steps(&scene.claim("w", 2).await), [4]);
}

pub async fn a_claim_takes_no_more_than_its_slots_over_all_queues(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    queue_in(&mut known, &[(1, "q"), (2, "p"), (3, "q"), (4, "p")]).await;
    assert_eq!(scene.claim_from("w", &["p", "q"], 0).await.len(), 0);
    assert_eq!(scene.claim_from("w", &["p", "q"], 3).await.len(), 3);
    assert_eq!(scene.claim_from("v", &["p", "q"], 3).await.len(), 1);
}

pub async fn a_claim_sees_its_own_queues_only(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    queue_in(&mut known, &[(1, "q"), (2, "p")]).await;
    assert_eq!(steps(&scene.claim_from("w", &["p", "o"], 9).await), [2]);
    assert_eq!(scene.claim_from("w", &[], 9).await.len(), 0);
    assert_eq!(steps(&scene.claim("w", 9).await), [1]);
}

pub async fn no_queue_starves_behind_another(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run_with(&[1, 2, 3, 4]).await;
    queue_in(&mut known, &[(9, "p")]).await;
    let mut claimed = Vec::new();
    for step in 5..9 {
        claimed.extend(steps(&scene.claim_from("w", &["q", "p"], 2).await));
        known.queue(&[step]).await;
    }
    assert!(claimed.contains(&9), "{claimed:?}");
}

pub async fn a_claim_waits_only_so_long(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let names = queues(&["q", "p"]);
    let claimed = scene.store.claim(&worker("w"), &names, 1, Duration::from_millis(50)).await;
    assert_eq!(claimed.expect("claim").len(), 0);
}

pub async fn a_waiting_claim_gets_what_is_queued_in_any_of_its_queues(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    let (by, names) = (worker("w"), queues(&["q", "p"]));
    for (step, queue) in [(1, "q"), (2, "p"), (3, "new")] {
        let names = [&names[..], &queues(&["new"])].concat();
        let claim = waiting(scene.store.claim(&by, &names, 4, LONG));
        queue_in(&mut known, &[(step, queue)]).await;
        assert_eq!(steps(&claim.await.expect("claim")), [step]);
    }
}

pub async fn as_many_waiting_claims_wake_as_find_something(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    let mut claims = JoinSet::new();
    for n in 0..6 {
        let (store, by) = (scene.store.clone(), worker(&format!("w{n}")));
        claims.spawn(async move { store.claim(&by, &queues(&["q"]), 2, LONG).await });
    }
    tokio::task::yield_now().await;
    // Nobody else pushes: that each of the six gets its two is the push's doing alone.
    known.queue(&(1..=12).collect::<Vec<_>>()).await;
    let mut claimed: Vec<u32> = Vec::new();
    while let Some(batch) = claims.join_next().await {
        let batch = batch.expect("no claim panics").expect("claim");
        assert_eq!(batch.len(), 2);
        claimed.extend(steps(&batch));
    }
    claimed.sort_unstable();
    assert_eq!(claimed, (1..=12).collect::<Vec<_>>());
}

pub async fn a_waiting_claim_gets_what_is_released(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    scene.run_with(&[1]).await;
    let held = scene.claim_one("v").await;
    let (by, names) = (worker("w"), queues(&["q"]));
    let claim = waiting(scene.store.claim(&by, &names, 1, LONG));
    scene.store.release(&worker("v"), &[held.token]).await.expect("release");
    assert_eq!(steps(&claim.await.expect("claim")), [1]);
}

pub async fn a_dropped_claim_loses_nothing(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    let (by, names) = (worker("w"), queues(&["q"]));
    let before = waiting(scene.store.claim(&by, &names, 1, LONG));
    let beside = waiting(scene.store.claim(&by, &names, 1, LONG));
    drop(before);
    known.queue(&[1]).await;
    // The push may have chosen this one to wake: then the next claim must hear of it.
    drop(beside);
    let claimed: Vec<Claimed> = scene.store.claim(&by, &names, 1, LONG).await.expect("claim");
    assert_eq!(steps(&claimed), [1]);
}

pub async fn a_wakeup_of_a_dropped_claim_goes_to_the_next(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    let (by, names) = (worker("w"), queues(&["q"]));
    let first = waiting(scene.store.claim(&by, &names, 1, LONG));
    let second = waiting(scene.store.claim(&by, &names, 1, LONG));
    known.queue(&[1]).await;
    drop(first);
    assert_eq!(steps(&second.await.expect("claim")), [1]);
}
