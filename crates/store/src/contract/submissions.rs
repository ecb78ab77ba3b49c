//! Accepting goals: all of it or nothing, and once.

use sortie_engine::{Command, Event, RunState, Seq};

use super::Harness;
use super::scene::{LANE, Scene, fresh_commit, fresh_run, goal};
use crate::{ListQuery, Submission, SubmitRefusal, Submitted};

fn with_key(key: &str, hash: u128) -> Submission {
    Submission { idempotency: Some((key.to_owned(), hash)), ..goal(fresh_run(LANE)) }
}

async fn count(scene: &Scene) -> usize {
    let all = ListQuery { limit: 1000, ..ListQuery::default() };
    scene.store.list(all).await.expect("list").runs.len()
}

pub async fn a_submitted_run_has_a_first_event_a_timer_and_an_inbox_item(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let before = scene.store.now().await.expect("the time");
    let goal = goal(fresh_run(LANE));
    let reply = scene.submit(goal.clone()).await;
    assert_eq!(reply, Ok(Submitted { run: goal.run, already: false }));

    let history = scene.store.load(goal.run, Seq::ZERO).await.expect("load").expect("a run");
    assert_eq!((history.head, history.commits.len()), (goal.commit, 1));
    let (id, events) = &history.commits[0];
    assert_eq!((*id, events.len(), events[0].seq), (goal.commit, 1, Seq::FIRST));
    assert_eq!(events[0].event, Event::RunSubmitted { goal: goal.goal });
    assert!(events[0].at >= before);
    assert_eq!(scene.timer(goal.run).await, Some(events[0].at));

    let inbox = scene.inbox(LANE).await;
    assert_eq!((inbox.len(), inbox[0].run), (1, goal.run));
    assert_eq!(inbox[0].command, Command::TimerDue);
}

pub async fn the_same_submission_sent_again_has_no_second_effect(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    for goal in [goal(fresh_run(LANE)), with_key("k", 1)] {
        let inbox = scene.inbox(LANE).await.len();
        for _ in 0..2 {
            let reply = scene.submit(goal.clone()).await;
            assert_eq!(reply, Ok(Submitted { run: goal.run, already: false }));
        }
        assert_eq!(scene.inbox(LANE).await.len(), inbox + 1);
    }
    assert_eq!(count(&scene).await, 2);
}

pub async fn a_submission_sent_again_does_not_set_its_run_back(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let goal = goal(fresh_run(LANE));
    scene.submit(goal.clone()).await.expect("accepted");
    let mut known = scene.know(goal.run, goal.commit).await;
    known.end(RunState::Failed).await;
    let reply = scene.submit(goal.clone()).await;
    assert_eq!(reply, Ok(Submitted { run: goal.run, already: false }));
    assert_eq!(scene.store.last_seqs(&[goal.run]).await, Ok(vec![Some(known.seq)]));
    assert_eq!(scene.timer(goal.run).await, None);
}

pub async fn the_same_key_with_the_same_body_is_the_same_run(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let first = with_key("k", 1);
    scene.submit(first.clone()).await.expect("accepted");
    let again = scene.submit(with_key("k", 1)).await;
    assert_eq!(again, Ok(Submitted { run: first.run, already: true }));
    assert_eq!((count(&scene).await, scene.inbox(LANE).await.len()), (1, 1));
}

pub async fn the_same_key_with_another_body_is_refused(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let first = with_key("k", 1);
    scene.submit(first.clone()).await.expect("accepted");
    let refused = scene.submit(with_key("k", 2)).await;
    assert_eq!(refused, Err(SubmitRefusal::KeyTaken { key: "k".to_owned(), run: first.run }));
    assert_eq!((count(&scene).await, scene.inbox(LANE).await.len()), (1, 1));
}

pub async fn other_keys_and_no_keys_are_other_runs(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    for goal in [with_key("k", 1), with_key("l", 1), goal(fresh_run(LANE)), goal(fresh_run(LANE))] {
        let reply = scene.submit(goal.clone()).await;
        assert_eq!(reply, Ok(Submitted { run: goal.run, already: false }));
    }
    assert_eq!(count(&scene).await, 4);
}

pub async fn a_refused_submission_leaves_the_others_of_its_batch_alone(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (first, twin, other) = (with_key("k", 1), with_key("k", 1), with_key("k", 2));
    let plain = goal(fresh_run(LANE));
    let batch = vec![first.clone(), twin, other, plain.clone()];
    let replies = scene.store.submit(batch).await.expect("submit");
    assert_eq!(replies[0], Ok(Submitted { run: first.run, already: false }));
    assert_eq!(replies[1], Ok(Submitted { run: first.run, already: true }));
    assert!(matches!(&replies[2], Err(SubmitRefusal::KeyTaken { run, .. }) if *run == first.run));
    assert_eq!(replies[3], Ok(Submitted { run: plain.run, already: false }));
}

pub async fn a_run_id_is_never_given_to_a_second_goal(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let first = goal(fresh_run(LANE));
    scene.submit(first.clone()).await.expect("accepted");
    let second = Submission { commit: fresh_commit(), ..first.clone() };
    let reply = scene.submit(second).await;
    assert_eq!(reply, Ok(Submitted { run: first.run, already: true }));
    assert_eq!(scene.inbox(LANE).await.len(), 1);
}

pub async fn a_full_store_refuses_new_goals_until_a_run_ends(harness: &dyn Harness) {
    let Some(most) = harness.max_open_runs() else {
        let _ = super::Capability::Unsupported.lacks("fill its store with open runs");
        return;
    };
    let scene = Scene::of(harness);
    let kept = with_key("k", 1);
    scene.submit(kept.clone()).await.expect("accepted");
    for _ in 1..most {
        scene.submit(goal(fresh_run(LANE))).await.expect("accepted");
    }
    let refused = scene.submit(goal(fresh_run(LANE))).await;
    assert_eq!(refused, Err(SubmitRefusal::Full { open: most, most }));
    let known = scene.submit(with_key("k", 1)).await;
    assert_eq!(known, Ok(Submitted { run: kept.run, already: true }), "it starts nothing new");
    scene.know(kept.run, kept.commit).await.end(RunState::Succeeded).await;
    scene.submit(goal(fresh_run(LANE))).await.expect("there is room again");
}
