//! Real processes whose tools hang, panic and flood: signals, watches that are cut, cancelled runs.
//! A gate tells when a tool has begun and when it was stopped, and lets it go on: no test sleeps.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

#[path = "../../crates/cli/tests/cli/process.rs"]
mod process;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use process::{Finished, Running, Server, finish, program};
use serde_json::Value;

const ODD: &str = env!("CARGO_BIN_EXE_odd-sortie");
/// A goal whose first step waits at the gate.
const GATED: &str = "Compare Gate and Python.";

/// Where tools wait.
struct Gate(TcpListener);

/// A tool that waits.
struct Waiting(TcpStream);

impl Gate {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// Waits until a tool has begun.
    fn arrival(&self) -> Waiting {
        Waiting(self.0.accept().unwrap().0)
    }

    fn run(&self, arguments: &[&str]) -> Running {
        Running::start(program(ODD, arguments).env("ODD_GATE", self.address()))
    }

    fn serve(&self) -> Server {
        Server::with(program(ODD, &["serve"]).env("ODD_GATE", self.address()))
    }
}

impl Waiting {
    fn let_go(mut self) {
        self.0.write_all(b"!").unwrap();
    }

    /// Waits until the tool was stopped; the answer is how long that took.
    fn stopped(mut self) -> Duration {
        let begun = Instant::now();
        assert_eq!(self.0.read(&mut [0]).unwrap_or(0), 0, "it hangs up");
        begun.elapsed()
    }
}

fn at(server: &Server, arguments: &[&str]) -> Command {
    let mut command = program(ODD, arguments);
    command.env("SORTIE_ENDPOINT", &server.url);
    command
}

fn submit(server: &Server, goal: &str) -> String {
    finish(&mut at(server, &["submit", goal])).stdout.trim().to_owned()
}

fn result(done: &Finished) -> Value {
    done.json().pop().unwrap()
}

/// Numbers of the events, and the last cursor.
fn places(lines: &[Value]) -> (Vec<u64>, String) {
    let events = || lines.iter().filter(|line| line["seq"].is_u64());
    let cursor = events().next_back().map(|line| line["cursor"].as_str().unwrap().to_owned());
    (events().map(|line| line["seq"].as_u64().unwrap()).collect(), cursor.unwrap_or_default())
}

#[test]
fn ctrl_c_cancels_the_run_and_exits_130() {
    let gate = Gate::new();
    let mut running = gate.run(&["run", GATED, "--json"]);
    let tool = gate.arrival();
    assert!(running.line().contains("run_submitted"));
    running.interrupt();
    let begun = Instant::now();
    let done = running.finish();
    println!("the program ended {:?} after Ctrl-C", begun.elapsed());
    assert_eq!(done.code, Some(130), "{done:?}");
    assert_eq!(result(&done)["state"], "cancelled");
    assert!(!done.stderr.contains("panic"), "{}", done.stderr);
    tool.stopped();
}

#[test]
fn a_second_ctrl_c_leaves_at_once() {
    let gate = Gate::new();
    let mut running = gate.run(&["run", GATED]);
    let _tool = gate.arrival();
    running.error_line("run r");
    running.interrupt();
    running.error_line("Ctrl-C again leaves at once");
    running.interrupt();
    assert_eq!(running.finish().code, Some(130));
}

#[test]
fn a_run_ends_at_its_deadline() {
    let gate = Gate::new();
    let running = gate.run(&["run", GATED, "--json", "--timeout", "1s"]);
    let tool = gate.arrival();
    let done = running.finish();
    assert_eq!(done.code, Some(1), "{done:?}");
    assert_eq!(result(&done)["error"]["kind"], "deadline_exceeded");
    tool.stopped();
}

