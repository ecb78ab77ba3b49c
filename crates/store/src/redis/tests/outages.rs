//! A Redis that goes away and comes back: nothing is lost, nobody needs a restart.

use std::time::Duration;

use super::*;
use crate::contract::scene::{LANE, LONG, Scene, fresh_run, goal, steps, worker};
use crate::redis::Health;
use crate::{Extended, Lanes as _, Notices as _, RunLog as _, Signal, StoreError};
use sortie_engine::Seq;

/// A store that loses nothing.
async fn durable() -> RedisHarness {
    let settings = ["--appendonly", "yes", "--appendfsync", "always"];
    let server = Server::start(&settings);
    let steal_every = Duration::ZERO;
    let options = RedisOptions { steal_every, ..RedisOptions::new(server.url()) };
    let store = Redis::connect(options).await.expect("connect");
    store.0.pulse.settled();
    RedisHarness { store: Arc::new(store), server }
}

/// Asks until the store answers.
async fn answered<T, F>(mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    let asking = async {
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(StoreError::Unavailable { .. }) => tokio::task::yield_now().await,
                Err(other) => panic!("{other}"),
            }
        }
    };
    tokio::time::timeout(LONG, asking).await.expect("the store answers again")
}

#[tokio::test]
async fn a_killed_redis_that_comes_back_has_everything_and_is_found_again() {
    let mut harness = durable().await;
    let scene = Scene::of(&harness);
    let mut known = scene.run_with(&[1, 2]).await;
    let held = scene.claim_one("w").await;
    let mut signals = harness.store.subscribe().await.expect("subscribe");
    harness.server.kill();
    let lost = harness.store.last_seqs(&[known.run]).await;
    assert!(matches!(lost, Err(StoreError::Unavailable { .. })), "{lost:?}");
    let mut health = harness.store.health();
    let waited = health.wait_for(|health| matches!(health, Health::Silent { .. })).await;
    waited.expect("the store is open");
    harness.server.restart();
    let runs = [known.run];
    let seqs = answered(|| harness.store.last_seqs(&runs)).await;
    assert_eq!(seqs, [Some(known.seq)]);
    health.wait_for(|health| *health == Health::Fit).await.expect("the store is open");
    let extended = scene.store.extend(&worker("w"), &[held.token]).await;
    assert_eq!(extended, Ok(vec![Extended::Ok]));
    assert_eq!(steps(&scene.claim("w", 9).await), [2]);
    assert_eq!(known.commit(known.next(1)).await, crate::CommitReply::Ok);
    // The subscription was made anew, and says that something may have been missed.
    loop {
        match signals.next().await.expect("the store is open") {
            None => break,
            Some(Signal::Committed { .. }) => {}
            Some(other) => panic!("nobody said {other:?}"),
        }
    }
}

#[tokio::test]
async fn nobody_steals_at_once_after_an_outage() {
    let mut harness = durable().await;
    let scene = Scene::of(&harness);
    scene.run_with(&[1]).await;
    let held = scene.claim_one("w").await;
    harness.server.kill();
    harness.server.restart();
    answered(|| harness.store.now()).await;
    let _ = harness.age_lease(held.token).await;
    assert_eq!(scene.steal("v", 9).await.len(), 0, "the holder had no chance yet");
    // Who starts only now does not know of the outage; Redis does.
    let late = Redis::connect(RedisOptions::new(harness.server.url())).await.expect("connect");
    assert!(!late.0.pulse.may_steal());
    harness.store.0.pulse.settled();
    assert_eq!(scene.steal("v", 9).await.len(), 1);
}

#[tokio::test]
async fn functions_that_were_taken_away_are_loaded_again() {
    let harness = durable().await;
    harness.ask::<()>(&["FUNCTION", "FLUSH"]).await;
    let run = goal(fresh_run(LANE));
    answered(|| harness.store.submit(vec![run.clone()])).await;
    let seqs = harness.store.last_seqs(&[run.run]).await;
    assert_eq!(seqs, Ok(vec![Some(Seq::FIRST)]));
}

#[tokio::test]
async fn a_call_of_a_silent_redis_ends_in_time_and_later_ones_go_through() {
    let harness = durable().await;
    harness.server.stop();
    let asked = std::time::Instant::now();
    let silent = harness.store.last_seqs(&[fresh_run(LANE)]).await;
    assert!(matches!(silent, Err(StoreError::Unavailable { .. })), "{silent:?}");
    assert!(asked.elapsed() < LONG);
    harness.server.go_on();
    answered(|| harness.store.last_seqs(&[])).await;
    answered(|| harness.store.now()).await;
}

#[tokio::test]
async fn a_waiting_claim_and_a_waiting_read_survive_an_outage_by_being_asked_again() {
    let mut harness = durable().await;
    let scene = Scene::of(&harness);
    let mut known = scene.run().await;
    let (by, names) = (worker("w"), crate::contract::scene::queues(&["q"]));
    let claim = crate::contract::scene::waiting(scene.store.claim(&by, &names, 1, LONG));
    // Only once the read has arrived is it an outage for it.
    let arrived = async {
        while !harness.ask::<String>(&["CLIENT", "LIST"]).await.contains("cmd=xreadgroup") {
            tokio::task::yield_now().await;
        }
    };
    let mut claim = claim;
    tokio::select! {
        _ = &mut claim => panic!("there is nothing to claim"),
        () = arrived => {}
    }
    harness.server.kill();
    let lost = claim.await;
    assert!(matches!(lost, Err(StoreError::Unavailable { .. })), "{lost:?}");
    harness.server.restart();
    answered(|| harness.store.now()).await;
    known.queue(&[1]).await;
    let claimed = answered(|| scene.store.claim(&by, &names, 1, Duration::from_secs(5))).await;
    assert_eq!(steps(&claimed), [1]);
}
