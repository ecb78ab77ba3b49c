//! Withdrawing: a commit takes a step's attempt from the workers, wherever it is.

use sortie_engine::StepId;

use super::Harness;
use super::scene::{LANE, Scene, steps, worker};
use crate::{Commit, Completed, Extended};

pub async fn a_withdrawn_attempt_is_never_claimed(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run_with(&[1, 2, 3]).await;
    known.withdraw(2).await;
    assert_eq!(steps(&scene.claim("w", 9).await), [1, 3]);
}

pub async fn a_withdrawn_attempt_is_gone_for_its_holder(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run_with(&[1]).await;
    let held = scene.claim_one("w").await;
    known.withdraw(1).await;
    let replies = scene.store.extend(&worker("w"), &[held.token]).await;
    assert_eq!(replies, Ok(vec![Extended::Gone]));
    let before = scene.inbox(LANE).await.len();
    assert_eq!(scene.complete(&held, "w").await, Completed::Gone);
    assert_eq!(scene.inbox(LANE).await.len(), before, "the late report was not written");
}

pub async fn the_holder_of_a_withdrawn_attempt_hears_of_it_at_once(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run_with(&[1, 2]).await;
    let mut recalls = scene.store.recalls().await.expect("listen");
    let held = scene.claim_one("w").await;
    known.withdraw(2).await; // nobody has it: nobody is told
    known.withdraw(1).await;
    assert_eq!(recalls.next().await, Ok(Some(held.token)));
}

pub async fn a_withdrawn_attempt_is_not_stolen(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run_with(&[1]).await;
    let held = scene.claim_one("w").await;
    if harness.age_lease(held.token).await.lacks("age a lease") {
        return;
    }
    known.withdraw(1).await;
    assert_eq!(scene.steal("v", 9).await.len(), 0);
}

pub async fn withdrawing_what_was_reported_leaves_the_report(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run_with(&[1]).await;
    let held = scene.claim_one("w").await;
    scene.complete(&held, "w").await;
    let before = scene.inbox(LANE).await.len();
    known.withdraw(1).await;
    assert_eq!(scene.inbox(LANE).await.len(), before);
}

pub async fn withdrawing_a_step_without_an_attempt_does_nothing(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run_with(&[1]).await;
    known.withdraw(9).await;
    known.withdraw(9).await;
    assert_eq!(steps(&scene.claim("w", 9).await), [1]);
}

pub async fn the_same_step_of_another_run_is_not_withdrawn(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (mut known, other) = (scene.run_with(&[1]).await, scene.run_with(&[1]).await);
    known.withdraw(1).await;
    let claimed = scene.claim("w", 9).await;
    assert_eq!(claimed.iter().map(|c| c.entry.run).collect::<Vec<_>>(), [other.run]);
}

pub async fn a_step_can_be_queued_again_after_its_report(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run_with(&[1]).await;
    for _ in 0..3 {
        let held = scene.claim_one("w").await;
        assert_eq!((held.deliveries, scene.complete(&held, "w").await), (1, Completed::Ok));
        known.queue(&[1]).await;
    }
    known.withdraw(1).await;
    assert_eq!(scene.claim("w", 9).await.len(), 0);
}

pub async fn a_commit_that_withdraws_and_queues_a_step_leaves_the_new_attempt(
    harness: &dyn Harness,
) {
    let scene = Scene::of(harness);
    let mut known = scene.run_with(&[1]).await;
    let old = scene.claim_one("w").await;
    let (withdrawn, ready) = (vec![StepId::new(1)], vec![known.entry(1)]);
    known.commit(Commit { withdrawn, ready, ..known.next(1) }).await;
    assert_eq!(scene.complete(&old, "w").await, Completed::Gone);
    let new = scene.claim_one("w").await;
    assert_eq!(scene.complete(&new, "w").await, Completed::Ok);
}

pub async fn a_step_has_one_attempt_at_most(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run_with(&[1]).await;
    let old = scene.claim_one("w").await;
    known.queue(&[1]).await;
    known.queue(&[1]).await;
    assert_eq!(scene.complete(&old, "w").await, Completed::Gone);
    assert_eq!(steps(&scene.claim("w", 9).await), [1]);
}
