//! The real program against the fake.

use std::process::{Command, Stdio};

use crate::fake::Fake;
pub(crate) use crate::process::{Finished, Running, finish};

/// The program, with nothing of this environment.
pub(crate) fn sortie(arguments: &[&str]) -> Command {
    crate::process::program(env!("CARGO_BIN_EXE_sortie"), arguments)
}

/// Runs the program against the fake, to its end.
pub(crate) fn against(fake: &Fake, arguments: &[&str]) -> Finished {
    finish(sortie(arguments).env("SORTIE_ENDPOINT", fake.url()))
}

/// Runs the program with this on its stdin.
pub(crate) fn with_stdin(fake: &Fake, arguments: &[&str], stdin: &[u8]) -> Finished {
    let mut command = sortie(arguments);
    command.env("SORTIE_ENDPOINT", fake.url()).stdin(Stdio::piped());
    let mut running = Running::start(&mut command);
    running.write(stdin);
    running.finish()
}
