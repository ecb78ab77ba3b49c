//! `WatchRun`.

use serde_json::json;
use sortie_engine::{AttemptNumber, CommandId, Event, StepId};
use sortie_proto::v1;
use sortie_store::{Embedded, EmbeddedOptions, Notices as _, Signal};
use tonic::{Code, Streaming};
use v1::watch_run_response::Item;

use super::{Bench, run};
use crate::testing::Scribe;

impl Bench {
    async fn watch(
        &mut self,
        cursor: &str,
    ) -> Result<Streaming<v1::WatchRunResponse>, tonic::Status> {
        let request = v1::WatchRunRequest { run_id: run(1).to_string(), cursor: cursor.to_owned() };
        Ok(self.client.watch_run(request).await?.into_inner())
    }
}

async fn next_event(stream: &mut Streaming<v1::WatchRunResponse>) -> Option<(u64, String)> {
    loop {
        let item = stream.message().await.unwrap()?;
        if let Some(Item::Event(event)) = item.item {
            return Some((event.seq, item.cursor));
        }
    }
}

async fn to_the_end(mut stream: Streaming<v1::WatchRunResponse>) -> Vec<u64> {
    let mut seqs = Vec::new();
    while let Some((seq, _)) = next_event(&mut stream).await {
        seqs.push(seq);
    }
    seqs
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_cut_anywhere_goes_on_without_gap_or_repeat() {
    let mut bench = Bench::new().await;
    let mut scribe = Scribe::submit(bench.store.clone(), run(1)).await;
    let mut stream = bench.watch("").await.unwrap();
    scribe.plan().await;
    scribe.succeed(1, json!(1)).await;
    let mut cursors = Vec::new();
    for expected in 1..=8 {
        let (seq, cursor) = next_event(&mut stream).await.unwrap();
        assert_eq!(seq, expected);
        cursors.push(cursor);
    }
    drop(stream);
    bench.nobody_watches().await;
    scribe.answer("42").await;
    for (seq, cursor) in (1..).zip(&cursors) {
        let rest = to_the_end(bench.watch(cursor).await.unwrap()).await;
        assert_eq!(rest, (seq + 1..=9).collect::<Vec<u64>>());
    }
    bench.nobody_watches().await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_with_the_run_also_for_who_has_seen_the_end() {
    let mut bench = Bench::new().await;
    let mut scribe = Scribe::submit(bench.store.clone(), run(1)).await;
    scribe.answer("42").await;
    let refused = Event::CommandRefused { command: CommandId::new("c"), message: String::new() };
    scribe.write(vec![refused]).await;
    let mut stream = bench.watch("").await.unwrap();
    next_event(&mut stream).await.unwrap();
    let (seq, last) = next_event(&mut stream).await.unwrap();
    assert_eq!((seq, next_event(&mut stream).await), (2, None));
    assert!(to_the_end(bench.watch(&last).await.unwrap()).await.is_empty());
    let request = v1::GetRunRequest { run_id: run(1).to_string() };
    let shown = bench.client.get_run(request).await.unwrap().into_inner().run.unwrap();
    assert_eq!(shown.seq, 3);
    assert!(to_the_end(bench.watch(&shown.cursor).await.unwrap()).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_and_the_watch_from_its_cursor_are_the_whole_story() {
    let mut bench = Bench::new().await;
    let mut scribe = Scribe::submit(bench.store.clone(), run(1)).await;
    scribe.plan().await;
    // A commit without events moves the head, not the place.
    scribe.write(Vec::new()).await;
    let request = v1::GetRunRequest { run_id: run(1).to_string() };
    let shown = bench.client.get_run(request).await.unwrap().into_inner().run.unwrap();
    let mut stream = bench.watch(&shown.cursor).await.unwrap();
    scribe.succeed(1, json!(1)).await;
    assert_eq!(next_event(&mut stream).await.unwrap().0, shown.seq + 1);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_does_not_hold_any_more_gets_a_fresh_start_and_goes_on() {
    let mut bench = Bench::new().await;
    let mut scribe = Scribe::submit(bench.store.clone(), run(1)).await;
    scribe.plan().await;
    let mut stream = bench.watch("").await.unwrap();
    let mut cursor = String::new();
    for _ in 0..6 {
        cursor = next_event(&mut stream).await.unwrap().1;
    }
    // The store forgets: the same run has another history now, and a shorter one.
    let other = Embedded::new(EmbeddedOptions::default());
    let mut scribe = Scribe::submit(other.clone(), run(1)).await;
    bench.store.swap(other);
    let late = bench.watch(&cursor).await.unwrap();
    for mut stream in [stream, late] {
        let item = stream.message().await.unwrap().unwrap();
        let Some(Item::Reset(reset)) = item.item else { panic!("a fresh start, not {item:?}") };
        let shown = reset.run.unwrap();
        assert_eq!(shown.cursor, item.cursor);
        let next = scribe_one(&mut scribe, shown.seq).await;
        assert_eq!(next_event(&mut stream).await.unwrap().0, next);
    }
}

async fn scribe_one(scribe: &mut Scribe, seq: u64) -> u64 {
    scribe.write(vec![Event::StepCancelled { step: StepId::new(99) }]).await;
    seq + 1
}

#[tokio::test(start_paused = true)]
async fn garbage_and_unknown_runs_are_refused() {
    let mut bench = Bench::new().await;
    assert_eq!(bench.watch("").await.unwrap_err().code(), Code::NotFound);
    Scribe::submit(bench.store.clone(), run(1)).await;
    assert_eq!(bench.watch("garbage").await.unwrap_err().code(), Code::InvalidArgument);
    let nameless = v1::WatchRunRequest { run_id: "x".to_owned(), cursor: String::new() };
    let status = bench.client.watch_run(nameless).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    bench.nobody_watches().await;
}

#[tokio::test(start_paused = true)]
async fn the_answer_is_seen_as_it_is_written() {
    let mut bench = Bench::new().await;
    let mut scribe = Scribe::submit(bench.store.clone(), run(1)).await;
    let mut stream = bench.watch("").await.unwrap();
    next_event(&mut stream).await.unwrap();
    let attempt = AttemptNumber::FIRST;
    let synthesizer = std::sync::Arc::from("");
    scribe.write(vec![Event::AnswerAttemptStarted { attempt, synthesizer }]).await;
    next_event(&mut stream).await.unwrap();
    let text =
        |offset, text: &str| Signal::AnswerText { run: run(1), attempt, offset, text: text.into() };
    bench.store.publish(vec![text(0, "4"), text(1, "2")]).await.unwrap();
    let mut heard = String::new();
    while heard != "42" {
        let item = stream.message().await.unwrap().unwrap();
        assert_eq!(item.cursor, "");
        let Some(Item::AnswerText(more)) = item.item else { panic!("only text was said") };
        heard.push_str(&more.text);
    }
    scribe.answer("42").await;
    assert_eq!(to_the_end(stream).await, [3]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_holds_nobody_up() {
    let mut bench = Bench::new().await;
    let mut scribe = Scribe::submit(bench.store.clone(), run(1)).await;
    scribe.plan().await;
    let mut idle = bench.watch("").await.unwrap();
    let mut reader = bench.watch("").await.unwrap();
    // More than the pipe, the windows of HTTP/2 and the hub's tail hold together.
    let text = "x".repeat(60_000);
    for number in 0..40 {
        let message = text.clone();
        let command = CommandId::new(&number.to_string());
        scribe.write(vec![Event::CommandRefused { command, message }]).await;
    }
    for seq in 1..=46 {
        assert_eq!(next_event(&mut reader).await.unwrap().0, seq);
    }
    for seq in 1..=46 {
        assert_eq!(next_event(&mut idle).await.unwrap().0, seq);
    }
}
