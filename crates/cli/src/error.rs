//! What can go wrong in the client, by what its caller should do, and how it is told.

use std::error::Error as _;
use std::io;

use sortie_engine::FailureKind;
use sortie_service::config::Mistakes;
use sortie_service::process::{Fault, root};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::embedded::EmbeddedError;
use crate::exit::Exit;
use crate::json::Object;
use crate::output;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What the person gave cannot be used: each line one fault.
    #[error("{0}")]
    Refused(String),
    /// Nobody answers at the endpoint.
    #[error("cannot reach {endpoint}: {reason}. Is `sortie serve` running there?")]
    Unreachable { endpoint: String, reason: String },
    /// The cluster answered, and it cannot be done.
    #[error("{message}")]
    Failed { kind: FailureKind, message: String },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Whoever read stdout went away.
    #[error("stdout was closed")]
    PipeClosed,
    /// Something of this machine failed.
    #[error("{0}")]
    System(io::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::PipeClosed,
            _ => Self::System(error),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(message) => Self::Refused(message),
            Fault::Failed(message) => Self::Failed { kind: FailureKind::Internal, message },
        }
    }
}

impl From<EmbeddedError> for Error {
    fn from(error: EmbeddedError) -> Self {
        Fault::from(error).into()
    }
}

impl From<Mistakes> for Error {
    fn from(mistakes: Mistakes) -> Self {
        Self::Refused(mistakes.to_string())
    }
}

impl Error {
    /// What a status of `action` (`submit the goal`, `get run r1`) at `endpoint` means.
    pub(crate) fn from_status(action: &str, endpoint: &str, status: &Status) -> Self {
        // Who names a kind was reached, whatever else was not.
        if is_transport(status) && named_kind(status).is_none() {
            return Self::Unreachable { endpoint: endpoint.to_owned(), reason: reason(status) };
        }
        let kind = match status.code() {
            Code::InvalidArgument => return Self::Refused(violations(action, status)),
            Code::DeadlineExceeded => FailureKind::Timeout,
            Code::NotFound => FailureKind::NotFound,
            Code::PermissionDenied | Code::Unauthenticated => FailureKind::PermissionDenied,
            Code::ResourceExhausted => FailureKind::RateLimited,
            Code::Cancelled => FailureKind::Cancelled,
            Code::AlreadyExists | Code::FailedPrecondition | Code::OutOfRange => {
                FailureKind::InvalidInput
            }
            _ => FailureKind::Internal,
        };
        let kind = named_kind(status).unwrap_or(kind);
        Self::Failed { kind, message: format!("cannot {action}: {}", status.message()) }
    }

    /// What a status of the planner means. A failure that it names is its own or its model's, even
    /// where the code is that of a lost connection.
    pub(crate) fn from_planner(action: &str, endpoint: &str, status: &Status) -> Self {
        let kind = named_kind(status).filter(|_| status.get_details_bad_request().is_none());
        match kind {
            Some(kind) => {
                Self::Failed { kind, message: format!("cannot {action}: {}", status.message()) }
            }
            None => Self::from_status(action, endpoint, status),
        }
    }

    /// A refusal of the cluster before anything existed is a refusal, whatever its code.
    pub(crate) fn before_a_run(self) -> Self {
        match self {
            Self::Failed { kind, message } if kind != FailureKind::Internal => {
                Self::Refused(message)
            }
            other => other,
        }
    }

    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Refused(_) => Exit::Refused,
            Self::Unreachable { .. } => Exit::Unreachable,
            Self::Failed { .. } | Self::System(_) => Exit::Failed,
            Self::Interrupted => Exit::Interrupted,
            Self::PipeClosed => Exit::PipeClosed,
        }
    }

    /// The kind, as events name it.
    pub(crate) const fn kind(&self) -> FailureKind {
        match self {
            Self::Refused(_) => FailureKind::InvalidInput,
            Self::Unreachable { .. } => FailureKind::Unavailable,
            Self::Failed { kind, .. } => *kind,
            Self::Interrupted => FailureKind::Cancelled,
            Self::PipeClosed | Self::System(_) => FailureKind::Internal,
        }
    }

    /// Tells it on stderr and, where lines of JSON are wanted, as the last one on stdout.
    pub(crate) fn report(&self, json: bool) -> Exit {
        if matches!(self, Self::PipeClosed) {
            return self.exit();
        }
        for line in self.to_string().lines() {
            output::say(&format!("error: {}", crate::text::harmless_line(line)));
        }
        if json {
            // stdout may be gone as well; the exit code still says what happened.
            output::Output::stdout().line(&Object::refused(self).line()).ok();
        }
        self.exit()
    }
}

