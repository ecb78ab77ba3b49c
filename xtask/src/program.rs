//! Other programs: started in the root of the workspace, without standard input.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;

use crate::failure::Failure;
use crate::places;

/// The cargo that started this task.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    command(cargo, arguments)
}

/// A program, to be started in the root of the workspace.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(places::root()).stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status();
    well(command, status)
}

/// Whether it is there and ends well. Nobody sees what it says.
pub(crate) fn answers(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// What it says on its standard output.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs it to its end, passes on what it says and shows every line of it, without colours.
pub(crate) fn overhear(command: &mut Command, mut heard: impl FnMut(&str)) -> Result<(), Failure> {
    // It sees pipes, so it has to be told that a person is watching.
    if io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| Failure::Start { line: line(command), error })?;
    let (sender, lines) = mpsc::channel();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        let other = sender.clone();
        scope.spawn(move || stdout.map(|from| pass_on(from, io::stdout(), &sender)));
        scope.spawn(move || stderr.map(|from| pass_on(from, io::stderr(), &other)));
        lines.into_iter().for_each(|line: String| heard(&line));
    });
    let status = child.wait();
    well(command, status)
}

fn pass_on(from: impl Read, mut to: impl Write, lines: &mpsc::Sender<String>) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // Whoever closed our output does not want to read it; the program must end all the same.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        let _ = lines.send(plain(&String::from_utf8_lossy(&line)));
        line.clear();
    }
}

/// The line without colours and without its end.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line.trim_end();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        text.push_str(before);
        rest = after.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, rest)| rest);
    }
    text + rest
}

fn well(command: &Command, status: io::Result<ExitStatus>) -> Result<(), Failure> {
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Program { line: line(command), status: status.to_string() }),
        Err(error) => Err(Failure::Start { line: line(command), error }),
    }
}

/// How a person would type it.
pub(crate) fn line(command: &Command) -> String {
    let name = std::path::Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_taken_off() {
        assert_eq!(plain("\u{1b}[32;1m  Summary\u{1b}[0m [ 1s]\n"), "  Summary [ 1s]");
        assert_eq!(plain("plain\r\n"), "plain");
        assert_eq!(plain("cut \u{1b}[3"), "cut ");
    }

    #[test]
    fn both_outputs_are_heard_and_a_bad_end_is_told_with_the_line() {
        let mut heard = Vec::new();
        let mut shell = command("sh", &["-c", "echo out; echo err >&2; exit 3"]);
        let ended = overhear(&mut shell, |line| heard.push(line.to_owned()));
        heard.sort();
        assert_eq!(heard, ["err", "out"]);
        let message = ended.unwrap_err().to_string();
        assert!(message.contains("sh -c echo out") && message.contains('3'), "{message}");
    }
}
