//! Who wakes up, how many, and whether anybody is forgotten.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use serde_json::json;
use sortie_engine::{
    AttemptReport, Command, CommitId, Goal, Lane, Outcome, QueueName, RunId, StepResult, Timestamp,
    Usage, WorkerName,
};
use tokio::task::JoinSet;

use super::entry;
use crate::embedded::{Embedded, EmbeddedOptions};
use crate::{
    Claimed, Commit, CommitReply, Completion, InboxCursor, InboxId, Lanes, ReadyQueue, RunLog,
    RunSummary, Submission,
};

const RUN: RunId = RunId::new(0, Lane(0), 1);
const LONG: Duration = Duration::from_secs(30);

async fn store() -> Arc<Embedded> {
    let store = Embedded::new(EmbeddedOptions::default());
    let goal = Arc::new(Goal::new("look"));
    let submission = Submission { run: RUN, commit: CommitId::new(0), goal, idempotency: None };
    store.submit(vec![submission]).await.unwrap().remove(0).unwrap();
    store
}

/// Queues steps by the commit with this number.
async fn queue(store: &Embedded, number: u128, steps: impl Iterator<Item = u32>) {
    let at = Timestamp::from_millis(1);
    let commit = Commit {
        run: RUN,
        id: CommitId::new(number),
        parent: CommitId::new(number - 1),
        events: Arc::new([]),
        results: Vec::new(),
        ready: steps.map(|step| entry(RUN, step, "q")).collect(),
        withdrawn: Vec::new(),
        timer: Some(at),
        model_call: false,
        consumed: Vec::new(),
        summary: RunSummary::submitted(RUN, &Goal::new("look"), at),
    };
    assert_eq!(store.commit(vec![Arc::new(commit)]).await, Ok(vec![CommitReply::Ok]));
}

fn report(claimed: &Claimed, by: &WorkerName) -> Completion {
    let report = AttemptReport {
        step: claimed.entry.step,
        attempt: claimed.entry.attempt,
        outcome: Outcome::Succeeded(StepResult::inline(json!(1))),
        worker: by.clone(),
        started_at: Timestamp::from_millis(1),
        workers_lost: 0,
        usage: Usage::default(),
    };
    Completion { run: RUN, token: claimed.token, report }
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn one_attempt_wakes_one_of_many_waiting_claims() {
    let store = store().await;
    let (by, names) = (WorkerName::new("w"), [QueueName::new("p"), QueueName::new("q")]);
    let woken = Arc::new(Count::default());
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    let mut claims: Vec<Pin<Box<_>>> = (0..8).map(|_| store.claim(&by, &names, 2, LONG)).collect();
    for claim in &mut claims {
        assert!(claim.as_mut().poll(&mut context).is_pending());
    }
    queue(&store, 1, 1..2).await;
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn readers_of_other_lanes_sleep_on() {
    let store = store().await;
    let woken = Arc::new(Count::default());
    let waker = Waker::from(woken.clone());
    let other = [InboxCursor { lane: Lane(1), after: InboxId(0) }];
    let mut reader = store.read_inbox(&other, 9, LONG);
    assert!(reader.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    store.send(vec![(RUN, Command::Resume)]).await.unwrap();
    assert_eq!(woken.0.load(Ordering::Relaxed), 0);
}

/// Claims and reports for ever; now and then lets a claim go before it has an answer.
async fn work(store: Arc<Embedded>, by: WorkerName) {
    let names = [QueueName::new("q")];
    let mut rng = fastrand::Rng::new();
    loop {
        let patience = rng.usize(0..8);
        let bored = async {
            for _ in 0..patience {
                tokio::task::yield_now().await;
            }
            if patience == 0 {
                std::future::pending::<()>().await;
            }
        };
        let claimed = tokio::select! {
            biased;
            claimed = store.claim(&by, &names, 3, LONG) => claimed.unwrap(),
            () = bored => continue,
        };
        if rng.u8(0..4) == 0 {
            let tokens: Vec<_> = claimed.iter().map(|claimed| claimed.token).collect();
            store.release(&by, &tokens).await.unwrap();
            continue;
        }
        let reports = claimed.iter().map(|claimed| report(claimed, &by)).collect();
        store.complete(reports).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_attempt_is_forgotten_or_done_twice_among_impatient_workers() {
    const COMMITS: u32 = 400;
    const STEPS: u32 = 10;
    let store = store().await;
    let mut workers = JoinSet::new();
    for n in 0..6 {
        workers.spawn(work(store.clone(), WorkerName::new(&format!("w{n}"))));
    }
    let (mut after, mut seen) = (InboxId(1), Vec::new());
    for commit in 0..COMMITS {
        queue(&store, u128::from(commit) + 1, (commit * STEPS..).take(STEPS as usize)).await;
        tokio::task::yield_now().await;
        // Every tenth commit waits for all that is out, so that workers fall asleep in between.
        while commit % 10 == 9 && seen.len() < ((commit + 1) * STEPS) as usize {
            let cursor = InboxCursor { lane: Lane(0), after };
            let items = store.read_inbox(&[cursor], 64, LONG).await.unwrap();
            after = items.last().expect("a report before all have slept for long").id;
            seen.extend(items.into_iter().map(|item| match item.command {
                Command::AttemptEnded(report) => report.step.get(),
                other => panic!("{other:?} is no report"),
            }));
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..COMMITS * STEPS).collect::<Vec<_>>());
}
