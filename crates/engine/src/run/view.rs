//! What the outside may know of a run.

use std::sync::Arc;

use super::{Broken, Phase, Plan, Replaced, Run, Step};
use crate::decision::{CALL_RECHECK, ModelCall};
use crate::event::StopReason;
use crate::failure::{Failure, FailureKind};
use crate::goal::Goal;
use crate::ids::{AttemptNumber, CommandId, RunId, Seq};
use crate::result::{RoleUsage, Usage};
use crate::time::Timestamp;

/// Where a run stands, as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunState {
    /// The planner writes or will be asked again. Steps may run already.
    Planning,
    /// The plan is complete, steps run.
    Executing,
    /// The steps have ended, the answer is being made.
    Synthesizing,
    /// The end is decided, open steps are being ended.
    Stopping,
    /// There is an answer.
    Succeeded,
    /// There will be no answer.
    Failed,
    /// Someone ended it.
    Cancelled,
}

impl RunState {
    /// Every state, in the order of a run's life.
    pub const ALL: [Self; 7] = [
        Self::Planning,
        Self::Executing,
        Self::Synthesizing,
        Self::Stopping,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Whether nothing can change any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// The name used in JSON and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Executing => "executing",
            Self::Synthesizing => "synthesizing",
            Self::Stopping => "stopping",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Run {
    /// Its name.
    #[must_use]
    pub const fn id(&self) -> RunId {
        self.id
    }

    /// What was asked.
    #[must_use]
    pub const fn goal(&self) -> &Arc<Goal> {
        &self.goal
    }

    /// The place of the last event.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        self.seq
    }

    /// When it was submitted.
    #[must_use]
    pub const fn submitted_at(&self) -> Timestamp {
        self.submitted_at
    }

    /// When it ended.
    #[must_use]
    pub const fn ended_at(&self) -> Option<Timestamp> {
        self.ended_at
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> RunState {
        match &self.phase {
            Phase::AwaitingPlan(_) | Phase::Planning => RunState::Planning,
            Phase::Executing => RunState::Executing,
            Phase::AwaitingAnswer { .. } | Phase::Answering(_) => RunState::Synthesizing,
            Phase::Stopping(_) => RunState::Stopping,
            Phase::Succeeded { .. } => RunState::Succeeded,
            Phase::Ended(StopReason::Failed(_)) => RunState::Failed,
            Phase::Ended(StopReason::Cancelled(_)) => RunState::Cancelled,
        }
    }

    /// Whether it has an answer although steps failed.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        matches!(self.phase, Phase::Succeeded { partial: true })
    }

    /// The answer.
    #[must_use]
    pub const fn answer(&self) -> Option<&Arc<str>> {
        self.answer.as_ref()
    }

    /// Why there is or will be no answer.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        match &self.phase {
            Phase::Stopping(reason) | Phase::Ended(reason) => Some(match reason {
                StopReason::Failed(failure) => failure.clone(),
                StopReason::Cancelled(why) => Failure::new(FailureKind::Cancelled, why.clone()),
            }),
            _ => None,
        }
    }

    /// The plan version that is being written or in force.
    #[must_use]
    pub const fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// The steps of the plan version in force, by label.
    pub fn plan_steps(&self) -> impl Iterator<Item = &Step> {
        let numbers = self.plan.iter().flat_map(|plan| plan.numbers.values());
        numbers.filter_map(|id| self.step(*id))
    }

    /// Every step that the run ever had, by id.
    #[must_use]
    pub fn all_steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many steps of the plan version in force there are, and how many of them have ended.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        let steps = self.plan.as_ref().map_or(0, |plan| plan.numbers.len());
        (steps, steps - self.open)
    }

    /// The plan whose faults the planner is asked to repair.
    #[must_use]
    pub const fn broken_plan(&self) -> Option<&Arc<Broken>> {
        self.broken.as_ref()
    }

    /// The plan that was carried out and is being replaced.
    #[must_use]
    pub const fn replaced_plan(&self) -> Option<&Arc<Replaced>> {
        self.replaced.as_ref()
    }

    /// What model calls used.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.usage.total()
    }

    /// What model calls used, by what they were for.
    #[must_use]
    pub const fn usage_by_role(&self) -> RoleUsage {
        self.usage
    }

    /// How many model calls were started.
    #[must_use]
    pub const fn model_calls(&self) -> u32 {
        self.tally.model_calls
    }

    /// Whether the history says what became of this command.
    #[must_use]
    pub fn knows_command(&self, command: &CommandId) -> bool {
        self.commands.contains(command)
    }

    /// The model call that the run waits for, if one is open.
    #[must_use]
    pub fn open_call(&self) -> Option<ModelCall> {
        match &self.phase {
            Phase::Planning => self.plan.as_ref().map(|plan| ModelCall::Plan(plan.version)),
            Phase::Answering(attempt) => Some(ModelCall::Answer(*attempt)),
            _ => None,
        }
    }

    /// Whether a model call would start now if there were a place for it.
    #[must_use]
    pub fn wants_call(&self, now: Timestamp) -> bool {
        match &self.phase {
            Phase::AwaitingPlan(next) => next.at <= now,
            Phase::AwaitingAnswer { at, .. } => *at <= now,
            Phase::Executing => self.steps_are_done(),
            _ => false,
        }
    }

    /// Whether nothing of the plan is left to do.
    pub(crate) fn steps_are_done(&self) -> bool {
        self.open == 0 && self.doomed.is_empty()
    }

    /// Which attempt at the answer comes next.
    pub(crate) fn next_answer(&self) -> AttemptNumber {
        match &self.phase {
            Phase::AwaitingAnswer { after, .. } => after.next(),
            _ => AttemptNumber::FIRST,
        }
    }

    /// When the run must be looked at although nothing arrived. An open run always has such a
    /// time; `now` where work is left that did not fit into the commit.
    #[must_use]
    pub fn timer(&self, now: Timestamp) -> Option<Timestamp> {
        if self.phase.is_terminal() {
            return None;
        }
        if self.has_work() {
            return Some(now);
        }
        let phase = match &self.phase {
            _ if self.wants_call(now) => Some(now + CALL_RECHECK),
            Phase::AwaitingPlan(next) => Some(next.at),
            Phase::AwaitingAnswer { at, .. } => Some(*at),
            _ => None,
        };
        let step = self.due.first().map(|(at, _)| *at);
        [phase, step].into_iter().flatten().chain([self.deadline()]).min()
    }

    /// Whether something could be done at once that only a commit's size held back.
    pub(crate) fn has_work(&self) -> bool {
        !self.doomed.is_empty() || self.queueable().next().is_some()
    }
}
