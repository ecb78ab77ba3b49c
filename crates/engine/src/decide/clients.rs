//! Commands of clients, and of a coordinator that takes a run over.

use crate::decision::{Context, Decision, Refusal};
use crate::event::{Event, NextPlan, PlanCause, StopReason};
use crate::failure::{Failure, FailureKind};
use crate::ids::CommandId;
use crate::result::Usage;
use crate::run::{MAX_COMMANDS, Phase, Run};

impl Run {
    /// Exactly one event for each new id; a known id changes nothing, its answer is in the history.
    pub(super) fn cancel(&self, id: &CommandId, reason: &str) -> Result<Decision, Refusal> {
        if self.commands.contains(id) {
            return Ok(Decision::default());
        }
        if self.commands.len() >= MAX_COMMANDS {
            return Err(Refusal::TooManyCommands(MAX_COMMANDS));
        }
        let command = id.clone();
        let events = match &self.phase {
            Phase::Succeeded { .. } | Phase::Ended(_) => {
                let message = format!("the run has already {}", self.state().as_str());
                vec![Event::CommandRefused { command, message }]
            }
            // Whoever asks for the end of a run that is ending gets what they want.
            Phase::Stopping(_) => vec![Event::CommandDone { command }],
            Phase::AwaitingPlan(_)
            | Phase::Planning
            | Phase::Executing
            | Phase::AwaitingAnswer { .. }
            | Phase::Answering(_) => {
                let end = StopReason::Cancelled(reason.to_owned());
                vec![Event::CommandDone { command }, Event::RunStopping { end }]
            }
        };
        Ok(Decision { events, ..Decision::default() })
    }

    /// A model call that was open belongs to a coordinator that is gone: the next one is due.
    pub(super) fn resume(&self, cx: &Context<'_>) -> Decision {
        let gone = || {
            let message = "the coordinator that made the call is gone".to_owned();
            Failure::new(FailureKind::Unavailable, message)
        };
        let event = match (&self.phase, &self.plan) {
            (Phase::Planning, Some(plan)) => Event::PlanCallFailed {
                version: plan.version,
                failure: gone(),
                usage: Usage::default(),
                next: Some(NextPlan { cause: PlanCause::Takeover, at: cx.now }),
            },
            (Phase::Answering(attempt), _) => Event::AnswerAttemptFailed {
                attempt: *attempt,
                failure: gone(),
                retry_at: Some(cx.now),
                usage: Usage::default(),
            },
            _ => return Decision::default(),
        };
        Decision::just(event)
    }
}
