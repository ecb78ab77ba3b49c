//! The facts of a run's history. Folding them with [`Run::apply`](crate::Run::apply) gives the
//! run's state; the same facts, one by one, are what watchers see.

use std::sync::Arc;
use std::time::Duration;

use crate::failure::Failure;
use crate::goal::Goal;
use crate::ids::{
    AttemptNumber, CommandId, PlanVersion, QueueName, Seq, StepId, StepNumber, WorkerName,
};
use crate::plan::{Problem, StepDraft};
use crate::result::{StepResult, Usage};
use crate::template::Template;
use crate::time::Timestamp;
use crate::tool::Effect;

/// An event with its place in the history.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its place: the first event has 1, and there is no gap.
    pub seq: Seq,
    /// When it was decided.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// Why a plan version was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlanCause {
    /// It is the first.
    First,
    /// The one before has faults.
    Repair,
    /// The coordinator that asked for the one before is gone.
    Takeover,
    /// The plan was carried out, and steps of it failed or found nothing.
    Replan,
    /// The planner could not be reached or broke off.
    Retry,
}

/// When and why the planner is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextPlan {
    /// Why.
    pub cause: PlanCause,
    /// Not before this time.
    pub at: Timestamp,
}

/// A step of a plan, sound as far as its author's words go.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedStep {
    /// The author's label.
    pub number: StepNumber,
    /// What the step is for.
    pub description: String,
    /// The name of the tool.
    pub tool: crate::ids::ToolName,
    /// The tool's input with its references found.
    pub input: Template,
    /// Labels of steps that must succeed before this one starts, those referred to included;
    /// ascending, each once.
    pub depends_on: Vec<StepNumber>,
}

/// What the engine needs to know of a step's tool, resolved when the step was planned, so that a
/// replay does not depend on the tools of the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolTerms {
    /// Where its ready steps wait.
    pub queue: QueueName,
    /// What running it does to the world.
    pub effect: Effect,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Whether an attempt is a model call.
    pub calls_model: bool,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The goal was accepted.
    RunSubmitted {
        /// The goal.
        goal: Arc<Goal>,
    },
    /// The planner is asked for a plan.
    PlanVersionStarted {
        /// Which version this makes.
        version: PlanVersion,
        /// Why.
        cause: PlanCause,
        /// Who plans, for people; empty if not known.
        planner: Arc<str>,
    },
    /// A step of the plan arrived and is sound as far as can be seen.
    StepPlanned {
        /// The plan version.
        version: PlanVersion,
        /// The engine's name for it.
        step: StepId,
        /// The step.
        planned: Arc<PlannedStep>,
        /// What its tool needs.
        terms: Arc<ToolTerms>,
    },
    /// A step of the plan arrived and is not sound.
    StepRejected {
        /// The plan version.
        version: PlanVersion,
        /// The step as its author wrote it.
        draft: Arc<StepDraft>,
        /// What is wrong.
        problems: Vec<Problem>,
    },
    /// A step of the plan is the same as one of an earlier version, which goes on under its own
    /// name.
    StepAdopted {
        /// The plan version.
        version: PlanVersion,
        /// The step that goes on.
        step: StepId,
        /// How the new version writes it.
        planned: Arc<PlannedStep>,
    },
    /// The plan is complete and sound.
    PlanAccepted {
        /// The plan version.
        version: PlanVersion,
        /// What the call used.
        usage: Usage,
    },
    /// The plan is complete and has faults.
    PlanRejected {
        /// The plan version.
        version: PlanVersion,
        /// Everything that is wrong.
        problems: Vec<Problem>,
        /// What the call used.
        usage: Usage,
        /// When it is repaired; nothing if it is not.
        next: Option<NextPlan>,
    },
    /// The planner did not end its plan.
    PlanCallFailed {
        /// The plan version.
        version: PlanVersion,
        /// Why.
        failure: Failure,
        /// What the call used, as far as that is known.
        usage: Usage,
        /// When it is asked again; nothing if it is not.
        next: Option<NextPlan>,
    },
    /// There is no new plan, so the one that was carried out counts again. Its steps are adopted by
    /// the events that follow.
    PlanRestored {
        /// The version that it is from now on.
        version: PlanVersion,
    },
    /// A step was handed to the workers.
    StepQueued {
        /// The step.
        step: StepId,
        /// Which try at it.
        attempt: AttemptNumber,
    },
    /// A step has a result.
    StepSucceeded {
        /// The step.
        step: StepId,
        /// Which try at it.
        attempt: AttemptNumber,
        /// Size, beginning and place of the result; never the value itself.
        result: StepResult,
        /// Who did it.
        worker: WorkerName,
        /// When the worker started.
        started_at: Timestamp,
        /// What model calls of the tool used.
        usage: Usage,
    },
    /// An attempt failed and another one will follow.
    StepRetrying {
        /// The step.
        step: StepId,
        /// The attempt that failed.
        attempt: AttemptNumber,
        /// Why.
        failure: Failure,
        /// When the next one may start.
        until: Timestamp,
        /// Workers lost over this step so far.
        workers_lost: u32,
        /// What model calls of the attempt used.
        usage: Usage,
    },
    /// A step has failed for good.
    StepFailed {
        /// The step.
        step: StepId,
        /// Why.
        failure: Failure,
        /// What model calls of the last attempt used.
        usage: Usage,
    },
    /// A step cannot run, for one that it depends on has no result.
    StepSkipped {
        /// The step.
        step: StepId,
        /// The step without a result.
        because_of: StepId,
    },
    /// A step was ended with its run.
    StepCancelled {
        /// The step.
        step: StepId,
    },
    /// A step was replaced by a later plan version.
    StepSuperseded {
        /// The step.
        step: StepId,
    },
    /// A step that must not run twice lost its worker.
    StepUnknown {
        /// The step.
        step: StepId,
        /// What is known.
        failure: Failure,
    },
    /// The planner is asked for an answer.
    AnswerAttemptStarted {
        /// Which attempt.
        attempt: AttemptNumber,
        /// Who answers, for people; empty if not known.
        synthesizer: Arc<str>,
    },
    /// It did not give one.
    AnswerAttemptFailed {
        /// Which attempt.
        attempt: AttemptNumber,
        /// Why.
        failure: Failure,
        /// When it is asked again; nothing if it is not.
        retry_at: Option<Timestamp>,
        /// What the call used, where that is known.
        usage: Usage,
    },
    /// A command of a client was carried out.
    CommandDone {
        /// The client's name for it.
        command: CommandId,
    },
    /// A command of a client was refused.
    CommandRefused {
        /// The client's name for it.
        command: CommandId,
        /// Why, for people.
        message: String,
    },
    /// The run's end is decided; open steps are being ended.
    RunStopping {
        /// What the end will be.
        end: StopReason,
    },
    /// The run has an answer.
    RunSucceeded {
        /// The answer.
        answer: Arc<str>,
        /// Whether steps failed.
        partial: bool,
        /// What the answer's call used.
        usage: Usage,
    },
    /// The run has none.
    RunFailed {
        /// Why.
        failure: Failure,
    },
    /// Someone ended the run.
    RunCancelled {
        /// Why, in the words of who did it.
        reason: String,
    },
}

