//! Runs by themselves: what is forgotten, and lists in pieces.

use std::time::Duration;

use super::*;
use crate::{ListPage, Submission};
use sortie_engine::{CommitId, Goal, RunState};

const SECOND: Duration = Duration::from_secs(1);

fn runs(keep_runs: usize, keep_for: Option<Duration>) -> Runs {
    Runs::new(EmbeddedOptions { keep_runs, keep_for, ..EmbeddedOptions::default() })
}

fn submit(runs: &mut Runs, n: u128, key: Option<&str>) -> RunId {
    let run = RunId::new(0, Lane(3), n);
    let (goal, commit) = (Arc::new(Goal::new("look")), CommitId::new(n));
    let idempotency = key.map(|key| (key.to_owned(), 1));
    let goal = Submission { run, commit, goal, idempotency };
    let (record, hash) = Record::begin(goal, Timestamp::from_millis(n as u64 / 2));
    runs.submit(record, hash).0.unwrap();
    run
}

fn end(runs: &mut Runs, run: RunId, now: Instant) -> Vec<RunId> {
    runs.end(run, now);
    std::iter::from_fn(|| runs.forget_one(now)).map(|record| record.run()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_run_that_ended_first_is_forgotten_first() {
    let (mut runs, now) = (runs(2, None), Instant::now());
    let ids: Vec<_> = (0..5).map(|n| submit(&mut runs, n, None)).collect();
    assert_eq!(end(&mut runs, ids[3], now), []);
    assert_eq!(end(&mut runs, ids[0], now), []);
    assert_eq!(end(&mut runs, ids[0], now), [], "it had ended before");
    assert_eq!(end(&mut runs, ids[4], now), [ids[3]]);
    assert!(runs.get(ids[3]).is_none() && runs.get(ids[0]).is_some());
    assert_eq!((runs.order.len(), runs.open_count), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn runs_that_ended_long_ago_are_forgotten_when_another_ends() {
    let (mut runs, now) = (runs(9, Some(10 * SECOND)), Instant::now());
    let ids: Vec<_> = (0..3).map(|n| submit(&mut runs, n, None)).collect();
    assert_eq!(end(&mut runs, ids[0], now), []);
    assert_eq!(end(&mut runs, ids[1], now + 5 * SECOND), []);
    assert_eq!(end(&mut runs, ids[2], now + 10 * SECOND), [ids[0]]);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_run_gives_its_key_free() {
    let (mut runs, now) = (runs(0, None), Instant::now());
    let first = submit(&mut runs, 1, Some("k"));
    assert_eq!(end(&mut runs, first, now), [first]);
    let second = submit(&mut runs, 2, Some("k"));
    assert!(runs.get(second).is_some());
    assert_eq!(runs.pledges.len(), 1);
}

#[test]
fn a_list_goes_on_where_it_stopped_looking() {
    let mut runs = runs(9, None);
    let ids: Vec<_> = (0..10).map(|n| submit(&mut runs, n, None)).collect();
    let (mut found, mut after, mut looks) = (Vec::new(), None, 0);
    let query = ListQuery::default();
    while let Some(place) = runs.list(&query, after, 3, &mut found) {
        (after, looks) = (Some(place), looks + 1);
    }
    assert!(found.iter().map(|summary| summary.run).eq(ids.into_iter().rev()));
    assert_eq!(looks, 3);
}

#[test]
fn a_page_that_is_cut_names_the_next() {
    let mut runs = runs(9, None);
    for n in 0..3 {
        submit(&mut runs, n, None);
    }
    let mut found = Vec::new();
    let failed = ListQuery { states: vec![RunState::Failed], ..ListQuery::default() };
    assert_eq!(runs.list(&failed, None, 9, &mut found), None);
    assert_eq!(found, []);
    runs.list(&ListQuery::default(), None, 9, &mut found);
    let cut = ListPage::cut(found.clone(), 2);
    assert_eq!(cut.next.map(|next| next.run), Some(found[1].run));
    assert_eq!(ListPage::cut(found, 3).next, None);
}
