//! An answer call: results go in as attributed, delimited previews, text comes out as it is
//! written and is shown to watchers on the way.

use std::sync::Arc;

use sortie_engine::{
    AttemptNumber, Command, Failure, FailureKind, MAX_ANSWER_BYTES, ModelCall, Usage,
};
use sortie_store::Signal;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::Caller;
use super::previews::PREVIEW_BUDGET;
use super::reports::Reports;
use crate::planner::{AnswerRequest, AnswerWord, CallFailed};

/// Words between the planner's client and this task.
const PIECES: usize = 64;

pub(super) async fn make(caller: Caller, goal: String, reports: Reports) {
    let ModelCall::Answer(attempt) = caller.call else { return };
    let command = match write(&caller, attempt, goal, reports).await {
        Ok((text, usage)) => Command::AnswerEnded { attempt, text: Arc::from(text), usage },
        Err(CallFailed { failure, usage }) => Command::AnswerFailed { attempt, failure, usage },
    };
    caller.end(command).await;
}

async fn write(
    caller: &Caller,
    attempt: AttemptNumber,
    goal: String,
    reports: Reports,
) -> Result<(String, Usage), CallFailed> {
    let steps = reports.filled(caller.store.as_ref(), PREVIEW_BUDGET).await?;
    let (run, max_answer_bytes) = (caller.run, MAX_ANSWER_BYTES);
    let request = AnswerRequest { run, attempt, goal, steps, max_answer_bytes };
    let (pieces_tx, mut pieces) = mpsc::channel(PIECES);
    let call = caller.planner.synthesize(request, pieces_tx);
    let collect = async {
        let mut answer = String::new();
        let writing = caller.texts.write(run);
        let mut heard_at = Instant::now();
        loop {
            let heard = tokio::select! {
                biased;
                () = writing.wanted() => {
                    show(caller, attempt, 0, &answer).await;
                    continue;
                }
                heard = timeout_at(heard_at + caller.silence, pieces.recv()) => heard,
            };
            heard_at = Instant::now();
            match heard {
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

/// Shows text to watchers. They may miss it: the recorded answer is in the history. While the lane
/// is somebody else's, or nobody's, nothing is shown.
async fn show(caller: &Caller, attempt: AttemptNumber, offset: usize, piece: &str) {
    if piece.is_empty() || !caller.lanes.borrow().contains(&caller.run.lane()) {
        return;
    }
    let (run, text) = (caller.run, Arc::from(piece));
    let signal = Signal::AnswerText { run, attempt, offset: offset as u64, text };
    if let Err(error) = caller.store.publish(vec![signal]).await {
        tracing::debug!(error = %error, "answer text was not shown");
    }
}
