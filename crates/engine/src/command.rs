//! What is asked of the engine or reported to it.

use std::sync::Arc;

use crate::failure::Failure;
use crate::ids::{AttemptNumber, CommandId, PlanVersion, StepId};
use crate::plan::{Problem, StepDraft};
use crate::result::{AttemptReport, Usage};

/// Something asked of or reported to the engine. Stale and repeated ones are no errors: they are
/// named cases that change nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Look at the run: it was submitted, a timer is due, or a place for a model call is free.
    TimerDue,
    /// A step of a plan arrived.
    StepPlanned {
        /// The plan version that it belongs to.
        version: PlanVersion,
        /// The step as its author wrote it.
        draft: Arc<StepDraft>,
    },
    /// The planner says that its plan is complete.
    PlanEnded {
        /// The plan version.
        version: PlanVersion,
        /// What the call used.
        usage: Usage,
        /// What is wrong with the text that the plan was read from.
        problems: Vec<Problem>,
    },
    /// The planner did not end its plan.
    PlanFailed {
        /// The plan version.
        version: PlanVersion,
        /// Why.
        failure: Failure,
        /// What the call used, as far as that is known.
        usage: Usage,
    },
    /// A worker reports what became of an attempt.
    AttemptEnded(AttemptReport),
    /// An attempt is with no worker, waits for none, and nobody has reported on it: it was lost, and
    /// it is not known how far it came.
    AttemptVanished {
        /// The step.
        step: StepId,
        /// The attempt.
        attempt: AttemptNumber,
    },
    /// The planner gave an answer.
    AnswerEnded {
        /// Which attempt.
        attempt: AttemptNumber,
        /// The answer.
        text: Arc<str>,
        /// What the call used.
        usage: Usage,
    },
    /// The planner gave none.
    AnswerFailed {
        /// Which attempt.
        attempt: AttemptNumber,
        /// Why.
        failure: Failure,
        /// What the call used, as far as that is known.
        usage: Usage,
    },
    /// A client asks for the end.
    Cancel {
        /// The client's name for this command.
        command: CommandId,
        /// Why.
        reason: String,
    },
    /// A coordinator adopted the run and has no model call for it.
    Resume,
}
