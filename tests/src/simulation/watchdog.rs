//! A guard on the wall: time of the story stands still while somebody spins, so only a clock outside
//! of it can tell.

#![allow(clippy::print_stderr)]

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// No story takes nearly as long, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Watches one story until it is dropped.
pub(super) struct Watchdog(#[allow(dead_code)] Sender<()>);

/// Ends the process, naming the story, if the watchdog is not dropped in time: a thread that spins
/// can be stopped in no other way.
pub(super) fn set(seed: u64) -> Watchdog {
    let (alive, heard) = mpsc::channel();
    thread::spawn(move || {
        if heard.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let patience = PATIENCE.as_secs();
            eprintln!("seed {seed} did not end within {patience} s of wall time: somebody spins");
            eprintln!("tell it again with: cargo xtask simulate --seed {seed} --seeds 1");
            std::process::abort();
        }
    });
    Watchdog(alive)
}
