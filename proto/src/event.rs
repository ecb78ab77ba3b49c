//! The facts of a run's history on the wire: what watchers see, and the durable form of a history.
//!
//! The way back is complete: a history that was written and read again folds into the same run.
//! Results never travel with events, so a result that was inline comes back as recorded; folding
//! makes no difference between the two.

pub(crate) mod plan;
mod run;
mod step;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sortie_engine::{CommandId, Event, Failure, Recorded, RunId, Usage};

use crate::ids::{attempt, run_id, seq, step_id, version};
use crate::{BadField, time, v1};
use v1::event::Kind;

/// An event of this run for the wire.
#[must_use]
pub fn to_wire(run: RunId, recorded: &Recorded) -> v1::Event {
    v1::Event { run_id: run.to_string(), ..nameless_to_wire(recorded) }
}

/// The event that the wire tells of, and its run.
///
/// # Errors
/// If the message breaks the contract, or is of a kind that only a newer server knows.
pub fn from_wire(event: v1::Event) -> Result<(RunId, Recorded), BadField> {
    let run = run_id(&event.run_id)?;
    Ok((run, nameless_from_wire(event)?))
}

/// An event for a record that names the run once for all its events.
#[must_use]
pub fn nameless_to_wire(recorded: &Recorded) -> v1::Event {
    v1::Event {
        run_id: String::new(),
        seq: recorded.seq.get(),
        at: Some(time::point_to_wire(recorded.at)),
        kind: Some(kind_of(&recorded.event)),
    }
}

/// The event that such a record tells of; the run's name in it is not looked at.
///
/// # Errors
/// If the message breaks the contract, or is of a kind that only a newer server knows.
pub fn nameless_from_wire(event: v1::Event) -> Result<Recorded, BadField> {
    let seq = seq(event.seq)?;
    let at = time::point_from_wire("at", event.at)?;
    let kind = event.kind.ok_or_else(|| BadField::new("kind", "is not set or not known"))?;
    Ok(Recorded { seq, at, event: event_of(kind)? })
}

fn kind_of(event: &Event) -> Kind {
    use Event as E;
    match event {
        E::RunSubmitted { goal } => Kind::RunSubmitted(goal.as_ref().into()),
        E::PlanVersionStarted { version, cause, planner } => {
            Kind::PlanVersionStarted(plan::version_started(*version, *cause, planner))
        }
        E::StepPlanned { version, step, planned, terms } => {
            Kind::StepPlanned(plan::step_planned(*version, *step, planned, terms))
        }
        E::StepRejected { version, draft, problems } => {
            Kind::StepRejected(plan::step_rejected(*version, draft, problems))
        }
        E::StepAdopted { version, step, planned } => {
            Kind::StepAdopted(plan::step_adopted(*version, *step, planned))
        }
        E::PlanAccepted { version, usage } => Kind::PlanAccepted(plan::accepted(*version, *usage)),
        E::PlanRejected { version, problems, usage, next } => {
            Kind::PlanRejected(plan::rejected(*version, problems, *usage, *next))
        }
        E::PlanCallFailed { version, failure, usage, next } => {
            Kind::PlanCallFailed(plan::call_failed(*version, failure, *usage, *next))
        }
        E::PlanRestored { version } => {
            Kind::PlanRestored(v1::PlanRestored { version: version.get() })
        }
        E::StepQueued { step, attempt } => Kind::StepQueued(step::queued(*step, *attempt)),
        E::StepSucceeded { step, attempt, result, worker, started_at, usage } => {
            let done = step::succeeded(*step, *attempt, result, worker, *started_at, *usage);
            Kind::StepSucceeded(done)
        }
        E::StepRetrying { step, attempt, failure, until, workers_lost, usage } => {
            let retrying = step::retrying(*step, *attempt, failure, *until, *workers_lost, *usage);
            Kind::StepRetrying(retrying)
        }
        E::StepFailed { step, failure, usage } => {
            Kind::StepFailed(step::failed(*step, failure, *usage))
        }
        E::StepSkipped { step, because_of } => Kind::StepSkipped(step::skipped(*step, *because_of)),
        E::StepCancelled { step } => Kind::StepCancelled(v1::StepCancelled { step_id: step.get() }),
        E::StepSuperseded { step } => {
            Kind::StepSuperseded(v1::StepSuperseded { step_id: step.get() })
        }
        E::StepUnknown { step, failure } => Kind::StepUnknown(step::unknown(*step, failure)),
        E::AnswerAttemptStarted { attempt, synthesizer } => {
            Kind::AnswerAttemptStarted(run::answer_started(*attempt, synthesizer))
        }
        E::AnswerAttemptFailed { attempt, failure, retry_at, usage } => {
            Kind::AnswerAttemptFailed(run::answer_failed(*attempt, failure, *retry_at, *usage))
        }
        E::CommandDone { command } => Kind::CommandDone(run::command_done(command)),
        E::CommandRefused { command, message } => {
            Kind::CommandRefused(run::command_refused(command, message))
        }
        E::RunStopping { end } => Kind::RunStopping(run::stopping(end)),
        E::RunSucceeded { answer, partial, usage } => {
            Kind::RunSucceeded(run::succeeded(answer, *partial, *usage))
        }
        E::RunFailed { failure } => {
            Kind::RunFailed(v1::RunFailed { failure: Some(failure.clone().into()) })
        }
        E::RunCancelled { reason } => {
            Kind::RunCancelled(v1::RunCancelled { reason: reason.clone() })
        }
    }
}

