//! Connections for calls that wait inside Redis: each has one of its own, for whatever is behind a
//! waiting call on the same connection waits as well.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, Value};
use tokio::time::timeout;

use super::fault::Fault;
use super::keeper::Dialer;

/// Connections that wait for the next call; more are closed.
const IDLE_MOST: usize = 16;
/// What a call may take beyond the time that it waits inside Redis.
const MARGIN: Duration = Duration::from_secs(2);

/// A connection that one call at a time uses, with its name for Redis.
pub(super) struct Reader {
    connection: MultiplexedConnection,
    /// Which shared connection was there when this one was made.
    beside: u64,
    pub(super) client: u64,
}

/// Connections for calls that wait.
pub(super) struct Readers {
    dialer: Dialer,
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    pub(super) const fn new(dialer: Dialer) -> Self {
        Self { dialer, idle: Mutex::new(Vec::new()) }
    }

    /// A connection; a new one where none is idle. One that is older than the shared connection is
    /// not used: what broke that one most likely broke this one too.
    pub(super) async fn take(&self, beside: u64) -> Result<Reader, Fault> {
        if let Some(reader) = self.idle(beside) {
            return Ok(reader);
        }
        let fault = |error: RedisError| Fault::of(&error);
        let mut connection = self.dialer.dial().await.map_err(fault)?;
        let asked = redis::cmd("CLIENT").arg("ID").to_owned();
        let answer = timeout(MARGIN, asked.query_async(&mut connection)).await;
        let client = answer.map_err(|_| Fault::Gone("no answer in time".to_owned()))?;
        Ok(Reader { connection, beside, client: client.map_err(fault)? })
    }

    fn idle(&self, beside: u64) -> Option<Reader> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|reader| reader.beside == beside);
        idle.pop()
    }

    /// Gives a connection back after a call that was answered. One whose call was not is dropped:
    /// its answer might come to the next call.
    pub(super) fn give_back(&self, reader: Reader) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MOST {
            idle.push(reader);
        }
    }
}

impl Reader {
    /// Asks what may wait for so long. The future must not be dropped while it is under way, unless
    /// the reader goes with it.
    pub(super) async fn ask(&mut self, command: &Cmd, wait: Duration) -> Result<Value, RedisError> {
        match timeout(wait + MARGIN, self.connection.send_packed_command(command)).await {
            Ok(Ok(Value::ServerError(error))) => Err(error.into()),
            Ok(answer) => answer,
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    }
}