/// Whether the connection failed, not the call: the same call may succeed on a new one. A lost
/// keepalive arrives as `Unknown` with an h2 error beneath.
pub(crate) fn is_transport(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable => true,
        Code::Unknown | Code::Internal | Code::Cancelled => {
            status.source().is_some() || status.message().contains("h2 protocol error")
        }
        _ => false,
    }
}

/// The deepest cause, without the system's error number.
pub(crate) fn reason(status: &Status) -> String {
    status.source().map_or_else(|| status.message().to_owned(), root)
}

fn violations(action: &str, status: &Status) -> String {
    let fields = status.get_details_bad_request().map(|details| details.field_violations);
    let lines: Vec<_> = fields
        .unwrap_or_default()
        .into_iter()
        .map(|one| match one.field.as_str() {
            // The action names it as the person wrote it.
            "run_id" => format!("cannot {action}: run_id {}", one.description),
            field => format!("{field}: {}", one.description),
        })
        .collect();
    if lines.is_empty() {
        return format!("cannot {action}: {}", status.message());
    }
    lines.join("\n")
}

/// The failure kind that the planner puts into the details.
fn named_kind(status: &Status) -> Option<FailureKind> {
    let reason = status.get_details_error_info()?.reason.to_ascii_lowercase();
    let name = reason.strip_prefix("failure_kind_").unwrap_or(&reason);
    FailureKind::ALL.iter().copied().find(|kind| kind.as_str() == name)
}

#[cfg(test)]
mod tests {
    use sortie_service::serving::HostError;
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn a_violated_field_is_named_and_refused() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("limits.steps", "is 0");
        let status = Status::with_error_details(Code::InvalidArgument, "bad", details);
        let error = Error::from_status("submit the goal", "http://x", &status);
        assert_eq!(error.to_string(), "limits.steps: is 0");
        assert_eq!(error.exit(), Exit::Refused);
    }

    #[test]
    fn a_name_of_no_run_is_told_as_it_was_written() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("run_id", "is not the name of a run");
        let status = Status::with_error_details(Code::InvalidArgument, "bad", details);
        let error = Error::from_status("get run garbage", "http://x", &status);
        let wanted = "cannot get run garbage: run_id is not the name of a run";
        assert_eq!(error.to_string(), wanted);
    }

    #[test]
    fn what_the_machine_refuses_is_told_without_its_numbers() {
        let source = io::Error::from_raw_os_error(98);
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 7420));
        let error = Error::from(EmbeddedError::from(HostError::Listen { address, source }));
        let text = error.to_string();
        assert!(text.starts_with("cannot listen on 127.0.0.1:7420: "), "{text}");
        assert!(text.ends_with(": choose another address with --listen"), "{text}");
        assert!(!text.contains("os error"), "{text}");
    }

    #[test]
    fn the_planners_own_kind_wins_over_the_code() {
        let details = ErrorDetails::with_error_info("unplannable", "sortie", []);
        let status = Status::with_error_details(Code::FailedPrecondition, "no rule fits", details);
        let error = Error::from_status("plan the goal", "http://x", &status);
        assert_eq!(error.kind(), FailureKind::Unplannable);
    }

    #[test]
    fn a_model_in_trouble_is_no_lost_connection() {
        let exit = |kind: &str, code| {
            let details = ErrorDetails::with_error_info(kind, "sortie", []);
            let status = Status::with_error_details(code, "no", details);
            let error = Error::from_planner("plan the goal", "http://x", &status);
            assert_eq!(
                (error.kind().as_str(), error.to_string().as_str()),
                (kind, "cannot plan the goal: no")
            );
            error.exit()
        };
        assert_eq!(exit("unavailable", Code::Unavailable), Exit::Failed);
        assert_eq!(exit("invalid_input", Code::InvalidArgument), Exit::Failed);
        let lost = Status::new(Code::Unavailable, "no");
        let error = Error::from_planner("plan the goal", "http://x", &lost);
        assert_eq!(error.exit(), Exit::Unreachable);
    }

    #[test]
    fn codes_lead_to_the_exit_that_scripts_rely_on() {
        for (code, exit) in [
            (Code::Unavailable, Exit::Unreachable),
            (Code::InvalidArgument, Exit::Refused),
            (Code::NotFound, Exit::Failed),
            (Code::Internal, Exit::Failed),
        ] {
            let error = Error::from_status("do it", "http://x", &Status::new(code, "so"));
            assert_eq!(error.exit(), exit, "{code:?}");
        }
    }
}
