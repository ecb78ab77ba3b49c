//! Several coordinators over one store, on paused time: they share the lanes, take over from those
//! who are gone, and buy no model call twice without need.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sortie_coordinator::Planner;
use sortie_engine::{Event, PlanCause, RunId, RunState};
use sortie_store::EmbeddedOptions;
use sortie_tests::cluster::{
    Fault, Fleet, Gauge, Line, Member, Operation, Script, Tool, registry, step, tool,
};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
/// How long a lane is owned, and how often it is renewed.
const LANE_LEASE: Duration = Duration::from_secs(3);
const RENEWAL: Duration = SECOND;
/// How often lanes are looked at that are on their way to another coordinator.
const HANDOVER: Duration = Duration::from_millis(100);
/// The most that timers add by rounding up.
const ROUNDING: Duration = Duration::from_millis(10);
const LANES: u8 = 16;

/// A planner that thinks for so long, and then has a plan of one step.
fn thinks(time: Duration) -> Arc<Script> {
    Script::new(vec![Line::Pause(time), step(1, "nap", json!({}), &[])])
}

fn nap() -> Tool {
    tool("nap", |_, _| async {
        sleep(SECOND).await;
        Ok(json!(1))
    })
}

async fn fleet(planner: Arc<dyn Planner>) -> Fleet {
    Fleet::new(planner, registry([nap()]), EmbeddedOptions::default()).await
}

/// A run in each lane.
async fn submit_everywhere(fleet: &Fleet, first: u64) -> Vec<RunId> {
    let mut runs = Vec::new();
    for lane in 0..LANES {
        runs.push(fleet.submit(lane, first + u64::from(lane)).await);
    }
    runs
}

/// A coordinator that owns all lanes, with a run in each whose plan is being written.
async fn alone_and_busy(fleet: &Fleet, script: &Script) -> (Member, Vec<RunId>) {
    let a = fleet.coordinator("a").await;
    a.owns(16).await;
    let runs = submit_everywhere(fleet, 1).await;
    script.calls().reaches(16).await;
    (a, runs)
}

async fn all_succeed(member: &Member, runs: &[RunId]) {
    for run in runs {
        assert_eq!(member.ended(*run).await.state(), RunState::Succeeded);
    }
}

