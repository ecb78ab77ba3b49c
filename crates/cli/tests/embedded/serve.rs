//! `sortie serve` and everything that talks to it.

use std::process::Command;

use serde_json::Value;
use sortie_proto::v1;
use sortie_proto::v1::coordinator_client::CoordinatorClient;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::process::{Finished, Running, Server, finish};
use crate::{SORTIE, sortie};

fn start() -> Server {
    Server::start(SORTIE, &[])
}

fn at(server: &Server, arguments: &[&str]) -> Command {
    let mut command = sortie(arguments);
    command.env("SORTIE_ENDPOINT", &server.url);
    command
}

/// Runs a command against the server; it must succeed.
fn against(server: &Server, arguments: &[&str]) -> Finished {
    let done = finish(&mut at(server, arguments));
    assert_eq!(done.code, Some(0), "{arguments:?}: {done:?}");
    done
}

/// Submits a goal; the answer is the run's name.
fn submit(server: &Server, goal: &str) -> String {
    against(server, &["submit", goal]).stdout.trim().to_owned()
}

fn seqs(lines: &[Value]) -> Vec<u64> {
    lines.iter().filter_map(|line| line["seq"].as_u64()).collect()
}

#[test]
fn every_command_works_against_a_server() {
    let server = start();
    let run = submit(&server, "What is 6 * 7?");
    let watched = against(&server, &["watch", &run]);
    assert!(watched.stdout.contains("**42**"), "{}", watched.stdout);
    let got = against(&server, &["get", &run, "--json"]).json().remove(0);
    assert_eq!((&got["state"], &got["run_id"]), (&"succeeded".into(), &run.as_str().into()));
    assert!(got["answer"].as_str().unwrap().contains("42"));
    let result = against(&server, &["get", &run, "--step", "1"]).json().remove(0);
    assert_eq!(result["value"], "42");
    let listed = against(&server, &["list", "--json"]).json();
    assert_eq!((listed.len(), &listed[0]["run_id"]), (1, &run.as_str().into()));
    assert_eq!(against(&server, &["tools", "--json"]).json().len(), 4);
    let plan = against(&server, &["plan", "Rust or Python?", "--json"]).json().remove(0);
    assert_eq!(plan["steps"].as_array().unwrap().len(), 2);
    let answered = against(&server, &["run", "What is 2 + 2?", "--label", "team=a"]);
    assert!(answered.stdout.contains("**4**"), "{}", answered.stdout);
    let labelled = against(&server, &["list", "--json", "--label", "team=a"]).json();
    assert_eq!((labelled.len(), &labelled[0]["goal"]), (1, &"What is 2 + 2?".into()));
    let late = finish(&mut at(&server, &["cancel", &run]));
    assert_eq!((late.code, late.stdout.as_str()), (Some(1), ""));
    assert!(late.stderr.contains("the run has already succeeded"), "{}", late.stderr);
}

#[test]
fn a_failed_run_and_an_unknown_one_are_told_apart() {
    let server = start();
    let failed = finish(&mut at(&server, &["run", "What is 12 / 0?"]));
    assert_eq!((failed.code, failed.stdout.as_str()), (Some(1), ""));
    assert!(failed.stderr.contains("division by zero"), "{}", failed.stderr);
    let run = submit(&server, "Book me a flight");
    let watched = finish(&mut at(&server, &["watch", &run]));
    assert_eq!(watched.code, Some(1));
    assert!(watched.stderr.contains("unplannable"), "{}", watched.stderr);
    let unknown = format!("r{}", "0".repeat(run.len() - 1));
    let missing = finish(&mut at(&server, &["get", &unknown]));
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains(&unknown), "{}", missing.stderr);
    let nonsense = finish(&mut at(&server, &["watch", "nonsense"]));
    assert_eq!(nonsense.code, Some(2));
    assert!(nonsense.stderr.contains("run_id"), "{}", nonsense.stderr);
}

