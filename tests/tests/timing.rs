//! When things happen, on paused time: time passes only where a script or a tool sleeps, so what is
//! measured is what the cluster adds. It may add the few milliseconds by which timers round up.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use sortie_engine::{
    Event, Failure, FailureKind, FailurePolicy, Goal, RunState, StepId, StepState,
};
use sortie_tests::cluster::{
    ClusterOptions, Gauge, Line, Script, Story, TestCluster, Tool, registry, step, tool,
};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// Timers round up to whole milliseconds, and a chain of them is a few.
const ROUNDING: Duration = Duration::from_millis(10);

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[track_caller]
fn assert_at(measured: Duration, expected: Duration) {
    let late = measured.checked_sub(expected);
    assert!(late.is_some_and(|late| late <= ROUNDING), "{measured:?}, expected {expected:?}");
}

/// A tool that sleeps for the milliseconds of its input; the gauge counts those that sleep.
fn nap(asleep: &Gauge) -> Tool {
    let asleep = asleep.clone();
    tool("nap", move |input: Value, _| {
        let guard = asleep.enter();
        async move {
            let _guard = guard;
            tokio::time::sleep(millis(input["ms"].as_u64().unwrap())).await;
            Ok(input)
        }
    })
}

fn naps(number: u32, ms: u64, after: &[u32]) -> Line {
    step(number, "nap", json!({ "ms": ms }), after)
}

fn succeeded(id: u32) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::StepSucceeded { step, .. } if *step == StepId::new(id))
}

async fn tell(lines: Vec<Line>) -> Story {
    TestCluster::start(Script::new(lines), registry([nap(&Gauge::default())])).await.run("go").await
}

