//! The task that keeps the shared connection: it dials, greets, looks each second whether the store
//! is fit, and dials again. What it finds is the store's [`Health`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::fault::{Fault, reason};
use super::fitness::{Durability, Facts, Finding, doubtful, grave};
use super::library::LIBRARY;
use super::link::{Ends, Wire};
use super::pulse::Pulse;

/// A Redis that does not take a connection by then is not there.
const DIAL_PATIENCE: Duration = Duration::from_secs(1);
/// A check without an answer by then has failed.
const CHECK_PATIENCE: Duration = Duration::from_secs(2);
/// The pause after the first failure to connect; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// No pause is longer: once Redis is there again, everything goes on within a second.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How often it is asked whether the store is fit.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// How often Redis is asked for its configuration.
const CONFIGURATION_EVERY: Duration = Duration::from_secs(60);
/// How often a trouble that lasts is told again.
const REMIND_EVERY: Duration = Duration::from_secs(30);

/// Whether the store can be used now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Fit,
    /// It does not answer; it is asked again and again.
    Silent {
        /// What happens when it is asked.
        problem: String,
    },
    /// It answers, but somebody must act before it can be used or trusted.
    Unfit {
        /// What is wrong, and what can be done.
        problem: String,
    },
}

impl Health {
    /// Why it cannot be used, if it cannot.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        (*self != Self::Fit).then(|| self.to_string())
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fit => f.write_str("the store is fit"),
            Self::Silent { problem } => write!(f, "the store does not answer: {problem}"),
            Self::Unfit { problem } => f.write_str(problem),
        }
    }
}

/// Makes connections.
#[derive(Clone)]
pub(super) struct Dialer {
    client: Client,
    config: AsyncConnectionConfig,
}

impl Dialer {
    pub(super) fn new(client: Client) -> Self {
        // Patience is the caller's: it knows how long its command may take.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(DIAL_PATIENCE))
            .set_response_timeout(None);
        Self { client, config }
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    pub(super) async fn dial(&self) -> RedisResult<MultiplexedConnection> {
        self.client.get_multiplexed_async_connection_with_config(&self.config).await
    }
}

/// Sees to it that the functions are there. They are loaded, not replaced: their name says what
/// they do. It is asked first, for a Redis that is full would refuse to load what it has already.
pub(super) async fn load_library(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    let mut list = redis::cmd("FUNCTION");
    list.arg("LIST").arg("LIBRARYNAME").arg(&LIBRARY.name);
    let found: Vec<redis::Value> = list.query_async(connection).await?;
    if !found.is_empty() {
        return Ok(());
    }
    let mut load = redis::cmd("FUNCTION");
    load.arg("LOAD").arg(&LIBRARY.text);
    match load.query_async::<()>(connection).await {
        Err(error) if error.to_string().contains("already exists") => Ok(()),
        loaded => loaded,
    }
}

/// Waits until a call says that this connection is of no use.
async fn reported(broken: &mut watch::Receiver<u64>, number: u64) {
    // It fails where nobody can call any more: then the store is closed, and others say so.
    if broken.wait_for(|reported| *reported >= number).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Keeps the connection.
pub(super) struct Keeper {
    pub(super) dialer: Dialer,
    pub(super) ends: Ends,
    pub(super) health: watch::Sender<Health>,
    pub(super) durability: Durability,
    /// Asks whether this is the store that is meant.
    pub(super) check: redis::Cmd,
    pub(super) pulse: Arc<Pulse>,
    pub(super) facts: Facts,
    pub(super) reminded: Instant,
}

impl Keeper {
    /// Keeps the connection until the store is closed.
    pub(super) async fn run(mut self, mut wire: Wire, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.watch_over(&wire) => {}
            }
            self.pulse.disconnected();
            self.ends.wires.send_replace(None);
            tokio::select! {
                () = stop.cancelled() => return,
                connection = self.dial() => {
                    wire = Wire { connection, number: wire.number + 1 };
                }
            }
            self.pulse.reconnected();
            self.ends.wires.send_replace(Some(wire.clone()));
        }
    }

