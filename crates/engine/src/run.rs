//! The life of one goal: the state that a history folds into.
//!
//! ```text
//!              PlanVersionStarted        PlanAccepted
//!  RunSubmitted ──> Planning ─────────────────────────> Executing
//!              waiting <──> open                            │ every step has ended,
//!      (repair, retry, takeover)                            │ AnswerAttemptStarted
//!                                                           v
//!                     RunSucceeded <──────────────── Synthesizing (waiting <──> open)
//!
//!  Executing ── PlanVersionStarted{Replan} ──> Planning ── PlanAccepted | PlanRestored ──> Executing
//!
//!  any of these ── RunStopping ──> Stopping ── no open step ──> RunFailed | RunCancelled
//! ```
//!
//! [`Run::decide`] takes a command, [`Run::settle`] finds what follows from the state by itself,
//! [`Run::apply`] folds an event in. All three are pure. [`Run::advance`] is the loop over them
//! that a driver, a test and a simulation share.

mod apply;
mod plan;
mod step;
mod view;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::event::{Event, NextPlan, PlanCause, Recorded, StopReason};
use crate::goal::Goal;
use crate::ids::{AttemptNumber, CommandId, RunId, Seq, StepId, StepNumber};
use crate::result::RoleUsage;
use crate::time::Timestamp;

pub use plan::{Broken, Plan, Replaced};
pub use step::{Step, StepState};
pub use view::RunState;

/// A history holds at most so many commands of clients: each is kept for good.
pub const MAX_COMMANDS: usize = 256;
/// The largest plan, in bytes: what a model can write in minutes, and half of a commit.
pub const MAX_PLAN_BYTES: usize = 512 * 1024;
/// A planner that sends this many unsound steps in one version is not heard to the end.
pub const MAX_REJECTED: usize = 64;
/// The largest answer, in bytes.
pub const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The life of one goal. Made by [`Run::start`] and changed by [`Run::apply`] only.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub(crate) id: RunId,
    pub(crate) goal: Arc<Goal>,
    pub(crate) submitted_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) seq: Seq,
    pub(crate) phase: Phase,
    /// Every step that the run ever had: the step with id `n` stands at `n - 1`.
    pub(crate) steps: Vec<Step>,
    /// The plan version that is being written or in force.
    pub(crate) plan: Option<Plan>,
    /// The last plan with faults, until a version is accepted.
    pub(crate) broken: Option<Arc<Broken>>,
    /// The plan that was carried out and is being replaced, until a version is accepted.
    pub(crate) replaced: Option<Arc<Replaced>>,
    /// Steps in state ready.
    pub(crate) ready: BTreeSet<StepId>,
    /// When a step must be looked at: the end of a retry's pause, or its deadline.
    pub(crate) due: BTreeSet<(Timestamp, StepId)>,
    /// Open steps that are to be ended because the run stops or a later plan replaced them.
    pub(crate) doomed: BTreeSet<StepId>,
    /// Steps of the plan version that have not ended.
    pub(crate) open: usize,
    /// Steps of the plan version that have a result.
    pub(crate) succeeded: usize,
    pub(crate) tally: Tally,
    pub(crate) usage: RoleUsage,
    pub(crate) commands: BTreeSet<CommandId>,
    pub(crate) answer: Option<Arc<str>>,
    pub(crate) planner: Arc<str>,
}

/// How often things happened that are limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Planner calls, answer calls, attempts of model tools.
    pub(crate) model_calls: u32,
    /// Plan versions with cause repair since the first one, or since the last with cause replan.
    pub(crate) repairs: u32,
    /// Plan versions with cause replan; all that there may be once one came to nothing.
    pub(crate) replans: u32,
    /// Planner calls in a row that did not end.
    pub(crate) plan_failures: u32,
    /// Answer calls in a row that did not end well.
    pub(crate) answer_failures: u32,
}

