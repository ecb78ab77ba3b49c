//! A planner call: each step goes to the driver as soon as it is there.

use std::sync::Arc;

use sortie_engine::{Catalogue, Command, ModelCall, PlanVersion, Run};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Caller;
use super::previews::REPLAN_BUDGET;
use super::reports::Reports;
use crate::planner::{CallFailed, PlanEnd, PlanRequest, PlanWord};

/// Words between the planner's client and this task; the driver's channel is the real buffer.
const WORDS: usize = 16;

pub(super) fn request(run: &Run, version: PlanVersion, catalogue: &Catalogue) -> PlanRequest {
    let goal = run.goal();
    PlanRequest {
        run: run.id(),
        version,
        goal: goal.text.clone(),
        tools: catalogue.iter().cloned().collect(),
        max_steps: goal.limits.steps,
        repair: run.broken_plan().cloned(),
        replan: Vec::new(),
    }
}

pub(super) async fn make(caller: Caller, request: PlanRequest, replaced: Reports) {
    let ModelCall::Plan(version) = caller.call else { return };
    let command = match write(&caller, version, request, replaced).await {
        Ok(PlanEnd { usage, problems }) => Command::PlanEnded { version, usage, problems },
        Err(CallFailed { failure, usage }) => Command::PlanFailed { version, failure, usage },
    };
    caller.end(command).await;
}

async fn write(
    caller: &Caller,
    version: PlanVersion,
    mut request: PlanRequest,
    replaced: Reports,
) -> Result<PlanEnd, CallFailed> {
    request.replan = replaced.filled(caller.store.as_ref(), REPLAN_BUDGET).await?;
    let (words_tx, mut words) = mpsc::channel(WORDS);
    let call = caller.planner.make_plan(request, words_tx);
    let forward = async {
        loop {
            match timeout(caller.silence, words.recv()).await {
                Ok(Some(PlanWord::Beat)) => {}
                Ok(Some(PlanWord::Step(draft))) => {
                    caller.say(Command::StepPlanned { version, draft: Arc::new(draft) }).await;
                }
                Ok(None) => return Ok(()),
                Err(_) => return Err(caller.fell_silent()),
            }
        }
    };
    // A failed call ends at once; a good one only after its last step was handed on.
    let (end, ()) = caller.both(call, forward).await?;
    Ok(end)
}
