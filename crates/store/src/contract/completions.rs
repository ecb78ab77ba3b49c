//! Reports: the first one for an attempt is heard, whoever makes it, and nobody after.

use serde_json::json;
use sortie_engine::{Command, StepResult};

use super::Harness;
use super::scene::{LANE, Scene, fresh_run, report, worker};
use crate::{Claimed, Commit, Completed, Completion, InboxItem};

/// A scene whose inbox is empty and whose worker `w` holds steps 1 to `held`.
async fn scene_with(harness: &dyn Harness, held: u32) -> (Scene, Vec<Claimed>) {
    let scene = Scene::of(harness);
    let mut known = scene.run_with(&(1..=held).collect::<Vec<_>>()).await;
    let consumed = scene.inbox(LANE).await.iter().map(|item| item.id).collect();
    known.commit(Commit { consumed, ..known.next(1) }).await;
    let claimed = scene.claim("w", held as usize).await;
    (scene, claimed)
}

fn reporters(inbox: &[InboxItem]) -> Vec<String> {
    let reporter = |item: &InboxItem| match &item.command {
        Command::AttemptEnded(report) => report.worker.to_string(),
        other => panic!("{other:?} is no report"),
    };
    inbox.iter().map(reporter).collect()
}

pub async fn a_report_reaches_the_inbox_of_its_runs_lane(harness: &dyn Harness) {
    let (scene, held) = scene_with(harness, 1).await;
    let completion = report(&held[0], "w", StepResult::inline(json!(1)));
    assert_eq!(scene.send_report(completion.clone()).await, Completed::Ok);
    let inbox = scene.inbox(LANE).await;
    assert_eq!((inbox.len(), inbox[0].run), (1, held[0].entry.run));
    assert_eq!(inbox[0].command, Command::AttemptEnded(completion.report));
    assert_eq!(scene.inbox(sortie_engine::Lane(1)).await.len(), 0);
}

pub async fn the_second_report_on_an_attempt_is_not_heard(harness: &dyn Harness) {
    let (scene, held) = scene_with(harness, 1).await;
    assert_eq!(scene.complete(&held[0], "w").await, Completed::Ok);
    assert_eq!(scene.complete(&held[0], "w").await, Completed::Gone);
    assert_eq!(scene.inbox(LANE).await.len(), 1);
}

pub async fn the_second_report_of_one_batch_is_not_heard(harness: &dyn Harness) {
    let (scene, held) = scene_with(harness, 2).await;
    let reports = [&held[0], &held[0], &held[1]];
    let batch = reports.map(|held| report(held, "w", StepResult::inline(json!(1))));
    let replies = scene.store.complete(batch.to_vec()).await.expect("complete");
    assert_eq!(replies, [Completed::Ok, Completed::Gone, Completed::Ok]);
    assert_eq!(scene.inbox(LANE).await.len(), 2);
}

pub async fn of_a_thief_and_the_first_holder_the_first_report_is_heard(harness: &dyn Harness) {
    let (scene, held) = scene_with(harness, 2).await;
    for (held, order) in held.iter().zip([["w", "thief"], ["thief", "w"]]) {
        if harness.age_lease(held.token).await.lacks("age a lease") {
            return;
        }
        assert_eq!(scene.steal("thief", 1).await.len(), 1);
        assert_eq!(scene.complete(held, order[0]).await, Completed::Ok);
        assert_eq!(scene.complete(held, order[1]).await, Completed::Gone);
    }
    assert_eq!(reporters(&scene.inbox(LANE).await), ["w", "thief"]);
}

pub async fn a_report_is_heard_although_the_lease_has_run_out(harness: &dyn Harness) {
    let (scene, held) = scene_with(harness, 1).await;
    if harness.age_lease(held[0].token).await.lacks("age a lease") {
        return;
    }
    assert_eq!(scene.complete(&held[0], "w").await, Completed::Ok);
    assert_eq!(scene.steal("thief", 9).await.len(), 0);
}

pub async fn a_report_with_a_token_that_was_given_back_is_not_heard(harness: &dyn Harness) {
    let (scene, held) = scene_with(harness, 1).await;
    scene.store.release(&worker("w"), &[held[0].token]).await.expect("release");
    assert_eq!(scene.complete(&held[0], "w").await, Completed::Gone);
    assert_eq!(scene.inbox(LANE).await.len(), 0);
    assert_eq!(scene.claim("w", 9).await.len(), 1);
}

pub async fn a_token_is_good_for_its_own_run_only(harness: &dyn Harness) {
    let (scene, held) = scene_with(harness, 1).await;
    let own = report(&held[0], "w", StepResult::inline(json!(1)));
    let foreign = Completion { run: fresh_run(LANE), ..own.clone() };
    assert_eq!(scene.send_report(foreign).await, Completed::Gone);
    assert_eq!(scene.inbox(LANE).await.len(), 0);
    assert_eq!(scene.send_report(own).await, Completed::Ok);
}

pub async fn an_old_token_does_not_fit_the_next_attempt(harness: &dyn Harness) {
    let (scene, held) = scene_with(harness, 1).await;
    let (run, old) = (held[0].entry.run, &held[0]);
    scene.complete(old, "w").await;
    let head = scene.store.load(run, sortie_engine::Seq::ZERO).await.expect("load").expect("run");
    let mut known = scene.know(run, head.head).await;
    known.seq = sortie_engine::Seq::new(3);
    known.queue(&[1]).await;
    let new = scene.claim_one("v").await;
    assert_eq!(scene.complete(old, "w").await, Completed::Gone);
    assert_eq!(scene.complete(&new, "v").await, Completed::Ok);
}