/// Why a run is stopped before its steps are done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// It failed.
    Failed(Failure),
    /// Someone asked for the end, in these words.
    Cancelled(String),
}

impl Event {
    /// Whether nothing about the plan or the answer can follow: only refused commands.
    #[must_use]
    pub const fn ends_run(&self) -> bool {
        matches!(
            self,
            Self::RunSucceeded { .. } | Self::RunFailed { .. } | Self::RunCancelled { .. }
        )
    }

    /// About how many bytes the event takes in a record: an upper guess, for budgets.
    #[must_use]
    pub fn weight(&self) -> usize {
        let problems = |list: &[Problem]| list.iter().map(|p| p.message.len() + 16).sum::<usize>();
        64 + match self {
            Self::RunSubmitted { goal } => goal.text.len() + goal.labels.len() * 64,
            Self::StepPlanned { planned, .. } | Self::StepAdopted { planned, .. } => {
                planned.weight()
            }
            Self::StepRejected { draft, problems: list, .. } => draft.weight() + problems(list),
            Self::PlanRejected { problems: list, .. } => problems(list),
            Self::StepSucceeded { result, .. } => result.preview.len() + 64,
            Self::StepRetrying { failure, .. }
            | Self::StepFailed { failure, .. }
            | Self::StepUnknown { failure, .. }
            | Self::PlanCallFailed { failure, .. }
            | Self::AnswerAttemptFailed { failure, .. }
            | Self::RunFailed { failure } => failure.message.len(),
            Self::RunSucceeded { answer, .. } => answer.len(),
            Self::RunStopping { end: StopReason::Failed(failure) } => failure.message.len(),
            Self::RunStopping { end: StopReason::Cancelled(reason) } => reason.len(),
            Self::CommandRefused { message, .. } => message.len(),
            Self::RunCancelled { reason } => reason.len(),
            _ => 0,
        }
    }
}

impl PlannedStep {
    /// About how many bytes the step takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.input.bytes() + self.description.len() + self.depends_on.len() * 4 + 32
    }
}
