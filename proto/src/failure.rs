//! Failures on the wire: as messages inside answers, and as the status of a call that fails.
//!
//! A status of ours carries a `google.rpc.ErrorInfo` whose reason is the kind's name in upper snake
//! case; the gRPC code beside it is for clients that know nothing of Sortie. This file is the only
//! place where kinds and codes meet.

use std::collections::HashMap;
use std::time::Duration;

use sortie_engine::{Failure, FailureKind, Usage};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{BadField, time, v1};

/// Whose reasons the `ErrorInfo` of a status speaks of.
pub const DOMAIN: &str = "sortie.v1";
/// Where the `ErrorInfo` says how long the failing side asked to be left alone.
pub const RETRY_AFTER_MS: &str = "retry_after_ms";
/// Where it says what a model call used: the fields of `Usage`.
const MODEL_CALLS: &str = "model_calls";
const INPUT_TOKENS: &str = "input_tokens";
const OUTPUT_TOKENS: &str = "output_tokens";
const COST: &str = "cost_nanodollars";
const UNPRICED_CALLS: &str = "unpriced_calls";
/// A status travels in HTTP headers, twice and percent-encoded; peers refuse headers above 16 KiB.
const MAX_STATUS_MESSAGE_BYTES: usize = 2000;

/// The status of a call that ends with this failure.
#[must_use]
pub fn status(failure: &Failure) -> Status {
    status_of_call(failure, &Usage::default())
}

/// The status of a model call that failed, which tells what the call used.
#[must_use]
pub fn status_of_call(failure: &Failure, usage: &Usage) -> Status {
    let mut metadata: HashMap<_, _> = counts(usage)
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| (name.to_owned(), count.to_string()))
        .collect();
    let mut details = ErrorDetails::new();
    if let Some(delay) = failure.retry_after {
        metadata.insert(RETRY_AFTER_MS.to_owned(), delay.as_millis().to_string());
        details.set_retry_info(Some(delay));
    }
    details.set_error_info(reason(failure.kind), DOMAIN, metadata);
    Status::with_error_details(code(failure.kind), clip(&failure.message), details)
}

/// The failure that a status tells of. Statuses that are not of our making (a proxy's, a broken
/// connection's) are understood by their code.
#[must_use]
pub fn failure(status: &Status) -> Failure {
    let details = status.get_error_details();
    let hint = details.retry_info().and_then(|info| info.retry_delay);
    let info = details.error_info().filter(|info| info.domain == DOMAIN);
    let told = info.and_then(|info| {
        let kind = FailureKind::ALL.iter().find(|kind| reason(**kind) == info.reason)?;
        let millis = info.metadata.get(RETRY_AFTER_MS).and_then(|text| text.parse().ok());
        Some((*kind, millis.map(Duration::from_millis)))
    });
    let (kind, retry_after) = told.unwrap_or((kind_of(status.code()), None));
    Failure { kind, message: status.message().to_owned(), retry_after: retry_after.or(hint) }
}

/// What a model call that failed with this status used, as far as it says.
#[must_use]
pub fn usage(status: &Status) -> Usage {
    let details = status.get_error_details();
    let info = details.error_info().filter(|info| info.domain == DOMAIN);
    let count = |name: &str| -> u64 {
        let text = info.and_then(|info| info.metadata.get(name));
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    let small = |name| u32::try_from(count(name)).unwrap_or(u32::MAX);
    Usage {
        model_calls: small(MODEL_CALLS),
        input_tokens: count(INPUT_TOKENS),
        output_tokens: count(OUTPUT_TOKENS),
        cost_nanodollars: count(COST),
        unpriced_calls: small(UNPRICED_CALLS),
    }
}

fn counts(usage: &Usage) -> [(&'static str, u64); 5] {
    [
        (MODEL_CALLS, usage.model_calls.into()),
        (INPUT_TOKENS, usage.input_tokens),
        (OUTPUT_TOKENS, usage.output_tokens),
        (COST, usage.cost_nanodollars),
        (UNPRICED_CALLS, usage.unpriced_calls.into()),
    ]
}

/// The status of a call whose request breaks the contract, with every fault of it.
#[must_use]
pub fn bad_request(faults: &[BadField]) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason(FailureKind::InvalidInput), DOMAIN, HashMap::new());
    for fault in faults {
        details.add_bad_request_violation(fault.field, clip(&fault.problem));
    }
    let list: Vec<_> = faults.iter().map(|f| format!("{} {}", f.field, f.problem)).collect();
    let code = code(FailureKind::InvalidInput);
    Status::with_error_details(code, clip(&list.join("; ")), details)
}

