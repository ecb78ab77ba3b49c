//! What can go wrong with the store as a whole. The outcome of a single item is no error: each
//! operation has its own replies.

/// A call that did not give replies. Its effect is unknown: it may have happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store did not answer in time, or the connection broke. Send the same again.
    #[error("{action}: the store does not answer")]
    Unavailable {
        /// What was asked of it.
        action: &'static str,
    },
    /// The store answers, but must not be used until somebody acts: it was emptied or swapped, is
    /// full, cannot be written, or is too old. Sending the same again helps once that is done.
    #[error("{action}: {problem}")]
    Unfit {
        /// What was asked of it.
        action: &'static str,
        /// What is wrong with it, and what can be done.
        problem: String,
    },
    /// The store answered something that it should never answer. Do not send the same again.
    #[error("{action}: the store answered {problem}")]
    Broken {
        /// What was asked of it.
        action: &'static str,
        /// What is wrong with the answer.
        problem: String,
    },
}
