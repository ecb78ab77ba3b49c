//! The first connection: whether there is a Redis, whether it can ever hold runs, and which store
//! it holds.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, IntoConnectionInfo, RedisError};
use sortie_engine::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ear::Ear;
use super::fault::{Fault, reason};
use super::fitness::Facts;
use super::keeper::{Dialer, Health, Keeper, load_library};
use super::library::LIBRARY;
use super::link::{Link, Wire};
use super::names::StoreId;
use super::pulse::Pulse;
use super::readers::Readers;
use super::{Core, PATIENCE, Redis, RedisOptions, names};

/// The form of what is kept; a store with another one is not touched.
const SCHEMA: &str = "1";

/// Why a store could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The URL says nothing that can be dialled.
    #[error("`{url}` is no address of a Redis: {problem}; write redis://HOST:PORT")]
    BadUrl {
        /// The URL, without its password.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Nobody answers there now. It may be there later.
    #[error("Redis at {address} does not answer: {reason}")]
    Silent {
        /// Where.
        address: String,
        /// What happened.
        reason: String,
    },
    /// It answers and does not let us in, or cannot be used as it is.
    #[error("Redis at {address}: {problem}")]
    Unfit {
        /// Where.
        address: String,
        /// What is wrong, and what can be done.
        problem: String,
    },
}

impl ConnectError {
    /// Whether the same may go well later without anybody doing anything here.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Silent { .. })
    }
}

/// Makes ready to dial: the client, and what its address is called.
pub(super) fn dialer(url: &str) -> Result<(Dialer, String), ConnectError> {
    let bad = |error: RedisError| ConnectError::BadUrl {
        url: without_password(url),
        problem: error.to_string(),
    };
    let info = url.into_connection_info().map_err(bad)?;
    let address = info.addr().to_string();
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    let client = Client::open(info.set_tcp_settings(tcp)).map_err(bad)?;
    Ok((Dialer::new(client), address))
}

/// A URL without what nobody may read in a log.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    // Whatever stands before the last `@` may be one, and behind a question mark there may be one too.
    let (hidden, place) = rest.rsplit_once('@').map_or(("", rest), |(_, place)| ("…@", place));
    let place = place.split('?').next().unwrap_or_default();
    if scheme.is_empty() { place.to_owned() } else { format!("{scheme}://{hidden}{place}") }
}

/// A connection whose Redis has the functions, and what it says of itself.
struct Greeted {
    connection: MultiplexedConnection,
    facts: Facts,
    now: Timestamp,
    store: (String, String, u8),
}

impl Redis {
    /// Connects to a store; a Redis that holds none becomes a new one.
    ///
    /// # Errors
    /// If there is no Redis, or none that can hold runs. See [`ConnectError::may_pass`].
    pub async fn connect(options: RedisOptions) -> Result<Self, ConnectError> {
        let (dialer, address) = dialer(&options.url)?;
        let silent = |reason| ConnectError::Silent { address: address.clone(), reason };
        let fault = |fault| match fault {
            Fault::Gone(reason) => silent(reason),
            Fault::Unfit(problem) | Fault::Broken(problem) => {
                ConnectError::Unfit { address: address.clone(), problem }
            }
        };
        let greeted = timeout(PATIENCE * 2, greet(&dialer, options.lanes)).await;
        let greeted =
            greeted.map_err(|_| silent("no answer in time".to_owned()))?.map_err(fault)?;
        let (id, schema, lanes) = greeted.store.clone();
        if schema != SCHEMA {
            let problem = format!(
                "it holds a store of form {schema}, this version of Sortie works with form {SCHEMA}"
            );
            return Err(ConnectError::Unfit { address, problem });
        }
        Ok(start(options, dialer, greeted, StoreId::new(id), lanes))
    }
}

