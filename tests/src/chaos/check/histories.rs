//! What was acknowledged is there and over, and histories are what histories are.

use std::collections::{BTreeMap, BTreeSet};

use sortie_engine::{Event, Run, RunId, Timestamp, check_history, check_run};

use super::{Court, Rule};
use crate::chaos::evidence::{End, Told};

pub(super) fn hold(told: &Told, court: &mut Court) {
    let runs: BTreeSet<_> = told.acknowledged.iter().copied().collect();
    let Some(run) = runs.first().copied() else {
        let found = format!("goal {} was never acknowledged", told.graph.key);
        return court.accuse(Rule::ClientsAreAnswered, None, found);
    };
    if runs.len() > 1 {
        court.accuse(Rule::OneRunForOneKey, run, format!("one key names {runs:?}"));
    }
    let Some(end) = &told.end else {
        let found = format!("goal {} was acknowledged, and its run is gone", told.graph.key);
        return court.accuse(Rule::NothingAcknowledgedIsLost, run, found);
    };
    fold(run, end, court);
    results(run, end, court);
    commands(run, told, end, court);
}

/// The history folds into a run that has ended, and nothing in it is impossible.
fn fold(run: RunId, end: &End, court: &mut Court) {
    for breach in check_history(&end.history) {
        court.accuse(Rule::Invariants, run, breach.to_string());
    }
    let Some(folded) = Run::replay(run, &end.history) else {
        return court.accuse(Rule::Invariants, run, "the history cannot be replayed");
    };
    let now = end.history.last().map_or(Timestamp::from_millis(0), |recorded| recorded.at);
    for breach in check_run(&folded, now) {
        court.accuse(Rule::Invariants, run, breach.to_string());
    }
    if !folded.state().is_terminal() {
        let steps = folded.all_steps().iter();
        let open: Vec<_> = steps
            .filter(|step| !step.state.is_terminal())
            .map(|step| format!("{}:{}", step.id, step.state.as_str()))
            .collect();
        let call = folded.open_call();
        let state = folded.state().as_str();
        let last = end.history.last().map(|recorded| recorded.seq);
        let found = format!("is {state} after event {last:?}, steps {open:?}, call {call:?}");
        court.accuse(Rule::EveryRunEnds, run, found);
    }
}

fn results(run: RunId, end: &End, court: &mut Court) {
    let mut recorded = BTreeMap::new();
    for event in &end.history {
        if let Event::StepSucceeded { step, .. } = event.event {
            *recorded.entry(step).or_insert(0) += 1;
        }
    }
    for (step, count) in recorded.into_iter().filter(|(_, count)| *count > 1) {
        court.accuse(Rule::OneResult, run, format!("step {step} has {count} recorded results"));
    }
}

/// Only an end that comes before the command may leave it out of what watchers see.
fn commands(run: RunId, told: &Told, end: &End, court: &mut Court) {
    let done = |name: &str| {
        end.history.iter().any(|recorded| match &recorded.event {
            Event::CommandDone { command } | Event::CommandRefused { command, .. } => {
                command.as_str() == name
            }
            _ => false,
        })
    };
    let cancelled =
        |recorded: &sortie_engine::Recorded| matches!(recorded.event, Event::RunCancelled { .. });
    let was_cancelled = end.history.iter().any(cancelled);
    for cancel in &told.cancels {
        if !cancel.answered {
            let found = format!("command {} was never answered", cancel.command);
            court.accuse(Rule::CommandsAreCarriedOut, run, found);
        } else if was_cancelled && told.cancels.len() == 1 && !done(&cancel.command) {
            let found = format!("the run was cancelled, and not by {}", cancel.command);
            court.accuse(Rule::CommandsAreCarriedOut, run, found);
        }
    }
    if was_cancelled && told.cancels.is_empty() {
        court.accuse(Rule::CommandsAreCarriedOut, run, "the run was cancelled by nobody");
    }
}
