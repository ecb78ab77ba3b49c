//! What nobody can decode stops nobody.

use super::scene::{LANE, Scene, steps};
use super::{Garbage, Harness};

pub async fn garbage_among_attempts_does_not_stop_claims(harness: &dyn Harness) {
    if harness.inject_garbage(Garbage::Ready).await.lacks("put garbage among attempts") {
        return;
    }
    let scene = Scene::of(harness);
    scene.run_with(&[1]).await;
    // The first claim may come back empty-handed, having put the garbage aside.
    let claimed = [scene.claim("w", 2).await, scene.claim("w", 2).await].concat();
    assert_eq!(steps(&claimed), [1]);
    assert_eq!(scene.steal("w", 9).await.len(), 0);
}

pub async fn garbage_in_an_inbox_does_not_stop_readers(harness: &dyn Harness) {
    if harness.inject_garbage(Garbage::Inbox).await.lacks("put garbage into an inbox") {
        return;
    }
    let scene = Scene::of(harness);
    let known = scene.run().await;
    let runs: Vec<_> = scene.inbox(LANE).await.iter().map(|item| item.run).collect();
    assert_eq!(runs, [known.run]);
}

pub async fn garbage_among_timers_does_not_hide_the_others(harness: &dyn Harness) {
    if harness.inject_garbage(Garbage::Timers).await.lacks("put garbage among timers") {
        return;
    }
    let scene = Scene::of(harness);
    let known = scene.run().await;
    assert_eq!(scene.timer(known.run).await, Some(known.summary.submitted_at));
}
