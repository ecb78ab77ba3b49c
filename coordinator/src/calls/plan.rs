//! A planner call: each step goes to the driver as soon as it is there.

use std::sync::Arc;

use sortie_engine::{Catalogue, Command, ModelCall, PlanVersion, Run};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Caller;
use crate::planner::PlanRequest;

/// Steps between the planner's client and this task; the driver's channel is the real buffer.
const STEPS: usize = 16;

pub(super) fn request(run: &Run, version: PlanVersion, catalogue: &Catalogue) -> PlanRequest {
    let goal = run.goal();
    PlanRequest {
        run: run.id(),
        version,
        goal: goal.text.clone(),
        tools: catalogue.iter().cloned().collect(),
        max_steps: goal.limits.steps,
        repair: run.broken_plan().cloned(),
    }
}

pub(super) async fn make(caller: Caller, request: PlanRequest) {
    let ModelCall::Plan(version) = caller.call else { return };
    let (steps_tx, mut steps) = mpsc::channel(STEPS);
    let call = caller.planner.make_plan(request, steps_tx);
    let forward = async {
        loop {
            match timeout(caller.silence, steps.recv()).await {
                Ok(Some(draft)) => {
                    caller.say(Command::StepPlanned { version, draft: Arc::new(draft) }).await;
                }
                Ok(None) => return Ok(()),
                Err(_) => return Err(caller.fell_silent()),
            }
        }
    };
    // A failed call ends at once; a good one only after its last step was handed on.
    caller
        .end(match caller.both(call, forward).await {
            Ok((usage, ())) => Command::PlanEnded { version, usage },
            Err(failure) => Command::PlanFailed { version, failure },
        })
        .await;
}
