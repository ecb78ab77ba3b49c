//! Ctrl-C and closed pipes: the run that the command started is cancelled, and nothing panics.

use std::sync::Arc;

use sortie_proto::v1;
use tokio::sync::Notify;

use crate::fake::{Act, Fake, Script};
use crate::program::{Running, sortie};
use crate::script::{cancelled, event, planning, submitted};

fn start(fake: &Fake, arguments: &[&str]) -> Running {
    Running::start(sortie(arguments).env("SORTIE_ENDPOINT", fake.url()))
}

#[test]
fn ctrl_c_cancels_the_run_and_exits_130() {
    let watch = vec![
        event(1, submitted()),
        Act::WaitForCancel,
        event(2, cancelled("interrupted by the one who asked")),
    ];
    let fake = Fake::start(Script { watches: [watch].into(), ..Script::default() });
    let mut running = start(&fake, &["run", "--json", "goal"]);
    assert!(running.line().contains("run_submitted"));
    running.interrupt();
    let done = running.finish();
    assert_eq!(done.code, Some(130), "{done:?}");
    assert_eq!(fake.calls().cancels[0].run_id, "r1");
    let lines = done.json();
    assert_eq!(lines[0]["type"], "run_cancelled");
    assert_eq!(lines[1]["state"], "cancelled");
}

#[test]
fn a_second_ctrl_c_leaves_at_once() {
    let watch = vec![event(1, submitted()), Act::Hang];
    let script = Script { watches: [watch].into(), cancel_hangs: true, ..Script::default() };
    let fake = Fake::start(script);
    let mut running = start(&fake, &["run", "--json", "goal"]);
    running.line();
    running.interrupt();
    fake.wait_for(|calls| calls.cancels.len() == 1);
    running.interrupt();
    assert_eq!(running.finish().code, Some(130));
}

#[test]
fn leaving_a_watch_leaves_the_run_alone() {
    let watch = vec![event(1, submitted()), event(2, planning()), Act::Hang];
    let fake = Fake::start(Script { watches: [watch].into(), ..Script::default() });
    let mut running = start(&fake, &["watch", "r1", "--from-start", "--json"]);
    running.line();
    running.interrupt();
    assert_eq!(running.finish().code, Some(130));
    assert!(fake.calls().cancels.is_empty());
}

#[test]
fn a_closed_pipe_ends_quietly_and_cancels_the_run() {
    let gate = Arc::new(Notify::new());
    let mut watch = vec![event(1, submitted())];
    for seq in 2..500 {
        watch.extend([Act::Wait(gate.clone()), event(seq, planning())]);
    }
    watch.push(Act::Hang);
    let script = Script {
        watches: [watch].into(),
        cancel_state: v1::RunState::Cancelled,
        ..Script::default()
    };
    let fake = Fake::start(script);
    let mut running = start(&fake, &["run", "--json", "goal"]);
    running.line();
    running.close_stdout();
    // A child that another test is just starting holds the pipe open for a moment: one line may
    // still find a reader, not all of them.
    while !fake.has_seen(|calls| !calls.cancels.is_empty()) {
        gate.notify_one();
    }
    let done = running.finish();
    assert_eq!(done.code, Some(141), "{done:?}");
    assert_eq!(done.stderr, "");
    assert_eq!(fake.calls().cancels.len(), 1);
}