    /// Returns when the connection is of no use any more.
    async fn watch_over(&mut self, wire: &Wire) {
        let mut broken = self.ends.broken.clone();
        let mut checks = tokio::time::interval(CHECK_EVERY);
        let mut configured: Option<Instant> = None;
        loop {
            tokio::select! {
                () = reported(&mut broken, wire.number) => {
                    self.tell(Health::Silent { problem: "no answer in time".to_owned() });
                    return;
                }
                _ = checks.tick() => {
                    let is_due = configured.is_none_or(|at| at.elapsed() >= CONFIGURATION_EVERY);
                    if is_due {
                        configured = Some(Instant::now());
                    }
                    // What is mended is seen at once.
                    let is_ill = *self.health.borrow() != Health::Fit;
                    let looked = self.examine(wire.connection.clone(), is_due || is_ill).await;
                    if let Ok(findings) = &looked
                        && is_due
                    {
                        for finding in doubtful(findings) {
                            tracing::warn!(%finding, "Redis may lose or refuse something");
                        }
                    }
                    match looked.map(|findings| grave(&findings)) {
                        Ok(None) => self.tell(Health::Fit),
                        Ok(Some(problem)) => self.tell(Health::Unfit { problem }),
                        Err(Fault::Unfit(problem) | Fault::Broken(problem)) => {
                            self.tell(Health::Unfit { problem });
                        }
                        Err(Fault::Gone(problem)) => {
                            self.tell(Health::Silent { problem });
                            return;
                        }
                    }
                }
            }
        }
    }

    /// What is found of a store that is the one that is meant.
    async fn examine(
        &mut self,
        mut connection: MultiplexedConnection,
        ask_all: bool,
    ) -> Result<Vec<Finding>, Fault> {
        let fault = |error: redis::RedisError| Fault::of(&error);
        let look = async {
            let facts = Facts::ask(&mut connection).await?;
            let fsync = if ask_all { Facts::ask_fsync(&mut connection).await? } else { None };
            let checked = self.check.query_async::<()>(&mut connection).await;
            Ok((facts, fsync, checked))
        };
        let slow = Fault::Gone("no answer in time".to_owned());
        let looked = timeout(CHECK_PATIENCE, look).await.map_err(|_| slow)?;
        let (facts, fsync, checked) = looked.map_err(fault)?;
        let fsync = if ask_all { fsync } else { self.facts.fsync.take() };
        self.facts = Facts { fsync, ..facts };
        self.pulse.memory(self.facts.used_percent());
        checked.map_err(fault)?;
        Ok(self.facts.findings(self.durability))
    }

    /// Dials until there is a connection with the functions behind it.
    async fn dial(&mut self) -> MultiplexedConnection {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.greet().await {
                Ok(connection) => return connection,
                Err(problem) => self.tell(Health::Silent { problem }),
            }
            sleep(pause.mul_f64(0.5 + 0.5 * fastrand::f64())).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn greet(&self) -> Result<MultiplexedConnection, String> {
        let mut connection = self.dialer.dial().await.map_err(|error| reason(&error))?;
        match timeout(CHECK_PATIENCE, load_library(&mut connection)).await {
            Err(_) => Err("no answer in time".to_owned()),
            // A Redis that refuses the functions is there: the checks tell what is wrong with it.
            Ok(Err(error)) => match Fault::of(&error) {
                Fault::Gone(problem) => Err(problem),
                Fault::Unfit(_) | Fault::Broken(_) => Ok(connection),
            },
            Ok(Ok(())) => Ok(connection),
        }
    }

    /// Says what has changed, loudly; and a trouble that lasts again from time to time.
    fn tell(&mut self, health: Health) {
        let is_news = *self.health.borrow() != health;
        let was_fit = *self.health.borrow() == Health::Fit;
        let is_due = self.reminded.elapsed() >= REMIND_EVERY;
        match &health {
            Health::Fit if is_news => tracing::info!("the store can be used again"),
            Health::Silent { problem } if was_fit || is_due => {
                tracing::error!(problem, "the store does not answer");
                self.reminded = Instant::now();
            }
            Health::Unfit { problem } if is_news || is_due => {
                tracing::error!(problem, "the store must not be used");
                self.reminded = Instant::now();
            }
            _ => {}
        }
        self.health.send_if_modified(|last| {
            *last = health;
            is_news
        });
    }
}
