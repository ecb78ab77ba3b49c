//! Leases: who may go on, who may take over.

use sortie_engine::StepId;

use super::Harness;
use super::scene::{Scene, queues, steps, worker};
use crate::{Claimed, Commit, Completed, Extended, Token};

async fn extend(scene: &Scene, by: &str, tokens: &[Token]) -> Vec<Extended> {
    scene.store.extend(&worker(by), tokens).await.expect("extend")
}

async fn release(scene: &Scene, by: &str, tokens: &[Token]) {
    scene.store.release(&worker(by), tokens).await.expect("release");
}

/// Lets the lease run out, then has `thief` steal; nothing where the harness cannot.
async fn stolen(harness: &dyn Harness, held: &Claimed, thief: &str) -> Option<Claimed> {
    if harness.age_lease(held.token).await.lacks("age a lease") {
        return None;
    }
    let mut stolen = Scene::of(harness).steal(thief, 9).await;
    assert_eq!(stolen.len(), 1, "the lease has run out");
    stolen.pop()
}

pub async fn the_holder_can_extend_and_nobody_else(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    scene.run_with(&[1, 2]).await;
    let (mine, yours) = (scene.claim_one("w").await.token, scene.claim_one("v").await.token);
    assert_eq!(extend(&scene, "w", &[mine, yours]).await, [Extended::Ok, Extended::Lost]);
    assert_eq!(extend(&scene, "v", &[mine, yours]).await, [Extended::Lost, Extended::Ok]);
}

pub async fn what_was_reported_or_withdrawn_or_never_was_is_gone(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run_with(&[1, 2]).await;
    let (reported, withdrawn) = (scene.claim_one("w").await, scene.claim_one("w").await);
    scene.complete(&reported, "w").await;
    known.withdraw(2).await;
    let tokens = [reported.token, withdrawn.token, Token(7)];
    assert_eq!(extend(&scene, "w", &tokens).await, [Extended::Gone; 3]);
}

pub async fn nothing_is_stolen_before_its_lease_has_run_out(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    scene.run_with(&[1, 2]).await;
    scene.claim_one("w").await;
    assert_eq!(scene.steal("v", 9).await.len(), 0);
    // Some stores cannot keep real time from passing beside the shifts.
    let spare = scene.store.lease() / 8;
    let most = scene.store.lease() - spare;
    if harness.shift_time(most).await.lacks("shift time") {
        return;
    }
    assert_eq!(scene.steal("v", 9).await.len(), 0);
    let _ = harness.shift_time(spare).await;
    let stolen = scene.steal("v", 9).await;
    assert_eq!(steps(&stolen), [1], "step 2 waits for a claim and is nobody's to steal");
}

pub async fn extending_keeps_thieves_away(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    scene.run_with(&[1]).await;
    let held = scene.claim_one("w").await;
    let half = scene.store.lease() / 2;
    for _ in 0..4 {
        if harness.shift_time(half).await.lacks("shift time") {
            return;
        }
        assert_eq!(extend(&scene, "w", &[held.token]).await, [Extended::Ok]);
        assert_eq!(scene.steal("v", 9).await.len(), 0);
    }
}

pub async fn a_late_heartbeat_counts_if_nobody_was_faster(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    scene.run_with(&[1]).await;
    let held = scene.claim_one("w").await;
    if harness.age_lease(held.token).await.lacks("age a lease") {
        return;
    }
    assert_eq!(extend(&scene, "w", &[held.token]).await, [Extended::Ok]);
    assert_eq!(scene.steal("v", 9).await.len(), 0);
}

pub async fn a_stolen_attempt_keeps_its_token_and_counts_a_delivery(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    scene.run_with(&[1]).await;
    let held = scene.claim_one("w").await;
    let Some(second) = stolen(harness, &held, "v").await else { return };
    assert_eq!((second.token, second.deliveries), (held.token, 2));
    assert_eq!(second.entry, held.entry);
    let Some(third) = stolen(harness, &second, "u").await else { return };
    assert_eq!((third.token, third.deliveries), (held.token, 3));
}

