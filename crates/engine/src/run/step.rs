//! A step of a plan and what became of it.

use std::sync::Arc;

use crate::event::{PlannedStep, ToolTerms};
use crate::failure::Failure;
use crate::ids::{AttemptNumber, Generation, PlanVersion, StepId, StepNumber, WorkerName};
use crate::result::{StepResult, Usage};
use crate::time::Timestamp;

/// A step of a plan and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The engine's name for it.
    pub id: StepId,
    /// How the author of its last plan version wrote it.
    pub planned: Arc<PlannedStep>,
    /// What its tool needs.
    pub terms: Arc<ToolTerms>,
    /// Where it stands.
    pub state: StepState,
    /// How often it was queued.
    pub attempts: u32,
    /// Workers lost over it.
    pub workers_lost: u32,
    /// Part of its idempotency key.
    pub generation: Generation,
    /// When its last attempt was started, where a worker said so.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Who did it, where a worker said so.
    pub worker: Option<WorkerName>,
    /// What model calls of its tool used, over all attempts.
    pub usage: Usage,
    /// The plan version that it was written for.
    pub(crate) origin: PlanVersion,
    /// The last plan version that it belongs to.
    pub(crate) version: PlanVersion,
    /// For each label in its input, the step whose result it means.
    pub(crate) inputs: Vec<(StepNumber, StepId)>,
    /// The steps that must have results before it starts, as far as they are planned.
    pub(crate) waits_for: Vec<StepId>,
    /// Dependencies without a result, those that are not planned yet included.
    pub(crate) unmet: usize,
    /// Steps that wait for this one.
    pub(crate) dependents: Vec<StepId>,
    pub(crate) first_queued: Option<Timestamp>,
}

/// Where a step stands.
///
/// ```text
/// Pending ──> Ready ──> Queued ──> Succeeded | Failed | Unknown
///    │                   ^  │
///    │                   │  v
///    │                 Retrying ──> Failed (deadline)
///    └──> Skipped        any open one ──> Cancelled | Superseded
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum StepState {
    /// It waits for other steps.
    Pending,
    /// It could run and waits for a commit with room, or for the plan to be accepted.
    Ready,
    /// It waits for a worker, or a worker runs it.
    Queued(AttemptNumber),
    /// An attempt failed; the next one may start at this time.
    Retrying {
        /// Not before.
        until: Timestamp,
        /// Why the last attempt failed.
        failure: Failure,
    },
    /// It has a result.
    Succeeded(StepResult),
    /// It has failed for good.
    Failed(Failure),
    /// A step that it depends on has no result.
    Skipped {
        /// That step.
        because_of: StepId,
    },
    /// The run ended before it.
    Cancelled,
    /// A later plan version replaced it.
    Superseded,
    /// It must not run twice, and whether it ran is not known.
    Unknown(Failure),
}

impl StepState {
    /// Whether nothing can change any more.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        !matches!(self, Self::Pending | Self::Ready | Self::Queued(_) | Self::Retrying { .. })
    }

    /// Whether it ended, and without a result.
    #[must_use]
    pub const fn is_dead(&self) -> bool {
        self.is_terminal() && !matches!(self, Self::Succeeded(_))
    }

    /// The name used in JSON and messages.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Queued(_) => "queued",
            Self::Retrying { .. } => "retrying",
            Self::Succeeded(_) => "succeeded",
            Self::Failed(_) => "failed",
            Self::Skipped { .. } => "skipped",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl Step {
    /// The author's label in the last plan version that it belongs to.
    #[must_use]
    pub fn number(&self) -> StepNumber {
        self.planned.number
    }

    /// The result, as the history tells it.
    #[must_use]
    pub const fn result(&self) -> Option<&StepResult> {
        match &self.state {
            StepState::Succeeded(result) => Some(result),
            _ => None,
        }
    }

    /// For each label in its input, the step whose result it means.
    #[must_use]
    pub fn inputs(&self) -> &[(StepNumber, StepId)] {
        &self.inputs
    }
}
