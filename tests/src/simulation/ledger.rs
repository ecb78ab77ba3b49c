//! What was seen during a story, by everybody in it, and what cannot be right whatever comes next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sortie_coordinator::DriverCounts;
use sortie_engine::{CommandId, Effect, Event, ModelCall, PlanCause, RunId, StepId, ToolName};
use sortie_store::{Claimed, Commit, Embedded};

use super::judge;

/// What was seen during a story.
#[derive(Debug, Default)]
pub struct Ledger {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) violations: Vec<String>,
    pub(super) commits: u64,
    pub(super) conflicts: u64,
    pub(super) repairs: u64,
    pub(super) takeovers: u64,
    pub(super) fingerprint: u64,
    /// How often each step's tool began, with its effect.
    began: BTreeMap<(RunId, StepId), (Effect, u32)>,
    /// What changed the world: by run, tool and input, the step that did it first.
    deeds: BTreeMap<(RunId, ToolName, String), StepId>,
    /// Calls of the planner, by the names that histories give them.
    calls: BTreeSet<(RunId, String)>,
    pub(super) asked: Vec<(RunId, CommandId)>,
}

impl Ledger {
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
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
        // A new plan has new steps; what changes the world must not be done again by one of them.
        let input = &entry.planned.input;
        // Where it refers to results, other steps may have found the same, which is another deed.
        if !effect.may_start_early() && input.references().is_empty() {
            let deed = (entry.run, entry.planned.tool.clone(), input.source().to_string());
            let first = *book.deeds.entry(deed).or_insert(entry.step);
            if first != entry.step {
                let what = format!("step {} does again what step {first} did", entry.step);
                book.violations.push(what);
            }
        }
    }

    /// A call of the planner begins: what names it must be durable, and it names one call.
    pub(super) async fn call_began(&self, store: &Embedded, run: RunId, call: ModelCall) {
        let history = judge::history(store, run).await.unwrap_or_default();
        let names = |event: &Event| match (event, call) {
            (Event::PlanVersionStarted { version, .. }, ModelCall::Plan(called)) => {
                *version == called
            }
            (Event::AnswerAttemptStarted { attempt, .. }, ModelCall::Answer(called)) => {
                *attempt == called
            }
            _ => false,
        };
        let named = history.iter().filter(|recorded| names(&recorded.event)).count();
        let name = judge::name(call);
        if named != 1 {
            self.violation(format!("run {run}: {name} began, and {named} events name it"));
        }
        if !self.book().calls.insert((run, name.clone())) {
            self.violation(format!("run {run}: {name} was called twice"));
        }
    }

    /// Counts what a commit that went through tells.
    pub(super) fn told(&self, commit: &Commit) {
        let mut book = self.book();
        book.commits += 1;
        for recorded in commit.events.iter() {
            if let Event::PlanVersionStarted { cause: PlanCause::Takeover, .. } = recorded.event {
                book.takeovers += 1;
            }
            let word = word(&recorded.event);
            book.fingerprint = word.bytes().fold(book.fingerprint, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        }
    }
}

/// An event in words that are the same whenever the story is told: names of stored results are
/// drawn by the store, outside of the story.
fn word(event: &Event) -> String {
    match event {
        Event::StepSucceeded { step, attempt, result, worker, started_at, .. } => {
            let size = result.bytes;
            format!("{step} {attempt} succeeded with {size} bytes by {worker:?} at {started_at:?}")
        }
        other => format!("{other:?}"),
    }
}
