//! What happens when each part of a cluster dies, and that nothing that was promised breaks: real
//! processes, a real `redis-server`. Each test breaks one thing and sees that it hit work; the storms
//! break everything, in the order that a seed draws.
//!
//! `cargo xtask chaos --minutes N --seed S` makes a storm of any length.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test tells what it measured")]

mod bugs;
mod coordinators;
mod everything;
#[path = "../../../crates/cli/tests/embedded/expectation.rs"]
mod expectation;
mod goals;
mod planners;
#[path = "../../../crates/cli/tests/cli/process.rs"]
mod process;
mod redis;
mod storms;
mod table;
mod unfit;
mod wires;
mod workers;

use std::process::Command;
use std::time::Duration;

use sortie_tests::chaos::{ClusterOptions, Kind, Node};

/// The program under test, with the tools of the test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_chaos-sortie");
/// Short enough that a test may wait for one.
const LEASE: Duration = Duration::from_secs(3);

fn options() -> ClusterOptions {
    ClusterOptions { lease: LEASE, ..ClusterOptions::new(PROGRAM) }
}

/// A step of its own that takes so long.
fn slow(kind: Kind, ms: u64) -> Node {
    Node::new(1, kind, ms, &[])
}

/// The program, as somebody types it.
fn sortie(arguments: &[&str]) -> Command {
    process::program(PROGRAM, arguments)
}
