//! What lists show of a run. Clients get the same message.

use std::sync::Arc;

use prost::Message as _;
use sortie_proto::{BadField, ids, time, v1};

use super::{BadBytes, read};
use crate::log::RunSummary;

/// A summary to keep beside its run.
pub(crate) fn encode(summary: &RunSummary) -> Vec<u8> {
    v1::RunSummary::from(summary).encode_to_vec()
}

/// The summary that was kept.
pub(crate) fn decode(bytes: &[u8]) -> Result<RunSummary, BadBytes> {
    read("the summary of a run", bytes, from_wire)
}

impl From<&RunSummary> for v1::RunSummary {
    fn from(summary: &RunSummary) -> Self {
        Self {
            run_id: summary.run.to_string(),
            goal: summary.goal.to_string(),
            state: v1::RunState::from(summary.state).into(),
            partial: summary.partial,
            submitted_at: Some(time::point_to_wire(summary.submitted_at)),
            ended_at: summary.ended_at.map(time::point_to_wire),
            steps: summary.steps,
            steps_ended: summary.steps_ended,
            labels: summary.labels.as_ref().clone(),
        }
    }
}

fn from_wire(summary: v1::RunSummary) -> Result<RunSummary, BadField> {
    let unknown = || BadField::new("state", format!("has no value {}", summary.state));
    let state = v1::RunState::try_from(summary.state).map_err(|_| unknown())?;
    Ok(RunSummary {
        run: ids::run_id(&summary.run_id)?,
        state: state.try_into()?,
        goal: Arc::from(summary.goal),
        partial: summary.partial,
        submitted_at: time::point_from_wire("submitted_at", summary.submitted_at)?,
        ended_at: time::optional_point_from_wire("ended_at", summary.ended_at)?,
        steps: summary.steps,
        steps_ended: summary.steps_ended,
        labels: Arc::new(summary.labels),
    })
}
