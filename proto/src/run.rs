//! Runs on the wire: the snapshot that clients get, states, usage.

use sortie_engine::{
    Failure, FailureKind, FailurePolicy, PlanVersion, ReplanPolicy, RoleUsage, Run, RunState, Step,
    StepState, Usage,
};

use crate::{BadField, time, v1};

impl From<Usage> for v1::Usage {
    fn from(usage: Usage) -> Self {
        Self {
            model_calls: usage.model_calls,
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cost_nanodollars: usage.cost_nanodollars,
            unpriced_calls: usage.unpriced_calls,
        }
    }
}

impl From<v1::Usage> for Usage {
    fn from(usage: v1::Usage) -> Self {
        Self {
            model_calls: usage.model_calls,
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cost_nanodollars: usage.cost_nanodollars,
            unpriced_calls: usage.unpriced_calls,
        }
    }
}

impl From<RoleUsage> for v1::RoleUsage {
    fn from(usage: RoleUsage) -> Self {
        Self {
            planner: Some(usage.planner.into()),
            executor: Some(usage.executor.into()),
            synthesizer: Some(usage.synthesizer.into()),
        }
    }
}

impl From<RunState> for v1::RunState {
    fn from(state: RunState) -> Self {
        match state {
            RunState::Planning => Self::Planning,
            RunState::Executing => Self::Executing,
            RunState::Synthesizing => Self::Synthesizing,
            RunState::Stopping => Self::Stopping,
            RunState::Succeeded => Self::Succeeded,
            RunState::Failed => Self::Failed,
            RunState::Cancelled => Self::Cancelled,
        }
    }
}

impl TryFrom<v1::RunState> for RunState {
    type Error = BadField;

    fn try_from(state: v1::RunState) -> Result<Self, BadField> {
        let known = Self::ALL.iter().find(|known| v1::RunState::from(**known) == state);
        known.copied().ok_or_else(|| BadField::new("state", "is not set"))
    }
}

impl From<&StepState> for v1::StepState {
    fn from(state: &StepState) -> Self {
        match state {
            StepState::Pending => Self::Pending,
            StepState::Ready => Self::Ready,
            StepState::Queued(_) => Self::Queued,
            StepState::Retrying { .. } => Self::Retrying,
            StepState::Succeeded(_) => Self::Succeeded,
            StepState::Failed(_) => Self::Failed,
            StepState::Skipped { .. } => Self::Skipped,
            StepState::Cancelled => Self::Cancelled,
            StepState::Superseded => Self::Superseded,
            StepState::Unknown(_) => Self::Unknown,
        }
    }
}

impl From<FailurePolicy> for v1::FailurePolicy {
    fn from(policy: FailurePolicy) -> Self {
        match policy {
            FailurePolicy::Graceful => Self::Graceful,
            FailurePolicy::Strict => Self::Strict,
        }
    }
}

impl From<ReplanPolicy> for v1::ReplanPolicy {
    fn from(policy: ReplanPolicy) -> Self {
        match policy {
            ReplanPolicy::Never => Self::Never,
            ReplanPolicy::OnFailure => Self::OnFailure,
        }
    }
}

/// The snapshot as far as the history tells it: results are their previews, and the cursor is
/// empty. Whoever has the store puts more in.
impl From<&Run> for v1::Run {
    fn from(run: &Run) -> Self {
        let goal = run.goal();
        Self {
            run_id: run.id().to_string(),
            goal: goal.text.clone(),
            state: v1::RunState::from(run.state()).into(),
            partial: run.is_partial(),
            answer: run.answer().map(ToString::to_string).unwrap_or_default(),
            failure: run.failure().map(Into::into),
            submitted_at: Some(time::point_to_wire(run.submitted_at())),
            ended_at: run.ended_at().map(time::point_to_wire),
            plan_version: run.plan().map(|plan| plan.version).map_or(0, PlanVersion::get),
            steps: run.plan_steps().map(|step| step_of(run, step)).collect(),
            usage: Some(run.usage().into()),
            labels: goal.labels.clone(),
            policy: v1::FailurePolicy::from(goal.policy).into(),
            cursor: String::new(),
            seq: run.seq().get(),
            replan: v1::ReplanPolicy::from(goal.replan).into(),
            usage_by_role: Some(run.usage_by_role().into()),
        }
    }
}

fn step_of(run: &Run, step: &Step) -> v1::Step {
    let result = step.result();
    let preview = result.map(|result| result.preview.to_string()).unwrap_or_default();
    let result_bytes = result.map_or(0, |result| result.bytes);
    v1::Step {
        step_id: step.id.get(),
        step_number: step.number().get(),
        description: step.planned.description.clone(),
        tool: step.planned.tool.to_string(),
        tool_input: step.planned.input.source().to_string(),
        depends_on: step.planned.depends_on.iter().map(|number| number.get()).collect(),
        state: v1::StepState::from(&step.state).into(),
        attempts: step.attempts,
        result_truncated: result.is_some(),
        result: preview,
        result_bytes,
        failure: failure_of(run, &step.state).map(Into::into),
        started_at: step.started_at.map(time::point_to_wire),
        ended_at: step.ended_at.map(time::point_to_wire),
        worker: step.worker.as_ref().map(ToString::to_string).unwrap_or_default(),
        usage: Some(step.usage.into()),
        // Who is there is no part of a run: whoever knows fills it in.
        unserved_queue: String::new(),
    }
}

/// Why a step has no result, in the words of its state.
fn failure_of(run: &Run, state: &StepState) -> Option<Failure> {
    match state {
        StepState::Pending
        | StepState::Ready
        | StepState::Queued(_)
        | StepState::Succeeded(_)
        | StepState::Superseded => None,
        StepState::Retrying { failure, .. }
        | StepState::Failed(failure)
        | StepState::Unknown(failure) => Some(failure.clone()),
        StepState::Skipped { because_of } => {
            let message = run.step(*because_of).map_or_else(
                || "a step that it depends on has no result".to_owned(),
                |cause| format!("step {} has no result", cause.number()),
            );
            Some(Failure::new(FailureKind::StepFailed, message))
        }
        StepState::Cancelled => {
            Some(Failure::new(FailureKind::Cancelled, "the run ended before it"))
        }
    }
}
