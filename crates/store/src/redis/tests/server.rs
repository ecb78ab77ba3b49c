//! A Redis of the test's own: on a socket in a folder of its own, so that no two tests can meet.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::Client;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

/// How long a Redis may take to start.
const START: Duration = Duration::from_secs(10);

pub(super) struct Server {
    child: Child,
    folder: TempDir,
    url: String,
    settings: Vec<String>,
}

impl Server {
    pub(super) fn start(settings: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("redis+unix://{}", folder.path().join("socket").display());
        let settings: Vec<_> = settings.iter().map(ToString::to_string).collect();
        let child = spawn(folder.path(), &settings);
        let server = Self { child, folder, url, settings };
        server.wait_until_it_answers();
        server
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) async fn connection(&self) -> MultiplexedConnection {
        let client = Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// Kills it without a word, and waits until it is gone.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on its files.
    pub(super) fn restart(&mut self) {
        self.child = spawn(self.folder.path(), &self.settings);
        self.wait_until_it_answers();
    }

    /// Stops it in the middle of what it does, as if its machine stood still.
    pub(super) fn stop(&self) {
        self.signal("-STOP");
    }

    pub(super) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let told = Command::new("kill").arg(signal).arg(self.child.id().to_string()).status();
        assert!(told.unwrap().success());
    }

    fn wait_until_it_answers(&self) {
        let begun = Instant::now();
        let client = Client::open(self.url()).unwrap();
        loop {
            let answer = client
                .get_connection()
                .and_then(|mut connection| redis::cmd("PING").query::<String>(&mut connection));
            match answer {
                Ok(_) => return,
                Err(error) if error.code() == Some("NOAUTH") => return,
                Err(error) if begun.elapsed() > START => {
                    panic!("redis-server did not start: {error}")
                }
                Err(_) => std::thread::yield_now(),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &Path, settings: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--save", "", "--unixsocket"]).arg(folder.join("socket"));
    command.arg("--dir").arg(folder).args(settings);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| {
        panic!("redis-server: {error}; `cargo xtask test` installs what the tests need")
    })
}
