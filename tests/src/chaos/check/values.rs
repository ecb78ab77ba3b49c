//! Results and answers are what must come of the goal, and nothing failed without a cause.

use serde_json::Value;
use sortie_engine::{Event, FailureKind, Run, RunId, RunState, Step, StepState};

use super::executions::{Book, Execution};
use super::{Court, Rule};
use crate::chaos::evidence::{End, Evidence, Told};
use crate::chaos::graph::said_of;
use crate::chaos::ledger::{Fact, hash};

pub(super) fn hold(told: &Told, evidence: &Evidence, book: &Book<'_>, court: &mut Court) {
    let (Some(id), Some(end)) = (told.acknowledged.first().copied(), &told.end) else { return };
    // A history that cannot be replayed is accused elsewhere.
    let Some(run) = Run::replay(id, &end.history) else { return };
    for step in run.plan_steps() {
        if step.result().is_some() {
            result(id, told, end, step, book, court);
        }
    }
    if let Some(answer) = run.answer() {
        let json = |number| end.results.get(&number).map(String::as_str);
        let said = |step: &Step| {
            let number = step.number().get();
            said_of(number, step.result().and_then(|_| json(number)))
        };
        let expected: String = run.plan_steps().map(said).collect();
        if **answer != *expected {
            let found = format!("the answer is {answer:?}, not {expected:?}");
            court.accuse(Rule::AnswersAreRight, id, found);
        }
    }
    let faults = evidence.faults.iter().any(|fault| {
        let from = run.submitted_at().as_millis();
        let until = run.ended_at().map_or(u64::MAX, |at| at.as_millis());
        fault.from_ms <= until && fault.until_ms + 2 * evidence.lease_ms >= from
    });
    causes(told, &run, faults, court);
}

/// The result that is told is what the tool makes of the inputs, and the one that its worker made.
fn result(id: RunId, told: &Told, end: &End, step: &Step, book: &Book<'_>, court: &mut Court) {
    let number = step.number().get();
    let Some(json) = end.results.get(&number) else {
        let found = format!("step {number} succeeded, and its result is gone");
        return court.accuse(Rule::ResultsAreRight, id, found);
    };
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    let expected = told.graph.text(number);
    if value["text"].as_str() != expected.as_deref() {
        let found = format!("step {number} says {}, not {expected:?}", value["text"]);
        court.accuse(Rule::ResultsAreRight, id, found);
    }
    let bytes = step.result().map(|result| result.bytes);
    if bytes != Some(json.len() as u64) {
        let found = format!("step {number} is told with {bytes:?} bytes and has {}", json.len());
        court.accuse(Rule::ResultsAreRight, id, found);
    }
    let reported = end.history.iter().find_map(|recorded| match &recorded.event {
        Event::StepSucceeded { step: of, attempt, worker, .. } if *of == step.id => {
            Some((*attempt, worker))
        }
        _ => None,
    });
    let Some((attempt, worker)) = reported else { return };
    let made = book.by_worker((id, step.id, attempt), worker.as_str());
    let hashes = made.iter().filter_map(|done: &&Execution<'_>| match &done.end?.fact {
        Fact::Ended { hash } => Some(hash.as_str()),
        _ => None,
    });
    let hashes: Vec<_> = hashes.collect();
    // That nobody ended it is accused elsewhere.
    if !hashes.is_empty() && !hashes.contains(&hash(json).as_str()) {
        let found = format!("step {number} has another result than {worker} reported");
        court.accuse(Rule::ResultsAreRight, id, found);
    }
}

/// `faults`: whether anything was broken while the run was open.
fn causes(told: &Told, run: &Run, faults: bool, court: &mut Court) {
    for step in run.plan_steps() {
        let number = step.number().get();
        let node = told.graph.node(number);
        let (failure, caused) = match &step.state {
            StepState::Failed(failure) => {
                let own = match failure.kind {
                    FailureKind::ToolFailed => node.is_some_and(|node| node.hopeless),
                    FailureKind::WorkerLost
                    | FailureKind::Unavailable
                    | FailureKind::Timeout
                    | FailureKind::Internal => faults,
                    _ => false,
                };
                (failure, own)
            }
            StepState::Unknown(failure) => (failure, faults),
            _ => continue,
        };
        if !caused {
            let found = format!("step {number} failed without a cause: {failure}");
            court.accuse(Rule::FailuresHaveACause, run.id(), found);
        }
    }
    let Some(failure) = run.failure().filter(|_| run.state() == RunState::Failed) else { return };
    let caused = match failure.kind {
        FailureKind::NoResults => run.plan_steps().all(|step| step.result().is_none()),
        FailureKind::Unavailable => faults,
        _ => false,
    };
    if !caused {
        let found = format!("it failed without a cause: {failure}");
        court.accuse(Rule::FailuresHaveACause, run.id(), found);
    }
}
