//! A commit names its parent and is the only way to change a run.

use sortie_engine::{RunId, RunState, Seq, StepId, StepResult, Timestamp};

use super::Harness;
use super::scene::{Known, LANE, LONG, Scene, fresh_commit, fresh_run};
use crate::{Commit, CommitReply, InboxId, ListQuery};

/// A commit that changes everything a commit can change.
fn full(known: &Known, consumed: Vec<InboxId>) -> Commit {
    let mut commit = known.next(2);
    commit.results = vec![(StepId::new(1), StepResult::inline(serde_json::json!("r")))];
    commit.ready = vec![known.entry(2)];
    commit.withdrawn = vec![StepId::new(3)];
    commit.timer = Some(Timestamp::from_millis(99));
    commit.model_call = true;
    commit.consumed = consumed;
    commit.summary.state = RunState::Executing;
    commit
}

/// All that can be seen of a run, of lane 0 and of queue `q`, without taking anything.
async fn picture(scene: &Scene, run: RunId) -> String {
    let history = scene.store.load(run, Seq::ZERO).await;
    let list = scene.store.list(ListQuery { limit: 9, ..ListQuery::default() }).await;
    let calls = scene.store.model_calls(LANE).await;
    let result = scene.result(run, 1).await;
    let (inbox, timer) = (scene.inbox(LANE).await, scene.timer(run).await);
    format!("{history:?} {list:?} {calls:?} {result:?} {inbox:?} {timer:?}")
}

pub async fn a_commit_on_the_head_is_the_new_head(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    assert_eq!(known.commit(known.next(2)).await, CommitReply::Ok);
    assert_eq!(known.commit(known.next(1)).await, CommitReply::Ok);
    let history = scene.store.load(known.run, Seq::ZERO).await.expect("load").expect("a run");
    assert_eq!(history.head, known.head);
    let seqs = history.commits.iter().flat_map(|(_, events)| events.iter().map(|e| e.seq.get()));
    assert_eq!(seqs.collect::<Vec<_>>(), [1, 2, 3, 4]);
}

pub async fn a_commit_on_a_stale_parent_conflicts_and_changes_nothing(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    let stale = full(&known, scene.inbox(LANE).await.iter().map(|item| item.id).collect());
    known.queue(&[3]).await;
    let before = picture(&scene, known.run).await;
    assert_eq!(scene.commit(vec![stale]).await, [CommitReply::Conflict]);
    assert_eq!(picture(&scene, known.run).await, before);
    let claimed = scene.claim("w", 9).await;
    assert_eq!(super::scene::steps(&claimed), [3], "nothing was queued, nothing withdrawn");
}

pub async fn a_resent_commit_is_already_there_and_has_no_second_effect(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    let commit = full(&known, vec![]);
    assert_eq!(known.commit(commit.clone()).await, CommitReply::Ok);
    let before = picture(&scene, known.run).await;
    assert_eq!(scene.commit(vec![commit]).await, [CommitReply::Already]);
    assert_eq!(picture(&scene, known.run).await, before);
    assert_eq!(scene.claim("w", 9).await.len(), 1, "the attempt was queued once");
}

pub async fn a_resend_does_not_queue_again_what_was_reported_meanwhile(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    let commit = Commit { ready: vec![known.entry(1)], ..known.next(1) };
    assert_eq!(known.commit(commit.clone()).await, CommitReply::Ok);
    let claimed = scene.claim_one("w").await;
    scene.complete(&claimed, "w").await;
    assert_eq!(scene.commit(vec![commit]).await, [CommitReply::Already]);
    assert_eq!(scene.claim("w", 9).await.len(), 0);
}

pub async fn a_resend_after_a_later_commit_conflicts_and_changes_nothing(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    let first = full(&known, vec![]);
    known.commit(first.clone()).await;
    known.commit(known.next(1)).await;
    let before = picture(&scene, known.run).await;
    assert_eq!(scene.commit(vec![first]).await, [CommitReply::Conflict]);
    assert_eq!(picture(&scene, known.run).await, before);
}

