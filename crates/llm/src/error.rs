//! What can go wrong with a model, and whether to try again.

use std::time::Duration;

/// Why a model did not answer. The message is for people: who, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ModelError {
    /// Which of the closed set of reasons.
    pub kind: ErrorKind,
    /// Names provider and model, and what to do; never a key, never a prompt.
    pub message: String,
    /// How long the provider asked to be left alone.
    pub retry_after: Option<Duration>,
}

/// The closed set of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// The key is missing, wrong, or may not do this (401, 403).
    Unauthorized,
    /// There is no such model, or nothing at this address (404).
    NotFound,
    /// The provider does not take the request (400, 422).
    BadRequest,
    /// What goes in is more than the model reads, or what comes out more than is wanted.
    TooLong,
    /// Fewer calls, please (429).
    RateLimited,
    /// The account is used up: no use in waiting (402, 429 with that reason).
    QuotaExhausted,
    /// The provider has trouble of its own (5xx, 529, an error inside the stream).
    Overloaded,
    /// Nobody answers at this address, or the name is not known.
    Unreachable,
    /// It did not connect, begin or go on in time.
    Timeout,
    /// The connection ended in the middle of the text.
    CutOff,
    /// What came back is not what this provider's interface promises; or it takes no shape, and the
    /// next call goes without one.
    Protocol,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Unauthorized,
        Self::NotFound,
        Self::BadRequest,
        Self::TooLong,
        Self::RateLimited,
        Self::QuotaExhausted,
        Self::Overloaded,
        Self::Unreachable,
        Self::Timeout,
        Self::CutOff,
        Self::Protocol,
    ];

    /// The name in logs and scripts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not_found",
            Self::BadRequest => "bad_request",
            Self::TooLong => "too_long",
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::Overloaded => "overloaded",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::CutOff => "cut_off",
            Self::Protocol => "protocol",
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        match self {
            Self::RateLimited
            | Self::Overloaded
            | Self::Unreachable
            | Self::Timeout
            | Self::CutOff
            | Self::Protocol => true,
            Self::Unauthorized
            | Self::NotFound
            | Self::BadRequest
            | Self::TooLong
            | Self::QuotaExhausted => false,
        }
    }
}

impl ModelError {
    /// An error without a wish for a delay.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }
}