fn reason(kind: FailureKind) -> String {
    kind.as_str().to_ascii_uppercase()
}

fn code(kind: FailureKind) -> Code {
    match kind {
        FailureKind::InvalidInput | FailureKind::BadReference => Code::InvalidArgument,
        FailureKind::NotFound => Code::NotFound,
        FailureKind::PermissionDenied => Code::PermissionDenied,
        FailureKind::ToolFailed
        | FailureKind::UnknownTool
        | FailureKind::Unplannable
        | FailureKind::InvalidPlan
        | FailureKind::NoResults => Code::FailedPrecondition,
        FailureKind::ResultTooLarge => Code::OutOfRange,
        FailureKind::InputLost => Code::DataLoss,
        FailureKind::WorkerLost | FailureKind::StepFailed => Code::Aborted,
        FailureKind::OutcomeUnknown => Code::Unknown,
        FailureKind::Unavailable => Code::Unavailable,
        FailureKind::RateLimited | FailureKind::BudgetExhausted => Code::ResourceExhausted,
        FailureKind::Timeout | FailureKind::DeadlineExceeded => Code::DeadlineExceeded,
        FailureKind::Cancelled => Code::Cancelled,
        FailureKind::ToolPanicked | FailureKind::InvalidAnswer | FailureKind::Internal => {
            Code::Internal
        }
    }
}

/// What a bare code means to a caller: tonic reports a connection that breaks as unknown or
/// cancelled, and both are worth another try.
fn kind_of(code: Code) -> FailureKind {
    match code {
        Code::Unavailable | Code::Unknown | Code::Cancelled => FailureKind::Unavailable,
        Code::DeadlineExceeded => FailureKind::Timeout,
        Code::ResourceExhausted => FailureKind::RateLimited,
        Code::InvalidArgument => FailureKind::InvalidInput,
        Code::Ok
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss
        | Code::Unauthenticated => FailureKind::Internal,
    }
}

fn clip(message: &str) -> &str {
    let end = (0..=MAX_STATUS_MESSAGE_BYTES).rev().find(|end| message.is_char_boundary(*end));
    if message.len() <= MAX_STATUS_MESSAGE_BYTES { message } else { &message[..end.unwrap_or(0)] }
}

impl From<FailureKind> for v1::FailureKind {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::InvalidInput => Self::InvalidInput,
            FailureKind::BadReference => Self::BadReference,
            FailureKind::NotFound => Self::NotFound,
            FailureKind::PermissionDenied => Self::PermissionDenied,
            FailureKind::ToolFailed => Self::ToolFailed,
            FailureKind::ToolPanicked => Self::ToolPanicked,
            FailureKind::UnknownTool => Self::UnknownTool,
            FailureKind::ResultTooLarge => Self::ResultTooLarge,
            FailureKind::InputLost => Self::InputLost,
            FailureKind::WorkerLost => Self::WorkerLost,
            FailureKind::OutcomeUnknown => Self::OutcomeUnknown,
            FailureKind::Unavailable => Self::Unavailable,
            FailureKind::RateLimited => Self::RateLimited,
            FailureKind::Timeout => Self::Timeout,
            FailureKind::DeadlineExceeded => Self::DeadlineExceeded,
            FailureKind::BudgetExhausted => Self::BudgetExhausted,
            FailureKind::Unplannable => Self::Unplannable,
            FailureKind::InvalidPlan => Self::InvalidPlan,
            FailureKind::NoResults => Self::NoResults,
            FailureKind::StepFailed => Self::StepFailed,
            FailureKind::InvalidAnswer => Self::InvalidAnswer,
            FailureKind::Cancelled => Self::Cancelled,
            FailureKind::Internal => Self::Internal,
        }
    }
}