#[test]
fn a_tool_that_panics_or_floods_takes_nobody_along() {
    let server = Gate::new().serve();
    for (subject, kind) in [("Panic", "tool_panicked"), ("Flood", "result_too_large")] {
        let goal = format!("Compare {subject} and Rust.");
        let done = finish(&mut at(&server, &["run", &goal, "--json"]));
        assert_eq!(done.code, Some(0), "{done:?}");
        let result = result(&done);
        assert_eq!(result["partial"], true);
        assert_eq!(result["steps"][0]["error"]["kind"], kind);
        assert!(result["answer"].as_str().unwrap().contains(subject), "it names what is missing");
    }
    let fine = finish(&mut at(&server, &["run", "Rust or Python?"]));
    assert_eq!(fine.code, Some(0), "{fine:?}");
}

#[test]
fn a_cancelled_run_ends_and_its_tool_is_stopped() {
    let gate = Gate::new();
    let server = gate.serve();
    let run = submit(&server, GATED);
    let tool = gate.arrival();
    let watch = Running::start(&mut at(&server, &["watch", &run, "--from-start", "--json"]));
    let cancel = finish(&mut at(&server, &["cancel", &run, "--reason", "too dear"]));
    assert_eq!((cancel.code, cancel.stdout.as_str()), (Some(0), "cancelled\n"), "{cancel:?}");
    println!("the tool was stopped after {:?}", tool.stopped());
    let watched = watch.finish();
    assert_eq!(watched.code, Some(1), "{watched:?}");
    assert_eq!(result(&watched)["error"]["message"], "too dear");
    let got = finish(&mut at(&server, &["get", &run, "--json"])).json().remove(0);
    assert_eq!(got["state"], "cancelled");
}

#[test]
fn a_watch_whose_client_was_killed_goes_on_from_its_cursor() {
    let gate = Gate::new();
    let server = gate.serve();
    let run = submit(&server, GATED);
    let tool = gate.arrival();
    let mut watch = Running::start(&mut at(&server, &["watch", &run, "--from-start", "--json"]));
    let seen: Vec<Value> = (0..3).map(|_| serde_json::from_str(&watch.line()).unwrap()).collect();
    watch.kill();
    tool.let_go();
    let (before, cursor) = places(&seen);
    let rest = finish(&mut at(&server, &["watch", &run, "--cursor", &cursor, "--json"]));
    assert_eq!(rest.code, Some(0), "{rest:?}");
    let (after, _) = places(&rest.json());
    let all: Vec<_> = before.into_iter().chain(after).collect();
    assert!(all.iter().copied().eq(1..=all.len() as u64), "{all:?}");
    assert_eq!(result(&rest)["state"], "succeeded");
}

/// Watches a run of the server from its start until something of this type happens.
fn watch_until(server: &Server, run: &str, wanted: &str) -> Running {
    let mut watch = Running::start(&mut at(server, &["watch", run, "--from-start", "--json"]));
    while !watch.line().contains(wanted) {}
    watch
}

/// Tells the server to end; the answer is how long it took.
fn end(server: Server) -> Duration {
    server.running.terminate();
    let begun = Instant::now();
    let done = server.running.finish();
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), ""), "{done:?}");
    begun.elapsed()
}

#[test]
fn an_open_watch_does_not_keep_a_server_that_is_told_to_end() {
    let server = Gate::new().serve();
    let run = submit(&server, "Compare Later and Python.");
    let watch = watch_until(&server, &run, "\"step_retrying\"");
    let took = end(server);
    println!("the server ended {took:?} after SIGTERM");
    assert!(took < Duration::from_millis(1500), "{took:?}: nothing runs that it should wait for");
    watch.interrupt();
    assert_eq!(watch.finish().code, Some(130), "it waits for the server to come back");
}

#[test]
fn a_server_that_is_told_to_end_gives_running_tools_a_little_time() {
    let gate = Gate::new();
    let server = gate.serve();
    submit(&server, GATED);
    let tool = gate.arrival();
    let took = end(server);
    println!("the server ended {took:?} after SIGTERM");
    assert!(took < Duration::from_secs(10), "{took:?}");
    tool.stopped();
}
