//! A watch that is cut goes on from its cursor: no gap, no repeat, and a reset replaces all.

use std::sync::Arc;

use serde_json::Value;
use sortie_proto::v1::{self, watch_run_response::Item};
use tokio::sync::Notify;
use tonic::Status;

use crate::fake::{Act, Fake, Script};
use crate::program::{Running, against, sortie};
use crate::script::{answered, event, item, planning, small_run, submitted};

fn seqs(lines: &[Value]) -> Vec<u64> {
    lines.iter().filter_map(|line| line["seq"].as_u64()).collect()
}

fn fake(watches: Vec<Vec<Act>>) -> Fake {
    Fake::start(Script { watches: watches.into(), ..Script::default() })
}

#[test]
fn a_cut_watch_resumes_from_its_cursor_without_gap_or_repeat() {
    let story = small_run();
    let mut first = story[..4].to_vec();
    first.push(Act::Break(Status::unavailable("the coordinator moves")));
    // The second begins one event too early and ends without a word.
    let second = story[3..7].to_vec();
    let third = story[7..].to_vec();
    let fake = fake(vec![first, second, third]);
    let done = against(&fake, &["run", "--json", "goal"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(seqs(&done.json()), [1, 2, 3, 4, 5, 6, 7, 8]);
    let cursors: Vec<_> = fake.calls().watches.into_iter().map(|call| call.cursor).collect();
    assert_eq!(cursors, ["", "c4", "c6"]);
    let told = done.stderr.matches("connection lost").count();
    assert_eq!(told, 2, "{}", done.stderr);
}

#[test]
fn a_killed_server_is_reconnected_and_notices_are_not_repeated() {
    let story = small_run();
    let mut first = story[..6].to_vec();
    first.push(Act::Hang);
    let mut second = vec![story[5].clone()];
    second.extend_from_slice(&story[6..]);
    let mut fake = fake(vec![first, second]);
    let mut command = sortie(&["run", "--json", "goal"]);
    let mut running = Running::start(command.env("SORTIE_ENDPOINT", fake.url()));
    let first: Vec<_> = (0..6).map(|_| running.line()).collect();
    assert!(first[5].contains("attempt_started"), "{first:?}");
    fake.crash_and_restart();
    let done = running.finish();
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(seqs(&done.json()), [6, 7, 8]);
    assert!(!done.stdout.contains("\"attempt_started\""), "told twice: {}", done.stdout);
    assert_eq!(fake.calls().watches[1].cursor, "c5");
}

#[test]
fn a_gap_is_noticed_and_watched_again() {
    let story = small_run();
    let gap = vec![story[0].clone(), story[1].clone(), story[3].clone(), Act::Hang];
    let fake = fake(vec![gap, story[2..].to_vec()]);
    let done = against(&fake, &["run", "--json", "goal"]);
    assert_eq!(seqs(&done.json()), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(fake.calls().watches[1].cursor, "c2");
}

#[test]
fn a_reset_replaces_what_is_known() {
    let step = v1::Step {
        step_id: 77,
        step_number: 5,
        description: "from the snapshot".to_owned(),
        tool: "search".to_owned(),
        state: v1::StepState::Succeeded.into(),
        result: "[1]".to_owned(),
        ..Default::default()
    };
    let run = v1::Run {
        run_id: "r1".to_owned(),
        state: v1::RunState::Synthesizing.into(),
        plan_version: 3,
        steps: vec![step],
        cursor: "c40".to_owned(),
        seq: 40,
        ..Default::default()
    };
    let mut watch = small_run()[..3].to_vec();
    watch.push(item(Item::Reset(v1::Reset { run: Some(run) }), "c40"));
    watch.push(event(39, planning()));
    watch.push(event(41, answered("late", false)));
    let done = against(&fake(vec![watch]), &["run", "--json", "goal"]);
    let lines = done.json();
    assert_eq!(seqs(&lines), [1, 2, 3, 41], "{}", done.stdout);
    let reset = lines.iter().find(|line| line["type"] == "reset").unwrap();
    assert_eq!(reset["run"]["steps"][0]["result"], serde_json::json!([1]));
    let result = lines.last().unwrap();
    assert_eq!(result["steps"].as_array().unwrap().len(), 1);
    assert_eq!(result["steps"][0]["step_number"], 5);
    assert_eq!(result["answer"], "late");
}

#[test]
fn a_server_that_refuses_the_watch_is_not_asked_again() {
    let first = vec![event(1, submitted()), Act::Break(Status::permission_denied("not yours"))];
    let fake = fake(vec![first]);
    let done = against(&fake, &["run", "--json", "goal"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert_eq!(fake.calls().watches.len(), 1);
    let lines = done.json();
    assert_eq!(lines.last().unwrap()["error"]["kind"], "permission_denied");
    assert_eq!(lines.iter().filter(|line| line["type"] == "result").count(), 1);
}

#[test]
fn watching_an_ended_run_from_its_last_cursor_shows_the_end() {
    let run = v1::Run {
        run_id: "r1".to_owned(),
        state: v1::RunState::Succeeded.into(),
        answer: "42".to_owned(),
        seq: 8,
        ..Default::default()
    };
    let script = Script { watches: [vec![]].into(), run: Some(run), ..Script::default() };
    let fake = Fake::start(script);
    let done = against(&fake, &["watch", "r1", "--cursor", "c8"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "42\n"), "{}", done.stderr);
    assert_eq!(fake.calls().watches[0].cursor, "c8");
}

#[test]
fn watch_begins_with_the_run_as_it_is_and_goes_on_from_there() {
    let run = v1::Run {
        run_id: "r1".to_owned(),
        state: v1::RunState::Planning.into(),
        cursor: "c2".to_owned(),
        seq: 2,
        ..Default::default()
    };
    let gate = Arc::new(Notify::new());
    let mut watch = vec![Act::Wait(gate.clone())];
    watch.extend_from_slice(&small_run()[2..]);
    let fake = Fake::start(Script { watches: [watch].into(), run: Some(run), ..Script::default() });
    let mut command = sortie(&["watch", "r1"]);
    let running = Running::start(command.env("SORTIE_ENDPOINT", fake.url()));
    fake.wait_for(|calls| calls.watches.len() == 1);
    gate.notify_one();
    let done = running.finish();
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "42\n"), "{}", done.stderr);
    assert_eq!(fake.calls().watches[0].cursor, "c2");
}
