//! The real program with models, which are played by servers on this machine: what is asked of
//! them, what is made of their answers, and what becomes of every fault.
//!
//! The program runs as a child and is waited for on threads of its own: the threads of the runtime
//! play the servers.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

mod answering;
mod cap;
mod faults;
mod injection;
mod kit;
mod leaving;
mod patience;
mod plan;
mod planning;
mod prices;
#[path = "../cli/process.rs"]
mod process;
mod refusals;
mod repairs;
mod replans;
mod roles;
mod secrets;
mod tools;
