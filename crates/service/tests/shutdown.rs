//! The end of a process, in a process of its own: signals reach all of it.

#![cfg(unix)]

use std::process::Command;

use sortie_service::shutdown::{Hurried, Signal, Signals, until_told};

fn kill_myself(signal: &str) {
    let pid = std::process::id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().expect("kill").success());
}

// One test: every listener of a process hears every signal.
#[tokio::test]
async fn the_first_signal_asks_and_a_second_ctrl_c_does_not_wait() {
    let mut heard = Signals::listen().expect("listen");
    let orderly = until_told(Signals::listen().expect("listen"), |stop| async move {
        kill_myself("-TERM");
        stop.cancelled().await;
        "put away"
    });
    assert_eq!(orderly.await, Ok("put away"));
    assert_eq!(heard.next().await, Signal::Terminate);

    let stubborn = until_told(Signals::listen().expect("listen"), |stop| async move {
        kill_myself("-INT");
        stop.cancelled().await;
        kill_myself("-TERM");
        kill_myself("-INT");
        std::future::pending::<()>().await;
    });
    assert_eq!(stubborn.await, Err(Hurried));

    let unasked = until_told(Signals::listen().expect("listen"), |_stop| async { 7 });
    assert_eq!(unasked.await, Ok(7));
}
