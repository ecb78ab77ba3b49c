//! Events of planning.

use std::sync::Arc;

use sortie_engine::{
    Event, Failure, NextPlan, PlanCause, PlanVersion, PlannedStep, Problem, StepDraft, StepId,
    ToolTerms, Usage,
};

use super::{failure, step_id, usage, version};
use crate::{BadField, time, tool, v1};

impl From<PlanCause> for v1::PlanCause {
    fn from(cause: PlanCause) -> Self {
        match cause {
            PlanCause::First => Self::First,
            PlanCause::Repair => Self::Repair,
            PlanCause::Takeover => Self::Takeover,
            PlanCause::Replan => Self::Replan,
            PlanCause::Retry => Self::Retry,
        }
    }
}

fn read_cause(field: &'static str, cause: i32) -> Result<PlanCause, BadField> {
    let unknown = || BadField::new(field, format!("has no cause {cause}"));
    match v1::PlanCause::try_from(cause).map_err(|_| unknown())? {
        v1::PlanCause::Unspecified => Err(BadField::new(field, "is not set")),
        v1::PlanCause::First => Ok(PlanCause::First),
        v1::PlanCause::Repair => Ok(PlanCause::Repair),
        v1::PlanCause::Takeover => Ok(PlanCause::Takeover),
        v1::PlanCause::Replan => Ok(PlanCause::Replan),
        v1::PlanCause::Retry => Ok(PlanCause::Retry),
    }
}

/// The time decides whether there is a next version; the cause alone says nothing.
fn read_next(
    retry_at: Option<prost_types::Timestamp>,
    cause: i32,
) -> Result<Option<NextPlan>, BadField> {
    let Some(at) = time::optional_point_from_wire("retry_at", retry_at)? else { return Ok(None) };
    Ok(Some(NextPlan { cause: read_cause("next_cause", cause)?, at }))
}

fn next_cause(next: Option<NextPlan>) -> i32 {
    next.map_or(v1::PlanCause::Unspecified, |next| next.cause.into()).into()
}

pub(crate) fn problems(list: &[Problem]) -> Vec<v1::PlanProblem> {
    list.iter().cloned().map(Into::into).collect()
}

pub(crate) fn read_problems(list: Vec<v1::PlanProblem>) -> Vec<Problem> {
    list.into_iter().map(Into::into).collect()
}

fn read_planned(step: Option<v1::PlannedStep>) -> Result<Arc<PlannedStep>, BadField> {
    let step = step.ok_or_else(|| BadField::new("step", "is not set"))?;
    Ok(Arc::new(step.try_into()?))
}

pub(crate) fn read_draft(step: Option<v1::PlannedStep>) -> Result<StepDraft, BadField> {
    step.ok_or_else(|| BadField::new("step", "is not set"))?.try_into()
}

pub(super) fn version_started(
    version: PlanVersion,
    cause: PlanCause,
    planner: &str,
) -> v1::PlanVersionStarted {
    let cause = v1::PlanCause::from(cause).into();
    v1::PlanVersionStarted { version: version.get(), cause, planner: planner.to_owned() }
}

pub(super) fn read_version_started(m: &v1::PlanVersionStarted) -> Result<Event, BadField> {
    Ok(Event::PlanVersionStarted {
        version: version(m.version)?,
        cause: read_cause("cause", m.cause)?,
        planner: Arc::from(m.planner.as_str()),
    })
}

pub(super) fn step_planned(
    version: PlanVersion,
    step: StepId,
    words: &PlannedStep,
    terms: &ToolTerms,
) -> v1::StepPlanned {
    v1::StepPlanned {
        version: version.get(),
        step_id: step.get(),
        step: Some(words.into()),
        queue: terms.queue.to_string(),
        effect: v1::Effect::from(terms.effect).into(),
        timeout: Some(time::to_wire(terms.timeout)),
        calls_model: terms.calls_model,
    }
}

pub(super) fn read_step_planned(m: v1::StepPlanned) -> Result<Event, BadField> {
    let terms = tool::terms(m.queue.as_str(), m.effect, m.timeout, m.calls_model)?;
    Ok(Event::StepPlanned {
        version: version(m.version)?,
        step: step_id(m.step_id)?,
        planned: read_planned(m.step)?,
        terms: Arc::new(terms),
    })
}

pub(super) fn step_rejected(
    version: PlanVersion,
    draft: &StepDraft,
    faults: &[Problem],
) -> v1::StepRejected {
    let step = Some(draft.clone().into());
    v1::StepRejected { version: version.get(), step, problems: problems(faults) }
}

pub(super) fn read_step_rejected(m: v1::StepRejected) -> Result<Event, BadField> {
    Ok(Event::StepRejected {
        version: version(m.version)?,
        draft: Arc::new(read_draft(m.step)?),
        problems: read_problems(m.problems),
    })
}

pub(super) fn step_adopted(
    version: PlanVersion,
    step: StepId,
    words: &PlannedStep,
) -> v1::StepAdopted {
    v1::StepAdopted { version: version.get(), step_id: step.get(), step: Some(words.into()) }
}

pub(super) fn read_step_adopted(m: v1::StepAdopted) -> Result<Event, BadField> {
    Ok(Event::StepAdopted {
        version: version(m.version)?,
        step: step_id(m.step_id)?,
        planned: read_planned(m.step)?,
    })
}

pub(super) fn accepted(version: PlanVersion, used: Usage) -> v1::PlanAccepted {
    v1::PlanAccepted { version: version.get(), usage: Some(used.into()) }
}

pub(super) fn read_accepted(m: v1::PlanAccepted) -> Result<Event, BadField> {
    Ok(Event::PlanAccepted { version: version(m.version)?, usage: usage(m.usage) })
}

pub(super) fn rejected(
    version: PlanVersion,
    faults: &[Problem],
    used: Usage,
    next: Option<NextPlan>,
) -> v1::PlanRejected {
    v1::PlanRejected {
        version: version.get(),
        problems: problems(faults),
        usage: Some(used.into()),
        retry_at: next.map(|next| time::point_to_wire(next.at)),
        next_cause: next_cause(next),
    }
}

pub(super) fn read_rejected(m: v1::PlanRejected) -> Result<Event, BadField> {
    Ok(Event::PlanRejected {
        version: version(m.version)?,
        problems: read_problems(m.problems),
        usage: usage(m.usage),
        next: read_next(m.retry_at, m.next_cause)?,
    })
}

pub(super) fn call_failed(
    version: PlanVersion,
    why: &Failure,
    used: Usage,
    next: Option<NextPlan>,
) -> v1::PlanCallFailed {
    v1::PlanCallFailed {
        version: version.get(),
        failure: Some(why.clone().into()),
        retry_at: next.map(|next| time::point_to_wire(next.at)),
        next_cause: next_cause(next),
        usage: Some(used.into()),
    }
}

pub(super) fn read_call_failed(m: v1::PlanCallFailed) -> Result<Event, BadField> {
    Ok(Event::PlanCallFailed {
        version: version(m.version)?,
        failure: failure(m.failure)?,
        usage: usage(m.usage),
        next: read_next(m.retry_at, m.next_cause)?,
    })
}
