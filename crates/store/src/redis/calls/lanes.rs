//! What coordinators ask about lanes.

use std::time::Duration;

use async_trait::async_trait;
use redis::{Value, from_redis_value};
use sortie_engine::{Command, Lane, RunId, Timestamp};

use crate::error::StoreError;
use crate::lanes::{InboxCursor, InboxId, InboxItem, LaneOwner, Lanes};
use crate::redis::connect::moment;
use crate::redis::fault::Fault;
use crate::redis::names::{self, EntryName};
use crate::redis::{Core, Redis, broken};
use crate::wire;

/// A read waits no longer inside Redis: a connection that swallows everything is noticed by then.
const BLOCK_MOST: Duration = Duration::from_secs(5);
const READ: &str = "read inboxes";

impl Core {
    /// One read of inboxes, which may wait inside Redis.
    async fn read(
        &self,
        cursors: &[InboxCursor],
        most: usize,
        wait: Duration,
    ) -> Result<Vec<InboxItem>, StoreError> {
        let mut call = redis::cmd("XREAD");
        // More than this at once helps nobody, and Redis counts in signed numbers.
        call.arg("COUNT").arg(most.min(1 << 20));
        if !wait.is_zero() {
            call.arg("BLOCK").arg(wait.as_millis().max(1).to_string());
        }
        call.arg("STREAMS");
        for cursor in cursors {
            call.arg(names::inbox(cursor.lane));
        }
        for cursor in cursors {
            call.arg(EntryName::of_inbox(cursor.after).to_string());
        }
        let fault = |fault: Fault| fault.into_error(READ);
        let mut reader = self.readers.take(self.link.number()).await.map_err(fault)?;
        let answer = reader.ask(&call, wait).await.map_err(|error| fault(Fault::of(&error)))?;
        self.readers.give_back(reader);
        let answer: Option<Vec<(String, Vec<Value>)>> =
            from_redis_value(answer).map_err(|error| broken(READ, error))?;
        let mut items = Vec::new();
        for (key, entries) in answer.unwrap_or_default() {
            let Some(lane) = names::lane_of_inbox(&key) else { continue };
            for entry in entries {
                items.extend(self.item(lane, entry).await?);
            }
        }
        Ok(items)
    }

    /// Reads an entry; one that nobody can read is put aside.
    async fn item(&self, lane: Lane, entry: Value) -> Result<Option<InboxItem>, StoreError> {
        let (name, fields): (String, Fields) =
            from_redis_value(entry).map_err(|error| broken(READ, error))?;
        let read = || {
            let id = EntryName::parse(&name).ok_or("a name out of range")?.inbox_id();
            let field = |key: &[u8]| fields.get(key).ok_or("a field that is missing");
            let run = String::from_utf8_lossy(field(b"r")?).parse::<RunId>();
            let run = run.map_err(|error| error.to_string())?;
            let command = wire::command::decode(field(b"c")?).map_err(|error| error.to_string())?;
            Ok::<_, String>(InboxItem { id, run, command })
        };
        match read() {
            Ok(item) if item.run.lane() == lane => Ok(Some(item)),
            Ok(item) => {
                let problem = format!("it is for run {} of another lane", item.run);
                self.bury("inbox", &lane.0.to_string(), name.as_bytes(), &problem, None)
                    .await
                    .map(|()| None)
            }
            Err(problem) => self
                .bury("inbox", &lane.0.to_string(), name.as_bytes(), &problem, None)
                .await
                .map(|()| None),
        }
    }

    /// Puts what nobody can read aside, with a command for its run if one is known.
    pub(in crate::redis) async fn bury(
        &self,
        place: &str,
        name: &str,
        id: &[u8],
        problem: &str,
        command: Option<&Command>,
    ) -> Result<(), StoreError> {
        let shown = String::from_utf8_lossy(id);
        tracing::error!(place, name, id = %shown, problem, "an entry that cannot be read was put aside");
        let mut call = self.function("bury");
        call.arg(place).arg(name).arg(id).arg(problem);
        if let Some(command) = command {
            call.arg(wire::command::encode(command));
        }
        self.ask("put an unreadable entry aside", &call).await
    }
}

