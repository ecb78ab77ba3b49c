//! Commands on the wire, as they wait in a shared store for the owner of their lane. The way back is
//! complete: a result that was inline comes back with its value.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use sortie_engine::{
    AttemptReport, Command, CommandId, Outcome, ResultBody, StepResult, WorkerName,
};

use crate::event::{failure, plan, usage};
use crate::ids::{attempt, result_id, step_id, version};
use crate::{BadField, json, store_v1, time};
use store_v1::attempt_ended::Outcome as WireOutcome;
use store_v1::command::Kind;
use store_v1::step_result::Body;

impl From<&Command> for store_v1::Command {
    fn from(command: &Command) -> Self {
        Self { kind: Some(kind_of(command)) }
    }
}

impl TryFrom<store_v1::Command> for Command {
    type Error = BadField;

    fn try_from(m: store_v1::Command) -> Result<Self, BadField> {
        command_of(m.kind.ok_or_else(|| BadField::new("kind", "is not set or not known"))?)
    }
}

fn kind_of(command: &Command) -> Kind {
    match command {
        Command::TimerDue => Kind::TimerDue(store_v1::TimerDue {}),
        Command::Resume => Kind::Resume(store_v1::Resume {}),
        Command::Cancel { command, reason } => Kind::Cancel(store_v1::Cancel {
            command_id: command.to_string(),
            reason: reason.clone(),
        }),
        Command::AttemptEnded(report) => Kind::AttemptEnded(report.into()),
        Command::AttemptVanished { step, attempt } => {
            let (step_id, attempt) = (step.get(), attempt.get());
            Kind::AttemptVanished(store_v1::AttemptVanished { step_id, attempt })
        }
        Command::StepPlanned { version, draft } => Kind::StepDrafted(store_v1::StepDrafted {
            version: version.get(),
            step: Some(draft.as_ref().clone().into()),
        }),
        Command::PlanEnded { version, usage, problems } => Kind::PlanEnded(store_v1::PlanEnded {
            version: version.get(),
            usage: Some((*usage).into()),
            problems: plan::problems(problems),
        }),
        Command::PlanFailed { version, failure, usage } => Kind::PlanFailed(store_v1::PlanFailed {
            version: version.get(),
            failure: Some(failure.clone().into()),
            usage: Some((*usage).into()),
        }),
        Command::AnswerEnded { attempt, text, usage } => Kind::AnswerEnded(store_v1::AnswerEnded {
            attempt: attempt.get(),
            text: text.to_string(),
            usage: Some((*usage).into()),
        }),
        Command::AnswerFailed { attempt, failure, usage } => {
            Kind::AnswerFailed(store_v1::AnswerFailed {
                attempt: attempt.get(),
                failure: Some(failure.clone().into()),
                usage: Some((*usage).into()),
            })
        }
    }
}

fn command_of(kind: Kind) -> Result<Command, BadField> {
    Ok(match kind {
        Kind::TimerDue(store_v1::TimerDue {}) => Command::TimerDue,
        Kind::Resume(store_v1::Resume {}) => Command::Resume,
        Kind::Cancel(m) => {
            Command::Cancel { command: CommandId::new(&m.command_id), reason: m.reason }
        }
        Kind::AttemptEnded(m) => Command::AttemptEnded(m.try_into()?),
        Kind::AttemptVanished(m) => {
            Command::AttemptVanished { step: step_id(m.step_id)?, attempt: attempt(m.attempt)? }
        }
        Kind::StepDrafted(m) => Command::StepPlanned {
            version: version(m.version)?,
            draft: Arc::new(plan::read_draft(m.step)?),
        },
        Kind::PlanEnded(m) => Command::PlanEnded {
            version: version(m.version)?,
            usage: usage(m.usage),
            problems: plan::read_problems(m.problems),
        },
        Kind::PlanFailed(m) => Command::PlanFailed {
            version: version(m.version)?,
            failure: failure(m.failure)?,
            usage: usage(m.usage),
        },
        Kind::AnswerEnded(m) => Command::AnswerEnded {
            attempt: attempt(m.attempt)?,
            text: Arc::from(m.text),
            usage: usage(m.usage),
        },
        Kind::AnswerFailed(m) => Command::AnswerFailed {
            attempt: attempt(m.attempt)?,
            failure: failure(m.failure)?,
            usage: usage(m.usage),
        },
    })
}

impl From<&AttemptReport> for store_v1::AttemptEnded {
    fn from(report: &AttemptReport) -> Self {
        let outcome = match &report.outcome {
            Outcome::Succeeded(result) => WireOutcome::Result(result.into()),
            Outcome::Failed(failure) => WireOutcome::Failure(failure.clone().into()),
        };
        Self {
            step_id: report.step.get(),
            attempt: report.attempt.get(),
            outcome: Some(outcome),
            worker: report.worker.to_string(),
            started_at: Some(time::point_to_wire(report.started_at)),
            workers_lost: report.workers_lost,
            usage: Some(report.usage.into()),
        }
    }
}

impl TryFrom<store_v1::AttemptEnded> for AttemptReport {
    type Error = BadField;

    fn try_from(m: store_v1::AttemptEnded) -> Result<Self, BadField> {
        let outcome = match m.outcome {
            Some(WireOutcome::Result(result)) => Outcome::Succeeded(result.try_into()?),
            Some(WireOutcome::Failure(failure)) => Outcome::Failed(failure.try_into()?),
            None => return Err(BadField::new("outcome", "is not set or not known")),
        };
        Ok(Self {
            step: step_id(m.step_id)?,
            attempt: attempt(m.attempt)?,
            outcome,
            worker: WorkerName::new(&m.worker),
            started_at: time::point_from_wire("started_at", m.started_at)?,
            workers_lost: m.workers_lost,
            usage: usage(m.usage),
        })
    }
}

impl From<&StepResult> for store_v1::StepResult {
    fn from(result: &StepResult) -> Self {
        let body = match &result.body {
            ResultBody::Inline(value) => Body::Json(json::to_wire(value)),
            ResultBody::Stored(id) => Body::ResultId(id.to_string()),
            ResultBody::Recorded => Body::Recorded(store_v1::RecordedResult {}),
        };
        Self {
            body: Some(body),
            result_bytes: result.bytes,
            preview: result.preview.to_string(),
            empty: result.empty,
        }
    }
}

impl TryFrom<store_v1::StepResult> for StepResult {
    type Error = BadField;

    fn try_from(m: store_v1::StepResult) -> Result<Self, BadField> {
        let body = match m.body {
            Some(Body::Json(text)) => ResultBody::Inline(Arc::new(json::from_wire("json", &text)?)),
            Some(Body::ResultId(id)) => ResultBody::Stored(result_id(&id)?),
            Some(Body::Recorded(store_v1::RecordedResult {})) => ResultBody::Recorded,
            None => return Err(BadField::new("body", "is not set or not known")),
        };
        Ok(Self { body, bytes: m.result_bytes, preview: Arc::from(m.preview), empty: m.empty })
    }
}