#[tokio::test(start_paused = true)]
async fn ten_independent_one_second_steps_take_one_second() {
    let story = tell((1..=10).map(|number| naps(number, 1000, &[])).collect()).await;
    assert_eq!(story.state(), RunState::Succeeded);
    assert_at(story.took(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_chain_takes_the_sum_of_its_steps() {
    let chain = (1..=20).map(|number| match number {
        1 => naps(1, 100, &[]),
        _ => naps(number, 100, &[number - 1]),
    });
    let story = tell(chain.collect()).await;
    let late = story.took().checked_sub(millis(2000)).unwrap();
    assert!(late <= millis(20 * 2), "{late:?} over twenty hops");
}

#[tokio::test(start_paused = true)]
async fn a_slow_sibling_never_delays_an_unrelated_chain() {
    let lines = vec![
        naps(1, 60_000, &[]),
        naps(2, 100, &[]),
        naps(3, 100, &[2]),
        naps(4, 100, &[3]),
        naps(5, 100, &[1, 4]),
    ];
    let story = tell(lines).await;
    assert_at(story.when(succeeded(4)), millis(300));
    assert_at(story.started(5), MINUTE);
    assert_at(story.took(), MINUTE + millis(100));
}

#[tokio::test(start_paused = true)]
async fn a_ready_step_starts_while_the_planner_still_writes_and_while_it_says_nothing() {
    let lines = vec![
        naps(1, 1000, &[]),
        naps(2, 1000, &[1]),
        Line::Pause(MINUTE),
        naps(3, 1000, &[2]),
        Line::Pause(MINUTE),
    ];
    let story = tell(lines).await;
    assert_at(story.started(1), Duration::ZERO);
    assert_at(story.started(2), SECOND);
    assert_at(story.started(3), MINUTE);
    assert_at(story.when(succeeded(3)), MINUTE + SECOND);
    assert_at(story.when(|event| matches!(event, Event::PlanAccepted { .. })), MINUTE * 2);
    assert_at(story.took(), MINUTE * 2);
}

#[tokio::test(start_paused = true)]
async fn a_step_may_wait_for_one_that_is_planned_later() {
    let lines = vec![naps(1, 1000, &[2]), Line::Pause(MINUTE), naps(2, 1000, &[])];
    let story = tell(lines).await;
    assert_eq!(story.state(), RunState::Succeeded);
    assert_at(story.started(2), MINUTE);
    assert_at(story.started(1), MINUTE + SECOND);
}

/// A tool that fails like this as often, and then has a result.
fn flaky(failures: u32, failure: Failure) -> Tool {
    let calls = Arc::new(AtomicU32::new(0));
    tool("flaky", move |_, _| {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        let outcome = if call < failures { Err(failure.clone()) } else { Ok(json!("at last")) };
        async move { outcome }
    })
}

async fn retried(failures: u32, failure: Failure) -> Story {
    let script = Script::new(vec![step(1, "flaky", json!({}), &[])]);
    TestCluster::start(script, registry([flaky(failures, failure)])).await.run("go").await
}

/// When the attempts after the first could start at the earliest, and when they were queued.
fn retries(story: &Story) -> Vec<(Duration, Duration)> {
    let since = |at: sortie_engine::Timestamp| at.since(story.run.submitted_at());
    let until = story.events.iter().filter_map(|recorded| match &recorded.event {
        Event::StepRetrying { until, .. } => Some(since(*until)),
        _ => None,
    });
    let queued = story.events.iter().filter_map(|recorded| match &recorded.event {
        Event::StepQueued { attempt, .. } if attempt.get() > 1 => Some(since(recorded.at)),
        _ => None,
    });
    until.zip(queued).collect()
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_its_backoff_and_no_longer() {
    let story = retried(2, Failure::new(FailureKind::Unavailable, "down")).await;
    assert_eq!(story.answer(), "1=\"at last\"; ");
    let retries = retries(&story);
    assert_eq!(retries.len(), 2);
    let mut before = Duration::ZERO;
    for ((until, queued), ceiling) in retries.into_iter().zip([500, 1000]) {
        let pause = until - before;
        assert!((millis(ceiling / 2)..=millis(ceiling) + ROUNDING).contains(&pause), "{pause:?}");
        assert_at(queued, until);
        before = queued;
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_asks_for_a_pause_gets_it() {
    let mut failure = Failure::new(FailureKind::RateLimited, "slow down");
    failure.retry_after = Some(Duration::from_secs(20));
    let story = retried(1, failure).await;
    assert_at(story.started(1), Duration::from_secs(20));
    assert_eq!(story.state(), RunState::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_runs_deadline_ends_it_on_time() {
    let asleep = Gauge::default();
    let script = Script::new(vec![naps(1, 600_000, &[]), naps(2, 1000, &[1])]);
    let cluster = TestCluster::start(script, registry([nap(&asleep)])).await;
    let mut goal = Goal::new("go");
    goal.limits.run_timeout = Duration::from_secs(7);
    let run = cluster.submit(goal).await;
    let story = cluster.ended(run).await;
    assert_eq!(story.failure().kind, FailureKind::DeadlineExceeded);
    assert_at(story.took(), Duration::from_secs(7));
    cluster.stop().await;
    assert_eq!(asleep.now(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_planner_that_writes_for_ever_is_ended_by_the_deadline_too() {
    let script = Script::new(vec![naps(1, 1000, &[]), Line::Pause(MINUTE * 100)]);
    let cluster = TestCluster::start(script.clone(), registry([nap(&Gauge::default())])).await;
    let mut goal = Goal::new("go");
    goal.limits.run_timeout = MINUTE;
    let run = cluster.submit(goal).await;
    let story = cluster.ended(run).await;
    assert_eq!(story.failure().kind, FailureKind::DeadlineExceeded);
    assert_at(story.took(), MINUTE);
    script.calls().reaches(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_planner_that_falls_silent_is_asked_again() {
    let silence = Duration::from_secs(300);
    let script = Script::for_each(|request| match request.version.get() {
        1 => vec![naps(1, 1000, &[]), Line::Pause(MINUTE * 60)],
        _ => vec![naps(1, 1000, &[])],
    });
    let cluster = TestCluster::start(script, registry([nap(&Gauge::default())])).await;
    let story = cluster.run("go").await;
    assert_eq!(story.state(), RunState::Succeeded);
    assert_at(story.when(succeeded(1)), SECOND);
    let failed = story.when(|event| matches!(event, Event::PlanCallFailed { .. }));
    assert_at(failed, silence);
    assert!(story.took() <= silence + SECOND, "{:?}", story.took());
}

#[tokio::test(start_paused = true)]
async fn a_thousand_steps_of_one_plan_start_at_once() {
    let asleep = Gauge::default();
    let script = Script::new((1..=1000).map(|number| naps(number, 1000, &[])).collect());
    let mut options = ClusterOptions::new(script, registry([nap(&asleep)]));
    options.concurrency = 1000;
    let cluster = TestCluster::with(options).await;
    let mut goal = Goal::new("go");
    goal.limits.steps = 1000;
    let run = cluster.submit(goal).await;
    let story = cluster.ended(run).await;
    assert_eq!(asleep.most(), 1000);
    assert_at(story.took(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_worker_never_runs_more_than_it_may() {
    let asleep = Gauge::default();
    let script = Script::new((1..=9).map(|number| naps(number, 1000, &[])).collect());
    let mut options = ClusterOptions::new(script, registry([nap(&asleep)]));
    options.concurrency = 3;
    let story = TestCluster::with(options).await.run("go").await;
    assert_eq!(asleep.most(), 3);
    assert_at(story.took(), SECOND * 3);
}

#[tokio::test(start_paused = true)]
async fn a_strict_run_ends_at_its_first_failure_and_stops_its_tools() {
    let asleep = Gauge::default();
    let fail = tool("fail", |_, _| async {
        tokio::time::sleep(SECOND).await;
        Err(Failure::new(FailureKind::ToolFailed, "no luck"))
    });
    let script = Script::new(vec![naps(1, 600_000, &[]), step(2, "fail", json!({}), &[])]);
    let cluster = TestCluster::start(script, registry([nap(&asleep), fail])).await;
    let run = cluster.submit(Goal { policy: FailurePolicy::Strict, ..Goal::new("go") }).await;
    let story = cluster.ended(run).await;
    assert_at(story.took(), SECOND);
    let failure = story.failure();
    assert_eq!(failure.kind, FailureKind::StepFailed);
    assert!(failure.message.contains("no luck"), "{failure}");
    assert_eq!(story.step(1).state, StepState::Cancelled);
    let ended = Instant::now();
    asleep.reaches(0).await;
    assert!(ended.elapsed() <= ROUNDING, "{:?}", ended.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_ends_at_once_and_its_tools_are_stopped() {
    let asleep = Gauge::default();
    let script = Script::new(vec![naps(1, 600_000, &[]), naps(2, 600_000, &[])]);
    let cluster = TestCluster::start(script, registry([nap(&asleep)])).await;
    let run = cluster.submit(Goal::new("go")).await;
    asleep.reaches(2).await;
    let asked = Instant::now();
    cluster.cancel(run).await;
    let story = cluster.ended(run).await;
    assert!(asked.elapsed() <= ROUNDING, "{:?}", asked.elapsed());
    assert_eq!(story.state(), RunState::Cancelled);
    asleep.reaches(0).await;
    println!("the tools were stopped after {:?}", asked.elapsed());
    assert!(asked.elapsed() <= ROUNDING, "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_thousand_runs_share_four_places_for_model_calls_and_all_end() {
    const RUNS: u32 = 1000;
    const PLACES: usize = 4;
    let pause = millis(100);
    let script = Script::new(vec![Line::Pause(pause), naps(1, 10, &[]), naps(2, 10, &[1])]);
    let mut options = ClusterOptions::new(script.clone(), registry([nap(&Gauge::default())]));
    options.model_calls = PLACES;
    let cluster = TestCluster::with(options).await;
    let begun = Instant::now();
    let mut runs = Vec::new();
    for number in 0..RUNS {
        runs.push(cluster.submit(Goal::new(format!("goal {number}"))).await);
    }
    for run in runs {
        assert_eq!(cluster.ended(run).await.state(), RunState::Succeeded);
    }
    assert_eq!(script.calls().most(), PLACES);
    assert_eq!(script.calls().entered(), 2 * RUNS as usize, "a plan and an answer each");
    let least = pause * RUNS / PLACES as u32;
    println!("{RUNS} runs took {:?}, the calls alone {least:?}", begun.elapsed());
    assert!(begun.elapsed() < least + least / 10, "places stood empty: {:?}", begun.elapsed());
}
