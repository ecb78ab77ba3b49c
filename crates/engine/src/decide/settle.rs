//! What follows from a run's state by itself: work that is due, and the next phase.

use super::{cap_reached, stopping};
use crate::decision::{CommitBudget, Context, Decision, INLINE_INPUT_BYTES, ModelCall, ReadyStep};
use crate::event::{Event, NextPlan, PlanCause, StopReason};
use crate::failure::{Failure, FailureKind};
use crate::ids::{AttemptNumber, StepId};
use crate::result::Usage;
use crate::run::{Phase, Run, Step, StepState};
use crate::time::Timestamp;

impl Run {
    /// The next thing that follows from the state, as far as the budget goes; empty when nothing
    /// does. The caller applies it and asks again.
    #[must_use]
    pub fn settle(&self, cx: &Context<'_>, budget: &mut CommitBudget) -> Decision {
        if self.phase.is_terminal() {
            return Decision::default();
        }
        let stopping = matches!(self.phase, Phase::Stopping(_));
        if !stopping && cx.now >= self.deadline() {
            return Decision::just(self.out_of_time());
        }
        if !self.doomed.is_empty() {
            return self.end_doomed(stopping, budget);
        }
        if let Phase::Stopping(reason) = &self.phase {
            return Decision::just(ending(reason));
        }
        if let Some(expired) = self.expired(cx.now) {
            return self.expire(expired, budget);
        }
        let due = self.paused(cx.now).chain(self.queueable());
        if let Some(broke) = due.into_iter().find(|step| self.is_beyond_cap(step)) {
            let events = self.step_lost(broke.id, &cap_reached(self), Usage::default());
            return Decision { events, ..Decision::default() };
        }
        let queued = self.queue_ready(cx, budget);
        if queued.is_empty() { self.next_phase(cx, budget) } else { queued }
    }

    /// Steps that may be handed to the workers now, as far as the plan goes.
    pub(crate) fn queueable(&self) -> impl Iterator<Item = &Step> {
        let plan_is_sound = matches!(self.phase, Phase::Executing);
        let may_start = match (&self.phase, &self.plan) {
            (Phase::Planning, Some(plan)) => plan.rejected.is_empty(),
            _ => plan_is_sound,
        };
        let ready = self.ready.iter().filter(move |_| may_start);
        ready
            .filter_map(|id| self.step(*id))
            .filter(move |step| plan_is_sound || step.terms.effect.may_start_early())
    }

    /// Steps whose pause before the next attempt is over.
    fn paused(&self, now: Timestamp) -> impl Iterator<Item = &Step> {
        let due = self.due.range(..=(now, StepId::new(u32::MAX)));
        due.filter_map(|(_, id)| self.step(*id)).filter(|step| {
            matches!(step.state, StepState::Retrying { .. }) && self.is_current(step)
        })
    }

    fn is_beyond_cap(&self, step: &Step) -> bool {
        step.terms.calls_model && !self.may_call()
    }

    fn out_of_time(&self) -> Event {
        let limit = self.goal.limits.run_timeout.as_secs_f64();
        let (steps, ended) = self.progress();
        let message =
            format!("the run did not end within {limit} s; {ended} of {steps} steps had ended");
        stopping(Failure::new(FailureKind::DeadlineExceeded, message))
    }

    /// Ends steps that the run's end or a later plan has doomed, as many as fit.
    fn end_doomed(&self, stopping: bool, budget: &mut CommitBudget) -> Decision {
        let mut decision = Decision::default();
        for step in self.doomed.iter().filter_map(|id| self.step(*id)) {
            if !budget.fits(64) {
                break;
            }
            budget.take(64);
            let id = step.id;
            decision.events.push(match stopping {
                true => Event::StepCancelled { step: id },
                false => Event::StepSuperseded { step: id },
            });
            if matches!(step.state, StepState::Queued(_)) {
                decision.withdrawn.push(id);
            }
        }
        decision
    }

    /// A step whose own time is up.
    fn expired(&self, now: Timestamp) -> Option<&Step> {
        let due = self.due.range(..=(now, StepId::new(u32::MAX)));
        let steps = due.filter_map(|(_, id)| self.step(*id));
        steps
            .into_iter()
            .find(|step| step.first_queued.is_some() && self.step_deadline(step, now) <= now)
    }

    fn expire(&self, step: &Step, budget: &mut CommitBudget) -> Decision {
        if !budget.fits(64) {
            return Decision::default();
        }
        budget.take(64);
        let limit = self.goal.limits.step_timeout.unwrap_or_default().as_secs_f64();
        let tool = &step.planned.tool;
        let message = format!("step {} ({tool}) did not end within {limit} s", step.number());
        let failure = Failure::new(FailureKind::DeadlineExceeded, message);
        let withdrawn = match step.state {
            StepState::Queued(_) => vec![step.id],
            _ => Vec::new(),
        };
        let events = match self.is_current(step) {
            true => self.step_lost(step.id, &failure, Usage::default()),
            false => vec![Event::StepSuperseded { step: step.id }],
        };
        Decision { events, withdrawn, ..Decision::default() }
    }

