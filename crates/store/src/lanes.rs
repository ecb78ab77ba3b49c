//! Lanes: shares of the runs. One coordinator at a time owns a lane and reads its inbox; ownership
//! is for speed, safety is the parent check of commits.

use std::time::Duration;

use async_trait::async_trait;
use sortie_engine::{Command, Lane, RunId, Timestamp};

use crate::error::StoreError;

/// The name of one coordinator process, unique for each start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneOwner(pub String);

/// The name of an inbox item in its lane; later items have larger ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboxId(pub u64);

/// How far a lane's inbox was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxCursor {
    /// The lane.
    pub lane: Lane,
    /// The last item that was read; everything is read again from `InboxId(0)`.
    pub after: InboxId,
}

/// A command that waits for the engine. It stays until a commit consumes it.
#[derive(Debug, Clone)]
pub struct InboxItem {
    /// Its name.
    pub id: InboxId,
    /// The run that it is for.
    pub run: RunId,
    /// The command.
    pub command: Command,
}

/// Ownership and inboxes of lanes.
#[async_trait]
pub trait Lanes: Send + Sync + 'static {
    /// How many lanes there are; fixed when the store was made.
    fn lane_count(&self) -> u8;

    /// Takes or keeps the lanes that are free or already owned by `owner`, for `lease`; answers all
    /// that `owner` owns now.
    async fn own(
        &self,
        owner: &LaneOwner,
        wanted: &[Lane],
        lease: Duration,
    ) -> Result<Vec<Lane>, StoreError>;

    /// Gives lanes up at once.
    async fn disown(&self, owner: &LaneOwner, lanes: &[Lane]) -> Result<(), StoreError>;

    /// Puts commands into the inboxes of their runs' lanes; one for a lane that is not there is
    /// dropped.
    async fn send(&self, batch: Vec<(RunId, Command)>) -> Result<(), StoreError>;

    /// Items behind the cursors, at most `most` for each lane, in order; waits up to `wait` for the
    /// first. Dropping the future loses nothing.
    async fn read_inbox(
        &self,
        cursors: &[InboxCursor],
        most: usize,
        wait: Duration,
    ) -> Result<Vec<InboxItem>, StoreError>;

    /// Deletes items whose run does not exist.
    async fn discard(&self, items: &[(Lane, InboxId)]) -> Result<(), StoreError>;

    /// Every run of the lane that is not terminal, with its timer.
    async fn timers(&self, lane: Lane) -> Result<Vec<(RunId, Timestamp)>, StoreError>;

    /// Runs of the lane whose last event opened a model call: what an adopting owner must load.
    async fn model_calls(&self, lane: Lane) -> Result<Vec<RunId>, StoreError>;

    /// The store's clock.
    async fn now(&self) -> Result<Timestamp, StoreError>;
}
