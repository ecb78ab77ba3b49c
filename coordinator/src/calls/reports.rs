//! What became of steps, for whoever plans or answers: attributed previews of results within a
//! budget, and the reasons where there are none.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sortie_engine::{
    Failure, FailureKind, PlannedStep, Run, RunId, Step, StepId, StepState, is_empty,
};
use sortie_store::{Store, StoreError};
use tokio::time::Instant;

use super::previews::{cut, shares};
use crate::planner::{ResultPreview, StepReport};

/// How long results are asked for while the store does not answer: restarts take less.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(200);

/// Reports of steps, results still to be fetched.
pub(super) struct Reports {
    run: RunId,
    steps: Vec<StepReport>,
    /// For each report with a result, its place, its step and its size.
    results: Vec<(usize, StepId, u64)>,
}

impl Reports {
    /// The steps of the plan in force.
    pub(super) fn of_plan(run: &Run) -> Self {
        Self::of(run, run.plan_steps().map(|step| (step, &*step.planned)))
    }

    /// The steps of the plan that is being replaced, as it wrote them; none if there is none.
    pub(super) fn of_replaced(run: &Run) -> Self {
        let replaced = run.replaced_plan().map(|replaced| &replaced.steps[..]).unwrap_or_default();
        let steps = replaced.iter().filter_map(|(id, planned)| Some((run.step(*id)?, &**planned)));
        Self::of(run, steps)
    }

    fn of<'r>(run: &'r Run, steps: impl Iterator<Item = (&'r Step, &'r PlannedStep)>) -> Self {
        let mut results = Vec::new();
        let reports = steps.enumerate().map(|(place, (step, planned))| {
            if let Some(result) = step.result() {
                results.push((place, step.id, result.bytes));
            }
            report(run, step, planned)
        });
        Self { run: run.id(), steps: reports.collect(), results }
    }

    /// Fetches the results and puts them in, as much of each as its share of the budget allows.
    pub(super) async fn filled(
        mut self,
        store: &dyn Store,
        budget: usize,
    ) -> Result<Vec<StepReport>, Failure> {
        if self.results.is_empty() {
            return Ok(self.steps);
        }
        let steps: Vec<_> = self.results.iter().map(|(_, step, _)| *step).collect();
        let values = results(store, self.run, &steps).await.map_err(|error| lost(&error))?;
        let size = |bytes: &u64| usize::try_from(*bytes).unwrap_or(usize::MAX);
        let sizes: Vec<_> = self.results.iter().map(|(_, _, bytes)| size(bytes)).collect();
        let shares = shares(&sizes, budget);
        for (((place, _, bytes), share), value) in self.results.iter().zip(shares).zip(values) {
            self.steps[*place].outcome = preview(value.as_deref(), *bytes, share);
        }
        Ok(self.steps)
    }
}

/// Asks again for a while: a store that does not answer says nothing about the run, and the author
/// was not called yet.
async fn results(
    store: &dyn Store,
    run: RunId,
    steps: &[StepId],
) -> Result<Vec<Option<Arc<Value>>>, StoreError> {
    let begun = Instant::now();
    loop {
        match store.results(run, steps).await {
            Err(StoreError::Unavailable { .. } | StoreError::Unfit { .. })
                if begun.elapsed() < PATIENCE =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

fn preview(
    value: Option<&Value>,
    total_bytes: u64,
    share: usize,
) -> Result<ResultPreview, Failure> {
    let gone = || Failure::new(FailureKind::InputLost, "the result is gone");
    let value = value.ok_or_else(gone)?;
    let (json, truncated) = cut(value.to_string(), share);
    Ok(ResultPreview { json, truncated, total_bytes, empty: is_empty(value) })
}

fn report(run: &Run, step: &Step, planned: &PlannedStep) -> StepReport {
    StepReport {
        number: planned.number,
        description: planned.description.clone(),
        tool: planned.tool.as_str().to_owned(),
        tool_input: planned.input.source().to_string(),
        depends_on: planned.depends_on.clone(),
        outcome: Err(why_none(run, step)),
    }
}

/// Why a step has no result, in words for whoever reads the reports.
fn why_none(run: &Run, step: &Step) -> Failure {
    match &step.state {
        StepState::Failed(failure) | StepState::Unknown(failure) => failure.clone(),
        StepState::Skipped { because_of } => {
            let cause = run.step(*because_of).map_or(0, |cause| cause.number().get());
            let message = format!("skipped, for step {cause} has no result");
            Failure::new(FailureKind::StepFailed, message)
        }
        other => Failure::new(FailureKind::Internal, format!("the step is {}", other.as_str())),
    }
}

fn lost(error: &StoreError) -> Failure {
    Failure::new(FailureKind::Unavailable, format!("fetch the results of the steps: {error}"))
}
