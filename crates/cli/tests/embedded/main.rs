//! The real program with the cluster inside it, and `sortie serve` with clients: nothing is
//! scripted here, and nothing is on the network but 127.0.0.1 with ports of the system's choice.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

mod cluster;
mod doctor;
mod documents;
mod expectation;
mod guide;
mod offline;
#[path = "../cli/process.rs"]
mod process;
mod run;
mod serve;

/// The program, with nothing of this environment.
fn sortie(arguments: &[&str]) -> std::process::Command {
    process::program(SORTIE, arguments)
}

const SORTIE: &str = env!("CARGO_BIN_EXE_sortie");
