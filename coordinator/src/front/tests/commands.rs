//! `CancelRun`.

use std::sync::Arc;
use std::time::Duration;

use sortie_engine::{Catalogue, Command, Context, Event, RetryPolicy, Run, RunId, Seq, Timestamp};
use sortie_proto::v1;
use sortie_store::{InboxCursor, InboxId, Lanes as _, RunLog as _};
use tokio::task::JoinHandle;
use tonic::Code;

use super::{Bench, run};
use crate::testing::{Probe, Scribe};

fn cancel(command_id: &str) -> v1::CancelRunRequest {
    v1::CancelRunRequest {
        run_id: run(1).to_string(),
        command_id: command_id.to_owned(),
        reason: "enough".to_owned(),
    }
}

/// What a driver does with the next command in the inbox.
fn drive_one(store: Arc<Probe>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let id: RunId = run(1);
        let cursor = InboxCursor { lane: id.lane(), after: InboxId(0) };
        let command = loop {
            let items = store.read_inbox(&[cursor], 10, Duration::from_secs(1)).await.unwrap();
            let cancel = items.into_iter().find(|i| matches!(i.command, Command::Cancel { .. }));
            if let Some(item) = cancel {
                break item.command;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let history = store.load(id, Seq::ZERO).await.unwrap().unwrap();
        let events = history.commits.iter().flat_map(|(_, events)| events.iter());
        let folded = Run::replay(id, events).unwrap();
        let context = Context {
            now: Timestamp::from_millis(9),
            seed: 1,
            catalogue: &Catalogue::default(),
            planner: &Arc::from(""),
            synthesizer: &Arc::from(""),
            retry: RetryPolicy::default(),
        };
        let decision = folded.decide(&command, &context).unwrap();
        Scribe::adopt(store, id).await.write(decision.events).await;
    })
}

#[tokio::test(start_paused = true)]
async fn a_cancel_is_answered_when_the_history_tells_of_it() {
    let mut bench = Bench::new().await;
    Scribe::submit(bench.store.clone(), run(1)).await;
    let driver = drive_one(bench.store.clone());
    let answer = bench.client.cancel_run(cancel("c1")).await.unwrap().into_inner();
    assert_eq!(answer.state(), v1::RunState::Stopping);
    driver.await.unwrap();
    let loads = bench.loads();
    // The same name again is answered from the history; nobody drives any more.
    let again = bench.client.cancel_run(cancel("c1")).await.unwrap().into_inner();
    assert_eq!(again, answer);
    assert_eq!(bench.loads(), loads + 1);
    bench.nobody_watches().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_ended_cannot_be_cancelled() {
    let mut bench = Bench::new().await;
    Scribe::submit(bench.store.clone(), run(1)).await.answer("42").await;
    drive_one(bench.store.clone());
    for _ in 0..2 {
        let status = bench.client.cancel_run(cancel("c1")).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert!(status.message().contains("already succeeded"), "{status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_nobody_carries_out_says_that_it_waits() {
    let mut bench = Bench::new().await;
    Scribe::submit(bench.store.clone(), run(1)).await;
    let status = bench.client.cancel_run(cancel("")).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    // Under its name the client can ask again, and nothing is sent twice for it.
    let (_, rest) = status.message().split_once('`').unwrap();
    let (name, _) = rest.split_once('`').unwrap();
    let driver = drive_one(bench.store.clone());
    driver.await.unwrap();
    let answer = bench.client.cancel_run(cancel(name)).await.unwrap().into_inner();
    assert_eq!(answer.state(), v1::RunState::Stopping);
    bench.nobody_watches().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_meant_is_refused_before_anything_is_sent() {
    let mut bench = Bench::new().await;
    assert_eq!(bench.client.cancel_run(cancel("c")).await.unwrap_err().code(), Code::NotFound);
    let mut scribe = Scribe::submit(bench.store.clone(), run(1)).await;
    let long = v1::CancelRunRequest { reason: "x".repeat(5000), ..cancel(&"c".repeat(257)) };
    let status = bench.client.cancel_run(long).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("command_id") && status.message().contains("reason"));
    let done = |n: usize| Event::CommandDone { command: n.to_string().as_str().into() };
    scribe.write((0..sortie_engine::MAX_COMMANDS).map(done).collect()).await;
    let status = bench.client.cancel_run(cancel("one more")).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
}
