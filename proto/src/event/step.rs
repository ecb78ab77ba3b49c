//! Events of steps.

use std::sync::Arc;

use sortie_engine::{
    AttemptNumber, Event, Failure, ResultBody, StepId, StepResult, Timestamp, Usage, WorkerName,
};

use super::{attempt, failure, step_id, usage};
use crate::ids::result_id;
use crate::{BadField, time, v1};

pub(super) fn queued(step: StepId, attempt: AttemptNumber) -> v1::StepQueued {
    v1::StepQueued { step_id: step.get(), attempt: attempt.get() }
}

pub(super) fn read_queued(m: v1::StepQueued) -> Result<Event, BadField> {
    Ok(Event::StepQueued { step: step_id(m.step_id)?, attempt: attempt(m.attempt)? })
}

pub(super) fn succeeded(
    step: StepId,
    attempt: AttemptNumber,
    result: &StepResult,
    worker: &WorkerName,
    started_at: Timestamp,
    used: Usage,
) -> v1::StepSucceeded {
    let result_id = match result.body {
        ResultBody::Stored(id) => id.to_string(),
        ResultBody::Inline(_) | ResultBody::Recorded => String::new(),
    };
    v1::StepSucceeded {
        step_id: step.get(),
        attempt: attempt.get(),
        result_bytes: result.bytes,
        preview: result.preview.to_string(),
        worker: worker.to_string(),
        started_at: Some(time::point_to_wire(started_at)),
        usage: Some(used.into()),
        result_id,
        empty: result.empty,
    }
}

pub(super) fn read_succeeded(m: v1::StepSucceeded) -> Result<Event, BadField> {
    let body = match m.result_id.as_str() {
        "" => ResultBody::Recorded,
        id => ResultBody::Stored(result_id(id)?),
    };
    Ok(Event::StepSucceeded {
        step: step_id(m.step_id)?,
        attempt: attempt(m.attempt)?,
        result: StepResult {
            body,
            bytes: m.result_bytes,
            preview: Arc::from(m.preview),
            empty: m.empty,
        },
        worker: WorkerName::new(&m.worker),
        started_at: time::point_from_wire("started_at", m.started_at)?,
        usage: usage(m.usage),
    })
}

pub(super) fn retrying(
    step: StepId,
    attempt: AttemptNumber,
    why: &Failure,
    until: Timestamp,
    workers_lost: u32,
    used: Usage,
) -> v1::StepRetrying {
    v1::StepRetrying {
        step_id: step.get(),
        attempt: attempt.get(),
        failure: Some(why.clone().into()),
        retry_at: Some(time::point_to_wire(until)),
        workers_lost,
        usage: Some(used.into()),
    }
}

pub(super) fn read_retrying(m: v1::StepRetrying) -> Result<Event, BadField> {
    Ok(Event::StepRetrying {
        step: step_id(m.step_id)?,
        attempt: attempt(m.attempt)?,
        failure: failure(m.failure)?,
        until: time::point_from_wire("retry_at", m.retry_at)?,
        workers_lost: m.workers_lost,
        usage: usage(m.usage),
    })
}

pub(super) fn failed(step: StepId, why: &Failure, used: Usage) -> v1::StepFailed {
    let failure = Some(why.clone().into());
    v1::StepFailed { step_id: step.get(), failure, usage: Some(used.into()) }
}

pub(super) fn read_failed(m: v1::StepFailed) -> Result<Event, BadField> {
    let (step, failure) = (step_id(m.step_id)?, failure(m.failure)?);
    Ok(Event::StepFailed { step, failure, usage: usage(m.usage) })
}

pub(super) fn skipped(step: StepId, because_of: StepId) -> v1::StepSkipped {
    v1::StepSkipped { step_id: step.get(), because_of: because_of.get() }
}

pub(super) fn read_skipped(m: v1::StepSkipped) -> Result<Event, BadField> {
    Ok(Event::StepSkipped { step: step_id(m.step_id)?, because_of: step_id(m.because_of)? })
}

pub(super) fn unknown(step: StepId, why: &Failure) -> v1::StepUnknown {
    v1::StepUnknown { step_id: step.get(), failure: Some(why.clone().into()) }
}

pub(super) fn read_unknown(m: v1::StepUnknown) -> Result<Event, BadField> {
    Ok(Event::StepUnknown { step: step_id(m.step_id)?, failure: failure(m.failure)? })
}
