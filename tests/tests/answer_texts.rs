//! The answer as it is written, for watchers at any coordinator, on paused time.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use sortie_coordinator::{
    AnswerRequest, AnswerWord, Authors, CallFailed, News, Place, PlanEnd, PlanRequest, PlanWord,
    Planner, Watcher,
};
use sortie_engine::{Event, RunId, StepDraft, StepNumber, Usage};
use sortie_store::EmbeddedOptions;
use sortie_tests::cluster::{Fault, Fleet, Member, Operation, registry, tool};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
/// The most that timers add by rounding up.
const ROUNDING: Duration = Duration::from_millis(10);
const PIECES: usize = 20;

/// Plans one step and says a piece of the answer each second.
struct Speaker;

fn piece(number: usize) -> String {
    format!("{number}, ")
}

fn answer() -> String {
    (0..PIECES).map(piece).collect()
}

/// What is surely heard: the last piece and the end of the run come at the same moment.
fn heard_of_it() -> String {
    (0..PIECES - 1).map(piece).collect()
}

#[async_trait]
impl Planner for Speaker {
    async fn describe(&self) -> Authors {
        Authors::from("a speaker")
    }

    async fn make_plan(
        &self,
        _: PlanRequest,
        words: mpsc::Sender<PlanWord>,
    ) -> Result<PlanEnd, CallFailed> {
        let draft = StepDraft {
            number: StepNumber::new(1),
            description: "nothing".to_owned(),
            tool: "nothing".to_owned(),
            tool_input: json!({}),
            depends_on: Vec::new(),
        };
        words.send(PlanWord::Step(draft)).await.unwrap();
        Ok(PlanEnd { usage: Usage::default(), problems: Vec::new() })
    }

    async fn synthesize(
        &self,
        _: AnswerRequest,
        words: mpsc::Sender<AnswerWord>,
    ) -> Result<Usage, CallFailed> {
        for number in 0..PIECES {
            sleep(SECOND).await;
            // The coordinator that asked may be gone.
            let _ = words.send(AnswerWord::Text(piece(number))).await;
        }
        Ok(Usage::default())
    }
}

/// Two coordinators, and a run whose answer the first one has written in part.
async fn half_an_answer() -> (Fleet, Member, Member, RunId) {
    let tools = registry([tool("nothing", |_, _| async { Ok(json!(1)) })]);
    let fleet = Fleet::new(Arc::new(Speaker), tools, EmbeddedOptions::default()).await;
    let (a, b) = (fleet.coordinator("a").await, fleet.coordinator("b").await);
    a.owns(8).await;
    b.owns(8).await;
    let lane = a.handle.lanes.borrow()[0];
    let run = fleet.submit(lane.0, 1).await;
    a.until(run, |event| matches!(event, Event::AnswerAttemptStarted { .. })).await;
    sleep(SECOND * 10 + SECOND / 2).await;
    (fleet, a, b, run)
}

/// Text of the first attempt as it comes, until there is so much or the run has ended; it has no
/// gap.
async fn listen(watcher: &mut Watcher, bytes: usize) -> String {
    let mut heard = String::new();
    while heard.len() < bytes {
        match watcher.next().await.unwrap() {
            News::Text(text) => {
                assert_eq!(text.offset, heard.len() as u64);
                heard.push_str(&text.text);
            }
            News::Events(batch) if batch.events().iter().any(|e| e.event.ends_run()) => break,
            _ => {}
        }
    }
    heard
}

#[tokio::test(start_paused = true)]
async fn who_comes_late_gets_the_text_so_far_at_any_coordinator() {
    let (_fleet, a, b, run) = half_an_answer().await;
    for member in [&b, &a] {
        let mut watcher = member.watches.join(run, Place::START).await.unwrap();
        let (begun, so_far) = (Instant::now(), (0..10).map(piece).collect::<String>());
        assert_eq!(listen(&mut watcher, so_far.len()).await, so_far);
        assert!(begun.elapsed() <= ROUNDING, "{:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_late_hears_the_rest_as_it_is_written() {
    let (_fleet, a, b, run) = half_an_answer().await;
    let mut watcher = b.watches.join(run, Place::START).await.unwrap();
    assert_eq!(listen(&mut watcher, heard_of_it().len()).await, heard_of_it());
    let story = a.ended(run).await;
    assert_eq!(story.answer(), answer());
}

#[tokio::test(start_paused = true)]
async fn text_that_was_missed_is_asked_for_when_more_of_it_comes() {
    let (_fleet, a, b, run) = half_an_answer().await;
    let mut watcher = b.watches.join(run, Place::START).await.unwrap();
    let so_far: String = (0..10).map(piece).collect();
    listen(&mut watcher, so_far.len()).await;
    // For some seconds nothing that is said here is heard anywhere.
    a.trouble.begin(Operation::Publish, Fault::Refused);
    sleep(SECOND * 3).await;
    a.trouble.end(Operation::Publish);
    let mut heard = so_far;
    while heard.len() < heard_of_it().len() {
        if let News::Text(text) = watcher.next().await.unwrap() {
            assert_eq!(text.offset, heard.len() as u64);
            heard.push_str(&text.text);
        }
    }
    assert_eq!(heard, heard_of_it());
    assert!(a.trouble.hits(Operation::Publish) > 0);
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_that_lost_its_lane_says_nothing_in_public() {
    let (_fleet, a, b, run) = half_an_answer().await;
    let mut watcher = b.watches.join(run, Place::START).await.unwrap();
    let so_far: String = (0..10).map(piece).collect();
    listen(&mut watcher, so_far.len()).await;
    a.trouble.begin(Operation::Own, Fault::Refused);
    b.owns(16).await;
    // The next attempt says all of it; of the first nothing more is heard.
    let (mut heard, mut attempt) = (String::new(), 1);
    while heard != heard_of_it() {
        if let News::Text(text) = watcher.next().await.unwrap() {
            let number = text.attempt.get();
            assert!(number >= attempt, "attempt {number} speaks after {attempt}");
            if number > attempt {
                (heard, attempt) = (String::new(), number);
            }
            heard.push_str(&text.text);
        }
    }
    assert_eq!(attempt, 2);
}