/// Where a run stands, with what belongs to it there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Phase {
    /// No planner call is open; one may start at this time.
    AwaitingPlan(NextPlan),
    /// The planner writes the plan version in force.
    Planning,
    /// The plan is complete, steps run. Once all have ended, an answer call may start.
    Executing,
    /// An answer call failed; the next one may start at this time.
    AwaitingAnswer { after: AttemptNumber, at: Timestamp },
    /// This answer call is open.
    Answering(AttemptNumber),
    /// The end is decided; open steps are being ended.
    Stopping(StopReason),
    /// There is an answer.
    Succeeded { partial: bool },
    /// There will be no answer.
    Ended(StopReason),
}

impl Phase {
    pub(crate) const fn is_terminal(&self) -> bool {
        matches!(self, Self::Succeeded { .. } | Self::Ended(_))
    }
}

impl Run {
    /// The first event of a run's history.
    #[must_use]
    pub fn submission(goal: Arc<Goal>, now: Timestamp) -> Recorded {
        Recorded { seq: Seq::FIRST, at: now, event: Event::RunSubmitted { goal } }
    }

    /// A run whose history begins with `goal` being submitted at `at`.
    #[must_use]
    pub fn start(id: RunId, goal: Arc<Goal>, at: Timestamp) -> Self {
        Self {
            id,
            goal,
            submitted_at: at,
            ended_at: None,
            seq: Seq::FIRST,
            phase: Phase::AwaitingPlan(NextPlan { cause: PlanCause::First, at }),
            steps: Vec::new(),
            plan: None,
            broken: None,
            replaced: None,
            ready: BTreeSet::new(),
            due: BTreeSet::new(),
            doomed: BTreeSet::new(),
            open: 0,
            succeeded: 0,
            tally: Tally::default(),
            usage: RoleUsage::default(),
            commands: BTreeSet::new(),
            answer: None,
            planner: Arc::from(""),
        }
    }

    /// The state that a whole history folds into; nothing if it does not begin with a submission
    /// or has a gap.
    #[must_use]
    pub fn replay<'e>(id: RunId, history: impl IntoIterator<Item = &'e Recorded>) -> Option<Self> {
        let mut events = history.into_iter();
        let first = events.next()?;
        let Event::RunSubmitted { goal } = &first.event else { return None };
        let mut run = Self::start(id, goal.clone(), first.at);
        for recorded in events {
            if recorded.seq != run.seq.next() {
                return None;
            }
            run.apply(recorded.at, &recorded.event);
        }
        (first.seq == Seq::FIRST).then_some(run)
    }

    /// The step of this id, of whatever plan version.
    #[must_use]
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.get(usize::try_from(id.get()).ok()?.checked_sub(1)?)
    }

    /// The step that carries this label in the plan version in force.
    #[must_use]
    pub fn step_by_number(&self, number: StepNumber) -> Option<&Step> {
        self.step(*self.plan.as_ref()?.numbers.get(&number)?)
    }

    pub(crate) fn step_mut(&mut self, id: StepId) -> Option<&mut Step> {
        self.steps.get_mut(usize::try_from(id.get()).ok()?.checked_sub(1)?)
    }

    /// The name that the next new step gets.
    pub(crate) fn next_step_id(&self) -> StepId {
        StepId::new(u32::try_from(self.steps.len()).unwrap_or(u32::MAX - 1) + 1)
    }

    /// Whether the step belongs to the plan version in force.
    pub(crate) fn is_current(&self, step: &Step) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.version == step.version)
    }

    /// When the run's time is up.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.submitted_at + self.goal.limits.run_timeout
    }

    /// When the step's time is up: its own limit or the run's, whichever comes first.
    pub(crate) fn step_deadline(&self, step: &Step, now: Timestamp) -> Timestamp {
        let first = step.first_queued.unwrap_or(now);
        let own = self.goal.limits.step_timeout.map(|limit| first + limit);
        own.map_or(self.deadline(), |own| own.min(self.deadline()))
    }
}
