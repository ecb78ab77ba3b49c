//! Timers and open model calls: what the next owner of a lane must know.

use std::time::Duration;

use sortie_engine::{Lane, RunState, Timestamp};

use super::Harness;
use super::scene::{LANE, Scene};
use crate::{Commit, CommitReply};

pub async fn an_open_run_has_the_timer_of_its_last_commit(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (mut known, other) = (scene.run().await, scene.run().await);
    for millis in [500, 20] {
        let timer = Some(Timestamp::from_millis(millis));
        known.commit(Commit { timer, ..known.next(1) }).await;
        assert_eq!(scene.timer(known.run).await, timer);
    }
    assert_eq!(scene.timer(other.run).await, Some(other.summary.submitted_at));
    assert_eq!(scene.store.timers(Lane(1)).await, Ok(vec![]));
}

pub async fn an_ended_run_has_no_timer(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    for state in [RunState::Succeeded, RunState::Failed, RunState::Cancelled] {
        let mut known = scene.run().await;
        known.end(state).await;
        assert_eq!(scene.store.timers(LANE).await, Ok(vec![]));
        // Words about an ended run are committed too; it stays ended.
        assert_eq!(known.commit(Commit { timer: None, ..known.next(1) }).await, CommitReply::Ok);
        assert_eq!(scene.store.timers(LANE).await, Ok(vec![]));
    }
}

pub async fn a_run_is_marked_as_long_as_its_last_commit_says_so(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (mut known, mut other) = (scene.run().await, scene.run().await);
    assert_eq!(scene.store.model_calls(LANE).await, Ok(vec![]));
    known.commit(Commit { model_call: true, ..known.next(1) }).await;
    other.commit(other.next(1)).await;
    assert_eq!(scene.store.model_calls(LANE).await, Ok(vec![known.run]));
    assert_eq!(scene.store.model_calls(Lane(1)).await, Ok(vec![]));
    known.commit(known.next(1)).await;
    assert_eq!(scene.store.model_calls(LANE).await, Ok(vec![]));
}

pub async fn an_ended_run_is_not_marked(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    known.commit(Commit { model_call: true, ..known.next(1) }).await;
    known.end(RunState::Failed).await;
    assert_eq!(scene.store.model_calls(LANE).await, Ok(vec![]));
}

pub async fn the_clock_goes_on(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let before = scene.store.now().await.expect("the time");
    if harness.shift_time(Duration::from_secs(60)).await.lacks("shift time") {
        return;
    }
    let after = scene.store.now().await.expect("the time");
    assert!(after.since(before) >= Duration::from_secs(60), "{before} to {after}");
}