async fn greet(dialer: &Dialer, lanes: u8) -> Result<Greeted, Fault> {
    let fault = |error: RedisError| match Fault::of(&error) {
        Fault::Gone(_) => Fault::Gone(reason(&error)),
        fault => fault,
    };
    let mut connection = dialer.dial().await.map_err(|error| refused(&error))?;
    let facts = Facts::ask(&mut connection).await.map_err(fault)?;
    if facts.is_too_old() {
        let problem = format!(
            "it is version {}, and Sortie needs 7.0 or later for its functions",
            facts.version
        );
        return Err(Fault::Unfit(problem));
    }
    load_library(&mut connection).await.map_err(fault)?;
    let mut open = redis::cmd("FCALL");
    open.arg(LIBRARY.function("open")).arg(1).arg(names::meta());
    open.arg(format!("{:032x}", fastrand::u128(..))).arg(SCHEMA).arg(lanes);
    let store = open.query_async(&mut connection).await.map_err(fault)?;
    let now = time(&mut connection).await.map_err(fault)?;
    Ok(Greeted { connection, facts, now, store })
}

/// While dialling a wrong password is an error of its own kind.
fn refused(error: &RedisError) -> Fault {
    match error.kind() {
        redis::ErrorKind::AuthenticationFailed => Fault::Unfit(reason(error)),
        _ => match Fault::of(error) {
            Fault::Unfit(problem) => Fault::Unfit(problem),
            Fault::Gone(_) | Fault::Broken(_) => Fault::Gone(reason(error)),
        },
    }
}

async fn time(connection: &mut MultiplexedConnection) -> redis::RedisResult<Timestamp> {
    let (seconds, micros): (u64, u64) = redis::cmd("TIME").query_async(connection).await?;
    Ok(moment(seconds, micros))
}

/// What Redis says as its time.
pub(super) fn moment(seconds: u64, micros: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000 + micros / 1000)
}

/// Starts the task that keeps the connection.
fn start(options: RedisOptions, dialer: Dialer, greeted: Greeted, id: StoreId, lanes: u8) -> Redis {
    let Greeted { connection, facts, now, .. } = greeted;
    // Whoever lives has extended by then, with a second to spare.
    let quiet = options.lease / 4 + Duration::from_secs(1);
    let pulse = Arc::new(Pulse::new(now, Duration::from_secs(facts.uptime_s), quiet));
    let wire = Wire { connection, number: 1 };
    let (link, ends) = Link::over(wire.clone());
    let (health_tx, health) = watch::channel(Health::Fit);
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let mut check = redis::cmd("FCALL");
    check.arg(LIBRARY.function("check")).arg(1).arg(names::meta()).arg(id.as_str());
    let keeper = Keeper {
        dialer: dialer.clone(),
        ends,
        health: health_tx,
        durability: options.durability,
        check,
        pulse: pulse.clone(),
        facts,
        reminded: Instant::now(),
    };
    tasks.spawn(keeper.run(wire, stop.clone()));
    let channels = (0..lanes).map(sortie_engine::Lane).map(names::signals).collect();
    let signals = Ear::new(dialer.client().clone(), channels);
    let recalls = Ear::new(dialer.client().clone(), vec![names::recalls()]);
    Redis(Arc::new(Core {
        id,
        lanes,
        options,
        link,
        readers: Readers::new(dialer),
        pulse,
        health,
        queues: Mutex::default(),
        handed: Mutex::default(),
        taking: tokio::sync::RwLock::default(),
        signals,
        recalls,
        tasks,
        stop,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_in_no_message() {
        let url = "redis://user:secret@host:6379/0";
        assert_eq!(without_password(url), "redis://…@host:6379/0");
        assert_eq!(without_password("redis://host"), "redis://host");
        assert_eq!(without_password("redis://:pa?ss@host"), "redis://…@host");
        assert_eq!(without_password("redis+unix:///s?pass=secret"), "redis+unix:///s");
        for bad in ["http://user:secret@host", "redis://user:secret@", "nonsense"] {
            let Err(error) = dialer(bad) else { continue };
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