pub async fn stealing_starts_a_new_lease(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    scene.run_with(&[1]).await;
    let held = scene.claim_one("w").await;
    if stolen(harness, &held, "v").await.is_none() {
        return;
    }
    assert_eq!(scene.steal("u", 9).await.len(), 0);
    assert_eq!(extend(&scene, "v", &[held.token]).await, [Extended::Ok]);
}

pub async fn a_woken_zombie_cannot_steal_its_attempt_back_by_a_heartbeat(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    scene.run_with(&[1]).await;
    let held = scene.claim_one("zombie").await;
    if stolen(harness, &held, "thief").await.is_none() {
        return;
    }
    assert_eq!(extend(&scene, "zombie", &[held.token]).await, [Extended::Lost]);
    assert_eq!(extend(&scene, "thief", &[held.token]).await, [Extended::Ok]);
    let _ = harness.age_lease(held.token).await;
    assert_eq!(extend(&scene, "zombie", &[held.token]).await, [Extended::Lost]);
}

pub async fn a_thief_takes_no_more_than_its_slots_and_only_from_its_queues(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    scene.run_with(&[1, 2, 3, 4]).await;
    for held in scene.claim("w", 3).await {
        if harness.age_lease(held.token).await.lacks("age a lease") {
            return;
        }
    }
    let others = scene.store.steal(&worker("v"), &queues(&["p"]), 9).await.expect("steal");
    assert_eq!(others.len(), 0);
    assert_eq!(scene.steal("v", 2).await.len(), 2);
    assert_eq!(scene.steal("v", 0).await.len(), 0);
    assert_eq!(scene.steal("v", 2).await.len(), 1);
}

pub async fn what_ran_out_is_found_behind_what_did_not(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    scene.run_with(&(1..=40).collect::<Vec<_>>()).await;
    let held = scene.claim("w", 40).await;
    if harness.age_lease(held[33].token).await.lacks("age a lease") {
        return;
    }
    assert_eq!(steps(&scene.steal("v", 1).await), [34]);
}

pub async fn a_released_attempt_comes_back_under_a_new_token_without_a_delivery(
    harness: &dyn Harness,
) {
    let scene = Scene::of(harness);
    scene.run_with(&[1]).await;
    let held = scene.claim_one("w").await;
    release(&scene, "w", &[held.token]).await;
    assert_eq!(extend(&scene, "w", &[held.token]).await, [Extended::Gone]);
    let again = scene.claim_one("v").await;
    assert_eq!((again.deliveries, &again.entry), (1, &held.entry));
    assert_ne!(again.token, held.token);
    assert_eq!(scene.complete(&held, "w").await, Completed::Gone);
    assert_eq!(scene.complete(&again, "v").await, Completed::Ok);
}

pub async fn deliveries_before_a_release_still_count(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    scene.run_with(&[1]).await;
    let held = scene.claim_one("w").await;
    if stolen(harness, &held, "v").await.is_none() {
        return;
    }
    release(&scene, "v", &[held.token]).await;
    assert_eq!(scene.claim_one("u").await.deliveries, 2);
}

pub async fn nobody_releases_what_another_holds(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    scene.run_with(&[1]).await;
    let held = scene.claim_one("w").await;
    release(&scene, "v", &[held.token, Token(7)]).await;
    assert_eq!(scene.claim("v", 9).await.len(), 0);
    assert_eq!(extend(&scene, "w", &[held.token]).await, [Extended::Ok]);
}

pub async fn a_released_attempt_can_still_be_withdrawn(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run_with(&[1]).await;
    let held = scene.claim_one("w").await;
    release(&scene, "w", &[held.token]).await;
    let withdrawn = vec![StepId::new(1)];
    known.commit(Commit { withdrawn, ..known.next(1) }).await;
    assert_eq!(scene.claim("v", 9).await.len(), 0);
}