/// The fields of a stream's entry.
pub(in crate::redis) type Fields = std::collections::HashMap<Vec<u8>, Vec<u8>>;

#[async_trait]
impl Lanes for Redis {
    fn lane_count(&self) -> u8 {
        self.0.lanes
    }

    async fn own(
        &self,
        owner: &LaneOwner,
        wanted: &[Lane],
        lease: Duration,
    ) -> Result<Vec<Lane>, StoreError> {
        let mut call = self.0.function("own");
        call.arg(&owner.0).arg(lease.as_millis().max(1).to_string());
        for lane in wanted {
            call.arg(lane.0);
        }
        let owned: Vec<u8> = self.0.ask("own lanes", &call).await?;
        Ok(owned.into_iter().map(Lane).collect())
    }

    async fn disown(&self, owner: &LaneOwner, lanes: &[Lane]) -> Result<(), StoreError> {
        let mut call = self.0.function("disown");
        call.arg(&owner.0);
        for lane in lanes {
            call.arg(lane.0);
        }
        self.0.ask("disown lanes", &call).await
    }

    async fn send(&self, batch: Vec<(RunId, Command)>) -> Result<(), StoreError> {
        let mut call = self.0.function("send");
        for (run, command) in batch {
            if run.lane().0 >= self.0.lanes {
                tracing::warn!(%run, lane = %run.lane(), "command for a lane that is not there");
                continue;
            }
            call.arg(run.to_string()).arg(wire::command::encode(&command));
        }
        self.0.ask("send", &call).await
    }

    async fn read_inbox(
        &self,
        cursors: &[InboxCursor],
        most: usize,
        wait: Duration,
    ) -> Result<Vec<InboxItem>, StoreError> {
        if cursors.is_empty() || most == 0 {
            tokio::time::sleep(wait).await;
            return Ok(Vec::new());
        }
        let until = tokio::time::Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            let items = self.0.read(cursors, most, left.min(BLOCK_MOST)).await?;
            if !items.is_empty() || left.is_zero() {
                return Ok(items);
            }
        }
    }

    async fn discard(&self, items: &[(Lane, InboxId)]) -> Result<(), StoreError> {
        let mut calls = redis::pipe();
        for (lane, id) in items {
            let mut call = self.0.function("discard");
            call.arg(lane.0).arg(EntryName::of_inbox(*id).to_string());
            calls.add_command(call);
        }
        if items.is_empty() {
            return Ok(());
        }
        let answers = self.0.ask_all("discard", &calls, crate::redis::PATIENCE).await?;
        for answer in answers {
            if let Value::ServerError(error) = answer {
                return Err(Fault::of(&error.into()).into_error("discard"));
            }
        }
        Ok(())
    }

    async fn timers(&self, lane: Lane) -> Result<Vec<(RunId, Timestamp)>, StoreError> {
        let mut call = self.0.function("timers");
        call.arg(lane.0);
        let found: Vec<(Vec<u8>, f64)> = self.0.ask("read timers", &call).await?;
        let mut timers = Vec::with_capacity(found.len());
        for (member, at) in found {
            let name = String::from_utf8_lossy(&member);
            match name.parse::<RunId>() {
                // A time before 1970 or beyond all times is now.
                Ok(run) if run.lane() == lane => {
                    timers.push((run, Timestamp::from_millis(at.max(0.0) as u64)));
                }
                _ => {
                    let problem = "it is no run of this lane";
                    self.0.bury("timers", &lane.0.to_string(), &member, problem, None).await?;
                }
            }
        }
        Ok(timers)
    }

    async fn model_calls(&self, lane: Lane) -> Result<Vec<RunId>, StoreError> {
        let mut call = self.0.function("model_calls");
        call.arg(lane.0);
        let found: Vec<String> = self.0.ask("read model calls", &call).await?;
        Ok(found.iter().filter_map(|run| run.parse().ok()).collect())
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        let time = redis::cmd("TIME");
        let (seconds, micros): (u64, u64) = self.0.ask("read the time", &time).await?;
        Ok(self.0.pulse.told(moment(seconds, micros)))
    }
}
