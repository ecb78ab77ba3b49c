//! Signals and presence: live, and allowed to be missed, but never wrong.

use std::time::Duration;

use sortie_engine::{AttemptNumber, QueueName, RunId, Seq};

use super::Harness;
use super::scene::{LANE, Scene, fresh_commit, fresh_run};
use crate::{Commit, CommitReply, Presence, Service, Signal, Signals};

const TTL: Duration = Duration::from_secs(6);

async fn listen(scene: &Scene) -> Box<dyn Signals> {
    scene.store.subscribe().await.expect("subscribe")
}

fn text(run: RunId, offset: u64) -> Signal {
    Signal::AnswerText { run, attempt: AttemptNumber::FIRST, offset, text: "…".into() }
}

fn process(name: &str) -> Presence {
    Presence {
        name: name.to_owned(),
        service: Service::Worker,
        queues: vec![QueueName::new("q")],
        tools: Vec::new(),
    }
}

async fn present(scene: &Scene) -> Vec<String> {
    let present = scene.store.present(Service::Worker).await.expect("see who is present");
    let mut names: Vec<_> = present.into_iter().map(|process| process.name).collect();
    names.sort_unstable();
    names
}

pub async fn a_commit_with_events_is_signalled(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    let mut listener = listen(&scene).await;
    let stale = Commit { parent: fresh_commit(), ..known.next(4) };
    assert_eq!(scene.commit(vec![stale]).await, [CommitReply::Conflict]);
    known.commit(known.next(3)).await;
    let signal = Signal::Committed { run: known.run, seq: Seq::new(4) };
    assert_eq!(listener.next().await, Ok(Some(signal)));
}

pub async fn signals_reach_every_listener_in_order(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut listeners = [listen(&scene).await, listen(&scene).await];
    let signals: Vec<_> = (0..9).map(|n| text(fresh_run(LANE), n)).collect();
    scene.store.publish(signals[..4].to_vec()).await.expect("publish");
    scene.store.publish(signals[4..].to_vec()).await.expect("publish");
    for listener in &mut listeners {
        for signal in &signals {
            assert_eq!(listener.next().await, Ok(Some(signal.clone())));
        }
    }
}

pub async fn publishing_needs_no_listener(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    scene.store.publish(vec![text(fresh_run(LANE), 0)]).await.expect("publish");
    drop(listen(&scene).await);
    scene.store.publish(vec![text(fresh_run(LANE), 1)]).await.expect("publish");
}

pub async fn a_slow_listener_is_told_that_it_missed_some_and_goes_on(harness: &dyn Harness) {
    const MANY: u64 = 20_000;
    let scene = Scene::of(harness);
    let (run, mut listener) = (fresh_run(LANE), listen(&scene).await);
    scene.store.publish((1..=MANY).map(|n| text(run, n)).collect()).await.expect("publish");
    let (mut last, mut missed) = (0, false);
    while last < MANY {
        match listener.next().await.expect("a signal") {
            None => missed = true,
            Some(Signal::AnswerText { offset, .. }) => {
                assert!(offset > last, "{offset} after {last}");
                assert!(missed || offset == last + 1, "{offset} after {last}, nothing said");
                (last, missed) = (offset, false);
            }
            Some(other) => panic!("nobody published {other:?}"),
        }
    }
}

pub async fn a_process_is_there_until_it_retires(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    for name in ["a", "b"] {
        scene.store.announce(process(name), TTL).await.expect("announce");
    }
    let other = Presence { service: Service::Coordinator, ..process("c") };
    scene.store.announce(other.clone(), TTL).await.expect("announce");
    assert_eq!(scene.store.present(Service::Worker).await.expect("present").len(), 2);
    assert_eq!(scene.store.present(Service::Coordinator).await, Ok(vec![other]));
    scene.store.retire("c").await.expect("retire");
    assert_eq!(scene.store.present(Service::Coordinator).await, Ok(Vec::new()));
    scene.store.retire("a").await.expect("retire");
    scene.store.retire("nobody").await.expect("retire");
    assert_eq!(scene.store.present(Service::Worker).await, Ok(vec![process("b")]));
}

pub async fn a_process_that_falls_silent_is_gone(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    for name in ["silent", "talking"] {
        scene.store.announce(process(name), TTL).await.expect("announce");
    }
    for _ in 0..2 {
        if harness.shift_time(TTL / 2).await.lacks("shift time") {
            return;
        }
        scene.store.announce(process("talking"), TTL).await.expect("announce");
    }
    assert_eq!(present(&scene).await, ["talking"]);
}

pub async fn a_process_can_change_what_it_offers(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    scene.store.announce(process("a"), TTL).await.expect("announce");
    let more = Presence { queues: vec![QueueName::new("p")], ..process("a") };
    scene.store.announce(more.clone(), TTL).await.expect("announce");
    assert_eq!(scene.store.present(Service::Worker).await, Ok(vec![more]));
}
