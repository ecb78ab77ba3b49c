//! What was seen, and whether it is what was promised.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sortie_coordinator::DriverCounts;
use sortie_engine::{
    CommandId, Effect, Event, Lane, ModelCall, PlanCause, Recorded, Run, RunId, Seq, StepId,
    StepState, Timestamp, check_history, check_run,
};
use sortie_store::{Claimed, Commit, CommitReply, InboxCursor, InboxId, Store};

use super::{Ending, Known, LANES, World};

/// What was seen during a story.
#[derive(Debug, Default)]
pub struct Ledger {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    violations: Vec<String>,
    commits: u64,
    conflicts: u64,
    repairs: u64,
    takeovers: u64,
    fingerprint: u64,
    /// How often each step's tool began, with its effect.
    began: BTreeMap<(RunId, StepId), (Effect, u32)>,
    asked: Vec<(RunId, CommandId)>,
}

impl Ledger {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something that should never happen has happened.
    pub fn violation(&self, what: String) {
        self.book().violations.push(what);
    }

    pub(super) fn driver_died(&self, counts: DriverCounts) {
        let mut book = self.book();
        book.conflicts += counts.conflicts;
        book.repairs += counts.repairs;
    }

    pub(super) fn asked(&self, run: RunId, command: CommandId) {
        self.book().asked.push((run, command));
    }

    pub(super) fn tool_began(&self, claimed: &Claimed) {
        let entry = &claimed.entry;
        let effect = entry.terms.effect;
        let mut book = self.book();
        let count = book.began.entry((entry.run, entry.step)).or_insert((effect, 0));
        count.1 += 1;
        if effect == Effect::Once && count.1 > 1 {
            let what = format!("a once tool began {} times for step {}", count.1, entry.step);
            book.violations.push(what);
        }
    }

    /// Holds the run against the invariants, as the store has it right after a commit.
    pub(super) async fn committed(&self, store: &dyn Store, commit: &Commit, reply: CommitReply) {
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
                if run.open_call().is_some() != commit.model_call {
                    found.push("the mark of an open model call is wrong".to_owned());
                }
                if run.state().is_terminal() != commit.timer.is_none() {
                    found.push("an open run needs a timer, an ended one has none".to_owned());
                }
            }
            None => found.push("the history cannot be replayed".to_owned()),
        }
        let mut book = self.book();
        book.commits += 1;
        for recorded in commit.events.iter() {
            if let Event::PlanVersionStarted { cause: PlanCause::Takeover, .. } = recorded.event {
                book.takeovers += 1;
            }
            let word = format!("{:?}", recorded.event);
            book.fingerprint = word.bytes().fold(book.fingerprint, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        }
        book.violations.extend(found.into_iter().map(|what| format!("run {}: {what}", commit.run)));
    }
}

async fn history(store: &dyn Store, run: RunId) -> Option<Vec<Recorded>> {
    let history = store.load(run, Seq::ZERO).await.ok()??;
    Some(history.commits.iter().flat_map(|(_, events)| events.iter().cloned()).collect())
}

async fn replay(world: &World, run: RunId) -> Option<Run> {
    Run::replay(run, &history(&*world.store, run).await?)
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
        let cursor = InboxCursor { lane, after: InboxId(0) };
        let items = world.store.read_inbox(&[cursor], 100, Duration::ZERO).await;
        let items = items.unwrap_or_default();
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
    let call = run.open_call().map(|call| match call {
        ModelCall::Plan(version) => format!("plan {version}"),
        ModelCall::Answer(attempt) => format!("answer {attempt}"),
    });
    let steps: Vec<_> = steps.collect();
    format!("run {} is {} with call {call:?} and steps {steps:?}", run.id(), run.state().as_str())
}

/// What clients saw, held against what was promised.
pub(super) async fn ending(world: &World, runs: &[Known]) -> Ending {
    let mut states = Vec::new();
    for known in runs {
        let Some(run) = replay(world, known.run).await else {
            world.ledger.violation(format!("run {} was acknowledged and is gone", known.run));
            continue;
        };
        results_are_kept(world, &run).await;
        states.push(run.state().as_str());
    }
    let asked = world.ledger.book().asked.clone();
    for (run, command) in asked {
        let history = history(&*world.store, run).await.unwrap_or_default();
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

/// Every step that succeeded has its result, and it is what its tool made of its inputs.
async fn results_are_kept(world: &World, run: &Run) {
    for step in run.all_steps() {
        let kept = world.store.results(run.id(), &[step.id]).await;
        let kept = kept.ok().and_then(|mut values| values.pop().flatten());
        let succeeded = matches!(step.state, StepState::Succeeded(_));
        if succeeded != kept.is_some() {
            let state = step.state.as_str();
            world.ledger.violation(format!("step {} is {state} with result {kept:?}", step.id));
        }
    }
}
