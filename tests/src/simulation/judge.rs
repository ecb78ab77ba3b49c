//! What was seen, and whether it is what was promised.

use std::time::Duration;

use sortie_engine::{
    AttemptNumber, Command, Event, Lane, ModelCall, Recorded, Run, RunId, Seq, StepId, StepState,
    Timestamp, check_history, check_run,
};
use sortie_store::{
    Commit, CommitReply, Embedded, InboxCursor, InboxId, InboxItem, Lanes as _, ReadyQueue as _,
    RunLog as _,
};

use super::{Ending, Known, LANES, Ledger, World, values};

impl Ledger {
    /// Holds the run against the invariants, as the store has it right after a commit.
    pub(super) async fn committed(&self, store: &Embedded, commit: &Commit, reply: CommitReply) {
        if reply != CommitReply::Ok {
            return;
        }
        let Some(history) = history(store, commit.run).await else {
            return self.violation(format!("run {} has no history", commit.run));
        };
        let now = history.last().map_or(Timestamp::from_millis(0), |recorded| recorded.at);
        let mut found: Vec<_> = check_history(&history).iter().map(ToString::to_string).collect();
        match Run::replay(commit.run, &history) {
            Some(run) => {
                found.extend(check_run(&run, now).iter().map(ToString::to_string));
                found.extend(marks(store, &run).await);
                found.extend(custody(store, &run).await);
            }
            None => found.push("the history cannot be replayed".to_owned()),
        }
        self.told(commit);
        for what in found {
            self.violation(format!("run {}: {what}", commit.run));
        }
    }
}

/// An open run has a timer, which is not later than what it waits for, and the mark of its open
/// model call, both for whoever adopts it.
async fn marks(store: &Embedded, run: &Run) -> Vec<String> {
    let (id, lane) = (run.id(), run.id().lane());
    let timers = store.timers(lane).await.unwrap_or_default();
    let calls = store.model_calls(lane).await.unwrap_or_default();
    let set = timers.iter().find(|(timed, _)| *timed == id).map(|(_, at)| *at);
    let due = match store.now().await {
        Ok(now) => run.timer(now),
        Err(_) => return vec!["the store does not tell the time".to_owned()],
    };
    let mut found = Vec::new();
    if set.is_some() != due.is_some() || set > due {
        found.push(format!("its timer is set to {set:?}, due is {due:?}"));
    }
    if run.open_call().is_some() != calls.contains(&id) {
        found.push("the mark of an open model call is wrong".to_owned());
    }
    found
}

/// A queued step is in one place: with the workers, or as a report on its way to the engine. No
/// other step is with the workers.
async fn custody(store: &Embedded, run: &Run) -> Vec<String> {
    let mut found = Vec::new();
    let entries = store.custody(&[run.id()]).await.ok().and_then(|mut all| all.pop());
    let entries = entries.unwrap_or_default();
    let reports: Vec<_> = inbox(store, run.id().lane()).await;
    let reports = reports.iter().filter(|item| item.run == run.id());
    let reports: Vec<_> = reports
        .filter_map(|item| match &item.command {
            Command::AttemptEnded(report) => Some((report.step, report.attempt)),
            _ => None,
        })
        .collect();
    for step in run.all_steps() {
        let StepState::Queued(attempt) = step.state else { continue };
        let is_it = |place: &&(StepId, AttemptNumber)| **place == (step.id, attempt);
        let held = entries.iter().filter(is_it).count();
        let reported = reports.iter().filter(is_it).count();
        if held + reported != 1 {
            let id = step.id;
            found.push(format!("queued step {id} has {held} entries and {reported} reports"));
        }
    }
    for (id, attempt) in entries {
        let state = run.step(id).map(|step| &step.state);
        if state != Some(&StepState::Queued(attempt)) {
            let state = state.map_or("unknown to the run", StepState::as_str);
            found.push(format!("an entry is left for attempt {attempt} at step {id}, {state}"));
        }
    }
    found
}

