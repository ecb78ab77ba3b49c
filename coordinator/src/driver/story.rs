//! A run's story in the log: what became durable, told once, by the driver that committed it.
//!
//! What ends or turns a run is told at `info`; what happens to its steps at `debug`.

use sortie_engine::{Event, Recorded, RunId};
use tracing::Level;

/// Tells of events that a commit has just made durable.
pub(super) fn tell(run: RunId, events: &[Recorded]) {
    if !tracing::enabled!(Level::INFO) {
        return;
    }
    let _entered = tracing::info_span!("run", run = %run).entered();
    for Recorded { seq, event, .. } in events {
        let seq = seq.get();
        match event {
            Event::PlanVersionStarted { version, cause, planner } => {
                tracing::info!(seq, %version, ?cause, %planner, "the planner is asked");
            }
            Event::PlanAccepted { version, .. } => tracing::info!(seq, %version, "plan accepted"),
            Event::PlanRejected { version, problems, .. } => {
                tracing::warn!(seq, %version, problems = problems.len(), "plan rejected");
            }
            Event::PlanCallFailed { version, failure, next, .. } => {
                let again = next.is_some();
                tracing::warn!(seq, %version, %failure, again, "the planner gave no plan");
            }
            Event::AnswerAttemptStarted { attempt, .. } => {
                tracing::info!(seq, %attempt, "an answer is asked for");
            }
            Event::AnswerAttemptFailed { attempt, failure, retry_at, .. } => {
                let again = retry_at.is_some();
                tracing::warn!(seq, %attempt, %failure, again, "there was no answer");
            }
            Event::RunSucceeded { partial, .. } => tracing::info!(seq, partial, "run succeeded"),
            Event::RunFailed { failure } => tracing::info!(seq, %failure, "run failed"),
            Event::RunCancelled { reason } => tracing::info!(seq, reason, "run cancelled"),
            step => tell_of_step(seq, step),
        }
    }
}

fn tell_of_step(seq: u64, event: &Event) {
    match event {
        Event::StepPlanned { step, planned, .. } => {
            tracing::debug!(seq, %step, number = %planned.number, tool = %planned.tool, "step planned");
        }
        Event::StepQueued { step, attempt } => tracing::debug!(seq, %step, %attempt, "step queued"),
        Event::StepSucceeded { step, attempt, result, .. } => {
            tracing::debug!(seq, %step, %attempt, bytes = result.bytes, "step succeeded");
        }
        Event::StepRetrying { step, attempt, failure, .. } => {
            tracing::debug!(seq, %step, %attempt, %failure, "step will be tried again");
        }
        Event::StepFailed { step, failure, .. } | Event::StepUnknown { step, failure } => {
            tracing::debug!(seq, %step, %failure, "step failed");
        }
        Event::StepSkipped { step, because_of } => {
            tracing::debug!(seq, %step, %because_of, "step skipped");
        }
        _ => {}
    }
}