    /// Hands steps to the workers: those whose pause is over, then those that are ready.
    fn queue_ready(&self, cx: &Context<'_>, budget: &mut CommitBudget) -> Decision {
        let mut decision = Decision::default();
        let mut calls_left =
            self.goal.limits.model_calls.saturating_sub(self.tally.model_calls + 1);
        for step in self.paused(cx.now).chain(self.queueable()) {
            let weight = self.entry_weight(step);
            if step.terms.calls_model && calls_left == 0 {
                // The next round finds it beyond the cap; the others need not wait for that.
                continue;
            }
            if !budget.fits(weight) {
                break;
            }
            budget.take(weight);
            calls_left -= u32::from(step.terms.calls_model);
            let attempt = AttemptNumber::new(step.attempts + 1);
            decision.events.push(Event::StepQueued { step: step.id, attempt });
            decision.ready.push(self.entry(step, attempt, cx.now));
        }
        decision
    }

    fn entry(&self, step: &Step, attempt: AttemptNumber, now: Timestamp) -> ReadyStep {
        ReadyStep {
            step: step.id,
            attempt,
            generation: step.generation,
            planned: step.planned.clone(),
            terms: step.terms.clone(),
            inputs: step.inputs.clone(),
            deadline: self.step_deadline(step, now),
            workers_lost: step.workers_lost,
        }
    }

    /// About how many bytes a ready entry takes, its event included.
    fn entry_weight(&self, step: &Step) -> usize {
        let results = step.inputs.iter().filter_map(|(_, id)| self.step(*id)?.result());
        let values: u64 = results.map(|result| result.bytes).sum();
        let values = usize::try_from(values.min(INLINE_INPUT_BYTES)).unwrap_or(usize::MAX);
        256 + step.planned.weight() + values
    }

    fn next_phase(&self, cx: &Context<'_>, budget: &mut CommitBudget) -> Decision {
        match &self.phase {
            Phase::AwaitingPlan(next) if next.at <= cx.now => self.start_plan(*next, cx, budget),
            Phase::Executing if self.steps_are_done() && self.wants_replan() => {
                let next = NextPlan { cause: PlanCause::Replan, at: cx.now };
                self.start_plan(next, cx, budget)
            }
            Phase::Executing if self.steps_are_done() && self.succeeded == 0 => {
                Decision::just(stopping(self.no_results()))
            }
            Phase::Executing if self.steps_are_done() => self.start_answer(cx, budget),
            Phase::AwaitingAnswer { at, .. } if *at <= cx.now => self.start_answer(cx, budget),
            _ => Decision::default(),
        }
    }

    fn start_plan(&self, next: NextPlan, cx: &Context<'_>, budget: &mut CommitBudget) -> Decision {
        if !self.may_call() {
            return Decision {
                events: self.without_plan(cap_reached(self)),
                ..Decision::default()
            };
        }
        if budget.calls == 0 {
            return Decision::default();
        }
        budget.calls -= 1;
        let version = self.next_version();
        let started =
            Event::PlanVersionStarted { version, cause: next.cause, planner: cx.planner.clone() };
        let events = std::iter::once(started).chain(self.supersede_waiting()).collect();
        let start = Some(ModelCall::Plan(version));
        Decision { events, start, ..Decision::default() }
    }

    /// The end of steps that no worker has yet, when another version takes their place; those that
    /// one has may still be adopted.
    pub(super) fn supersede_waiting(&self) -> impl Iterator<Item = Event> {
        let waiting = self.steps.iter().filter(|step| {
            !step.state.is_terminal() && !matches!(step.state, StepState::Queued(_))
        });
        waiting.map(|step| Event::StepSuperseded { step: step.id })
    }

    fn start_answer(&self, cx: &Context<'_>, budget: &mut CommitBudget) -> Decision {
        if !self.may_answer() {
            return Decision::just(stopping(cap_reached(self)));
        }
        if budget.calls == 0 {
            return Decision::default();
        }
        budget.calls -= 1;
        let attempt = self.next_answer();
        let events =
            vec![Event::AnswerAttemptStarted { attempt, synthesizer: cx.synthesizer.clone() }];
        Decision { events, start: Some(ModelCall::Answer(attempt)), ..Decision::default() }
    }

    /// Where no step has a result, the reasons of those that failed by themselves.
    fn no_results(&self) -> Failure {
        let reasons: Vec<_> = self
            .plan_steps()
            .filter_map(|step| match &step.state {
                StepState::Failed(failure) | StepState::Unknown(failure) => {
                    let what = &step.planned.description;
                    Some(format!("step {} ({what}): {}", step.number(), failure.message))
                }
                _ => None,
            })
            .take(16)
            .collect();
        let message = format!("no step has a result: {}", reasons.join("; "));
        Failure::new(FailureKind::NoResults, message)
    }
}

fn ending(reason: &StopReason) -> Event {
    match reason {
        StopReason::Failed(failure) => Event::RunFailed { failure: failure.clone() },
        StopReason::Cancelled(reason) => Event::RunCancelled { reason: reason.clone() },
    }
}
