//! The `sortie` program of the fault suite: with tools that write down what they do, and one process
//! more, a planner that plans what the goal says.
//!
//! | Command | What it is |
//! |---|---|
//! | `chaos-sortie script-planner` | the planner, on a port of the system's choice |
//! | `chaos-sortie worker` | as in `sortie`, with the lease in `SORTIE_CHAOS_LEASE_MS` |
//! | another | as in `sortie` |
//!
//! The ledger's folder is in `SORTIE_CHAOS_LEDGER`.

// What it says goes where a test listens.
#![allow(clippy::print_stderr)]

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use serde_json::json;
use sortie_service::arguments::CommonArgs;
use sortie_service::process::{Fault, run};
use sortie_tests::chaos::{LEASE, planner, tools};
use sortie_worker::process::{Config, WorkerArgs, serve};
use tokio::net::TcpListener;

fn main() -> ExitCode {
    match (std::env::args().nth(1).as_deref(), lease()) {
        (Some("script-planner"), _) => serve_planner(),
        (Some("worker"), Some(lease)) => work(lease),
        _ => sortie_cli::main_with(tools::register),
    }
}

fn lease() -> Option<Duration> {
    let text = std::env::var(LEASE).ok()?;
    Some(Duration::from_millis(text.parse().expect("a lease in milliseconds")))
}

/// The command line of `chaos-sortie worker`.
#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    worker: WorkerArgs,
}

/// The product's worker, whose attempts are taken over sooner: a test may wait for that.
fn work(lease: Duration) -> ExitCode {
    // The command's name stands where a program's does.
    let Program { common, worker } = Program::parse_from(std::env::args_os().skip(1));
    run(&common, worker.flags(), |settings, stop| async move {
        let mut config = Config::of(&settings, Box::new(tools::register))?;
        config.redis.lease = lease;
        serve(config, stop).await.map_err(Fault::from)
    })
}

#[tokio::main]
async fn serve_planner() -> ExitCode {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("the port's address"));
    eprintln!("{}", json!({ "message": "listening", "address": address }));
    match planner::serve(listener).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
