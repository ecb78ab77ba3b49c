//! The record of one commit: its name, its parent, its events.

use std::sync::Arc;

use prost::Message as _;
use sortie_engine::{CommitId, Recorded, RunId};
use sortie_proto::{BadField, event, ids, store_v1};

use super::{BadBytes, read};

/// A commit of this run, for its log.
pub(crate) fn encode(
    run: RunId,
    id: CommitId,
    parent: Option<CommitId>,
    events: &[Recorded],
) -> Vec<u8> {
    let record = store_v1::CommitRecord {
        run_id: run.to_string(),
        commit_id: name_of(id),
        parent_id: parent.map(name_of).unwrap_or_default(),
        events: events.iter().map(event::nameless_to_wire).collect(),
    };
    record.encode_to_vec()
}

/// The commit that a record in this run's log tells of. Results come back as recorded: they never
/// travel with events.
pub(crate) fn decode(run: RunId, bytes: &[u8]) -> Result<(CommitId, Arc<[Recorded]>), BadBytes> {
    read("the record of a commit", bytes, |record| from_wire(run, record))
}

fn from_wire(
    run: RunId,
    record: store_v1::CommitRecord,
) -> Result<(CommitId, Arc<[Recorded]>), BadField> {
    let of = ids::run_id(&record.run_id)?;
    if of != run {
        return Err(BadField::new("run_id", format!("names {of} in the log of {run}")));
    }
    if !record.parent_id.is_empty() {
        commit_of("parent_id", &record.parent_id)?;
    }
    let id = commit_of("commit_id", &record.commit_id)?;
    let events = record.events.into_iter().map(event::nameless_from_wire);
    Ok((id, events.collect::<Result<_, _>>()?))
}

fn name_of(commit: CommitId) -> Vec<u8> {
    commit.get().to_be_bytes().to_vec()
}

fn commit_of(field: &'static str, bytes: &[u8]) -> Result<CommitId, BadField> {
    let bits = bytes.try_into().map(u128::from_be_bytes);
    let wrong = |_| BadField::new(field, format!("has {} bytes instead of 16", bytes.len()));
    bits.map(CommitId::new).map_err(wrong)
}
