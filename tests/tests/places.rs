//! Places for model calls: whoever waits longest comes first, and no place stands idle.
#![allow(clippy::unwrap_used)] // helpers of tests fail loudly

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sortie_coordinator::{
    AnswerRequest, AnswerWord, Authors, CallFailed, Driver, DriverOptions, PlanEnd, PlanRequest,
    PlanWord, Planner,
};
use sortie_engine::{
    Command, CommandId, CommitId, Failure, FailureKind, Goal, Lane, RunId, RunState, Usage,
};
use sortie_store::{Embedded, EmbeddedOptions, LaneOwner, ListQuery, Store, Submission};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How long each planner call takes.
const CALL: Duration = Duration::from_millis(100);

/// A planner that notes whom it was asked for, and plans nothing.
#[derive(Default)]
struct Notes(Mutex<Vec<(u128, Instant)>>);

impl Notes {
    fn order(&self) -> Vec<u128> {
        self.0.lock().unwrap().iter().map(|(run, _)| *run).collect()
    }

    fn when(&self, run: u128) -> Instant {
        self.0.lock().unwrap().iter().find(|(known, _)| *known == run).unwrap().1
    }
}

#[async_trait]
impl Planner for Notes {
    async fn describe(&self) -> Authors {
        Authors::from("notes")
    }

    async fn make_plan(
        &self,
        request: PlanRequest,
        _: mpsc::Sender<PlanWord>,
    ) -> Result<PlanEnd, CallFailed> {
        self.0.lock().unwrap().push((request.run.unique(), Instant::now()));
        sleep(CALL).await;
        Err(Failure::new(FailureKind::Unplannable, "there is no plan").into())
    }

    async fn synthesize(
        &self,
        _: AnswerRequest,
        _: mpsc::Sender<AnswerWord>,
    ) -> Result<Usage, CallFailed> {
        Err(Failure::new(FailureKind::Internal, "nothing to answer").into())
    }
}

/// A planner that closes its plan and never returns.
struct Mute;

#[async_trait]
impl Planner for Mute {
    async fn describe(&self) -> Authors {
        Authors::from("mute")
    }

    async fn make_plan(
        &self,
        _: PlanRequest,
        words: mpsc::Sender<PlanWord>,
    ) -> Result<PlanEnd, CallFailed> {
        drop(words);
        std::future::pending().await
    }

    async fn synthesize(
        &self,
        _: AnswerRequest,
        _: mpsc::Sender<AnswerWord>,
    ) -> Result<Usage, CallFailed> {
        std::future::pending().await
    }
}

/// A driver with one place, and its planner's notes.
async fn one_place() -> (Arc<dyn Store>, Arc<Notes>, CancellationToken) {
    let notes = Arc::new(Notes::default());
    let (store, stop) = driver_with(notes.clone()).await;
    (store, notes, stop)
}

async fn driver_with(planner: Arc<dyn Planner>) -> (Arc<dyn Store>, CancellationToken) {
    let store: Arc<dyn Store> =
        Embedded::new(EmbeddedOptions { lanes: 1, ..EmbeddedOptions::default() });
    let mut options = DriverOptions::new(LaneOwner("c1".to_owned()), vec![Lane(0)]);
    options.model_calls = 1;
    let tools = watch::channel(Arc::default()).1;
    let (driver, _) = Driver::new(store.clone(), planner, tools, options).await.unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(driver.run(stop.clone()));
    (store, stop)
}

fn run(number: u128) -> RunId {
    RunId::new(0, Lane(0), number)
}

async fn submit(store: &dyn Store, number: u128) {
    let goal = Arc::new(Goal::new("go"));
    let (run, commit) = (run(number), CommitId::new(number));
    let submission = Submission { run, commit, goal, idempotency: None };
    store.submit(vec![submission]).await.unwrap().pop().unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_longest_comes_first() {
    let (store, notes, stop) = one_place().await;
    // Twice as many as the place can serve, so that newcomers always meet a queue.
    for number in 1..=400 {
        submit(&*store, number).await;
        sleep(CALL / 2).await;
    }
    sleep(CALL * 200).await;
    assert_eq!(notes.order(), (1..=400).collect::<Vec<_>>());
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cancelled_while_it_waits_leaves_no_place_idle() {
    let (store, notes, stop) = one_place().await;
    let begun = Instant::now();
    for number in 1..=3 {
        submit(&*store, number).await;
        sleep(CALL / 20).await;
    }
    let cancel = Command::Cancel { command: CommandId::new("c"), reason: "enough".to_owned() };
    store.send(vec![(run(2), cancel)]).await.unwrap();
    sleep(CALL * 3).await;
    assert_eq!(notes.order(), [1, 3]);
    let waited = notes.when(3) - begun;
    assert!(waited < CALL + CALL / 10, "{waited:?}");
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_planner_that_closes_its_plan_and_never_returns_is_given_up() {
    let (store, stop) = driver_with(Arc::new(Mute)).await;
    submit(&*store, 1).await;
    // Three calls, each silent for five minutes, with pauses between them.
    sleep(Duration::from_secs(3 * 300 + 60)).await;
    let page = store.list(ListQuery { limit: 1, ..ListQuery::default() }).await.unwrap();
    assert_eq!(page.runs[0].state, RunState::Failed);
    stop.cancel();
}
