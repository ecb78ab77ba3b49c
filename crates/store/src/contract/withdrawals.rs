//! Withdrawing: a commit takes a step's attempt from the workers, wherever it is.

use sortie_engine::{RunId, StepId};

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

pub async fn attempts_are_in_custody_from_their_commit_to_their_report(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run_with(&[3, 1, 2]).await;
    let other = scene.run_with(&[7]).await;
    let nobody = RunId::new(0, LANE, u128::MAX >> 80);
    let custody = async || {
        let all = scene.store.custody(&[known.run, nobody, other.run]).await.expect("custody");
        let steps = |of: &Vec<(StepId, _)>| of.iter().map(|(step, _)| step.get()).collect();
        all.iter().map(steps).collect::<Vec<Vec<u32>>>()
    };
    assert_eq!(custody().await, [vec![1, 2, 3], vec![], vec![7]]);
    let held = scene.claim_one("w").await;
    assert_eq!(custody().await[0], [1, 2, 3], "with a worker or not");
    scene.store.release(&worker("w"), &[held.token]).await.expect("release");
    assert_eq!(custody().await[0], [1, 2, 3]);
    let again = scene.claim_one("w").await;
    assert_eq!(scene.complete(&again, "w").await, Completed::Ok);
    let done = again.entry.step.get();
    let left: Vec<_> = [1, 2, 3].into_iter().filter(|step| *step != done).collect();
    assert_eq!(custody().await[0], left);
    known.withdraw(left[0]).await;
    let all = scene.store.custody(&[known.run]).await.expect("custody");
    assert_eq!(all[0].len(), 1);
}