async fn inbox(store: &Embedded, lane: Lane) -> Vec<InboxItem> {
    let cursor = InboxCursor { lane, after: InboxId(0) };
    store.read_inbox(&[cursor], usize::MAX, Duration::ZERO).await.unwrap_or_default()
}

pub(super) async fn history(store: &Embedded, run: RunId) -> Option<Vec<Recorded>> {
    let history = store.load(run, Seq::ZERO).await.ok()??;
    Some(history.commits.iter().flat_map(|(_, events)| events.iter().cloned()).collect())
}

async fn replay(world: &World, run: RunId) -> Option<Run> {
    Run::replay(run, &history(&world.store, run).await?)
}

/// Waits until every run has ended.
pub(super) async fn all_ended(world: &World, runs: &[Known]) {
    for known in runs {
        while !replay(world, known.run).await.is_some_and(|run| run.state().is_terminal()) {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

/// After the end no attempt, command, timer or mark may be left.
pub(super) async fn nothing_left(world: &World, runs: &[Known], ended: bool) {
    if !ended {
        for known in runs {
            if let Some(run) = replay(world, known.run).await.filter(|r| !r.state().is_terminal()) {
                world.ledger.violation(describe(&run));
            }
        }
        return;
    }
    // Reports and cancellations may still be on their way to runs that have ended.
    tokio::time::sleep(Duration::from_secs(40)).await;
    for lane in (0..LANES).map(Lane) {
        let timers = world.store.timers(lane).await.unwrap_or_default();
        let calls = world.store.model_calls(lane).await.unwrap_or_default();
        let items = inbox(&world.store, lane).await;
        for (what, count) in
            [("timers", timers.len()), ("model calls", calls.len()), ("commands", items.len())]
        {
            if count > 0 {
                world.ledger.violation(format!("{count} {what} are left in lane {lane}"));
            }
        }
    }
}

fn describe(run: &Run) -> String {
    let steps = run.all_steps().iter().map(|step| format!("{}:{}", step.id, step.state.as_str()));
    let call = run.open_call().map(name);
    let steps: Vec<_> = steps.collect();
    format!("run {} is {} with call {call:?} and steps {steps:?}", run.id(), run.state().as_str())
}

/// A model call, as histories name it.
pub(super) fn name(call: ModelCall) -> String {
    match call {
        ModelCall::Plan(version) => format!("plan {version}"),
        ModelCall::Answer(attempt) => format!("answer {attempt}"),
    }
}

/// What clients saw, held against what was promised.
pub(super) async fn ending(world: &World, runs: &[Known]) -> Ending {
    let mut states = Vec::new();
    for known in runs {
        let Some(run) = replay(world, known.run).await else {
            world.ledger.violation(format!("run {} was acknowledged and is gone", known.run));
            continue;
        };
        values::hold(world, &run).await;
        states.push(run.state().as_str());
    }
    let asked = world.ledger.book().asked.clone();
    for (run, command) in asked {
        let history = history(&world.store, run).await.unwrap_or_default();
        let answers = history.iter().filter(|recorded| match &recorded.event {
            Event::CommandDone { command: id } | Event::CommandRefused { command: id, .. } => {
                *id == command
            }
            _ => false,
        });
        let answers = answers.count();
        if answers != 1 {
            world.ledger.violation(format!("command {command} was answered {answers} times"));
        }
    }
    let repairs = world.ledger.book().repairs;
    if repairs > 0 && world.faults.is_the_store_sound() {
        world.ledger.violation(format!("sweeps repaired {repairs} runs that nothing had broken"));
    }
    let book = world.ledger.book();
    Ending {
        violations: book.violations.clone(),
        faults: world.faults.count(),
        commits: book.commits,
        conflicts: book.conflicts,
        repairs: book.repairs,
        takeovers: book.takeovers,
        states,
        fingerprint: book.fingerprint,
    }
}
