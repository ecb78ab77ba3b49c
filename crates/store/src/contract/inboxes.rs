//! Inboxes: every command stays until a commit consumes it.

use std::time::Duration;

use sortie_engine::{Command, Lane, RunId};

use super::Harness;
use super::scene::{LANE, LONG, Scene, fresh_run, waiting};
use crate::{Commit, InboxCursor, InboxId, InboxItem};

const NEXT: Lane = Lane(1);

const fn start(lane: Lane) -> InboxCursor {
    InboxCursor { lane, after: InboxId(0) }
}

async fn send(scene: &Scene, runs: &[RunId]) {
    let batch = runs.iter().map(|run| (*run, Command::Resume)).collect();
    scene.store.send(batch).await.expect("send");
}

async fn read(scene: &Scene, cursors: &[InboxCursor], most: usize) -> Vec<InboxItem> {
    scene.store.read_inbox(cursors, most, Duration::ZERO).await.expect("read inboxes")
}

fn runs(items: &[InboxItem]) -> Vec<RunId> {
    items.iter().map(|item| item.run).collect()
}

pub async fn commands_are_read_in_the_order_in_which_they_were_sent(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let sent: Vec<_> = (0..9).map(|_| fresh_run(LANE)).collect();
    send(&scene, &sent[..4]).await;
    send(&scene, &sent[4..]).await;
    let items = scene.inbox(LANE).await;
    assert_eq!(runs(&items), sent);
    assert!(items.is_sorted_by(|a, b| a.id < b.id), "{items:?}");
}

pub async fn a_cursor_goes_on_where_it_stood(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let sent: Vec<_> = (0..5).map(|_| fresh_run(LANE)).collect();
    send(&scene, &sent).await;
    let (mut cursor, mut seen) = (start(LANE), Vec::new());
    for _ in 0..3 {
        let items = read(&scene, &[cursor], 2).await;
        cursor.after = items.last().expect("more items").id;
        seen.extend(runs(&items));
    }
    assert_eq!(seen, sent);
    assert_eq!(read(&scene, &[cursor], 2).await.len(), 0);
}

pub async fn reading_from_the_start_gives_again_what_is_not_consumed(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    send(&scene, &[known.run, known.run, known.run]).await;
    let first = scene.inbox(LANE).await;
    let consumed = vec![first[0].id, first[2].id];
    known.commit(Commit { consumed, ..known.next(1) }).await;
    let ids: Vec<_> = scene.inbox(LANE).await.iter().map(|item| item.id).collect();
    assert_eq!(ids, [first[1].id, first[3].id]);
}

pub async fn several_lanes_are_read_each_with_its_own_cursor_and_limit(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (here, there) = (fresh_run(LANE), fresh_run(NEXT));
    send(&scene, &[here, there, here, there, here]).await;
    assert_eq!(read(&scene, &[start(LANE), start(NEXT)], 9).await.len(), 5);
    assert_eq!(read(&scene, &[start(LANE), start(NEXT)], 1).await.len(), 2);
    let after = scene.inbox(LANE).await[0].id;
    let items = read(&scene, &[InboxCursor { lane: LANE, after }, start(NEXT)], 9).await;
    let of = |lane| items.iter().filter(|item| item.run.lane() == lane).count();
    assert_eq!((of(LANE), of(NEXT)), (2, 2));
    assert_eq!(read(&scene, &[], 9).await.len(), 0);
}

pub async fn a_reader_waits_only_so_long(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let wait = Duration::from_millis(50);
    let items = scene.store.read_inbox(&[start(LANE), start(NEXT)], 9, wait).await;
    assert_eq!(items.expect("read inboxes").len(), 0);
}

pub async fn all_readers_of_a_lane_wake_up(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let run = fresh_run(NEXT);
    let (both, one) = ([start(LANE), start(NEXT)], [start(NEXT)]);
    let first = waiting(scene.store.read_inbox(&both, 9, LONG));
    let second = waiting(scene.store.read_inbox(&one, 9, LONG));
    send(&scene, &[run]).await;
    assert_eq!(runs(&first.await.expect("read inboxes")), [run]);
    assert_eq!(runs(&second.await.expect("read inboxes")), [run]);
}

pub async fn a_reader_at_the_end_wakes_for_new_items_only(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (old, new) = (fresh_run(LANE), fresh_run(LANE));
    send(&scene, &[old]).await;
    let cursor = [InboxCursor { lane: LANE, after: scene.inbox(LANE).await[0].id }];
    let reader = waiting(scene.store.read_inbox(&cursor, 9, LONG));
    send(&scene, &[new]).await;
    assert_eq!(runs(&reader.await.expect("read inboxes")), [new]);
}

pub async fn submissions_and_reports_wake_readers(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let reader = [start(LANE)];
    let reader = waiting(scene.store.read_inbox(&reader, 9, LONG));
    let known = scene.run_with(&[1]).await;
    let items = reader.await.expect("read inboxes");
    assert_eq!(runs(&items), [known.run]);

    let held = scene.claim_one("w").await;
    let cursor = [InboxCursor { lane: LANE, after: items[0].id }];
    let reader = waiting(scene.store.read_inbox(&cursor, 9, LONG));
    scene.complete(&held, "w").await;
    assert_eq!(runs(&reader.await.expect("read inboxes")), [known.run]);
}

pub async fn a_dropped_reader_loses_nothing(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let cursor = [start(LANE)];
    let reader = waiting(scene.store.read_inbox(&cursor, 9, LONG));
    let run = fresh_run(LANE);
    send(&scene, &[run]).await;
    drop(reader);
    assert_eq!(runs(&scene.inbox(LANE).await), [run]);
}

pub async fn only_items_of_unknown_runs_are_discarded(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (known, lost) = (scene.run().await, fresh_run(LANE));
    send(&scene, &[lost, known.run]).await;
    let items: Vec<_> = scene.inbox(LANE).await.iter().map(|item| (LANE, item.id)).collect();
    scene.store.discard(&items).await.expect("discard");
    scene.store.discard(&items).await.expect("discard again");
    assert_eq!(runs(&scene.inbox(LANE).await), [known.run, known.run]);
}

pub async fn a_command_for_a_lane_that_is_not_there_harms_nobody(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let run = fresh_run(LANE);
    send(&scene, &[fresh_run(Lane(255)), run]).await;
    assert_eq!(runs(&scene.inbox(LANE).await), [run]);
    assert_eq!(scene.store.timers(Lane(255)).await, Ok(vec![]));
    assert_eq!(read(&scene, &[start(Lane(255)), start(LANE)], 9).await.len(), 1);
}
