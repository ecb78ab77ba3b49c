//! `GetResult`: the whole result of a step, in chunks of JSON text.

use futures_util::stream;
use sortie_engine::StepNumber;
use sortie_proto::v1;

use super::refusal::Refusal;
use super::snapshot::Folded;
use super::{Answers, Front, run_id};

/// Bytes of one chunk: far below a message, far above its overhead.
const CHUNK_BYTES: usize = 64 * 1024;

pub(super) async fn get_result(
    front: &Front,
    request: v1::GetResultRequest,
) -> Result<Answers<v1::GetResultResponse>, Refusal> {
    let run = run_id(&request.run_id)?;
    let step = StepNumber::new(request.step_number);
    let none = || Refusal::NoResult { run, step };
    let folded = Folded::load(front.parts.store.as_ref(), run).await?;
    let id = folded.run.step_by_number(step).map(|step| step.id).ok_or_else(none)?;
    let value = front.parts.store.results(run, &[id]).await?.pop().flatten().ok_or_else(none)?;
    let text = value.to_string().into_bytes();
    let ends = (0..text.len()).step_by(CHUNK_BYTES);
    let chunks: Vec<_> = ends.map(|at| (at, text.len().min(at + CHUNK_BYTES))).collect();
    let chunk = move |(from, to): (usize, usize)| {
        Ok(v1::GetResultResponse { json: text[from..to].to_vec() })
    };
    Ok(Box::pin(stream::iter(chunks.into_iter().map(chunk))))
}
