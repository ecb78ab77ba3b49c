//! Results of steps: kept by the commit that records them, dropped by the one that does not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sortie_engine::{ResultId, RunId, StepId, StepResult};

use super::Harness;
use super::scene::{Known, LANE, Scene, fresh_commit, fresh_run, report, stored};
use crate::{Commit, CommitReply, Completed};

const TWO_HOURS: Duration = Duration::from_secs(7200);

fn keep(known: &Known, step: u32, result: StepResult) -> Commit {
    Commit { results: vec![(StepId::new(step), result)], ..known.next(1) }
}

async fn put(scene: &Scene, run: RunId) -> ResultId {
    scene.store.put_result(run, Arc::new(json!(["large"]))).await.expect("put a result")
}

/// A run with a step whose worker reported a stored result.
async fn reported(scene: &Scene) -> (Known, ResultId) {
    let known = scene.run_with(&[1]).await;
    let id = put(scene, known.run).await;
    let claimed = scene.claim_one("w").await;
    assert_eq!(scene.send_report(report(&claimed, "w", stored(id))).await, Completed::Ok);
    (known, id)
}

pub async fn recorded_results_are_found_under_their_steps(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (mut known, other) = (scene.run().await, scene.run().await);
    known.commit(keep(&known, 2, StepResult::inline(json!({"n": 1})))).await;
    let steps = [StepId::new(1), StepId::new(2)];
    let found = scene.store.results(known.run, &steps).await.expect("read results");
    assert_eq!(found, [None, Some(Arc::new(json!({"n": 1})))]);
    assert_eq!(scene.result(other.run, 2).await, None);
    assert_eq!(scene.result(fresh_run(LANE), 2).await, None);
}

pub async fn a_stored_result_is_found_once_a_commit_keeps_it(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (mut known, id) = reported(&scene).await;
    assert_eq!(scene.result(known.run, 1).await, None);
    assert_eq!(known.commit(keep(&known, 1, stored(id))).await, CommitReply::Ok);
    assert_eq!(scene.result(known.run, 1).await, Some(json!(["large"])));
}

pub async fn a_kept_result_outlives_the_hour(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (mut known, id) = reported(&scene).await;
    known.commit(keep(&known, 1, stored(id))).await;
    if harness.shift_time(TWO_HOURS).await.lacks("shift time") {
        return;
    }
    put(&scene, known.run).await;
    assert_eq!(scene.result(known.run, 1).await, Some(json!(["large"])));
}

pub async fn a_reported_result_waits_for_its_commit_beyond_the_hour(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (mut known, id) = reported(&scene).await;
    if harness.shift_time(TWO_HOURS).await.lacks("shift time") {
        return;
    }
    put(&scene, known.run).await;
    known.commit(keep(&known, 1, stored(id))).await;
    assert_eq!(scene.result(known.run, 1).await, Some(json!(["large"])));
}

pub async fn a_result_that_nobody_reports_is_dropped_after_an_hour(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    let id = put(&scene, known.run).await;
    if harness.shift_time(TWO_HOURS).await.lacks("shift time") {
        return;
    }
    put(&scene, known.run).await;
    known.commit(keep(&known, 1, stored(id))).await;
    assert_eq!(scene.result(known.run, 1).await, None);
}

pub async fn a_result_is_dropped_with_the_report_that_named_it(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (mut known, id) = reported(&scene).await;
    let consumed = scene.inbox(LANE).await.iter().map(|item| item.id).collect();
    known.commit(Commit { consumed, ..known.next(1) }).await;
    known.commit(keep(&known, 1, stored(id))).await;
    assert_eq!(scene.result(known.run, 1).await, None);
}

pub async fn a_result_survives_a_commit_that_conflicts(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (mut known, id) = reported(&scene).await;
    let stale = Commit { parent: fresh_commit(), ..keep(&known, 1, stored(id)) };
    assert_eq!(scene.commit(vec![stale]).await, [CommitReply::Conflict]);
    known.commit(keep(&known, 1, stored(id))).await;
    assert_eq!(scene.result(known.run, 1).await, Some(json!(["large"])));
}

pub async fn a_run_cannot_keep_the_stored_result_of_another(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (mut owner, id) = reported(&scene).await;
    let mut other = scene.run().await;
    other.commit(keep(&other, 1, stored(id))).await;
    assert_eq!(scene.result(other.run, 1).await, None);
    owner.commit(keep(&owner, 1, stored(id))).await;
    assert_eq!(scene.result(owner.run, 1).await, Some(json!(["large"])));
}
