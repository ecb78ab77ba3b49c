//! What the engine wants done: what one commit makes durable, and what may be done only after it.

use std::sync::Arc;
use std::time::Duration;

use crate::event::{Event, PlannedStep, Recorded, ToolTerms};
use crate::ids::{AttemptNumber, Generation, PlanVersion, StepId, StepNumber};
use crate::result::StepResult;
use crate::retry::RetryPolicy;
use crate::time::Timestamp;
use crate::tool::Catalogue;

/// Everything that a decision depends on beside the run and the command.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The time.
    pub now: Timestamp,
    /// Randomness, for jitter only.
    pub seed: u64,
    /// The tools that plans may use now.
    pub catalogue: &'a Catalogue,
    /// Who plans, for people.
    pub planner: &'a Arc<str>,
    /// Who answers, for people.
    pub synthesizer: &'a Arc<str>,
    /// How failures are retried.
    pub retry: RetryPolicy,
}

/// How much still fits into the commit that is being put together, and how many model calls the
/// coordinator may start. It shrinks along the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitBudget {
    /// Commands, results, ready entries and withdrawals; at least two, so that a commit can do
    /// something beside taking the command that caused it.
    pub writes: usize,
    /// Bytes of events and ready entries.
    pub bytes: usize,
    /// Model calls that may start.
    pub calls: usize,
}

impl CommitBudget {
    /// What one run may put into one commit: a call of the store stays below a few milliseconds.
    pub const RUN: Self = Self { writes: 512, bytes: 1 << 20, calls: 1 };

    /// Whether another write of this size fits.
    #[must_use]
    pub const fn fits(&self, bytes: usize) -> bool {
        self.writes > 0 && self.bytes >= bytes
    }

    /// Whether there is nothing left worth starting another command for.
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        self.writes == 0 || self.bytes == 0
    }

    pub(crate) const fn take(&mut self, bytes: usize) {
        self.writes = self.writes.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// A model call of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModelCall {
    /// The planner makes this plan version.
    Plan(PlanVersion),
    /// The planner makes an answer.
    Answer(AttemptNumber),
}

/// An attempt for the workers.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadyStep {
    /// The step.
    pub step: StepId,
    /// Which try at it.
    pub attempt: AttemptNumber,
    /// Part of its idempotency key.
    pub generation: Generation,
    /// What to do.
    pub planned: Arc<PlannedStep>,
    /// What its tool needs.
    pub terms: Arc<ToolTerms>,
    /// For each label in the input, the step whose result it means.
    pub inputs: Vec<(StepNumber, StepId)>,
    /// After this nobody waits for the result.
    pub deadline: Timestamp,
    /// Workers lost over earlier attempts.
    pub workers_lost: u32,
}

/// A ready entry carries at most so many bytes of results; the worker fetches the others.
pub const INLINE_INPUT_BYTES: u64 = 16 * 1024;

/// What one commit makes durable, and what may be done only after it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decision {
    /// New facts.
    pub events: Vec<Event>,
    /// Attempts for the workers.
    pub ready: Vec<ReadyStep>,
    /// Steps whose entry is to be taken from the workers.
    pub withdrawn: Vec<StepId>,
    /// Results to keep.
    pub results: Vec<(StepId, StepResult)>,
    /// A model call to start once all this is durable.
    pub start: Option<ModelCall>,
}

impl Decision {
    /// One fact and nothing else.
    pub(crate) fn just(event: Event) -> Self {
        Self { events: vec![event], ..Self::default() }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

/// Decisions folded into what one commit holds, with the places of its events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Folded {
    /// New facts with their places.
    pub events: Vec<Recorded>,
    /// Attempts for the workers.
    pub ready: Vec<ReadyStep>,
    /// Steps whose entry is to be taken from the workers.
    pub withdrawn: Vec<StepId>,
    /// Results to keep.
    pub results: Vec<(StepId, StepResult)>,
    /// A model call to start once all this is durable.
    pub start: Option<ModelCall>,
    /// How many commands went into it.
    pub taken: usize,
    /// About how many bytes it takes.
    pub bytes: usize,
    /// Commands that the engine refused, with the reason, for the log.
    pub refused: Vec<Refusal>,
}

/// A command that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Names a step that this run never had.
    #[error("step id {0} is unknown in this run")]
    UnknownStep(StepId),
    /// Names a plan version or an attempt that was never started.
    #[error("{0:?} was never started")]
    UnknownCall(ModelCall),
    /// More commands than a history should hold.
    #[error("the run has already taken {0} commands of clients")]
    TooManyCommands(usize),
}

/// The longest wait for a place among the coordinator's model calls before the run is looked at
/// again; a free place is announced earlier.
pub const CALL_RECHECK: Duration = Duration::from_secs(5);
