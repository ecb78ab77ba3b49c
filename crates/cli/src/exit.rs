//! How the program ends, for scripts.

use std::process::ExitCode;

/// The end of the program, one meaning for each code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// There is an answer, or the command did what it says.
    Done,
    /// The run failed or was cancelled by someone else, or the command could not be carried out.
    Failed,
    /// Refused before a run existed.
    Refused,
    /// The endpoint does not answer.
    Unreachable,
    /// Ctrl-C.
    Interrupted,
    /// Whoever read stdout went away; what a shell reports for a program that SIGPIPE killed.
    PipeClosed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Refused => 2,
            Exit::Unreachable => 3,
            Exit::Interrupted => 130,
            Exit::PipeClosed => 141,
        })
    }
}