pub async fn a_commit_of_an_unknown_run_only_deletes_what_it_consumed(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    known.run = fresh_run(LANE);
    scene.store.send(vec![(known.run, sortie_engine::Command::Resume)]).await.expect("send");
    let items = scene.inbox(LANE).await;
    let lost = items.iter().find(|item| item.run == known.run).expect("the item").id;
    let mut commit = full(&known, vec![lost]);
    commit.summary.run = known.run;
    assert_eq!(scene.commit(vec![commit]).await, [CommitReply::NoRun]);
    assert_eq!(scene.store.load(known.run, Seq::ZERO).await, Ok(None));
    assert_eq!(scene.inbox(LANE).await.len(), items.len() - 1);
    assert_eq!(scene.claim("w", 9).await.len(), 0);
}

pub async fn a_bad_commit_leaves_the_others_of_its_batch_alone(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (a, b, c) = (scene.run().await, scene.run().await, scene.run().await);
    let bad = Commit { parent: fresh_commit(), ..b.next(1) };
    let gone = Commit { run: fresh_run(LANE), ..b.next(1) };
    let replies = scene.commit(vec![a.next(1), bad, gone, c.next(1)]).await;
    use CommitReply::{Conflict, NoRun, Ok};
    assert_eq!(replies, [Ok, Conflict, NoRun, Ok]);
    let seqs = scene.store.last_seqs(&[a.run, b.run, c.run]).await.expect("last events");
    assert_eq!(seqs, [Some(Seq::new(2)), Some(Seq::new(1)), Some(Seq::new(2))]);
}

pub async fn commits_of_one_run_in_a_batch_follow_each_other(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    let first = known.next(1);
    known.follow(&first);
    let second = known.next(1);
    let twin = Commit { id: fresh_commit(), ..second.clone() };
    let replies = scene.commit(vec![first, second, twin]).await;
    assert_eq!(replies, [CommitReply::Ok, CommitReply::Ok, CommitReply::Conflict]);
}

pub async fn a_commit_deletes_what_it_consumed_and_nothing_else(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (mut a, b) = (scene.run().await, scene.run().await);
    scene.store.send(vec![(a.run, sortie_engine::Command::Resume)]).await.expect("send");
    let first = scene.inbox(LANE).await.iter().find(|i| i.run == a.run).expect("an item").id;
    let commit = Commit { consumed: vec![first], ..a.next(1) };
    assert_eq!(a.commit(commit).await, CommitReply::Ok);
    let left: Vec<_> = scene.inbox(LANE).await.iter().map(|item| item.run).collect();
    assert_eq!(left, [b.run, a.run]);
}

pub async fn a_commit_without_events_moves_the_head_but_not_the_sequence(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    let silent = known.next(0);
    let beside = known.next(1);
    assert_eq!(known.commit(silent).await, CommitReply::Ok);
    assert_eq!(scene.commit(vec![beside]).await, [CommitReply::Conflict]);
    let seqs = scene.store.last_seqs(&[known.run]).await.expect("last events");
    assert_eq!(seqs, [Some(Seq::FIRST)]);
    assert_eq!(known.commit(known.next(1)).await, CommitReply::Ok);
}

pub async fn runs_of_two_lanes_do_not_touch_each_other(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (mut a, b) = (scene.run().await, scene.run_in(sortie_engine::Lane(1)).await);
    let same_number = scene.inbox(LANE).await[0].id;
    let commit = Commit { consumed: vec![same_number], model_call: true, ..a.next(1) };
    assert_eq!(a.commit(commit).await, CommitReply::Ok);
    assert_eq!(scene.inbox(LANE).await.len(), 0);
    assert_eq!(scene.inbox(b.run.lane()).await.len(), 1);
    assert_eq!(scene.store.model_calls(b.run.lane()).await, Ok(vec![]));
    assert_eq!(scene.timer(a.run).await, Some(a.summary.submitted_at + LONG));
    assert_eq!(scene.timer(b.run).await, Some(b.summary.submitted_at));
}
