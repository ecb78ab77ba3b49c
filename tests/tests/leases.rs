//! Workers in trouble with their store, on paused time: whatever goes wrong between them, a tool
//! never runs beside itself, and what a tool did is not thrown away.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sortie_engine::{Effect, Goal, QueueName, RunState, StepState, WorkerName};
use sortie_tests::cluster::{
    ClusterOptions, Fault, Gauge, Operation, Script, TestCluster, Tool, Trouble, registry, step,
    tool,
};
use sortie_worker::{Call, Worker, WorkerOptions};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const SECOND: Duration = Duration::from_secs(1);
/// As the embedded store has it.
const LEASE: Duration = Duration::from_secs(10);
/// The most that timers add by rounding up.
const ROUNDING: Duration = Duration::from_millis(10);

/// A tool that takes so long and has a result of so many bytes.
fn work(effect: Effect, time: Duration, bytes: usize, at_work: &Gauge) -> Tool {
    let at_work = at_work.clone();
    let work = tool("work", move |_, _| {
        let guard = at_work.enter();
        async move {
            let _guard = guard;
            tokio::time::sleep(time).await;
            Ok(Value::from("x".repeat(bytes)))
        }
    });
    work.effect(effect)
}

/// A cluster that runs this tool once for a goal, with a worker in trouble.
async fn cluster(tool: Tool, trouble: &Trouble) -> TestCluster {
    let script = Script::new(vec![step(1, "work", json!({}), &[])]);
    let mut options = ClusterOptions::new(script, registry([tool]));
    options.trouble = trouble.clone();
    TestCluster::with(options).await
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_steals_its_own_attempt_leaves_it_running() {
    for effect in [Effect::Read, Effect::Once] {
        let (at_work, trouble) = (Gauge::default(), Trouble::default());
        trouble.begin(Operation::Extend, Fault::Forgotten);
        let time = LEASE * 5 / 2;
        let cluster = cluster(work(effect, time, 1, &at_work), &trouble).await;
        let story = cluster.run("go").await;
        assert!(trouble.hits(Operation::Extend) > 0);
        assert_eq!((at_work.entered(), at_work.most()), (1, 1), "{effect}");
        assert_eq!(story.state(), RunState::Succeeded, "{effect}");
        assert!(story.took() <= time + ROUNDING, "{effect}: {:?}", story.took());
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_its_worker_stole_from_itself_can_still_be_stopped() {
    let (at_work, trouble) = (Gauge::default(), Trouble::default());
    trouble.begin(Operation::Extend, Fault::Forgotten);
    let tool = work(Effect::Read, LEASE * 10, 1, &at_work);
    let cluster = cluster(tool, &trouble).await;
    let run = cluster.submit(Goal::new("go")).await;
    at_work.reaches(1).await;
    tokio::time::sleep(LEASE * 2).await;
    cluster.cancel(run).await;
    assert_eq!(cluster.ended(run).await.state(), RunState::Cancelled);
    let asked = Instant::now();
    at_work.reaches(0).await;
    assert!(asked.elapsed() <= ROUNDING, "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_tool_never_runs_beside_itself_while_heartbeats_fail() {
    for effect in [Effect::Read, Effect::Once] {
        let (at_work, trouble) = (Gauge::default(), Trouble::default());
        let cluster = cluster(work(effect, LEASE * 2, 1, &at_work), &trouble).await;
        let run = cluster.submit(Goal::new("go")).await;
        at_work.reaches(1).await;
        trouble.begin(Operation::Extend, Fault::Refused);
        tokio::time::sleep(LEASE + SECOND).await;
        trouble.end(Operation::Extend);
        let story = cluster.ended(run).await;
        assert_eq!(at_work.most(), 1, "{effect}");
        match effect {
            Effect::Once => {
                assert_eq!(at_work.entered(), 1);
                assert!(matches!(story.step(1).state, StepState::Unknown(_)));
            }
            _ => assert_eq!(story.state(), RunState::Succeeded),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_crashes_outside_its_tool_is_taken_over_after_a_lease() {
    let (at_work, trouble) = (Gauge::default(), Trouble::default());
    trouble.begin(Operation::PutResult, Fault::Crash);
    let tool = work(Effect::Read, SECOND, 100_000, &at_work);
    let cluster = cluster(tool, &trouble).await;
    let run = cluster.submit(Goal::new("go")).await;
    at_work.reaches(1).await;
    tokio::time::sleep(SECOND * 2).await;
    assert_eq!(trouble.hits(Operation::PutResult), 1);
    trouble.end(Operation::PutResult);
    let story = cluster.ended(run).await;
    assert_eq!(story.state(), RunState::Succeeded);
    assert_eq!(at_work.entered(), 2);
    assert!(story.took() <= LEASE * 2, "{:?}", story.took());
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_ends_well_when_it_is_stopped_is_heard() {
    let (at_work, trouble) = (Gauge::default(), Trouble::default());
    let entered = at_work.clone();
    let tool = tool("work", move |_, call: Call| {
        let guard = entered.enter();
        async move {
            let _guard = guard;
            call.stopped.cancelled().await;
            Ok(json!("saved"))
        }
    });
    let cluster = cluster(tool.effect(Effect::Once), &trouble).await;
    let run = cluster.submit(Goal::new("go")).await;
    at_work.reaches(1).await;
    trouble.begin(Operation::Extend, Fault::Refused);
    let story = cluster.ended(run).await;
    assert_eq!(story.answer(), "1=\"saved\"; ");
    assert_eq!(at_work.entered(), 1);
    assert!(story.took() <= LEASE + ROUNDING, "{:?}", story.took());
}

/// Another worker, without trouble, that would take over whatever is let go.
async fn second_worker(cluster: &TestCluster, tool: Tool) {
    let options = WorkerOptions {
        name: WorkerName::new("w2"),
        queues: vec![QueueName::new("test")],
        concurrency: 8,
        grace: SECOND,
    };
    let registry = Arc::new(registry([tool]));
    let worker = Worker::new(cluster.store().clone(), registry, options).await.unwrap();
    tokio::spawn(worker.run(CancellationToken::new()));
}

#[tokio::test(start_paused = true)]
async fn what_is_done_is_held_until_the_store_has_heard_of_it() {
    for shuts_down in [false, true] {
        let (at_work, trouble) = (Gauge::default(), Trouble::default());
        trouble.begin(Operation::Complete, Fault::Refused);
        let tool = || work(Effect::Once, SECOND, 1, &at_work);
        let cluster = cluster(tool(), &trouble).await;
        let run = cluster.submit(Goal::new("go")).await;
        at_work.reaches(1).await;
        second_worker(&cluster, tool()).await;
        at_work.reaches(0).await;
        if shuts_down {
            cluster.stop_worker();
        }
        tokio::time::sleep(LEASE * 3).await;
        assert!(trouble.hits(Operation::Complete) > 1);
        trouble.end(Operation::Complete);
        let story = cluster.ended(run).await;
        assert_eq!(story.answer(), "1=\"x\"; ", "shuts down: {shuts_down}");
        assert_eq!(at_work.entered(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_result_is_stored_as_soon_as_the_store_can() {
    for (effect, fault) in [(Effect::Once, Fault::Refused), (Effect::Read, Fault::Silent)] {
        let (at_work, trouble) = (Gauge::default(), Trouble::default());
        trouble.begin(Operation::PutResult, fault);
        let cluster = cluster(work(effect, SECOND, 100_000, &at_work), &trouble).await;
        let run = cluster.submit(Goal::new("go")).await;
        at_work.reaches(1).await;
        tokio::time::sleep(LEASE * 3).await;
        assert!(trouble.hits(Operation::PutResult) > 1);
        trouble.end(Operation::PutResult);
        let story = cluster.ended(run).await;
        assert_eq!(story.state(), RunState::Succeeded, "{effect}");
        assert_eq!(at_work.entered(), 1, "{effect}");
        assert!(story.took() <= LEASE * 4, "{effect}: {:?}", story.took());
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_result_that_is_lost_leaves_a_once_step_unknown() {
    for effect in [Effect::Once, Effect::Read] {
        let (at_work, trouble) = (Gauge::default(), Trouble::default());
        trouble.begin(Operation::PutResult, Fault::Refused);
        let cluster = cluster(work(effect, SECOND, 100_000, &at_work), &trouble).await;
        let run = cluster.submit(Goal::new("go")).await;
        at_work.reaches(1).await;
        at_work.reaches(0).await;
        trouble.begin(Operation::Extend, Fault::Refused);
        tokio::time::sleep(LEASE + SECOND).await;
        trouble.end(Operation::Extend);
        trouble.end(Operation::PutResult);
        let story = cluster.ended(run).await;
        match effect {
            Effect::Once => {
                assert_eq!(at_work.entered(), 1);
                let state = &story.step(1).state;
                assert!(
                    matches!(state, StepState::Unknown(failure) if failure.message.contains("the tool ended")),
                    "{state:?}"
                );
            }
            _ => {
                assert_eq!(at_work.entered(), 2);
                assert_eq!(story.state(), RunState::Succeeded);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_says_nothing_keeps_no_tool_running_beyond_its_lease() {
    let (at_work, trouble) = (Gauge::default(), Trouble::default());
    let tool = work(Effect::Read, LEASE * 10, 1, &at_work);
    let cluster = cluster(tool, &trouble).await;
    cluster.submit(Goal::new("go")).await;
    at_work.reaches(1).await;
    let begun = Instant::now();
    trouble.begin(Operation::Extend, Fault::Silent);
    at_work.reaches(0).await;
    assert!(trouble.hits(Operation::Extend) > 1);
    assert!(begun.elapsed() <= LEASE + ROUNDING, "{:?}", begun.elapsed());
}
