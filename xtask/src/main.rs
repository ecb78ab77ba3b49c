//! Project tasks: `cargo xtask test` and its companions, one file for each.
//!
//! A task needs cargo and nothing else: it installs what is missing and says so, or says what to
//! install. This crate uses the standard library alone, so that it builds in no time.

// A task talks to the person who started it.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod chaos;
mod deny;
mod simulate;
mod test;

mod apt;
mod failure;
mod numbers;
mod places;
mod program;

use std::process::ExitCode;

use failure::Failure;

const USAGE: &str = "\
Project tasks. Usage: cargo xtask TASK

  test                            format, clippy, docs and all tests: what CI runs
  simulate [--seeds N] [--seed S] stories of a cluster in trouble: N of them, from seed S on
  chaos [--minutes N] [--seed S]  a storm over a cluster of real processes: so long, the one of S
  deny                            licences, duplicates and sources with cargo-deny
  help                            this text";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            eprintln!("error: {message}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let Some((task, rest)) = arguments.split_first() else {
        return Err(Failure::Usage("which task?".to_owned()));
    };
    match task.as_str() {
        "test" => no_more(task, rest).and_then(|()| test::run()),
        "simulate" => simulate::run(rest),
        "chaos" => chaos::run(rest),
        "deny" => no_more(task, rest).and_then(|()| deny::run()),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(Failure::Usage(format!("there is no task `{other}`"))),
    }
}

fn no_more(task: &str, rest: &[String]) -> Result<(), Failure> {
    match rest.first() {
        None => Ok(()),
        Some(word) => Err(Failure::Usage(format!("`{task}` does not know `{word}`"))),
    }
}
