//! The `sortie` program of the fault suite: with tools that write down what they do, and one process
//! more, a planner that plans what the goal says.
//!
//! | Command | What it is |
//! |---|---|
//! | `chaos-sortie script-planner` | the planner, on a port of the system's choice |
//! | another | as in `sortie`; the ledger's folder is in `SORTIE_CHAOS_LEDGER` |

// What it says goes where a test listens.
#![allow(clippy::print_stderr)]

use std::process::ExitCode;

use serde_json::json;
use sortie_tests::chaos::{planner, tools};
use tokio::net::TcpListener;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("script-planner") => serve_planner(),
        _ => sortie_cli::main_with(tools::register),
    }
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
