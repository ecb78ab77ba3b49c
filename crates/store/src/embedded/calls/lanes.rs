//! What coordinators ask about lanes.

use std::time::Duration;

use async_trait::async_trait;
use sortie_engine::{Command, Lane, RunId, Timestamp};
use tokio::time::Instant;

use crate::embedded::bells::first;
use crate::embedded::{Embedded, hold};
use crate::error::StoreError;
use crate::lanes::{InboxCursor, InboxId, InboxItem, LaneOwner, Lanes};

impl Embedded {
    fn read(
        &self,
        cursors: &[InboxCursor],
        most: usize,
    ) -> Result<Option<Vec<InboxItem>>, StoreError> {
        self.look("read inboxes", |state| {
            let mut found = Vec::new();
            for cursor in cursors {
                if let Some(inbox) = state.inboxes.get(cursor.lane) {
                    inbox.read(cursor.after, most, &mut found);
                }
            }
            Some(found).filter(|found| !found.is_empty())
        })
    }
}

#[async_trait]
impl Lanes for Embedded {
    fn lane_count(&self) -> u8 {
        self.lanes
    }

    async fn own(
        &self,
        owner: &LaneOwner,
        wanted: &[Lane],
        lease: Duration,
    ) -> Result<Vec<Lane>, StoreError> {
        Ok(hold(&self.owners, "own lanes")?.own(owner, wanted, lease, Instant::now()))
    }

    async fn disown(&self, owner: &LaneOwner, lanes: &[Lane]) -> Result<(), StoreError> {
        hold(&self.owners, "disown lanes")?.disown(owner, lanes);
        Ok(())
    }

    async fn send(&self, batch: Vec<(RunId, Command)>) -> Result<(), StoreError> {
        self.change("send", |state, after| {
            for (run, command) in batch {
                state.inboxes.send(run, command, &mut after.rings);
            }
        })
    }

    async fn read_inbox(
        &self,
        cursors: &[InboxCursor],
        most: usize,
        wait: Duration,
    ) -> Result<Vec<InboxItem>, StoreError> {
        if let Some(items) = self.read(cursors, most)? {
            return Ok(items);
        }
        if wait.is_zero() || most == 0 {
            return Ok(Vec::new());
        }
        let bells: Vec<_> = self.look("read inboxes", |state| {
            let inboxes = cursors.iter().filter_map(|cursor| state.inboxes.get(cursor.lane));
            inboxes.map(|inbox| inbox.bell().clone()).collect()
        })?;
        let items = first(&bells, wait, || self.read(cursors, most)).await?;
        Ok(items.unwrap_or_default())
    }

    async fn discard(&self, items: &[(Lane, InboxId)]) -> Result<(), StoreError> {
        self.change("discard", |state, after| {
            for (lane, id) in items {
                state.discard(*lane, *id, after);
            }
        })
    }

    async fn timers(&self, lane: Lane) -> Result<Vec<(RunId, Timestamp)>, StoreError> {
        self.look("read timers", |state| state.runs.timers(lane))
    }

    async fn model_calls(&self, lane: Lane) -> Result<Vec<RunId>, StoreError> {
        self.look("read model calls", |state| {
            let calling = state.runs.open(lane).filter(|record| record.model_call);
            calling.map(|record| record.run()).collect()
        })
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.clock.now())
    }
}
