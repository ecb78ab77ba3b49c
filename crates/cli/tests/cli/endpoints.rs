//! Several coordinators: whoever answers is asked, a run goes on at another one, and what is sent
//! twice happens once.

use std::net::TcpListener;

use serde_json::Value;
use sortie_proto::v1;
use tonic::Status;

use crate::fake::{Act, Fake, Script};
use crate::program::{Finished, Running, finish, sortie};
use crate::script::small_run;

fn two(script: impl Fn() -> Script) -> [Fake; 2] {
    [Fake::start(script()), Fake::start(script())]
}

/// The program against both, to its end.
fn against_both(fakes: &[Fake; 2], arguments: &[&str]) -> Finished {
    let endpoints = fakes.each_ref().map(Fake::url).join(",");
    finish(sortie(arguments).env("SORTIE_ENDPOINT", endpoints))
}

fn seqs(lines: &[Value]) -> Vec<u64> {
    lines.iter().filter_map(|line| line["seq"].as_u64()).collect()
}

#[test]
fn a_coordinator_that_is_not_there_is_skipped_wherever_it_stands() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let script = || Script { watches: [small_run()].into(), ..Script::default() };
    let fake = Fake::start(script());
    // Where a command begins is drawn: a few of them begin at either.
    for _ in 0..4 {
        fake.will_play(vec![small_run()]);
        let nobody = format!("http://{nobody}");
        let arguments = ["run", "goal", "--json", "--endpoint", &nobody, "--endpoint", &fake.url()];
        let done = finish(&mut sortie(&arguments));
        assert_eq!(done.code, Some(0), "{done:?}");
        assert_eq!(seqs(&done.json()), [1, 2, 3, 4, 5, 6, 7, 8]);
    }
}

#[test]
fn a_run_goes_on_at_another_coordinator_without_a_gap_or_a_repeat() {
    let story = small_run();
    let beginning = || [story[..4].to_vec(), vec![Act::Hang]].concat();
    let fakes = two(|| Script { watches: [beginning()].into(), ..Script::default() });
    let endpoints = fakes.each_ref().map(Fake::url).join(",");
    let mut command = sortie(&["run", "--json", "goal"]);
    let mut running = Running::start(command.env("SORTIE_ENDPOINT", endpoints));
    let told: Vec<Value> = (0..4).map(|_| serde_json::from_str(&running.line()).unwrap()).collect();
    assert_eq!(seqs(&told), [1, 2, 3, 4]);
    let [first, second] = fakes;
    let (asked, other) =
        if first.calls().watches.is_empty() { (second, first) } else { (first, second) };
    // The other one tells the last event again, as one that reads from a little earlier would.
    other.will_play(vec![story[3..].to_vec()]);
    asked.die();
    let done = running.finish();
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(seqs(&done.json()), [5, 6, 7, 8]);
    assert_eq!(other.calls().watches[0].cursor, "c4");
    assert!(other.calls().submits.is_empty(), "the run is there already");
    assert_eq!(done.stderr.matches("connection lost").count(), 1, "{}", done.stderr);
}

#[test]
fn a_goal_that_is_handed_in_again_is_the_same_goal() {
    let gone = || Some(Status::unavailable("this coordinator waits for its store"));
    let fakes = two(|| Script { submit: gone(), ..Script::default() });
    let done = against_both(&fakes, &["submit", "goal"]);
    assert_eq!(done.code, Some(3), "{done:?}");
    for fake in &fakes {
        assert!(done.stderr.contains(&fake.url()), "{}", done.stderr);
    }
    assert_eq!(done.stderr.matches("takes no goals yet").count(), 1, "{}", done.stderr);
    let keys = || {
        let of = |fake: &Fake| -> Vec<_> {
            fake.calls().submits.iter().map(|submit| submit.idempotency_key.clone()).collect()
        };
        fakes.iter().map(of).collect::<Vec<_>>()
    };
    let first = keys();
    assert!(first.iter().all(|keys| keys.len() > 1), "it may be on its way up: {first:?}");
    let mut names: Vec<_> = first.concat();
    names.dedup();
    assert!(names.len() == 1 && !names[0].is_empty(), "{names:?}");
    // Another goal has another name, and a person's own name stays.
    against_both(&fakes, &["submit", "goal"]);
    let second = keys();
    for (before, after) in first.iter().zip(&second) {
        assert!(after.len() > before.len() && !after[before.len()..].contains(&names[0]));
    }
    against_both(&fakes, &["submit", "goal", "--idempotency-key", "mine"]);
    for (before, after) in second.iter().zip(keys()) {
        assert!(
            after.len() > before.len() && after[before.len()..].iter().all(|key| key == "mine")
        );
    }
}

#[test]
fn a_goal_under_a_drawn_name_is_never_one_that_was_there_before() {
    let fakes = two(Script::default);
    let done = against_both(&fakes, &["submit", "goal", "--json"]);
    assert_eq!(done.json()[0]["already_submitted"], false);
}

#[test]
fn a_run_is_cancelled_once() {
    let script = || Script { cancel_state: v1::RunState::Cancelled, ..Script::default() };
    let fakes = two(script);
    let done = against_both(&fakes, &["cancel", "r1"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "cancelled\n"));
    let cancels = fakes.iter().flat_map(|fake| fake.calls().cancels).collect::<Vec<_>>();
    assert_eq!(cancels.len(), 1);
    assert!(!cancels[0].command_id.is_empty());
}
