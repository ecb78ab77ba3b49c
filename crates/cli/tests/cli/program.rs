//! The real program as a child process, away from the settings of whoever runs the tests.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::fake::Fake;

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

/// The program, with nothing of this environment.
pub(crate) fn sortie(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sortie"));
    command.args(arguments).env_clear().env("HOME", "/nonexistent");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program against the fake, to its end.
pub(crate) fn against(fake: &Fake, arguments: &[&str]) -> Finished {
    finish(sortie(arguments).env("SORTIE_ENDPOINT", fake.url()))
}

pub(crate) fn finish(command: &mut Command) -> Finished {
    Running::start(command).finish()
}

/// Runs the program with this on its stdin.
pub(crate) fn with_stdin(fake: &Fake, arguments: &[&str], stdin: &[u8]) -> Finished {
    let mut command = sortie(arguments);
    command.env("SORTIE_ENDPOINT", fake.url()).stdin(Stdio::piped());
    let mut running = Running::start(&mut command);
    let mut pipe = running.child.stdin.take().unwrap();
    pipe.write_all(stdin).unwrap();
    drop(pipe);
    running.finish()
}

/// A program under way. Killed if the test ends before it.
pub(crate) struct Running {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().map(BufReader::new);
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// The next line of stdout.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().unwrap().read_line(&mut line).unwrap();
        line
    }

    /// Nobody reads stdout any more.
    pub(crate) fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// Ctrl-C, to this child alone.
    pub(crate) fn interrupt(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
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

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
