//! The connection that all short calls share, and the task that keeps it.
//!
//! ```text
//!            ┌── dial, greet ──> up ──(a call failed, a check failed)──┐
//!   down ────┤                    └── each second: check ──> health    │
//!    ^       └── pause <── failed                                      │
//!    └─────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Calls take the connection that is there and wait for one only within their own patience. One
//! that has no answer in time reports the connection as broken, for a connection that swallows
//! everything looks like one that is slow: the next calls go over a new one. A call is never sent
//! twice from here; who asked knows whether that is right.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisError, Value};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::fault::Fault;

/// A connection, and which one it is.
#[derive(Clone)]
pub(super) struct Wire {
    pub(super) connection: MultiplexedConnection,
    pub(super) number: u64,
}

/// The shared connection.
pub(super) struct Link {
    wires: watch::Receiver<Option<Wire>>,
    broken: watch::Sender<u64>,
}

/// The keeper's ends of a link.
pub(super) struct Ends {
    pub(super) wires: watch::Sender<Option<Wire>>,
    pub(super) broken: watch::Receiver<u64>,
}

impl Link {
    /// A link over a connection that is there already.
    pub(super) fn over(wire: Wire) -> (Self, Ends) {
        let (wires_tx, wires) = watch::channel(Some(wire));
        let (broken, broken_rx) = watch::channel(0);
        (Self { wires, broken }, Ends { wires: wires_tx, broken: broken_rx })
    }

    /// Asks one thing.
    pub(super) async fn ask(&self, command: &Cmd, patience: Duration) -> Result<Value, Fault> {
        let until = Instant::now() + patience;
        let wire = self.wire(until).await?;
        self.ask_over(wire, command, until).await
    }

    /// Asks one thing if there is a connection now: what must not be asked just after an outage does
    /// not wait for its end.
    pub(super) async fn ask_at_once(
        &self,
        command: &Cmd,
        patience: Duration,
    ) -> Result<Value, Fault> {
        let wire = self.wires.borrow().clone();
        let wire = wire.ok_or_else(|| Fault::Gone("there is no connection".to_owned()))?;
        self.ask_over(wire, command, Instant::now() + patience).await
    }

    async fn ask_over(
        &self,
        mut wire: Wire,
        command: &Cmd,
        until: Instant,
    ) -> Result<Value, Fault> {
        let asked = wire.connection.send_packed_command(command);
        match self.heard(wire.number, timeout_at(until, asked).await)? {
            Value::ServerError(error) => Err(Fault::of(&error.into())),
            value => Ok(value),
        }
    }

    /// Asks several things at once. An answer for each; some may be errors.
    pub(super) async fn ask_all(
        &self,
        commands: &Pipeline,
        patience: Duration,
    ) -> Result<Vec<Value>, Fault> {
        let until = Instant::now() + patience;
        let mut wire = self.wire(until).await?;
        let asked = wire.connection.send_packed_commands(commands, 0, commands.len());
        self.heard(wire.number, timeout_at(until, asked).await)
    }

    /// Which connection is there; 0 if none is.
    pub(super) fn number(&self) -> u64 {
        self.wires.borrow().as_ref().map_or(0, |wire| wire.number)
    }

    async fn wire(&self, until: Instant) -> Result<Wire, Fault> {
        let mut wires = self.wires.clone();
        match timeout_at(until, wires.wait_for(Option::is_some)).await {
            Ok(Ok(wire)) => wire.clone().ok_or_else(closed),
            Ok(Err(_)) => Err(closed()),
            Err(_) => Err(Fault::Gone("there is no connection".to_owned())),
        }
    }

    /// A connection without an answer, or with one that it cannot survive, is used no more.
    fn heard<T>(
        &self,
        number: u64,
        answer: Result<Result<T, RedisError>, tokio::time::error::Elapsed>,
    ) -> Result<T, Fault> {
        let fault = match answer {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => Fault::of(&error),
            Err(_) => Fault::Gone("no answer in time".to_owned()),
        };
        if let Fault::Gone(_) = fault {
            self.report_broken(number);
        }
        Err(fault)
    }

    /// Says that a connection, named by its number, is of no use any more.
    fn report_broken(&self, number: u64) {
        self.broken.send_if_modified(|last| {
            let is_news = number > *last;
            *last = number.max(*last);
            is_news
        });
    }
}

fn closed() -> Fault {
    Fault::Gone("the store was closed".to_owned())
}
