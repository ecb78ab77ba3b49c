//! What is always true of a whole history, whoever wrote it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Breach, Checker};
use crate::event::{Event, Recorded};
use crate::ids::{AttemptNumber, CommandId, StepId};

/// Everything that is broken in a history from its first event on.
#[must_use]
pub fn check_history(history: &[Recorded]) -> Vec<Breach> {
    let mut checker = Checker::new();
    let gap = history.iter().zip(1_u64..).find(|(recorded, place)| recorded.seq.get() != *place);
    checker.hold("H1", "places count from 1 without a gap", gap.is_none(), || {
        format!("{:?}", gap.map(|(recorded, place)| (recorded.seq, place)))
    });
    let submissions = history.iter().filter(|r| matches!(r.event, Event::RunSubmitted { .. }));
    let first = history.first().is_some_and(|r| matches!(r.event, Event::RunSubmitted { .. }));
    checker.hold(
        "H2",
        "a history begins with its one submission",
        first && submissions.count() == 1,
        || format!("{:?}", history.first().map(|recorded| &recorded.event)),
    );
    let mut after_end = history.iter().skip_while(|recorded| !recorded.event.ends_run()).skip(1);
    let late = after_end.find(|recorded| !matches!(recorded.event, Event::CommandRefused { .. }));
    checker.hold("H3", "after the end only commands are refused", late.is_none(), || {
        format!("{late:?}")
    });
    steps(history, &mut checker);
    commands(history, &mut checker);
    checker.breaches
}

#[derive(Default)]
struct Life {
    queued: Option<AttemptNumber>,
    waits_for_retry: bool,
    ended: bool,
}

fn steps(history: &[Recorded], checker: &mut Checker) {
    let mut lives: BTreeMap<StepId, Life> = BTreeMap::new();
    for recorded in history {
        let event = &recorded.event;
        let found = || format!("{recorded:?}");
        if let Event::StepPlanned { step, .. } = event {
            let fresh = lives.insert(*step, Life::default()).is_none();
            checker.hold("H4", "a step id is never used again", fresh, found);
            continue;
        }
        let Some(id) = subject(event) else { continue };
        let life = lives.entry(id).or_default();
        checker.hold("H5", "nothing happens to a step after its end", !life.ended, found);
        match event {
            Event::StepQueued { attempt, .. } => {
                let next = life.queued.map_or(AttemptNumber::FIRST, AttemptNumber::next);
                let allowed = life.queued.is_none() || life.waits_for_retry;
                checker.hold(
                    "H6",
                    "attempts count up, each after the last has failed",
                    allowed && *attempt == next,
                    found,
                );
                *life = Life { queued: Some(*attempt), waits_for_retry: false, ended: false };
            }
            Event::StepRetrying { attempt, .. } => {
                checker.hold(
                    "H7",
                    "only the attempt that is out can end",
                    life.queued == Some(*attempt),
                    found,
                );
                life.waits_for_retry = true;
            }
            Event::StepSucceeded { attempt, .. } => {
                let out = life.queued == Some(*attempt) && !life.waits_for_retry;
                checker.hold("H7", "only the attempt that is out can end", out, found);
                life.ended = true;
            }
            _ => life.ended = true,
        }
    }
}

/// The step that something happens to; adoption only gives it another label.
const fn subject(event: &Event) -> Option<StepId> {
    match event {
        Event::StepQueued { step, .. }
        | Event::StepSucceeded { step, .. }
        | Event::StepRetrying { step, .. }
        | Event::StepFailed { step, .. }
        | Event::StepSkipped { step, .. }
        | Event::StepCancelled { step }
        | Event::StepSuperseded { step }
        | Event::StepUnknown { step, .. } => Some(*step),
        _ => None,
    }
}

fn commands(history: &[Recorded], checker: &mut Checker) {
    let mut seen: BTreeSet<&CommandId> = BTreeSet::new();
    for recorded in history {
        if let Event::CommandDone { command } | Event::CommandRefused { command, .. } =
            &recorded.event
        {
            let fresh = seen.insert(command);
            checker
                .hold("H8", "each command is answered once", fresh, || format!("{command} again"));
        }
    }
}
