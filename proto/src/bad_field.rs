//! What is said of a message that breaks the contract: which field, and what is wrong with it.

use sortie_engine::{Failure, FailureKind};

/// A field that does not hold what the contract promises.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}` {problem}")]
pub struct BadField {
    /// The field's name in the `.proto` file.
    pub field: &'static str,
    /// What is wrong with it, as the rest of a sentence.
    pub problem: String,
}

impl BadField {
    /// Names a field and what is wrong with it.
    #[must_use]
    pub fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

impl From<BadField> for Failure {
    fn from(bad: BadField) -> Self {
        Self::new(FailureKind::InvalidInput, bad.to_string())
    }
}
