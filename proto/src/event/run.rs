//! Events of the run as a whole: its goal, its answer, its commands, its end.

use std::sync::Arc;

use sortie_engine::{
    AttemptNumber, CommandId, Event, Failure, FailureKind, FailurePolicy, Goal, Limits,
    ReplanPolicy, StopReason, Timestamp, Usage,
};

use super::{attempt, failure, usage};
use crate::{BadField, time, v1};

impl From<&Goal> for v1::RunSubmitted {
    fn from(goal: &Goal) -> Self {
        Self {
            goal: goal.text.clone(),
            strict: goal.policy == FailurePolicy::Strict,
            limits: Some((&goal.limits).into()),
            labels: goal.labels.clone(),
            replan_on_failure: goal.replan == ReplanPolicy::OnFailure,
        }
    }
}

/// Believed as it is: the goal was checked when it was submitted.
impl TryFrom<v1::RunSubmitted> for Goal {
    type Error = BadField;

    fn try_from(m: v1::RunSubmitted) -> Result<Self, BadField> {
        let limits = m.limits.ok_or_else(|| BadField::new("limits", "is not set"))?;
        Ok(Self {
            text: m.goal,
            policy: if m.strict { FailurePolicy::Strict } else { FailurePolicy::Graceful },
            replan: match m.replan_on_failure {
                true => ReplanPolicy::OnFailure,
                false => ReplanPolicy::Never,
            },
            limits: limits.try_into()?,
            labels: m.labels,
        })
    }
}

impl From<&Limits> for v1::RunLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            run_timeout: Some(time::to_wire(limits.run_timeout)),
            step_timeout: limits.step_timeout.map(time::to_wire),
            attempts: limits.attempts,
            plan_repairs: limits.plan_repairs,
            steps: limits.steps,
            model_calls: limits.model_calls,
        }
    }
}

impl TryFrom<v1::RunLimits> for Limits {
    type Error = BadField;

    fn try_from(m: v1::RunLimits) -> Result<Self, BadField> {
        let run = m.run_timeout.ok_or_else(|| BadField::new("run_timeout", "is not set"))?;
        let step = m.step_timeout.map(|span| time::from_wire("step_timeout", &span));
        Ok(Self {
            run_timeout: time::from_wire("run_timeout", &run)?,
            step_timeout: step.transpose()?,
            attempts: m.attempts,
            plan_repairs: m.plan_repairs,
            steps: m.steps,
            model_calls: m.model_calls,
        })
    }
}

pub(super) fn answer_started(
    attempt: AttemptNumber,
    synthesizer: &str,
) -> v1::AnswerAttemptStarted {
    v1::AnswerAttemptStarted { attempt: attempt.get(), synthesizer: synthesizer.to_owned() }
}

pub(super) fn answer_failed(
    attempt: AttemptNumber,
    why: &Failure,
    retry_at: Option<Timestamp>,
    used: Usage,
) -> v1::AnswerAttemptFailed {
    v1::AnswerAttemptFailed {
        attempt: attempt.get(),
        failure: Some(why.clone().into()),
        retry_at: retry_at.map(time::point_to_wire),
        usage: Some(used.into()),
    }
}

pub(super) fn read_answer_failed(m: v1::AnswerAttemptFailed) -> Result<Event, BadField> {
    Ok(Event::AnswerAttemptFailed {
        attempt: attempt(m.attempt)?,
        failure: failure(m.failure)?,
        retry_at: time::optional_point_from_wire("retry_at", m.retry_at)?,
        usage: usage(m.usage),
    })
}

pub(super) fn command_done(command: &CommandId) -> v1::CommandDone {
    v1::CommandDone { command_id: command.to_string() }
}

pub(super) fn command_refused(command: &CommandId, message: &str) -> v1::CommandRefused {
    v1::CommandRefused { command_id: command.to_string(), message: message.to_owned() }
}

pub(super) fn read_command_refused(m: v1::CommandRefused) -> Event {
    Event::CommandRefused { command: CommandId::new(&m.command_id), message: m.message }
}

pub(super) fn stopping(end: &StopReason) -> v1::RunStopping {
    let (failure, cancelled) = match end {
        StopReason::Failed(failure) => (failure.clone(), false),
        StopReason::Cancelled(reason) => {
            (Failure::new(FailureKind::Cancelled, reason.clone()), true)
        }
    };
    v1::RunStopping { failure: Some(failure.into()), cancelled }
}

pub(super) fn read_stopping(m: v1::RunStopping) -> Result<Event, BadField> {
    let why = failure(m.failure)?;
    let end =
        if m.cancelled { StopReason::Cancelled(why.message) } else { StopReason::Failed(why) };
    Ok(Event::RunStopping { end })
}

pub(super) fn succeeded(answer: &str, partial: bool, used: Usage) -> v1::RunSucceeded {
    v1::RunSucceeded { answer: answer.to_owned(), partial, usage: Some(used.into()) }
}

pub(super) fn read_succeeded(m: v1::RunSucceeded) -> Event {
    Event::RunSucceeded { answer: Arc::from(m.answer), partial: m.partial, usage: usage(m.usage) }
}
