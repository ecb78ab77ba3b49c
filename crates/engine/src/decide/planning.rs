//! A plan as it arrives: step by step, then its end, or its failure.

use std::sync::Arc;

use super::check;
use super::replanning::means_the_same;
use crate::decision::{Context, Decision, ModelCall, Refusal};
use crate::event::{Event, NextPlan, PlanCause, PlannedStep, ToolTerms};
use crate::failure::{Failure, FailureKind};
use crate::ids::{PlanVersion, StepId};
use crate::plan::{Problem, StepDraft};
use crate::result::Usage;
use crate::retry::mix;
use crate::run::{MAX_PLAN_BYTES, MAX_REJECTED, Plan, Run, Step, StepState};
use crate::tool::Effect;

/// A rejection tells of at most so many faults.
const MAX_PROBLEMS: usize = 64;
/// A message about a plan names at most so many of its faults; the history has them all.
const SHOWN_PROBLEMS: usize = 8;

impl Run {
    pub(super) fn step_planned(
        &self,
        version: PlanVersion,
        draft: &Arc<StepDraft>,
        cx: &Context<'_>,
    ) -> Result<Decision, Refusal> {
        let Some(plan) = self.open_plan(version)? else { return Ok(Decision::default()) };
        let bytes = crate::template::json_bytes(&draft.tool_input);
        if let Some(problem) = self.overflow(plan, bytes + draft.weight_without_input()) {
            // No use in hearing the rest: it could go on for ever.
            let mut problems = known_problems(plan);
            problems.push(problem);
            return Ok(self.reject(version, problems, Usage::default(), cx));
        }
        let events = match check::step(self, plan, draft, bytes, cx.catalogue) {
            Err(problems) => {
                vec![Event::StepRejected { version, draft: draft.clone(), problems }]
            }
            Ok((planned, terms)) => self.accept_step(plan, draft, planned, terms),
        };
        Ok(Decision { events, ..Decision::default() })
    }

    pub(super) fn plan_ended(
        &self,
        version: PlanVersion,
        usage: Usage,
        told: &[Problem],
        cx: &Context<'_>,
    ) -> Result<Decision, Refusal> {
        let Some(plan) = self.open_plan(version)? else { return Ok(Decision::default()) };
        let mut problems: Vec<_> = told.iter().take(MAX_PROBLEMS).map(Problem::clipped).collect();
        problems.extend(known_problems(plan));
        // A plan that could not be read has no steps, which is no second fault.
        let unreadable = plan.len() == 0 && !problems.is_empty();
        problems.extend(check::whole(self, plan, cx.catalogue).into_iter().filter(|_| !unreadable));
        problems.extend(self.deeds_done_before(plan));
        if problems.is_empty() {
            let event = Event::PlanAccepted { version, usage };
            return Ok(Decision::just(event));
        }
        Ok(self.reject(version, problems, usage, cx))
    }

    pub(super) fn plan_failed(
        &self,
        version: PlanVersion,
        failure: &Failure,
        usage: Usage,
        cx: &Context<'_>,
    ) -> Result<Decision, Refusal> {
        if self.open_plan(version)?.is_none() {
            return Ok(Decision::default());
        }
        let failures = self.tally.plan_failures + 1;
        let seed = mix(cx.seed ^ u64::from(version.get()));
        let next = cx
            .retry
            .pause(failure, failures, seed)
            .filter(|_| failures < cx.retry.calls && self.may_call())
            .map(|pause| NextPlan { cause: PlanCause::Retry, at: cx.now + pause })
            .filter(|next| next.at < self.deadline());
        let failure = failure.clipped();
        let end = next.is_none().then(|| self.without_plan(failure.clone()));
        let mut events = vec![Event::PlanCallFailed { version, failure, usage, next }];
        events.extend(end.into_iter().flatten());
        Ok(Decision { events, ..Decision::default() })
    }

    /// The plan that is being written, if words about `version` are about it.
    fn open_plan(&self, version: PlanVersion) -> Result<Option<&Plan>, Refusal> {
        let open = self.is_open(ModelCall::Plan(version))?;
        Ok(self.plan.as_ref().filter(|_| open))
    }

    /// What makes a plan too large to go on reading.
    fn overflow(&self, plan: &Plan, bytes: usize) -> Option<Problem> {
        let limit = self.goal.limits.steps as usize;
        let message = if plan.len() >= limit {
            format!("the plan has more than {limit} steps")
        } else if plan.bytes + bytes > MAX_PLAN_BYTES {
            format!("the plan is larger than {MAX_PLAN_BYTES} bytes")
        } else if plan.rejected.len() >= MAX_REJECTED {
            format!("more than {MAX_REJECTED} steps are not sound")
        } else {
            return None;
        };
        Some(Problem { step: None, message })
    }

