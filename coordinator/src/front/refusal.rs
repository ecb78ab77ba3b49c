//! Why a call is refused, and how a client is told.

use std::time::Duration;

use sortie_engine::{CommandId, Failure, FailureKind, RunId, StepNumber};
use sortie_proto::{BadField, failure};
use sortie_store::{StoreError, SubmitRefusal};
use tonic::{Code, Status};

use crate::watch::WatchError;

/// When to come back where there is no room or no answer now: a coordinator that restarts is back
/// by then, and the hint spreads nobody thinner than that.
pub(super) const COME_BACK: Duration = Duration::from_secs(1);

/// Why a call is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The request breaks the contract. Do not send it again.
    #[error("the request has {} faults", .0.len())]
    BadRequest(Vec<BadField>),
    /// Do not ask again.
    #[error("there is no run {0}")]
    NoRun(RunId),
    /// Not now, or never.
    #[error("step {step} of run {run} has no result")]
    NoResult { run: RunId, step: StepNumber },
    /// See the reason.
    #[error("submit the goal")]
    Submission(#[source] SubmitRefusal),
    /// The history says so; the same command gets the same answer.
    #[error("{0}")]
    CommandRefused(String),
    /// The command waits in the inbox. Ask again under the same name.
    #[error(
        "command `{0}` waits for the coordinator that owns the run: ask again with this command_id"
    )]
    CommandWaits(CommandId),
    /// Ask nobody: a person must look at it.
    #[error("the store has no lanes")]
    NoLane,
    /// See the reason.
    #[error("watch the run")]
    Watch(#[source] WatchError),
    /// See the reason.
    #[error("ask the store")]
    Store(#[source] StoreError),
    /// Ask nobody: a person must look at it.
    #[error("the history of run {0} does not fold into a run")]
    BrokenHistory(RunId),
}

impl Refusal {
    /// What the client is told; says so in the log as well.
    pub(super) fn told(self) -> Status {
        let status = self.status();
        let (code, reason) = (status.code(), status.message());
        match code {
            Code::Internal => tracing::error!(?code, reason, "call refused"),
            Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => {
                tracing::warn!(?code, reason, "call refused");
            }
            _ => tracing::debug!(?code, reason, "call refused"),
        }
        status
    }

    fn status(&self) -> Status {
        let later = |kind, message: String| {
            failure::status(&Failure { kind, message, retry_after: Some(COME_BACK) })
        };
        let never = |kind, message: String| failure::status(&Failure::new(kind, message));
        match self {
            Self::BadRequest(faults) => failure::bad_request(faults),
            Self::NoRun(_) | Self::NoResult { .. } | Self::Watch(WatchError::NoRun(_)) => {
                never(FailureKind::NotFound, innermost(self))
            }
            // The two codes that no failure of a run has.
            Self::Submission(SubmitRefusal::KeyTaken { .. }) => {
                Status::already_exists(innermost(self))
            }
            Self::CommandRefused(message) => Status::failed_precondition(message.clone()),
            Self::Submission(
                SubmitRefusal::Full { .. }
                | SubmitRefusal::QueueFull { .. }
                | SubmitRefusal::MemoryFull { .. },
            )
            | Self::Watch(WatchError::Full(_)) => later(FailureKind::RateLimited, innermost(self)),
            Self::CommandWaits(_) => never(FailureKind::Timeout, innermost(self)),
            Self::Watch(WatchError::Stopped)
            | Self::Store(StoreError::Unavailable { .. } | StoreError::Unfit { .. })
            | Self::Watch(WatchError::Store {
                source: StoreError::Unavailable { .. } | StoreError::Unfit { .. },
                ..
            }) => later(FailureKind::Unavailable, innermost(self)),
            Self::NoLane
            | Self::Store(StoreError::Broken { .. })
            | Self::Watch(WatchError::Store { source: StoreError::Broken { .. }, .. })
            | Self::BrokenHistory(_) => never(FailureKind::Internal, innermost(self)),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<WatchError> for Refusal {
    fn from(error: WatchError) -> Self {
        Self::Watch(error)
    }
}

/// The last reason of a chain: it names the object, what stands before it only who asked.
fn innermost(refusal: &Refusal) -> String {
    let mut reason: &dyn std::error::Error = refusal;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::StatusExt as _;

    #[test]
    fn a_lack_of_room_is_told_with_a_time_to_come_back() {
        for refusal in [
            SubmitRefusal::Full { open: 2, most: 1 },
            SubmitRefusal::QueueFull { waiting: 7, most: 6 },
            SubmitRefusal::MemoryFull { used_percent: 71, most_percent: 70 },
        ] {
            let said = refusal.to_string();
            let status = Refusal::Submission(refusal).status();
            assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, &*said));
            assert!(status.get_details_retry_info().is_some(), "{said}");
        }
    }
}
