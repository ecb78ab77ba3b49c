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
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

const SECOND: Duration = Duration::from_secs(1);
/// As the embedded store has it.
const LEASE: Duration = Duration::from_secs(10);
/// How long attempts may go on after shutdown, as the cluster has it.
const GRACE: Duration = Duration::from_secs(5);
/// The most that timers add by rounding up.
const ROUNDING: Duration = Duration::from_millis(10);

/// A tool that takes so long and has a result of so many bytes.
fn work(effect: Effect, time: Duration, bytes: usize, at_work: &Gauge) -> Tool {
    let at_work = at_work.clone();
    let work = tool("work", move |_, _| {
        let guard = at_work.enter();
        async move {
            let _guard = guard;
            sleep(time).await;
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
    sleep(LEASE * 2).await;
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
        sleep(LEASE + SECOND).await;
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
async fn an_attempt_that_crashes_outside_its_tool_is_taken_over_within_a_lease_and_a_second() {
    let (at_work, trouble) = (Gauge::default(), Trouble::default());
    trouble.begin(Operation::PutResult, Fault::Crash);
    let tool = work(Effect::Read, SECOND, 100_000, &at_work);
    let cluster = cluster(tool, &trouble).await;
    // Whenever it begins: not just before somebody looks.
    sleep(SECOND).await;
    let run = cluster.submit(Goal::new("go")).await;
    at_work.reaches(1).await;
    sleep(SECOND * 2).await;
    assert_eq!(trouble.hits(Operation::PutResult), 1);
    trouble.end(Operation::PutResult);
    let story = cluster.ended(run).await;
    assert_eq!(story.state(), RunState::Succeeded);
    assert_eq!(at_work.entered(), 2);
    // It works for a second before and after.
    assert!(story.took() <= SECOND + (LEASE + SECOND) + SECOND, "{:?}", story.took());
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_never_idle_takes_what_another_one_lost_first() {
    let at_work = Gauge::default();
    let script = Script::new(vec![step(1, "work", json!({}), &[])]);
    let mut options =
        ClusterOptions::new(script, registry([work(Effect::Read, SECOND, 1, &at_work)]));
    options.concurrency = 1;
    let cluster = TestCluster::with(options).await;
    cluster.submit(Goal::new("go")).await;
    at_work.reaches(1).await;
    let run = cluster.submit(Goal::new("go")).await;
    let (dead, queues) = (WorkerName::new("dead"), [QueueName::new("test")]);
    let lost = cluster.store().claim(&dead, &queues, 1, SECOND / 2).await.unwrap();
    assert_eq!(lost[0].entry.run, run);
    let since = Instant::now();
    for _ in 0..100 {
        cluster.submit(Goal::new("go")).await;
    }
    assert_eq!(cluster.ended(run).await.state(), RunState::Succeeded);
    // It is found when a slot is free, which is each second, and takes another one.
    assert!(since.elapsed() <= LEASE + SECOND * 3, "{:?}", since.elapsed());
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
        sleep(LEASE * 3).await;
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
        sleep(LEASE * 3).await;
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
        sleep(LEASE + SECOND).await;
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

#[tokio::test(start_paused = true)]
async fn behind_the_fence_nothing_begins_and_after_it_attempts_go_on_at_once() {
    let (at_work, trouble) = (Gauge::default(), Trouble::default());
    let tool = work(Effect::Read, LEASE * 2, 1, &at_work);
    let cluster = cluster(tool, &trouble).await;
    cluster.submit(Goal::new("go")).await;
    at_work.reaches(1).await;
    let begun = Instant::now();
    trouble.begin(Operation::Extend, Fault::Refused);
    // Only heartbeats fail: claims would be answered, but nobody could keep what they bring.
    at_work.reaches(0).await;
    assert!(begun.elapsed() <= LEASE + ROUNDING, "{:?}", begun.elapsed());
    cluster.submit(Goal::new("go")).await;
    sleep(LEASE * 2).await;
    assert_eq!((at_work.now(), at_work.entered()), (0, 1));
    trouble.end(Operation::Extend);
    let answered = Instant::now();
    at_work.reaches(2).await;
    assert!(answered.elapsed() <= SECOND, "{:?}", answered.elapsed());
}

#[tokio::test(start_paused = true)]
async fn leases_are_extended_as_soon_as_the_store_answers_again() {
    let (at_work, trouble) = (Gauge::default(), Trouble::default());
    let tool = work(Effect::Read, LEASE * 3, 1, &at_work);
    let cluster = cluster(tool, &trouble).await;
    let run = cluster.submit(Goal::new("go")).await;
    at_work.reaches(1).await;
    trouble.begin(Operation::Any, Fault::Refused);
    // Just short of the lease: with the next regular beat it would be too late.
    sleep(LEASE - SECOND / 2).await;
    trouble.end(Operation::Any);
    let story = cluster.ended(run).await;
    assert_eq!((story.state(), at_work.entered()), (RunState::Succeeded, 1));
    assert!(story.took() <= LEASE * 3 + ROUNDING, "{:?}", story.took());
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_is_answered_too_late_begins_nothing() {
    let (at_work, trouble) = (Gauge::default(), Trouble::default());
    let cluster = cluster(work(Effect::Once, SECOND, 1, &at_work), &trouble).await;
    // The store hands the attempt out, and the answer takes longer than its lease.
    trouble.begin(Operation::Claim, Fault::Late(LEASE + SECOND));
    let run = cluster.submit(Goal::new("go")).await;
    sleep(LEASE / 5).await;
    trouble.end(Operation::Claim);
    let story = cluster.ended(run).await;
    assert!(trouble.hits(Operation::Claim) > 0);
    assert!(at_work.entered() <= 1, "a once tool began twice");
    assert!(story.run.state().is_terminal());
}

#[tokio::test(start_paused = true)]
async fn what_is_stopped_at_shutdown_goes_to_another_worker_at_once() {
    for effect in [Effect::Read, Effect::Once] {
        let (at_work, trouble) = (Gauge::default(), Trouble::default());
        let tool = || work(effect, LEASE * 2, 1, &at_work);
        let cluster = cluster(tool(), &trouble).await;
        let run = cluster.submit(Goal::new("go")).await;
        at_work.reaches(1).await;
        second_worker(&cluster, tool()).await;
        cluster.stop_worker();
        let stopped = Instant::now();
        match effect {
            // After the grace it is free, no lease has to run out, and no worker counts as lost.
            Effect::Read => {
                sleep(GRACE + ROUNDING).await;
                assert_eq!((at_work.now(), at_work.entered()), (1, 2));
                let story = cluster.ended(run).await;
                assert_eq!((story.state(), at_work.entered()), (RunState::Succeeded, 2));
                assert_eq!(story.step(1).workers_lost, 0);
            }
            // It began, so nobody may begin it again; that is known at once too.
            _ => {
                let story = cluster.ended(run).await;
                let state = &story.step(1).state;
                assert!(matches!(state, StepState::Unknown(_)), "{state:?}");
                assert_eq!(at_work.entered(), 1);
                assert!(stopped.elapsed() <= GRACE + ROUNDING, "{:?}", stopped.elapsed());
            }
        }
        assert_eq!(at_work.most(), 1, "{effect}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_ends_claims_nothing_more_and_lets_its_attempts_end() {
    let (at_work, trouble) = (Gauge::default(), Trouble::default());
    let cluster = cluster(work(Effect::Once, GRACE - SECOND, 1, &at_work), &trouble).await;
    let run = cluster.submit(Goal::new("go")).await;
    at_work.reaches(1).await;
    cluster.stop_worker();
    cluster.submit(Goal::new("go")).await;
    assert_eq!(cluster.ended(run).await.answer(), "1=\"x\"; ");
    sleep(LEASE).await;
    assert_eq!(at_work.entered(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_worker_says_whether_it_really_consumes() {
    let (at_work, trouble) = (Gauge::default(), Trouble::default());
    let cluster = cluster(work(Effect::Read, LEASE * 10, 1, &at_work), &trouble).await;
    let mut working = cluster.worker().working.clone();
    sleep(LEASE * 3).await;
    assert!(working.borrow().is_well(), "idle is well");
    for fault in [Fault::Refused, Fault::Silent] {
        trouble.begin(Operation::Claim, fault);
        let begun = Instant::now();
        working.wait_for(|working| !working.is_well()).await.unwrap();
        // Heartbeats are answered all the time: they do not hide that nothing is claimed.
        assert!(begun.elapsed() <= SECOND * 8, "{fault:?}: {:?}", begun.elapsed());
        trouble.end(Operation::Claim);
        let ended = Instant::now();
        working.wait_for(sortie_store::Working::is_well).await.unwrap();
        assert!(ended.elapsed() <= SECOND * 8, "{fault:?}: {:?}", ended.elapsed());
    }
}

/// On real threads: a tool that blocks its thread for longer than a lease loses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_tool_that_blocks_its_thread_delays_no_heartbeat() {
    let lease = Duration::from_millis(400);
    let begun = Gauge::default();
    let entered = begun.clone();
    let blocks = tool("work", move |_, _| {
        let guard = entered.enter();
        async move {
            let _guard = guard;
            std::thread::sleep(Duration::from_millis(1500));
            Ok(json!("done"))
        }
    });
    let script = Script::new(vec![step(1, "work", json!({}), &[])]);
    let mut options = ClusterOptions::new(script, registry([blocks.effect(Effect::Once)]));
    options.store.lease = lease;
    options.tool_threads = Some(1);
    let cluster = TestCluster::with(options).await;
    let run = cluster.submit(Goal::new("go")).await;
    begun.reaches(1).await;
    // Another worker looks for leases that have run out.
    let other = tool("work", |_, _| async { Ok(json!("stolen")) });
    second_worker(&cluster, other).await;
    assert_eq!(cluster.ended(run).await.answer(), "1=\"done\"; ");
}