    fn accept_step(
        &self,
        plan: &Plan,
        draft: &Arc<StepDraft>,
        planned: PlannedStep,
        terms: ToolTerms,
    ) -> Vec<Event> {
        let version = plan.version;
        let planned = Arc::new(planned);
        let dead = planned
            .depends_on
            .iter()
            .filter_map(|number| plan.numbers.get(number))
            .find(|id| self.step(**id).is_some_and(|step| step.state.is_dead()))
            .copied();
        if let Some(step) = self.adoptable(plan, &planned) {
            return vec![Event::StepAdopted { version, step, planned }];
        }
        if let Some(problem) = self.done_before(plan, &planned, terms.effect) {
            let draft = draft.clone();
            return vec![Event::StepRejected { version, draft, problems: vec![problem] }];
        }
        let step = self.next_step_id();
        let number = planned.number;
        let mut events =
            vec![Event::StepPlanned { version, step, planned, terms: Arc::new(terms) }];
        if let Some(because_of) = dead {
            events.push(Event::StepSkipped { step, because_of });
            let waiting = plan.expected.get(&number).into_iter().flatten();
            // One that waited for a lost step beside this one has been skipped already.
            let pending =
                |id: &&StepId| self.step(**id).is_some_and(|step| step.state == StepState::Pending);
            let lost: Vec<_> = waiting.filter(pending).copied().collect();
            let because_of = step;
            events.extend(lost.iter().map(|step| Event::StepSkipped { step: *step, because_of }));
            events.extend(self.skips(lost));
        }
        events
    }

    /// A step of an earlier version that is the same: same tool, same input, where references are
    /// the same if they mean the same steps. It must have a result, or be with a worker and wait for
    /// nothing in the new version either.
    fn adoptable(&self, plan: &Plan, planned: &PlannedStep) -> Option<StepId> {
        let meant = planned.depends_on.iter().map(|number| plan.numbers.get(number).copied());
        let waits_for: Vec<Option<StepId>> = meant.collect();
        let may_run = waits_for.iter().all(|id| {
            let step = id.and_then(|id| self.step(id));
            step.is_some_and(|step| step.result().is_some())
        });
        // What looks at the world or changes it must have come after all that it now comes after.
        let in_order = |step: &Step| {
            step.terms.effect == Effect::Pure
                || waits_for.iter().all(|id| id.is_some_and(|id| step.waits_for.contains(&id)))
        };
        let same = |step: &&Step| {
            let is_out = matches!(step.state, StepState::Queued(_));
            step.version < plan.version
                && (step.result().is_some() || (is_out && may_run))
                && !self.doomed.contains(&step.id)
                && step.planned.tool == planned.tool
                && in_order(step)
                && means_the_same(plan, planned, step)
        };
        self.steps.iter().find(same).map(|step| step.id)
    }

    /// Asks for a repair if there may be one, otherwise ends the run.
    fn reject(
        &self,
        version: PlanVersion,
        problems: Vec<Problem>,
        usage: Usage,
        cx: &Context<'_>,
    ) -> Decision {
        let problems = shortened(problems);
        let may_repair = self.tally.repairs < self.goal.limits.plan_repairs && self.may_call();
        let next = may_repair.then_some(NextPlan { cause: PlanCause::Repair, at: cx.now });
        let end =
            next.is_none().then(|| self.without_plan(unsound(version, &self.planner, &problems)));
        let mut events = vec![Event::PlanRejected { version, problems, usage, next }];
        events.extend(end.into_iter().flatten());
        Decision { events, ..Decision::default() }
    }
}

/// As many problems as an author can mend at once; the rest is counted.
fn shortened(mut problems: Vec<Problem>) -> Vec<Problem> {
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    problems.truncate(MAX_PROBLEMS);
    if more > 0 {
        problems.push(Problem { step: None, message: format!("and {more} more problems") });
    }
    problems
}

fn known_problems(plan: &Plan) -> Vec<Problem> {
    plan.rejected.iter().flat_map(|(_, problems)| problems.iter().cloned()).collect()
}

fn unsound(version: PlanVersion, planner: &str, problems: &[Problem]) -> Failure {
    let shown: Vec<_> = problems.iter().take(SHOWN_PROBLEMS).map(ToString::to_string).collect();
    let more = problems.len() - shown.len();
    let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
    let by = if planner.is_empty() { String::new() } else { format!(" by {planner}") };
    let message = format!("plan version {version}{by} is not sound: {}{rest}", shown.join("; "));
    Failure::new(FailureKind::InvalidPlan, message)
}
