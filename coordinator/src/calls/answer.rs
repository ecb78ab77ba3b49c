//! An answer call: results go in as attributed, delimited previews, text comes out as it is
//! written and is shown to watchers on the way.

use std::sync::Arc;

use serde_json::Value;
use sortie_engine::{
    AttemptNumber, Command, Failure, FailureKind, MAX_ANSWER_BYTES, ModelCall, Run, Step, StepId,
    StepState,
};
use sortie_store::{Signal, StoreError};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Caller;
use super::previews::{PREVIEW_BUDGET, cut, shares};
use crate::planner::{AnswerRequest, AnswerWord, ResultPreview, StepReport};

/// Words between the planner's client and this task.
const PIECES: usize = 64;

/// What an answer is made of, results still to be fetched.
pub(super) struct Material {
    request: AnswerRequest,
    /// For each report with a result, its place in the request, its step and its size.
    results: Vec<(usize, StepId, u64)>,
}

impl Material {
    pub(super) fn of(run: &Run, attempt: AttemptNumber) -> Self {
        let mut results = Vec::new();
        let reports = run.plan_steps().enumerate().map(|(place, step)| {
            if let Some(result) = step.result() {
                results.push((place, step.id, result.bytes));
            }
            report(run, step)
        });
        let request = AnswerRequest {
            run: run.id(),
            attempt,
            goal: run.goal().text.clone(),
            steps: reports.collect(),
            max_answer_bytes: MAX_ANSWER_BYTES,
        };
        Self { request, results }
    }

    /// Puts the results in, as much of each as its share of the budget allows.
    fn fill(mut self, values: &[Option<Arc<Value>>]) -> AnswerRequest {
        let size = |bytes: &u64| usize::try_from(*bytes).unwrap_or(usize::MAX);
        let sizes: Vec<_> = self.results.iter().map(|(_, _, bytes)| size(bytes)).collect();
        let shares = shares(&sizes, PREVIEW_BUDGET);
        for (((place, _, total_bytes), share), value) in self.results.iter().zip(shares).zip(values)
        {
            let outcome = match value {
                Some(value) => {
                    let (json, truncated) = cut(value.to_string(), share);
                    Ok(ResultPreview { json, truncated, total_bytes: *total_bytes })
                }
                None => {
                    let message = "the result is gone".to_owned();
                    Err(Failure::new(FailureKind::InputLost, message))
                }
            };
            self.request.steps[*place].outcome = outcome;
        }
        self.request
    }
}

pub(super) async fn make(caller: Caller, material: Material) {
    let ModelCall::Answer(attempt) = caller.call else { return };
    let command = match write(&caller, attempt, material).await {
        Ok((text, usage)) => Command::AnswerEnded { attempt, text: Arc::from(text), usage },
        Err(failure) => Command::AnswerFailed { attempt, failure },
    };
    caller.end(command).await;
}

async fn write(
    caller: &Caller,
    attempt: AttemptNumber,
    material: Material,
) -> Result<(String, sortie_engine::Usage), Failure> {
    let steps: Vec<_> = material.results.iter().map(|(_, step, _)| *step).collect();
    let values = caller.store.results(caller.run, &steps).await.map_err(|error| lost(&error))?;
    let request = material.fill(&values);
    let (pieces_tx, mut pieces) = mpsc::channel(PIECES);
    let call = caller.planner.synthesize(request, pieces_tx);
    let collect = async {
        let mut answer = String::new();
        loop {
            match timeout(caller.silence, pieces.recv()).await {
                Ok(Some(AnswerWord::Beat)) => {}
                Ok(Some(AnswerWord::Text(piece))) => {
                    show(caller, attempt, answer.len(), &piece).await;
                    answer.push_str(&piece);
                }
                Ok(None) => return Ok(answer),
                Err(_) => return Err(caller.fell_silent()),
            }
            if answer.len() > MAX_ANSWER_BYTES {
                let message = format!("the answer is larger than {MAX_ANSWER_BYTES} bytes");
                return Err(Failure::new(FailureKind::InvalidAnswer, message));
            }
        }
    };
    let (usage, answer) = caller.both(call, collect).await?;
    Ok((answer, usage))
}

/// Shows text to watchers. They may miss it: the recorded answer is in the history.
async fn show(caller: &Caller, attempt: AttemptNumber, offset: usize, piece: &str) {
    let (run, text) = (caller.run, Arc::from(piece));
    let signal = Signal::AnswerText { run, attempt, offset: offset as u64, text };
    if let Err(error) = caller.store.publish(vec![signal]).await {
        tracing::debug!(error = %error, "answer text was not shown");
    }
}

fn lost(error: &StoreError) -> Failure {
    Failure::new(FailureKind::Unavailable, format!("fetch the results for the answer: {error}"))
}

fn report(run: &Run, step: &Step) -> StepReport {
    StepReport {
        number: step.number(),
        description: step.planned.description.clone(),
        tool: step.planned.tool.as_str().to_owned(),
        tool_input: step.planned.input.source().to_string(),
        depends_on: step.planned.depends_on.clone(),
        outcome: Err(why_none(run, step)),
    }
}

/// Why a step has no result, in words for the answer.
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
