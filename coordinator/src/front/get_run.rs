//! `GetRun`: the state of a run and its steps now.

use sortie_proto::v1;

use super::refusal::Refusal;
use super::snapshot::Folded;
use super::{Front, run_id};

pub(super) async fn get_run(
    front: &Front,
    request: v1::GetRunRequest,
) -> Result<v1::GetRunResponse, Refusal> {
    let store = front.parts.store.as_ref();
    let folded = Folded::load(store, run_id(&request.run_id)?).await?;
    let served = front.parts.catalogue.served();
    Ok(v1::GetRunResponse { run: Some(folded.snapshot(store, &served).await?) })
}
