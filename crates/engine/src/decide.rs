//! What a command means for a run: one total function over (state, command).
//!
//! Whatever arrives late or twice is a named case that yields nothing; only what could never have
//! been meant is a [`Refusal`].

mod advance;
mod answering;
mod attempts;
mod check;
mod clients;
mod delivery;
mod planning;
mod replanning;
mod settle;

use crate::command::Command;
use crate::decision::{Context, Decision, ModelCall, Refusal};
use crate::event::{Event, StopReason};
use crate::failure::{Failure, FailureKind};
use crate::run::{Phase, Run};

pub use delivery::{Delivery, WORKER_LOSSES};

impl Run {
    /// What a command means. Changes nothing: the events are still to be applied.
    ///
    /// # Errors
    /// If the command names something that this run never had.
    pub fn decide(&self, command: &Command, cx: &Context<'_>) -> Result<Decision, Refusal> {
        match command {
            // What is due follows from the state: see `settle`.
            Command::TimerDue => Ok(Decision::default()),
            Command::StepPlanned { version, draft } => self.step_planned(*version, draft, cx),
            Command::PlanEnded { version, usage, problems } => {
                self.plan_ended(*version, *usage, problems, cx)
            }
            Command::PlanFailed { version, failure, usage } => {
                self.plan_failed(*version, failure, *usage, cx)
            }
            Command::AttemptEnded(report) => self.attempt_ended(report, cx),
            Command::AttemptVanished { step, attempt } => self.vanished(*step, *attempt, cx),
            Command::AnswerEnded { attempt, text, usage } => {
                self.answer_ended(*attempt, text, *usage, cx)
            }
            Command::AnswerFailed { attempt, failure, usage } => {
                self.answer_failed(*attempt, failure, *usage, cx)
            }
            Command::Cancel { command, reason } => self.cancel(command, reason),
            Command::Resume => Ok(self.resume(cx)),
        }
    }

    /// Whether words about this call are about the one that is open; `false` if they are stale.
    fn is_open(&self, call: ModelCall) -> Result<bool, Refusal> {
        let open = self.open_call();
        if open == Some(call) {
            return Ok(true);
        }
        let started = match call {
            ModelCall::Plan(version) => {
                self.plan.as_ref().is_some_and(|plan| version <= plan.version)
            }
            ModelCall::Answer(attempt) => {
                attempt < self.next_answer()
                    || matches!(self.phase, Phase::Answering(now) if attempt <= now)
                    || matches!(
                        self.phase,
                        Phase::Stopping(_) | Phase::Succeeded { .. } | Phase::Ended(_)
                    )
            }
        };
        if started { Ok(false) } else { Err(Refusal::UnknownCall(call)) }
    }

    /// Whether the run's cap leaves room for another call of a planner or a model tool. One call
    /// is always kept back for the answer.
    fn may_call(&self) -> bool {
        self.tally.model_calls + 2 <= self.goal.limits.model_calls
    }
}

/// The end of a run because of this failure, once its open steps are ended.
fn stopping(failure: Failure) -> Event {
    Event::RunStopping { end: StopReason::Failed(failure) }
}

/// The failure of a run whose cap of model calls is used up.
fn cap_reached(run: &Run) -> Failure {
    let message = format!(
        "the run has used its {} model calls: submit it with a higher limit",
        run.goal.limits.model_calls
    );
    Failure::new(FailureKind::BudgetExhausted, message)
}
