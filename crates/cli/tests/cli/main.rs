//! The real program against a scripted cluster: exit codes, streams, reconnects, signals. No
//! sleeps and no fixed ports: the script waits for gates that a test opens.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

mod commands;
mod endpoints;
mod fake;
mod plan;
mod process;
mod program;
mod reconnect;
mod refusals;
mod run;
mod script;
mod signals;
