//! What a worker's report means: a result, another try, or the end of a step and of those that
//! wait for it.

use std::collections::{BTreeSet, VecDeque};

use super::stopping;
use crate::decision::{Context, Decision, Refusal};
use crate::event::Event;
use crate::failure::{Failure, FailureKind};
use crate::goal::FailurePolicy;
use crate::ids::{AttemptNumber, StepId};
use crate::result::{AttemptReport, Outcome, StepResult, Usage};
use crate::retry::mix;
use crate::run::{Phase, Run, Step, StepState};
use crate::time::Timestamp;
use crate::tool::Effect;

impl Run {
    pub(super) fn attempt_ended(
        &self,
        report: &AttemptReport,
        cx: &Context<'_>,
    ) -> Result<Decision, Refusal> {
        let step = self.step(report.step).ok_or(Refusal::UnknownStep(report.step))?;
        if step.state != StepState::Queued(report.attempt) {
            // Late or repeated: the step has ended, or a later attempt is under way.
            return Ok(Decision::default());
        }
        Ok(match &report.outcome {
            Outcome::Succeeded(result) => succeeded(report, result),
            Outcome::Failed(failure) => self.attempt_failed(step, report, &failure.clipped(), cx),
        })
    }

    /// A lost attempt counts as one, and the next one follows at once. It may have been with a
    /// worker: what must not run twice ends as unknown.
    pub(super) fn vanished(
        &self,
        id: StepId,
        attempt: AttemptNumber,
        cx: &Context<'_>,
    ) -> Result<Decision, Refusal> {
        let step = self.step(id).ok_or(Refusal::UnknownStep(id))?;
        if step.state != StepState::Queued(attempt) {
            // It was reported after all, or nobody waits for it any more.
            return Ok(Decision::default());
        }
        if matches!(self.phase, Phase::Stopping(_)) {
            return Ok(Decision::just(Event::StepCancelled { step: id }));
        }
        if !self.is_current(step) {
            return Ok(Decision::just(Event::StepSuperseded { step: id }));
        }
        let (usage, is_once) = (Usage::default(), step.terms.effect == Effect::Once);
        let failure = if is_once {
            let message =
                "the attempt was lost, and it must not run twice: look whether it was done";
            Failure::new(FailureKind::OutcomeUnknown, message)
        } else {
            Failure::new(FailureKind::WorkerLost, "the attempt was lost")
        };
        let may_retry = !is_once
            && step.attempts < self.goal.limits.attempts
            && cx.now < self.step_deadline(step, cx.now);
        let events = if may_retry {
            let (until, workers_lost) = (cx.now, step.workers_lost);
            vec![Event::StepRetrying { step: id, attempt, failure, until, workers_lost, usage }]
        } else {
            self.step_lost(id, &failure, usage)
        };
        Ok(Decision { events, ..Decision::default() })
    }

    fn attempt_failed(
        &self,
        step: &Step,
        report: &AttemptReport,
        failure: &Failure,
        cx: &Context<'_>,
    ) -> Decision {
        if matches!(self.phase, Phase::Stopping(_)) {
            return Decision::just(Event::StepCancelled { step: step.id });
        }
        if !self.is_current(step) {
            // Nobody waits for a step of an earlier plan version, unless it has a result to adopt.
            return Decision::just(Event::StepSuperseded { step: step.id });
        }
        let workers_lost = step.workers_lost + report.workers_lost;
        if step.terms.effect == Effect::Once {
            let failure = may_have_happened(failure);
            let events = self.step_lost(step.id, &failure, report.usage);
            return Decision { events, ..Decision::default() };
        }
        if let Some(until) = self.retry_at(step, failure, cx) {
            return Decision::just(Event::StepRetrying {
                step: step.id,
                attempt: report.attempt,
                failure: failure.clone(),
                until,
                workers_lost,
                usage: report.usage,
            });
        }
        let events = self.step_lost(step.id, failure, report.usage);
        Decision { events, ..Decision::default() }
    }

    /// When the next attempt may start, if there may be one.
    fn retry_at(&self, step: &Step, failure: &Failure, cx: &Context<'_>) -> Option<Timestamp> {
        if step.attempts >= self.goal.limits.attempts {
            return None;
        }
        let seed = mix(cx.seed ^ (u64::from(step.id.get()) << 32 | u64::from(step.attempts)));
        let until = cx.now + cx.retry.pause(failure, step.attempts, seed)?;
        (until < self.step_deadline(step, cx.now)).then_some(until)
    }

    /// The end of a step without a result, and what follows from it.
    pub(super) fn step_lost(&self, id: StepId, failure: &Failure, usage: Usage) -> Vec<Event> {
        let failure = failure.clone();
        let event = match failure.kind {
            FailureKind::OutcomeUnknown => {
                Event::StepUnknown { step: id, failure: failure.clone() }
            }
            _ => Event::StepFailed { step: id, failure: failure.clone(), usage },
        };
        let mut events = vec![event];
        match self.goal.policy {
            FailurePolicy::Graceful => events.extend(self.skips([id])),
            FailurePolicy::Strict => {
                let label = self.step(id).map_or(0, |step| step.number().get());
                let message = format!("step {label} failed: {failure}");
                events.push(stopping(Failure::new(FailureKind::StepFailed, message)));
            }
        }
        events
    }

    /// Everything that can no longer run because `lost` have no result: their dependents, and the
    /// dependents of those.
    pub(super) fn skips(&self, lost: impl IntoIterator<Item = StepId>) -> Vec<Event> {
        let mut queue: VecDeque<_> = lost.into_iter().collect();
        let mut seen: BTreeSet<_> = queue.iter().copied().collect();
        let mut events = Vec::new();
        while let Some(because_of) = queue.pop_front() {
            let dependents = self.step(because_of).map_or(&[][..], |step| &step.dependents);
            for dependent in dependents {
                let waits = self
                    .step(*dependent)
                    .is_some_and(|step| step.state == StepState::Pending && self.is_current(step));
                if waits && seen.insert(*dependent) {
                    events.push(Event::StepSkipped { step: *dependent, because_of });
                    queue.push_back(*dependent);
                }
            }
        }
        events
    }
}

/// A `once` tool is never started again. Where it did not end by itself, it may have done its work.
fn may_have_happened(failure: &Failure) -> Failure {
    match failure.kind {
        FailureKind::Timeout | FailureKind::ToolPanicked | FailureKind::Internal => {
            let message =
                format!("{}; it must not run twice: look whether it was done", failure.message);
            Failure::new(FailureKind::OutcomeUnknown, message)
        }
        _ => failure.clone(),
    }
}

fn succeeded(report: &AttemptReport, result: &StepResult) -> Decision {
    let event = Event::StepSucceeded {
        step: report.step,
        attempt: report.attempt,
        result: result.recorded(),
        worker: report.worker.clone(),
        started_at: report.started_at,
        usage: report.usage,
    };
    let results = vec![(report.step, result.clone())];
    Decision { events: vec![event], results, ..Decision::default() }
}
