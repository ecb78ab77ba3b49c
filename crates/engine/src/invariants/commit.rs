//! What is always true of what one commit holds.

use std::collections::BTreeSet;

use super::{Breach, Checker};
use crate::decision::{Folded, ModelCall};
use crate::event::Event;
use crate::ids::{Seq, StepId};
use crate::run::{Run, StepState};

/// Everything that is broken in a commit. `before` is the place of the last event before it,
/// `after` the run with the commit applied.
#[must_use]
pub fn check_commit(before: Seq, commit: &Folded, after: &Run) -> Vec<Breach> {
    let mut checker = Checker::new();
    let places = commit.events.iter().map(|recorded| recorded.seq.get());
    let expected = before.get() + 1..=after.seq().get();
    checker.hold(
        "C1",
        "events follow each other without a gap",
        places.clone().eq(expected),
        || format!("{:?} after {before}", places.collect::<Vec<_>>()),
    );
    let is_out = |step: StepId, attempt| {
        after.step(step).is_some_and(|step| step.state == StepState::Queued(attempt))
    };
    let queued = named(commit, |event| match event {
        Event::StepQueued { step, attempt } => Some((*step, *attempt)),
        _ => None,
    });
    let queued: BTreeSet<_> =
        queued.into_iter().filter(|(step, nth)| is_out(*step, *nth)).collect();
    let pushed: BTreeSet<_> =
        commit.ready.iter().map(|ready| (ready.step, ready.attempt)).collect();
    checker.hold("C2", "a step is queued in the commit that pushes it", queued == pushed, || {
        format!("queued {queued:?}, pushed {pushed:?}")
    });
    let succeeded = named(commit, |event| match event {
        Event::StepSucceeded { step, .. } => Some(*step),
        _ => None,
    });
    let kept: BTreeSet<_> = commit.results.iter().map(|(step, _)| *step).collect();
    checker.hold(
        "C3",
        "a result is kept in the commit that tells of it",
        succeeded == kept,
        || format!("succeeded {succeeded:?}, kept {kept:?}"),
    );
    let alive: Vec<StepId> = commit
        .withdrawn
        .iter()
        .copied()
        .filter(|id| after.step(*id).is_none_or(|step| !step.state.is_terminal()))
        .collect();
    checker.hold("C4", "only steps that have ended are withdrawn", alive.is_empty(), || {
        format!("{alive:?} are open")
    });
    let opened = named(commit, |event| match event {
        Event::PlanVersionStarted { version, .. } => Some(ModelCall::Plan(*version)),
        Event::AnswerAttemptStarted { attempt, .. } => Some(ModelCall::Answer(*attempt)),
        _ => None,
    });
    let started: BTreeSet<_> = commit.start.into_iter().collect();
    checker.hold(
        "C5",
        "a model call starts after the event that names it",
        opened == started,
        || format!("named {opened:?}, started {started:?}"),
    );
    checker.breaches
}

fn named<T: Ord>(commit: &Folded, pick: impl Fn(&Event) -> Option<T>) -> BTreeSet<T> {
    commit.events.iter().filter_map(|recorded| pick(&recorded.event)).collect()
}
