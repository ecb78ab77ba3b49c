//! A `redis-server` of the test's own, in a folder of its own, on a port of its own.
//!
//! Redis cannot bind port 0, so a port is drawn below those that the system gives to connections:
//! nobody takes it while the server is down. Whoever answers there is asked for its process id, so
//! that a test never mistakes another server for its own.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use redis::{Connection, RedisResult};
use tempfile::TempDir;

use super::process::{Process, Recipe};
use super::wait::{PATIENCE, wait_until};

/// Ports are drawn from here: above those of services, below those of connections.
const PORTS: std::ops::Range<u16> = 12_000..32_000;
/// Other tests draw ports too; this often in a row nobody is unlucky.
const TRIES: usize = 20;
/// A server of the same machine answers by then, unless it is stopped.
const ANSWER: Duration = Duration::from_secs(1);

/// How a server keeps its data, and what else is special about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisOptions {
    /// Whether every write is on disk before it is acknowledged.
    pub durable: bool,
    /// All that it may hold, as Redis writes it: `64mb`.
    pub max_memory: Option<String>,
    /// What clients must know.
    pub password: Option<String>,
    /// Whether it is a replica of nobody, which refuses writes.
    pub read_only: bool,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self { durable: true, max_memory: None, password: None, read_only: false }
    }
}

/// A server that ends with this value.
#[derive(Debug)]
pub struct RedisServer {
    options: RedisOptions,
    port: u16,
    /// Nothing while it is down. Dropped before its folder.
    process: Option<Process>,
    folder: TempDir,
}

impl RedisServer {
    /// The usual server: every write is on disk before it is acknowledged.
    pub async fn start() -> Self {
        Self::with(RedisOptions::default()).await
    }

    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// If `redis-server` is not there or does not start.
    pub async fn with(options: RedisOptions) -> Self {
        for _ in 0..TRIES {
            let port = fastrand::u16(PORTS);
            if TcpListener::bind(("127.0.0.1", port)).is_err() {
                continue;
            }
            let folder = folder();
            let mut server = Self { options: options.clone(), port, process: None, folder };
            if server.restart_or_collide().await {
                return server;
            }
        }
        panic!("no port for a redis-server in {TRIES} tries");
    }

    /// Where it is reached.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its URL, password included.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_through(&self.address())
    }

    /// Its URL by way of another address.
    #[must_use]
    pub fn url_through(&self, address: &str) -> String {
        match &self.options.password {
            Some(password) => format!("redis://:{password}@{address}"),
            None => format!("redis://{address}"),
        }
    }

    /// A connection to it, not through any proxy.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn connect(&self) -> RedisResult<Connection> {
        connect(&self.url())
    }

    /// Kill -9.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on its files and waits until it answers and has read them.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn restart(&mut self) {
        self.kill();
        let up = self.restart_or_collide().await;
        assert!(up, "somebody else took port {} of a redis-server that was down", self.port);
    }

    /// Another server on the same port, which knows nothing.
    pub async fn swap(&mut self) {
        self.kill();
        self.folder = folder();
        self.restart().await;
    }

    /// Forgets everything and goes on.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn empty(&self) {
        redis::cmd("FLUSHALL").exec(&mut self.connect().unwrap()).unwrap();
    }

    /// SIGSTOP.
    pub fn freeze(&self) {
        self.process.iter().for_each(Process::freeze);
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.process.iter().for_each(Process::thaw);
    }

    /// Starts it; false if it ended because somebody else has the port.
    async fn restart_or_collide(&mut self) -> bool {
        let mut process = Process::start(&self.recipe());
        let (url, pid) = (self.url(), process.pid());
        let mut collided = false;
        wait_until("redis-server to answer", PATIENCE, async || {
            if answers(&url, pid) {
                return true;
            }
            collided = !process.is_alive();
            collided
        })
        .await;
        self.process = Some(process);
        !collided
    }

    fn recipe(&self) -> Recipe {
        let (port, folder) = (self.port.to_string(), self.folder.path().display().to_string());
        let aof = if self.options.durable { "yes" } else { "no" };
        let quiet = ["--save", "", "--daemonize", "no", "--loglevel", "warning"];
        let here = ["--bind", "127.0.0.1", "--port", &port, "--dir", &folder];
        let kept = ["--appendonly", aof, "--appendfsync", "always"];
        let mut recipe =
            Recipe::new(&format!("redis:{port}"), program(), &[&quiet[..], &here, &kept].concat());
        let mut more = |flag: &str, value: &str| {
            recipe.arguments.extend([flag.to_owned(), value.to_owned()]);
        };
        more("--maxmemory-policy", "noeviction");
        if let Some(most) = &self.options.max_memory {
            more("--maxmemory", most);
        }
        if let Some(password) = &self.options.password {
            more("--requirepass", password);
        }
        if self.options.read_only {
            // Nobody is at port 1, so it stays a replica without a link.
            more("--replicaof", "127.0.0.1 1");
        }
        recipe
    }
}

