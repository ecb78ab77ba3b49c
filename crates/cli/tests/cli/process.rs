//! A program as a child process, away from the settings of whoever runs the tests. Shared by all
//! tests of processes.

#![allow(dead_code, reason = "each of them uses its part of it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use serde_json::Value;

/// What a finished program left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Every line of stdout as JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        let read = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        self.stdout.lines().map(read).collect()
    }
}

/// A program, with nothing of this environment.
pub(crate) fn program(path: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(path);
    command.args(arguments).env_clear().env("HOME", "/nonexistent");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end.
pub(crate) fn finish(command: &mut Command) -> Finished {
    Running::start(command).finish()
}

/// A program under way. Killed if the test ends before it.
pub(crate) struct Running {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: BufReader<ChildStderr>,
    /// Lines of stderr that were read while another one was wanted.
    passed: Vec<String>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().map(BufReader::new);
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stdout, stderr, passed: Vec::new() }
    }

    /// The next line of stdout.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().unwrap().read_line(&mut line).unwrap();
        line
    }

    /// The first line of stderr that contains this and was not told before: of two lines that come
    /// in either order each is found.
    pub(crate) fn error_line(&mut self, wanted: &str) -> String {
        if let Some(at) = self.passed.iter().position(|line| line.contains(wanted)) {
            return self.passed.remove(at);
        }
        loop {
            let mut line = String::new();
            let bytes = self.stderr.read_line(&mut line).unwrap();
            assert!(bytes > 0, "the program ended without saying {wanted:?}");
            if line.contains(wanted) {
                return line;
            }
            self.passed.push(line);
        }
    }

    /// Writes this to its stdin and closes it.
    pub(crate) fn write(&mut self, stdin: &[u8]) {
        let mut pipe = self.child.stdin.take().unwrap();
        pipe.write_all(stdin).unwrap();
    }

    /// Nobody reads stdout any more.
    pub(crate) fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// Ctrl-C, to this child alone.
    pub(crate) fn interrupt(&self) {
        self.signal("-INT");
    }

    /// What an init system sends.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Gone, without a chance to say goodbye.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    pub(crate) fn finish(mut self) -> Finished {
        let stdout = self.stdout.take();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.map(|mut stdout| stdout.read_to_string(&mut text));
            text
        });
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).unwrap();
        let code = self.child.wait().unwrap().code();
        Finished { code, stdout: reader.join().unwrap(), stderr }
    }
}

/// `sortie serve`, or a program like it, on a port of the system's choice.
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) url: String,
}

impl Server {
    /// Starts it and waits until it listens.
    pub(crate) fn start(path: &str, more: &[&str]) -> Self {
        Self::with(program(path, &["serve"]).args(more))
    }

    /// Starts a command that serves and waits until it listens.
    pub(crate) fn with(command: &mut Command) -> Self {
        let quietly = ["--listen", "127.0.0.1:0", "--log-format", "json"];
        let mut running = Running::start(command.args(quietly));
        let line: Value = serde_json::from_str(&running.error_line("\"listening\"")).unwrap();
        let url = find(&line, "address").unwrap_or_else(|| panic!("no address in {line}"));
        Self { running, url: url.to_owned() }
    }
}

/// A field of a log line, wherever the format puts it.
fn find<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
    line[name].as_str().or_else(|| line["fields"][name].as_str())
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
