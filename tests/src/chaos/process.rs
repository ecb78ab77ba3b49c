//! A child process of the test's own. Every signal goes to its own pid, which is ours until we have
//! waited for it; whoever drops it ends it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::wait::{PATIENCE, wait_until};

/// A folder for everything that processes say, a file for each name: for whoever looks for a cause.
const LOGS: &str = "SORTIE_CHAOS_LOGS";

/// Lines that are kept of what a process says: a talkative one must not fill the memory.
const KEPT_LINES: usize = 20_000;

/// How a process is started, again and again.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// What people call it.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// All of its environment.
    pub environment: BTreeMap<String, String>,
}

impl Recipe {
    /// A program with arguments and nothing of this environment.
    #[must_use]
    pub fn new(name: &str, program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            program: program.into(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            environment: BTreeMap::from([("HOME".to_owned(), "/nonexistent".to_owned())]),
        }
    }

    /// The same with a variable more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }
}

/// A running child.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    lines: Arc<Lines>,
}

#[derive(Debug, Default)]
struct Lines(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    lines: Vec<String>,
    over: bool,
}

impl Lines {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// Starts it.
    ///
    /// # Panics
    /// If the program cannot be started.
    #[must_use]
    pub fn start(recipe: &Recipe) -> Self {
        let mut command = Command::new(&recipe.program);
        command.args(&recipe.arguments).env_clear().envs(&recipe.environment);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let spawned = command.spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("start {}: {error}", recipe.name));
        let lines = Arc::new(Lines::default());
        if let Some(stderr) = child.stderr.take() {
            let kept = lines.clone();
            let file = std::env::var_os(LOGS).map(|folder| {
                let path = PathBuf::from(folder).join(format!("{}.log", recipe.name));
                OpenOptions::new().append(true).create(true).open(path).expect("a file for a log")
            });
            // Ends with the pipe, which ends with the process.
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    if let Some(mut file) = file.as_ref() {
                        writeln!(file, "{line}").ok();
                    }
                    let mut heard = kept.heard();
                    if heard.lines.len() < KEPT_LINES {
                        heard.lines.push(line);
                    }
                }
                kept.heard().over = true;
            });
        }
        Self { name: recipe.name.clone(), child, lines }
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far on stderr.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.heard().lines.clone()
    }

    /// Waits for a line that contains this.
    ///
    /// # Panics
    /// If it ends, or stays silent for too long, without saying so.
    pub async fn says(&self, wanted: &str) -> String {
        let mut found = None;
        let what = format!("{} to say {wanted:?}", self.name);
        wait_until(&what, PATIENCE, async || {
            let heard = self.lines.heard();
            found = heard.lines.iter().find(|line| line.contains(wanted)).cloned();
            let last = heard.lines.iter().rev().take(5).collect::<Vec<_>>();
            assert!(found.is_some() || !heard.over, "{} ended: {last:?}", self.name);
            found.is_some()
        })
        .await;
        found.unwrap_or_default()
    }

    /// The address that it listens on, from its log in JSON.
    pub async fn address(&self) -> String {
        let line = self.says("\"listening\"").await;
        let line: Value = serde_json::from_str(&line).unwrap();
        let address = line["address"].as_str().or_else(|| line["fields"]["address"].as_str());
        address.unwrap_or_else(|| panic!("no address in {line}")).to_owned()
    }

    /// Whether it has not ended yet.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it without a chance to say goodbye, and waits until it is gone.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// SIGSTOP: it stands still, and its connections stay open.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// SIGTERM: the polite kill of a supervisor.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args([signal, &pid]).stderr(Stdio::null()).status();
        assert!(sent.is_ok_and(|status| status.success()), "{signal} to {}", self.name);
    }

    /// Waits for its end.
    pub async fn ended(&mut self, patience: Duration) -> ExitStatus {
        let mut status = None;
        let what = format!("the end of {}", self.name);
        wait_until(&what, patience, async || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::start(&Recipe::new("shell", "/bin/sh", &["-c", script]))
    }

    #[tokio::test]
    async fn a_process_is_heard_and_ends_as_it_is_told() {
        let mut process =
            shell("trap 'echo bye >&2; exit 7' TERM; echo up >&2; while :; do :; done");
        assert_eq!(process.says("up").await, "up");
        process.terminate();
        assert_eq!(process.ended(PATIENCE).await.code(), Some(7));
        assert_eq!(process.says("bye").await, "bye");
    }

    #[tokio::test]
    async fn a_frozen_process_stands_still_until_it_is_thawed_or_killed() {
        let mut process = shell("echo up >&2; exec sleep 1000");
        process.says("up").await;
        process.freeze();
        assert!(process.is_alive());
        process.thaw();
        process.freeze();
        process.kill();
        assert!(!process.is_alive());
    }
}