/// The server's program: `redis-server`, wherever it is.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).map(|folder| folder.join("redis-server"));
    let found = places.into_iter().find(|place| place.is_file());
    found.expect("redis-server is missing: `cargo xtask test` installs it where that is possible")
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("sortie-redis-").tempdir().unwrap()
}

/// A connection that waits for no answer for long.
///
/// # Errors
/// If nobody answers there.
pub fn connect(url: &str) -> RedisResult<Connection> {
    let connection = redis::Client::open(url)?.get_connection_with_timeout(ANSWER)?;
    connection.set_read_timeout(Some(ANSWER))?;
    connection.set_write_timeout(Some(ANSWER))?;
    Ok(connection)
}

/// Whether the server with this process id answers and has read its files.
fn answers(url: &str, pid: u32) -> bool {
    let info = || -> RedisResult<String> { redis::cmd("INFO").query(&mut connect(url)?) };
    let line = |info: &str, line: &str| info.lines().any(|one| one.trim_end() == line);
    info().is_ok_and(|info| line(&info, &format!("process_id:{pid}")) && line(&info, "loading:0"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::Commands as _;

    #[tokio::test]
    async fn a_killed_server_comes_back_with_everything_that_it_acknowledged() {
        let mut server = RedisServer::start().await;
        let _: () = server.connect().unwrap().set("kept", 7).unwrap();
        server.kill();
        assert!(server.connect().is_err(), "it is down");
        server.restart().await;
        assert_eq!(server.connect().unwrap().get::<_, u32>("kept"), Ok(7));
        server.empty();
        assert_eq!(server.connect().unwrap().get::<_, Option<u32>>("kept"), Ok(None));
    }

    #[tokio::test]
    async fn a_swapped_server_is_another_one_at_the_same_address() {
        let mut server = RedisServer::start().await;
        let _: () = server.connect().unwrap().set("kept", 7).unwrap();
        let before = server.address();
        server.swap().await;
        assert_eq!(server.address(), before);
        assert_eq!(server.connect().unwrap().get::<_, Option<u32>>("kept"), Ok(None));
    }

    #[tokio::test]
    async fn a_frozen_server_does_not_answer_until_it_is_thawed() {
        let server = RedisServer::start().await;
        server.freeze();
        let asked = server.connect().and_then(|mut c| redis::cmd("PING").query::<String>(&mut c));
        assert!(asked.is_err());
        server.thaw();
        assert_eq!(redis::cmd("PING").query(&mut server.connect().unwrap()), Ok("PONG".to_owned()));
    }

    #[tokio::test]
    async fn a_server_may_want_a_password_refuse_writes_or_be_full() {
        let password = Some("open sesame".replace(' ', "-"));
        let server = RedisServer::with(RedisOptions { password, ..RedisOptions::default() }).await;
        assert!(server.connect().is_ok());
        let stranger = redis::Client::open(format!("redis://{}", server.address())).unwrap();
        assert!(stranger.get_connection().and_then(|mut c| c.get::<_, String>("x")).is_err());
        let replica = RedisOptions { read_only: true, ..RedisOptions::default() };
        let replica = RedisServer::with(replica).await;
        assert!(replica.connect().unwrap().set::<_, _, ()>("x", 1).is_err());
        let max_memory = Some("1mb".to_owned());
        let full = RedisOptions { max_memory, durable: false, ..RedisOptions::default() };
        let full = RedisServer::with(full).await;
        let much = "x".repeat(2 << 20);
        let mut connection = full.connect().unwrap();
        let filled = (0..2).map(|n| connection.set::<_, _, ()>(n, &much)).any(|set| set.is_err());
        assert!(filled);
    }
}
