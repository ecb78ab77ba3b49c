//! Reading histories, from the start or from a place.

use sortie_engine::{RunId, Seq};

use super::Harness;
use super::scene::{Known, LANE, Scene, fresh_run};
use crate::{Commit, History};

async fn after(scene: &Scene, run: RunId, seq: u64) -> History {
    scene.store.load(run, Seq::new(seq)).await.expect("load").expect("a run")
}

fn seqs(history: &History) -> Vec<u64> {
    let events = history.commits.iter().flat_map(|(_, events)| events.iter());
    events.map(|recorded| recorded.seq.get()).collect()
}

/// A run whose commits hold the events 1, 2 to 4, 5 and, for the last one, none.
async fn example(scene: &Scene) -> (Known, [Commit; 2]) {
    let mut known = scene.run().await;
    let middle = known.next(3);
    known.commit(middle.clone()).await;
    let last = known.next(1);
    known.commit(last.clone()).await;
    known.commit(known.next(0)).await;
    (known, [middle, last])
}

pub async fn an_unknown_run_has_no_history(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (nobody, known) = (fresh_run(LANE), scene.run().await);
    assert_eq!(scene.store.load(nobody, Seq::ZERO).await, Ok(None));
    let seqs = scene.store.last_seqs(&[nobody, known.run]).await;
    assert_eq!(seqs, Ok(vec![None, Some(Seq::FIRST)]));
}

pub async fn a_history_is_read_after_a_place(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (known, [middle, last]) = example(&scene).await;
    for (place, rest) in [(0, vec![1, 2, 3, 4, 5]), (1, vec![2, 3, 4, 5]), (4, vec![5])] {
        let history = after(&scene, known.run, place).await;
        assert_eq!((history.head, seqs(&history)), (known.head, rest));
    }
    let history = after(&scene, known.run, 1).await;
    let told: Vec<_> =
        history.commits.iter().filter(|(_, events)| !events.is_empty()).cloned().collect();
    assert_eq!(told, [(middle.id, middle.events), (last.id, last.events)]);
}

pub async fn a_place_inside_a_commit_cuts_it(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (known, [middle, _]) = example(&scene).await;
    let history = after(&scene, known.run, 3).await;
    assert_eq!(history.commits[0].0, middle.id);
    assert_eq!(history.commits[0].1[..], middle.events[2..]);
    assert_eq!(seqs(&history), [4, 5]);
}

pub async fn the_end_of_a_history_is_empty_and_tells_the_head(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (known, _) = example(&scene).await;
    for place in [5, 6, u64::MAX] {
        let history = after(&scene, known.run, place).await;
        assert_eq!((history.head, seqs(&history)), (known.head, vec![]));
    }
}

pub async fn the_anchor_is_the_commit_that_holds_the_event(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (known, [middle, last]) = example(&scene).await;
    let first = after(&scene, known.run, 0).await.commits[0].0;
    let anchors = [
        (0, None),
        (1, Some(first)),
        (2, Some(middle.id)),
        (4, Some(middle.id)),
        (5, Some(last.id)),
        (6, None),
    ];
    for (place, anchor) in anchors {
        assert_eq!(after(&scene, known.run, place).await.anchor, anchor, "at {place}");
    }
}