/// Neither refused commits nor repairs, as it must be without faults.
#[track_caller]
fn is_clean(member: &Member) {
    let counts = *member.handle.counts.borrow();
    assert_eq!((counts.conflicts, counts.repairs), (0, 0), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn coordinators_share_the_lanes_and_each_drives_its_own() {
    let fleet = fleet(thinks(SECOND)).await;
    let a = fleet.coordinator("a").await;
    a.owns(16).await;
    let (arrived, b) = (Instant::now(), fleet.coordinator("b").await);
    b.owns(8).await;
    a.owns(8).await;
    assert!(arrived.elapsed() <= RENEWAL + HANDOVER + ROUNDING, "{:?}", arrived.elapsed());
    let c = fleet.coordinator("c").await;
    c.owns(5).await;
    assert_eq!((a.lanes(), b.lanes()), (6, 5));
    let runs = submit_everywhere(&fleet, 1).await;
    all_succeed(&a, &runs).await;
    for member in [&a, &b, &c] {
        is_clean(member);
        assert!(member.handle.counts.borrow().commits > 0);
    }
    sleep(SECOND * 60).await;
    assert_eq!((a.lanes(), b.lanes(), c.lanes()), (6, 5, 5));
}

#[tokio::test(start_paused = true)]
async fn the_lanes_of_a_killed_coordinator_are_adopted_within_a_lane_lease_and_a_renewal() {
    let script = thinks(SECOND * 10);
    let fleet = fleet(script.clone()).await;
    let (a, b) = (fleet.coordinator("a").await, fleet.coordinator("b").await);
    a.owns(8).await;
    b.owns(8).await;
    let runs = submit_everywhere(&fleet, 1).await;
    script.calls().reaches(16).await;
    let killed = Instant::now();
    a.kill().await;
    b.owns(16).await;
    assert!(killed.elapsed() <= LANE_LEASE + RENEWAL + ROUNDING, "{:?}", killed.elapsed());
    all_succeed(&b, &runs).await;
    is_clean(&b);
}

#[tokio::test(start_paused = true)]
async fn the_lanes_of_a_coordinator_that_leaves_are_adopted_within_a_renewal() {
    let fleet = fleet(thinks(SECOND)).await;
    let (a, b) = (fleet.coordinator("a").await, fleet.coordinator("b").await);
    a.owns(8).await;
    b.owns(8).await;
    let left = Instant::now();
    a.leave().await;
    b.owns(16).await;
    assert!(left.elapsed() <= RENEWAL + ROUNDING, "{:?}", left.elapsed());
}

#[tokio::test(start_paused = true)]
async fn coordinators_without_a_lane_wait_for_one() {
    let options = EmbeddedOptions { lanes: 2, ..EmbeddedOptions::default() };
    let fleet = Fleet::new(thinks(SECOND), registry([nap()]), options).await;
    let (a, b) = (fleet.coordinator("a").await, fleet.coordinator("b").await);
    let c = fleet.coordinator("c").await;
    a.owns(1).await;
    b.owns(1).await;
    let run = fleet.submit(0, 1).await;
    all_succeed(&c, &[run]).await;
    assert_eq!(c.lanes(), 0);
    a.kill().await;
    c.owns(1).await;
    let runs = [fleet.submit(0, 2).await, fleet.submit(1, 3).await];
    all_succeed(&c, &runs).await;
}

#[tokio::test(start_paused = true)]
async fn a_lane_is_handed_over_when_its_model_calls_have_ended() {
    let script = thinks(SECOND * 5);
    let fleet = fleet(script.clone()).await;
    let (a, runs) = alone_and_busy(&fleet, &script).await;
    let asked = Instant::now();
    let b = fleet.coordinator("b").await;
    a.owns(8).await; // the others are about to go: nothing new begins there
    b.owns(8).await;
    let took = asked.elapsed();
    assert!(took >= SECOND * 5 && took <= SECOND * 5 + HANDOVER * 2 + ROUNDING, "{took:?}");
    all_succeed(&b, &runs).await;
    // A plan and an answer for each.
    assert_eq!(script.calls().entered(), 32);
    is_clean(&a);
    is_clean(&b);
}

#[tokio::test(start_paused = true)]
async fn a_lane_whose_model_call_takes_too_long_is_handed_over_and_the_call_is_made_again() {
    let script = thinks(SECOND * 60);
    let fleet = fleet(script.clone()).await;
    let handover = SECOND * 15;
    let a = fleet.coordinator_with("a", |options| options.handover = handover).await;
    a.owns(16).await;
    let runs = submit_everywhere(&fleet, 1).await;
    script.calls().reaches(16).await;
    let (arrived, b) = (Instant::now(), fleet.coordinator("b").await);
    b.owns(8).await;
    let took = arrived.elapsed();
    assert!(took >= handover && took <= handover + RENEWAL * 3, "{took:?}");
    all_succeed(&b, &runs).await;
    assert_eq!(script.calls().entered(), 16 + 8 + 16);
    is_clean(&a);
    is_clean(&b);
}

/// Whether the planner is asked for each of these runs now.
async fn planner_is_asked_at_once(member: &Member, runs: &[RunId]) {
    let begun = Instant::now();
    for run in runs {
        member.until(*run, |event| matches!(event, Event::PlanVersionStarted { .. })).await;
    }
    assert!(begun.elapsed() <= ROUNDING, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn runs_that_wait_for_the_handover_of_their_lane_go_on_with_it() {
    let script = thinks(SECOND * 7);
    let fleet = fleet(script.clone()).await;
    let (a, _) = alone_and_busy(&fleet, &script).await;
    let b = fleet.coordinator("b").await;
    a.owns(8).await;
    // No call begins in the lanes that are about to go.
    let held = submit_everywhere(&fleet, 17).await;
    script.calls().reaches(24).await;
    b.owns(8).await;
    planner_is_asked_at_once(&b, &held).await;
    all_succeed(&b, &held).await;
    is_clean(&a);
    is_clean(&b);
}

#[tokio::test(start_paused = true)]
async fn runs_that_wait_for_a_place_go_on_at_once_where_there_is_one() {
    let script = thinks(SECOND * 60);
    let fleet = fleet(script.clone()).await;
    let a = fleet.coordinator_with("a", |options| options.model_calls = 2).await;
    a.owns(16).await;
    let runs = submit_everywhere(&fleet, 1).await;
    script.calls().reaches(2).await;
    sleep(SECOND * 11).await; // they have been looked at again
    a.kill().await;
    let b = fleet.coordinator("b").await;
    b.owns(16).await;
    planner_is_asked_at_once(&b, &runs).await;
    script.calls().reaches(16).await;
    is_clean(&b);
}

#[tokio::test(start_paused = true)]
async fn coordinators_that_come_and_go_leave_the_sweep_nothing_to_repair() {
    let fleet = fleet(thinks(Duration::from_millis(300))).await;
    let mut members = vec![fleet.coordinator("c0").await];
    let (mut runs, mut next) = (Vec::new(), 1);
    for round in 1..12 {
        runs.extend(submit_everywhere(&fleet, next).await);
        next += u64::from(LANES);
        sleep(SECOND * (round % 5)).await;
        if round % 3 == 2 {
            let gone = members.remove(0);
            is_clean(&gone);
            gone.leave().await;
        } else {
            members.push(fleet.coordinator(&format!("c{round}")).await);
        }
    }
    all_succeed(&members[0], &runs).await;
    sleep(SECOND * 60).await;
    members.iter().for_each(is_clean);
    assert_eq!(members.iter().map(Member::lanes).sum::<usize>(), 16);
}

fn takeovers(events: &[sortie_engine::Recorded]) -> usize {
    let is = |event: &Event| {
        matches!(event, Event::PlanVersionStarted { cause: PlanCause::Takeover, .. })
    };
    events.iter().filter(|recorded| is(&recorded.event)).count()
}

#[tokio::test(start_paused = true)]
async fn a_short_silence_of_the_store_buys_no_model_call_twice() {
    for fault in [Fault::Refused, Fault::Silent] {
        let script = thinks(SECOND * 5);
        let fleet = fleet(script.clone()).await;
        let (a, b) = (fleet.coordinator("a").await, fleet.coordinator("b").await);
        a.owns(8).await;
        b.owns(8).await;
        let runs = submit_everywhere(&fleet, 1).await;
        script.calls().reaches(16).await;
        a.trouble.begin(Operation::Any, fault);
        b.trouble.begin(Operation::Any, fault);
        a.owns(0).await;
        b.owns(0).await;
        // The calls end while nobody owns the lanes: what they said waits.
        sleep(SECOND * 6).await;
        assert_eq!(script.calls().now(), 0);
        a.trouble.end(Operation::Any);
        b.trouble.end(Operation::Any);
        for run in runs {
            let story = a.ended(run).await;
            assert_eq!((story.state(), takeovers(&story.events)), (RunState::Succeeded, 0));
        }
        assert_eq!(script.calls().entered(), 32);
        assert_eq!((a.lanes(), b.lanes()), (8, 8));
        assert!(a.trouble.hits(Operation::Any) > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_silence_of_the_store_that_is_too_long_ends_the_calls() {
    let script = thinks(SECOND * 60);
    let fleet = fleet(script.clone()).await;
    let a = fleet.coordinator("a").await;
    a.owns(16).await;
    let run = fleet.submit(3, 1).await;
    script.calls().reaches(1).await;
    a.trouble.begin(Operation::Any, Fault::Refused);
    let begun = Instant::now();
    script.calls().reaches(0).await;
    assert!(begun.elapsed() <= LANE_LEASE + SECOND * 11, "{:?}", begun.elapsed());
    a.trouble.end(Operation::Any);
    let story = a.ended(run).await;
    assert_eq!((story.state(), takeovers(&story.events)), (RunState::Succeeded, 1));
}

#[tokio::test(start_paused = true)]
async fn what_another_coordinator_took_meanwhile_is_dropped() {
    let script = thinks(SECOND * 8);
    let fleet = fleet(script.clone()).await;
    let a = fleet.coordinator("a").await;
    a.owns(16).await;
    let run = fleet.submit(3, 1).await;
    script.calls().reaches(1).await;
    a.trouble.begin(Operation::Any, Fault::Refused);
    let b = fleet.coordinator("b").await;
    b.owns(16).await;
    script.calls().reaches(2).await;
    a.trouble.end(Operation::Any);
    a.owns(8).await;
    // One of the two calls is nobody's.
    script.calls().reaches(1).await;
    let story = a.ended(run).await;
    assert_eq!((story.state(), takeovers(&story.events)), (RunState::Succeeded, 1));
    is_clean(&b);
}

#[tokio::test(start_paused = true)]
async fn the_late_commit_of_a_coordinator_that_lost_its_lane_is_refused() {
    let script = thinks(SECOND * 8);
    let fleet = fleet(script.clone()).await;
    let a = fleet.coordinator("a").await;
    a.owns(16).await;
    a.trouble.begin(Operation::Commit, Fault::Refused);
    let run = fleet.submit(3, 1).await;
    sleep(SECOND).await;
    assert!(a.trouble.hits(Operation::Commit) > 0);
    a.trouble.begin(Operation::Own, Fault::Refused);
    let b = fleet.coordinator("b").await;
    b.owns(16).await;
    b.until(run, |event| matches!(event, Event::PlanVersionStarted { .. })).await;
    a.trouble.end(Operation::Commit);
    let mut counts = a.handle.counts.clone();
    assert_eq!(counts.wait_for(|counts| counts.conflicts > 0).await.unwrap().conflicts, 1);
    assert_eq!(b.ended(run).await.state(), RunState::Succeeded);
    assert_eq!(script.calls().entered(), 2);
    is_clean(&b);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_the_store_refuses_each_time_is_not_asked_about_all_the_time() {
    let fleet = fleet(thinks(SECOND)).await;
    let a = fleet.coordinator("a").await;
    a.owns(16).await;
    a.trouble.begin(Operation::Commit, Fault::Conflict);
    let run = fleet.submit(3, 1).await;
    sleep(SECOND * 300).await;
    let tries = a.trouble.hits(Operation::Commit);
    assert!(tries > 20 && tries < 40, "{tries}");
    a.trouble.end(Operation::Commit);
    let mended = Instant::now();
    all_succeed(&a, &[run]).await;
    assert!(mended.elapsed() <= SECOND * 18, "{:?}", mended.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_queued_step_that_no_worker_can_get_is_found_by_the_sweep_and_queued_again() {
    let fleet = fleet(thinks(SECOND)).await;
    let a = fleet.coordinator("a").await;
    a.owns(16).await;
    a.trouble.begin(Operation::Ready, Fault::Forgotten);
    let run = fleet.submit(3, 1).await;
    let queued = a.until(run, |event| matches!(event, Event::StepQueued { .. })).await;
    assert!(a.trouble.hits(Operation::Ready) > 0);
    a.trouble.end(Operation::Ready);
    let story = a.ended(run).await;
    assert_eq!((story.state(), story.step(1).attempts), (RunState::Succeeded, 2));
    let waited = story.took() - queued.when(|event| matches!(event, Event::StepQueued { .. }));
    assert!(waited <= SECOND * 17, "{waited:?}");
    sleep(SECOND * 60).await;
    let counts = *a.handle.counts.borrow();
    assert_eq!((counts.conflicts, counts.repairs), (0, 1), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_the_store_does_not_answer_says_so_and_says_when_it_works_again() {
    let fleet = fleet(thinks(SECOND)).await;
    let a = fleet.coordinator("a").await;
    a.owns(16).await;
    let mut working = a.handle.working.clone();
    assert!(working.borrow().is_well());
    let begun = Instant::now();
    a.trouble.begin(Operation::Any, Fault::Silent);
    working.wait_for(|working| !working.is_well()).await.unwrap();
    assert!(begun.elapsed() <= SECOND * 10, "{:?}", begun.elapsed());
    a.trouble.end(Operation::Any);
    let ended = Instant::now();
    working.wait_for(sortie_store::Working::is_well).await.unwrap();
    assert!(ended.elapsed() <= SECOND * 3, "{:?}", ended.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_that_cannot_read_inboxes_says_so_and_leaves_its_runs_to_others() {
    let fleet = fleet(thinks(SECOND)).await;
    let (a, b) = (fleet.coordinator("a").await, fleet.coordinator("b").await);
    a.owns(8).await;
    b.owns(8).await;
    let begun = Instant::now();
    a.trouble.begin(Operation::ReadInbox, Fault::Refused);
    let runs = submit_everywhere(&fleet, 1).await;
    let mut reading = a.handle.reading.clone();
    reading.wait_for(|reading| !reading.is_well()).await.unwrap();
    b.owns(16).await;
    // It is sure after 5 s, and then its lease runs out.
    let most = SECOND * 5 + LANE_LEASE + RENEWAL * 2;
    assert!(begun.elapsed() <= most, "{:?}", begun.elapsed());
    all_succeed(&b, &runs).await;
    a.trouble.end(Operation::ReadInbox);
    let ended = Instant::now();
    reading.wait_for(sortie_store::Working::is_well).await.unwrap();
    a.owns(8).await;
    assert!(ended.elapsed() <= RENEWAL * 2, "{:?}", ended.elapsed());
    let runs = submit_everywhere(&fleet, 17).await;
    all_succeed(&a, &runs).await;
}

#[tokio::test(start_paused = true)]
async fn tools_go_on_while_no_coordinator_is_there_and_nothing_is_lost() {
    let at_work = Gauge::default();
    let counted = at_work.clone();
    let work = tool("nap", move |_, _| {
        let guard = counted.enter();
        async move {
            let _guard = guard;
            sleep(SECOND * 2).await;
            Ok(json!(1))
        }
    });
    let planner = thinks(Duration::ZERO);
    let fleet = Fleet::new(planner, registry([work]), EmbeddedOptions::default()).await;
    let a = fleet.coordinator("a").await;
    a.owns(16).await;
    let run = fleet.submit(3, 1).await;
    at_work.reaches(1).await;
    a.kill().await;
    at_work.reaches(0).await;
    sleep(SECOND * 30).await;
    let b = fleet.coordinator("b").await;
    assert_eq!(b.ended(run).await.state(), RunState::Succeeded);
    assert_eq!(at_work.entered(), 1);
}
