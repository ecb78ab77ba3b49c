//! Why a task did not end well.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a task did not end well. Its text is the last thing that the person reads.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line makes no sense.
    Usage(String),
    /// A program could not be started.
    Start { line: String, error: io::Error },
    /// A program ended, and not well.
    Program { line: String, status: String },
    /// Something is not there, and this task may not or cannot install it.
    Missing { what: &'static str, remedy: &'static str },
    /// A file could not be read or written.
    File { path: PathBuf, error: io::Error },
    /// A step of the tests, and why.
    Step { name: &'static str, cause: Box<Self> },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => f.write_str(message),
            Self::Start { line, error } => write!(f, "cannot start `{line}`: {error}"),
            Self::Program { line, status } => write!(f, "`{line}` ended with {status}"),
            Self::Missing { what, remedy } => write!(f, "{what} is missing: {remedy}"),
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Step { name, cause } => write!(f, "the step `{name}` failed: {cause}"),
        }
    }
}
