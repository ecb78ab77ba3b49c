//! Lists of runs: the newest first, page by page.

use std::collections::BTreeMap;
use std::sync::Arc;

use sortie_engine::{Goal, RunId, RunState};

use super::Harness;
use super::scene::{LANE, Scene, fresh_run, goal};
use crate::{CommitReply, ListPage, ListQuery, PageToken, Submission};

fn first(limit: usize) -> ListQuery {
    ListQuery { limit, ..ListQuery::default() }
}

async fn list(scene: &Scene, query: ListQuery) -> ListPage {
    scene.store.list(query).await.expect("list")
}

fn ids(page: &ListPage) -> Vec<RunId> {
    page.runs.iter().map(|summary| summary.run).collect()
}

async fn runs(scene: &Scene, count: usize) -> Vec<RunId> {
    let mut runs = Vec::new();
    for _ in 0..count {
        runs.push(scene.run().await.run);
    }
    runs
}

pub async fn lists_show_the_newest_first(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let submitted = runs(&scene, 5).await;
    let page = list(&scene, first(9)).await;
    let place =
        |run: &crate::RunSummary| PageToken { submitted_at: run.submitted_at, run: run.run };
    let places: Vec<_> = page.runs.iter().map(place).collect();
    assert!(places.is_sorted_by(|a, b| a > b), "{places:?}");
    assert_eq!((places.len(), page.next), (submitted.len(), None));
}

pub async fn pages_hold_still_while_runs_are_added_and_changed(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    runs(&scene, 5).await;
    let whole = ids(&list(&scene, first(9)).await);
    if harness.shift_time(std::time::Duration::from_secs(1)).await.lacks("shift time") {
        return;
    }
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = list(&scene, ListQuery { after, ..first(2) }).await;
        paged.extend(ids(&page));
        let mut newer = scene.run().await;
        newer.end(RunState::Failed).await;
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    // The first page was read before any run was added, so the rest must be as it was then.
    assert_eq!(paged, whole);
}

pub async fn the_last_page_says_so_even_when_it_is_full(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    runs(&scene, 4).await;
    let page = list(&scene, first(2)).await;
    let last = list(&scene, ListQuery { after: page.next, ..first(2) }).await;
    assert_eq!((page.next.is_some(), last.runs.len(), last.next), (true, 2, None));
    assert_eq!(list(&scene, first(4)).await.next, None);
}

pub async fn lists_are_filtered_by_state(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let (mut failed, mut done) = (scene.run().await, scene.run().await);
    let open = scene.run().await;
    failed.end(RunState::Failed).await;
    done.end(RunState::Succeeded).await;
    let states = |states: &[RunState]| ListQuery { states: states.to_vec(), ..first(9) };
    let failures = list(&scene, states(&[RunState::Failed])).await;
    assert_eq!(ids(&failures), [failed.run]);
    let rest = list(&scene, states(&[RunState::Planning, RunState::Succeeded])).await;
    assert!(rest.runs.len() == 2 && ids(&rest).contains(&open.run), "{rest:?}");
}

pub async fn lists_are_filtered_by_all_labels(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let mut marked = Vec::new();
    for pairs in [&[("team", "a")][..], &[("team", "a"), ("tier", "1")], &[("team", "b")]] {
        let words = Goal { labels: labels(pairs), ..Goal::new("look") };
        let goal = Submission { goal: Arc::new(words), ..goal(fresh_run(LANE)) };
        marked.push(goal.run);
        scene.submit(goal).await.expect("accepted");
    }
    let query = |pairs| ListQuery { labels: labels(pairs), ..first(9) };
    assert_eq!(list(&scene, query(&[("team", "a")])).await.runs.len(), 2);
    let both = list(&scene, query(&[("team", "a"), ("tier", "1")])).await;
    assert_eq!(ids(&both), [marked[1]]);
    assert_eq!(ids(&list(&scene, query(&[("team", "c")])).await), []);
}

pub async fn filtered_pages_are_full_as_long_as_runs_fit(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut failed = Vec::new();
    for turn in 0..9 {
        let mut known = scene.run().await;
        if turn % 3 == 0 {
            known.end(RunState::Failed).await;
            failed.push(known.run);
        }
    }
    let query = ListQuery { states: vec![RunState::Failed], ..first(2) };
    let page = list(&scene, query.clone()).await;
    let last = list(&scene, ListQuery { after: page.next, ..query }).await;
    assert_eq!((page.runs.len(), last.runs.len(), last.next), (2, 1, None));
    let mut found = [ids(&page), ids(&last)].concat();
    found.sort_unstable();
    failed.sort_unstable();
    assert_eq!(found, failed);
}

pub async fn lists_show_the_summary_of_the_last_commit(harness: &dyn Harness) {
    let scene = Scene::of(harness);
    let mut known = scene.run().await;
    let submitted = list(&scene, first(1)).await.runs;
    assert_eq!(submitted, [known.summary.clone()]);
    let mut commit = known.next(1);
    commit.summary.state = RunState::Executing;
    (commit.summary.steps, commit.summary.steps_ended) = (7, 3);
    assert_eq!(known.commit(commit.clone()).await, CommitReply::Ok);
    assert_eq!(list(&scene, first(1)).await.runs, [commit.summary]);
}
