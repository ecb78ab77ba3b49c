//! What is always true of a run between two commits.

use std::collections::BTreeSet;

use super::{Breach, Checker};
use crate::goal::MAX_REPLANS;
use crate::ids::StepId;
use crate::run::{Phase, Run, Step, StepState};
use crate::time::Timestamp;

/// Everything that is broken in a run's state.
#[must_use]
pub fn check_run(run: &Run, now: Timestamp) -> Vec<Breach> {
    let mut checker = Checker::new();
    counters(run, &mut checker);
    for step in run.all_steps() {
        check_step(run, step, &mut checker);
    }
    timers(run, now, &mut checker);
    limits(run, &mut checker);
    checker.breaches
}

fn counters(run: &Run, checker: &mut Checker) {
    let open = run.plan_steps().filter(|step| !step.state.is_terminal()).count();
    checker.hold(
        "R1",
        "open counts the plan's steps that have not ended",
        open == run.open,
        || format!("{} counted, {open} found", run.open),
    );
    let done = run.plan_steps().filter(|step| step.result().is_some()).count();
    checker.hold("R2", "succeeded counts the plan's results", done == run.succeeded, || {
        format!("{} counted, {done} found", run.succeeded)
    });
    let ready: BTreeSet<_> = ids(run, |step| step.state == StepState::Ready);
    checker.hold("R3", "the ready set holds the steps in state ready", ready == run.ready, || {
        format!("{:?} held, {ready:?} found", run.ready)
    });
    let strangers = ids(run, |step| run.doomed.contains(&step.id) && step.state.is_terminal());
    checker.hold("R4", "only open steps are doomed", strangers.is_empty(), || {
        format!("{strangers:?} have ended")
    });
}

fn check_step(run: &Run, step: &Step, checker: &mut Checker) {
    let id = step.id;
    let current = run.is_current(step);
    let parked = step.state.is_terminal() || matches!(step.state, StepState::Queued(_));
    checker.hold(
        "R5",
        "steps of replaced plans are with a worker or over",
        current || parked,
        || format!("step {id} of version {} is {}", step.version, step.state.as_str()),
    );
    if !current {
        return;
    }
    let unmet =
        step.planned.depends_on.iter().filter(|number| {
            run.step_by_number(**number).is_none_or(|other| other.result().is_none())
        });
    let unmet = unmet.count();
    let waits = step.state == StepState::Pending;
    checker.hold(
        "R6",
        "a step waits exactly as long as a dependency has no result",
        !waits || unmet > 0,
        || format!("step {id} waits for nothing"),
    );
    checker.hold(
        "R7",
        "unmet counts the dependencies without a result",
        !waits || unmet == step.unmet,
        || format!("step {id}: {} counted, {unmet} found", step.unmet),
    );
    let started =
        matches!(step.state, StepState::Ready | StepState::Queued(_) | StepState::Retrying { .. });
    checker.hold(
        "R8",
        "no step starts before its dependencies have results",
        !started || unmet == 0,
        || format!("step {id} is {} with {unmet} missing", step.state.as_str()),
    );
    let most = run.goal.limits.attempts;
    checker.hold("R9", "no step is tried more often than allowed", step.attempts <= most, || {
        format!("step {id} was tried {} times, {most} allowed", step.attempts)
    });
}

fn timers(run: &Run, now: Timestamp, checker: &mut Checker) {
    let timer = run.timer(now);
    let over = run.phase.is_terminal();
    checker.hold(
        "R10",
        "a run has a timer exactly while it is open",
        timer.is_none() == over,
        || format!("{} with timer {timer:?}", run.state().as_str()),
    );
    let open = ids(run, |step| !step.state.is_terminal());
    checker.hold("R11", "a run that has ended has no open step", !over || open.is_empty(), || {
        format!("{open:?} are open")
    });
    let until = |step: &Step| match step.state {
        StepState::Retrying { until, .. } => Some((until, step.id)),
        _ => None,
    };
    let limit = run.goal.limits.step_timeout;
    let deadline = |step: &Step| {
        let queued = step.first_queued.filter(|_| !step.state.is_terminal());
        queued.zip(limit).map(|(first, limit)| (first + limit, step.id))
    };
    let steps = run.all_steps().iter();
    let wanted: BTreeSet<_> =
        steps.flat_map(|step| [until(step), deadline(step)]).flatten().collect();
    checker.hold("R12", "pauses and deadlines of steps are all due", wanted == run.due, || {
        format!("{:?} due, {wanted:?} wanted", run.due)
    });
}

fn limits(run: &Run, checker: &mut Checker) {
    let (made, most) = (run.model_calls(), run.goal.limits.model_calls);
    checker.hold("R13", "the cap of model calls holds", made <= most, || {
        format!("{made} made, {most} allowed")
    });
    let repairs = (run.tally.repairs, run.goal.limits.plan_repairs);
    checker.hold("R14", "the cap of plan repairs holds", repairs.0 <= repairs.1, || {
        format!("{} made, {} allowed", repairs.0, repairs.1)
    });
    let replans = run.tally.replans;
    checker.hold("R16", "the cap of replans holds", replans <= MAX_REPLANS, || {
        format!("{replans} made, {MAX_REPLANS} allowed")
    });
    let planning = matches!(run.phase, Phase::AwaitingPlan(_) | Phase::Planning);
    let over = matches!(run.phase, Phase::Stopping(_) | Phase::Ended(_));
    let remembers = run.replaced.is_some();
    checker.hold(
        "R17",
        "a replaced plan is remembered until the next one is accepted",
        !remembers || planning || over,
        || format!("{} and a plan is being replaced", run.state().as_str()),
    );
    let stopped = matches!(run.phase, Phase::Succeeded { .. });
    checker.hold(
        "R15",
        "a run that succeeded has an answer",
        stopped == run.answer.is_some(),
        || format!("{} with answer {:?}", run.state().as_str(), run.answer),
    );
}

fn ids(run: &Run, wanted: impl Fn(&Step) -> bool) -> BTreeSet<StepId> {
    run.all_steps().iter().filter(|step| wanted(step)).map(|step| step.id).collect()
}
