//! Another plan for a goal whose plan was carried out: when it is asked for, what it must not do
//! again, and what counts if there is none.
//!
//! ```text
//! Executing, every step has ended, one failed or found nothing
//!    │ PlanVersionStarted{Replan}
//!    v
//! Planning ── PlanAccepted ──> Executing
//!    │ no sound plan: PlanRestored
//!    v
//! Executing: the plan that was carried out, and no further one
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use super::stopping;
use crate::event::{Event, PlannedStep};
use crate::failure::Failure;
use crate::goal::{MAX_REPLANS, ReplanPolicy};
use crate::ids::{PlanVersion, StepId, StepNumber};
use crate::plan::Problem;
use crate::run::{Plan, Run, Step};
use crate::tool::Effect;

impl Run {
    /// Whether a plan whose steps have all ended is to be replaced.
    pub(super) fn wants_replan(&self) -> bool {
        let came_to_nothing = |step: &Step| step.result().is_none_or(|result| result.empty);
        self.goal.replan == ReplanPolicy::OnFailure
            && self.tally.replans < MAX_REPLANS
            && self.may_call()
            && self.plan_steps().any(came_to_nothing)
    }

    /// What follows when the planner makes no sound plan: the one before counts again, or the run
    /// ends with this failure.
    pub(super) fn without_plan(&self, failure: Failure) -> Vec<Event> {
        let Some(replaced) = &self.replaced else { return vec![stopping(failure)] };
        let version = self.next_version();
        let adopted = in_order(&replaced.steps)
            .into_iter()
            .map(|(step, planned)| Event::StepAdopted { version, step, planned });
        let restored = std::iter::once(Event::PlanRestored { version });
        restored.chain(adopted).chain(self.supersede_waiting()).collect()
    }

    pub(super) fn next_version(&self) -> PlanVersion {
        self.plan.as_ref().map_or(PlanVersion::FIRST, |plan| plan.version.next())
    }

    /// Steps of the whole plan that would change the world a second time: one that refers ahead is
    /// known for what it is only now. None of them has started.
    pub(super) fn deeds_done_before(&self, plan: &Plan) -> Vec<Problem> {
        let new = self.plan_steps().filter(|step| step.origin == plan.version);
        new.filter_map(|step| self.done_before(plan, &step.planned, step.terms.effect)).collect()
    }

    /// A fault of a step that would change the world a second time: an earlier plan did the same, or
    /// tried and nobody knows. It would be a new step, with a new idempotency key.
    pub(super) fn done_before(
        &self,
        plan: &Plan,
        planned: &PlannedStep,
        effect: Effect,
    ) -> Option<Problem> {
        if effect.may_start_early() {
            return None;
        }
        let tried = |step: &&Step| {
            step.origin < plan.version
                && step.attempts > 0
                && step.state.is_terminal()
                && step.planned.tool == planned.tool
                && means_the_same(plan, planned, step)
        };
        let earlier = self.steps.iter().find(tried)?;
        let (tool, what) = (&planned.tool, &earlier.planned.description);
        let message = match earlier.result() {
            Some(_) => format!(
                "an earlier plan did the same with `{tool}` ({what}), and it must not be done twice: \
                 keep that step with the dependencies that it had, or plan without it"
            ),
            None => format!(
                "an earlier plan tried the same with `{tool}` ({what}), it ended without a result, \
                 and it must not be done twice: plan without it"
            ),
        };
        Some(Problem { step: Some(planned.number), message }.clipped())
    }
}

/// Each step behind those that it depends on: it may refer ahead, and whoever adopts it knows only
/// what came before.
fn in_order(steps: &[(StepId, Arc<PlannedStep>)]) -> Vec<(StepId, Arc<PlannedStep>)> {
    let mut left: Vec<_> = steps.to_vec();
    let mut placed = BTreeSet::new();
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let before = left.len();
        left.retain(|(id, planned)| {
            let waits = planned.depends_on.iter().any(|number| !placed.contains(number));
            if !waits {
                placed.insert(planned.number);
                ordered.push((*id, planned.clone()));
            }
            waits
        });
        if left.len() == before {
            // No accepted plan has a ring; whatever this is, it is all there.
            ordered.append(&mut left);
        }
    }
    ordered
}

/// Whether two inputs are the same, where references are the same if they mean the same steps.
pub(super) fn means_the_same(plan: &Plan, planned: &PlannedStep, step: &Step) -> bool {
    let means = |number: StepNumber| plan.numbers.get(&number);
    planned.input.same_as(&step.planned.input, |new, old| {
        let meant: Option<&(StepNumber, StepId)> =
            step.inputs.iter().find(|(number, _)| *number == old);
        meant.is_some_and(|(_, id)| means(new) == Some(id))
    })
}
