//! Errors of models as failures of steps and calls.

use sortie_engine::{Failure, FailureKind};
use sortie_llm::{ErrorKind, ModelError};

/// The failure that stands for a model's error; its kind says whether the engine tries again.
#[must_use]
pub fn failure(error: ModelError) -> Failure {
    let kind = match error.kind {
        ErrorKind::Unauthorized | ErrorKind::QuotaExhausted => FailureKind::PermissionDenied,
        ErrorKind::NotFound => FailureKind::NotFound,
        ErrorKind::BadRequest | ErrorKind::TooLong => FailureKind::InvalidInput,
        ErrorKind::RateLimited => FailureKind::RateLimited,
        ErrorKind::Timeout => FailureKind::Timeout,
        ErrorKind::Overloaded
        | ErrorKind::Unreachable
        | ErrorKind::CutOff
        | ErrorKind::Protocol => FailureKind::Unavailable,
    };
    Failure { kind, message: error.message, retry_after: error.retry_after }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_engine::Retry;

    #[test]
    fn the_engine_tries_again_what_the_model_says_may_pass() {
        for kind in ErrorKind::ALL {
            let failed = failure(ModelError::new(kind, "x"));
            assert_eq!(failed.kind.retry() == Retry::Later, kind.may_pass(), "{kind:?}");
        }
    }
}