#[test]
fn a_watch_goes_on_from_any_cursor_without_a_gap_or_a_repeat() {
    let server = start();
    let run = submit(&server, "Rust or Python?");
    against(&server, &["watch", &run]);
    let whole = against(&server, &["watch", &run, "--from-start", "--json"]).json();
    let all = seqs(&whole);
    assert!(all.iter().copied().eq(1..=all.len() as u64), "{all:?}");
    for line in whole.iter().filter(|line| line["seq"].is_u64()) {
        let (seq, cursor) = (line["seq"].as_u64().unwrap(), line["cursor"].as_str().unwrap());
        let rest = against(&server, &["watch", &run, "--cursor", cursor, "--json"]).json();
        assert!(seqs(&rest).into_iter().eq(seq + 1..=all.len() as u64), "after {seq}: {rest:?}");
        assert_eq!(rest.last().unwrap(), whole.last().unwrap(), "the same result");
    }
}

#[test]
fn many_clients_at_once_get_their_own_answers() {
    let server = start();
    let goals: Vec<_> = (1..=20).map(|n| format!("What is {n} * 1000?")).collect();
    let running: Vec<_> =
        goals.iter().map(|goal| Running::start(&mut at(&server, &["run", goal]))).collect();
    for (one, n) in running.into_iter().zip(1..) {
        let done = one.finish();
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(done.stdout.contains(&format!(" = {n},000)")), "{n}: {}", done.stdout);
    }
    assert_eq!(against(&server, &["list", "--json"]).json().len(), 20);
}

#[test]
fn ended_runs_are_forgotten_beyond_the_retention() {
    let server = Server::start(SORTIE, &["--retention", "2"]);
    let runs: Vec<_> = (1..=4).map(|n| submit(&server, &format!("What is {n} + {n}?"))).collect();
    for run in &runs {
        finish(&mut at(&server, &["watch", run]));
    }
    assert_eq!(against(&server, &["list", "--json"]).json().len(), 2);
    let known: Vec<_> =
        runs.iter().map(|run| finish(&mut at(&server, &["get", run])).code == Some(0)).collect();
    assert_eq!(known.into_iter().filter(|known| *known).count(), 2);
    let again = finish(&mut at(&server, &["run", "What is 2 + 2?"]));
    assert_eq!(again.code, Some(0), "{again:?}");
}

#[test]
fn the_same_key_is_the_same_run() {
    let server = start();
    let with_key = |goal| finish(&mut at(&server, &["submit", goal, "--idempotency-key", "k"]));
    let first = with_key("What is 1 + 1?");
    assert_eq!(first.stdout, with_key("What is 1 + 1?").stdout);
    let other = with_key("What is 2 + 2?");
    assert_eq!(other.code, Some(2), "{other:?}");
    assert!(other.stderr.contains("`k`"), "{}", other.stderr);
    assert_eq!(against(&server, &["list", "--json"]).json().len(), 1);
}

#[tokio::test]
async fn goals_that_cannot_be_are_refused_with_their_fields() {
    let server = start();
    let mut client = CoordinatorClient::connect(server.url.clone()).await.unwrap();
    for goal in [String::new(), " \n".to_owned(), "x".repeat(1 << 20)] {
        let request = v1::SubmitGoalRequest { goal, ..Default::default() };
        let status = client.submit_goal(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let fields = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!((fields.len(), fields[0].field.as_str()), (1, "goal"), "{fields:?}");
    }
    let request = v1::SubmitGoalRequest { goal: "x".repeat(8 << 20), ..Default::default() };
    let status = client.submit_goal(request).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
    let request = v1::SubmitGoalRequest { goal: "What is 1 + 1?".to_owned(), ..Default::default() };
    client.submit_goal(request).await.unwrap();
}

#[test]
fn a_server_that_is_told_to_end_ends_well() {
    let server = start();
    submit(&server, "What is 6 * 7?");
    server.running.terminate();
    let done = server.running.finish();
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), ""), "{done:?}");
}

#[test]
fn a_taken_address_is_refused_and_named() {
    let server = start();
    let address = server.url.strip_prefix("http://").unwrap();
    let done = finish(&mut sortie(&["serve", "--listen", address]));
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains(&format!("listen on {address}")), "{}", done.stderr);
}