impl TryFrom<v1::FailureKind> for FailureKind {
    type Error = BadField;

    fn try_from(kind: v1::FailureKind) -> Result<Self, BadField> {
        let known = Self::ALL.iter().find(|known| v1::FailureKind::from(**known) == kind);
        known.copied().ok_or_else(|| BadField::new("kind", "is not set"))
    }
}

impl From<Failure> for v1::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            kind: v1::FailureKind::from(failure.kind).into(),
            message: failure.message,
            retry_after: failure.retry_after.map(time::to_wire),
        }
    }
}

impl TryFrom<v1::Failure> for Failure {
    type Error = BadField;

    fn try_from(failure: v1::Failure) -> Result<Self, BadField> {
        let kind = v1::FailureKind::try_from(failure.kind)
            .map_err(|_| BadField::new("kind", format!("has no kind {}", failure.kind)))?;
        let span = failure.retry_after.map(|span| time::from_wire("retry_after", &span));
        Ok(Self {
            kind: kind.try_into()?,
            message: failure.message,
            retry_after: span.transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_failure() -> impl Iterator<Item = Failure> {
        let delays = [None, Some(Duration::from_millis(1500))];
        FailureKind::ALL.iter().zip(delays.into_iter().cycle()).map(|(kind, retry_after)| Failure {
            kind: *kind,
            message: format!("it is {kind}"),
            retry_after,
        })
    }

    #[test]
    fn every_failure_survives_as_a_message() {
        for failure in every_failure() {
            let wire = v1::Failure::from(failure.clone());
            assert_ne!(wire.kind(), v1::FailureKind::Unspecified);
            assert_eq!(Failure::try_from(wire), Ok(failure));
        }
    }

    #[test]
    fn every_failure_survives_as_a_status() {
        for told in every_failure() {
            let status = status(&told);
            assert_ne!(status.code(), Code::Ok);
            assert_eq!(failure(&status), told);
        }
    }

    #[test]
    fn foreign_statuses_are_understood_by_their_code() {
        for (code, kind) in [
            (Code::Unavailable, FailureKind::Unavailable),
            (Code::Unknown, FailureKind::Unavailable),
            (Code::Cancelled, FailureKind::Unavailable),
            (Code::DeadlineExceeded, FailureKind::Timeout),
            (Code::InvalidArgument, FailureKind::InvalidInput),
            (Code::NotFound, FailureKind::Internal),
        ] {
            let foreign = failure(&Status::new(code, "words"));
            assert_eq!((foreign.kind, foreign.message.as_str()), (kind, "words"));
        }
        let mut details = ErrorDetails::with_retry_info(Some(Duration::from_secs(3)));
        details.set_error_info("INVALID_PLAN", "elsewhere.example", HashMap::new());
        let limited = Status::with_error_details(Code::ResourceExhausted, "slow down", details);
        let told = failure(&limited);
        assert_eq!(told.kind, FailureKind::RateLimited);
        assert_eq!(told.retry_after, Some(Duration::from_secs(3)));
    }

    #[test]
    fn an_unknown_kind_is_refused_by_name() {
        for kind in [0, 9999] {
            let wire = v1::Failure { kind, ..v1::Failure::default() };
            assert_eq!(Failure::try_from(wire).unwrap_err().field, "kind");
        }
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let long = Failure::new(FailureKind::ToolFailed, "é".repeat(5000));
        let cut = failure(&status(&long)).message;
        assert!(cut.len() <= MAX_STATUS_MESSAGE_BYTES && cut.chars().all(|c| c == 'é'));
    }
}