fn event_of(kind: Kind) -> Result<Event, BadField> {
    Ok(match kind {
        Kind::RunSubmitted(m) => Event::RunSubmitted { goal: Arc::new(m.try_into()?) },
        Kind::PlanVersionStarted(m) => plan::read_version_started(&m)?,
        Kind::StepPlanned(m) => plan::read_step_planned(m)?,
        Kind::StepRejected(m) => plan::read_step_rejected(m)?,
        Kind::StepAdopted(m) => plan::read_step_adopted(m)?,
        Kind::PlanAccepted(m) => plan::read_accepted(m)?,
        Kind::PlanRejected(m) => plan::read_rejected(m)?,
        Kind::PlanCallFailed(m) => plan::read_call_failed(m)?,
        Kind::PlanRestored(m) => Event::PlanRestored { version: version(m.version)? },
        Kind::StepQueued(m) => step::read_queued(m)?,
        Kind::StepSucceeded(m) => step::read_succeeded(m)?,
        Kind::StepRetrying(m) => step::read_retrying(m)?,
        Kind::StepFailed(m) => step::read_failed(m)?,
        Kind::StepSkipped(m) => step::read_skipped(m)?,
        Kind::StepCancelled(m) => Event::StepCancelled { step: step_id(m.step_id)? },
        Kind::StepSuperseded(m) => Event::StepSuperseded { step: step_id(m.step_id)? },
        Kind::StepUnknown(m) => step::read_unknown(m)?,
        Kind::AnswerAttemptStarted(m) => {
            let synthesizer = Arc::from(m.synthesizer);
            Event::AnswerAttemptStarted { attempt: attempt(m.attempt)?, synthesizer }
        }
        Kind::AnswerAttemptFailed(m) => run::read_answer_failed(m)?,
        Kind::CommandDone(m) => Event::CommandDone { command: CommandId::new(&m.command_id) },
        Kind::CommandRefused(m) => run::read_command_refused(m),
        Kind::RunStopping(m) => run::read_stopping(m)?,
        Kind::RunSucceeded(m) => run::read_succeeded(m),
        Kind::RunFailed(m) => Event::RunFailed { failure: failure(m.failure)? },
        Kind::RunCancelled(m) => Event::RunCancelled { reason: m.reason },
    })
}

pub(crate) fn failure(failure: Option<v1::Failure>) -> Result<Failure, BadField> {
    failure.ok_or_else(|| BadField::new("failure", "is not set"))?.try_into()
}

pub(crate) fn usage(usage: Option<v1::Usage>) -> Usage {
    usage.map(Usage::from).unwrap_or_default()
}
