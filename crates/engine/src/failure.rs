//! What can go wrong with a step, a model call or a run: one closed set of kinds, and for each the
//! answer to "what should the caller do?".

use std::fmt;
use std::time::Duration;

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which of the closed set of reasons.
    pub kind: FailureKind,
    /// For the person who meets it: what failed, on which object, what to do.
    pub message: String,
    /// How long the failing side asked to be left alone.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without a wish for a delay.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }
}

/// A message longer than this helps nobody, and a few of them would fill a commit.
const MAX_MESSAGE_BYTES: usize = 4096;

impl Failure {
    /// The same with a message of bounded size, for failures told by others.
    #[must_use]
    pub(crate) fn clipped(&self) -> Self {
        Self { message: clip(self.message.clone(), MAX_MESSAGE_BYTES), ..*self }
    }
}

/// The beginning of a text, cut between characters.
pub(crate) fn clip(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same attempt may succeed after a pause.
    Later,
    /// The same attempt would fail the same way.
    Never,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $text:literal, $retry:ident;)*) => {
        /// The closed set of reasons. Each has a name that never changes and a retry verdict.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FailureKind {
            $($(#[$doc])* $kind,)*
        }

        impl FailureKind {
            /// Every kind, in a fixed order.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The name used in logs, JSON and messages.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $text,)* }
            }

            /// Whether trying again can help.
            #[must_use]
            pub const fn retry(self) -> Retry {
                match self { $(Self::$kind => Retry::$retry,)* }
            }
        }
    };
}

kinds! {
    /// The input breaks the tool's rules.
    InvalidInput = "invalid_input", Never;
    /// A reference names a part that the result does not have.
    BadReference = "bad_reference", Never;
    /// The tool looked and there is nothing.
    NotFound = "not_found", Never;
    /// The tool may not do this.
    PermissionDenied = "permission_denied", Never;
    /// The tool failed for good, in its own words.
    ToolFailed = "tool_failed", Never;
    /// The tool crashed; its process lives on.
    ToolPanicked = "tool_panicked", Never;
    /// The worker that took the step does not have its tool.
    UnknownTool = "unknown_tool", Never;
    /// The result is larger than the limit.
    ResultTooLarge = "result_too_large", Never;
    /// A result that this step needs is gone.
    InputLost = "input_lost", Never;
    /// Too many workers died over this step.
    WorkerLost = "worker_lost", Never;
    /// A step that must not run twice may or may not have run.
    OutcomeUnknown = "outcome_unknown", Never;
    /// Something that the attempt needs does not answer.
    Unavailable = "unavailable", Later;
    /// Something that the attempt needs asks for fewer calls.
    RateLimited = "rate_limited", Later;
    /// One attempt took longer than it may.
    Timeout = "timeout", Later;
    /// The step's or the run's whole time is used up.
    DeadlineExceeded = "deadline_exceeded", Never;
    /// The run's cap of model calls is used up.
    BudgetExhausted = "budget_exhausted", Never;
    /// The planner says that it cannot plan this goal.
    Unplannable = "unplannable", Never;
    /// The plan has faults that repair did not remove.
    InvalidPlan = "invalid_plan", Never;
    /// No step has a result, so there is nothing to answer from.
    NoResults = "no_results", Never;
    /// A step failed and the run's policy is strict.
    StepFailed = "step_failed", Never;
    /// The answer is larger than the limit, or empty.
    InvalidAnswer = "invalid_answer", Later;
    /// Someone asked for the end.
    Cancelled = "cancelled", Never;
    /// A fault of Sortie itself.
    Internal = "internal", Later;
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_in_snake_case() {
        let names: std::collections::BTreeSet<_> =
            FailureKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), FailureKind::ALL.len());
        assert!(names.iter().all(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    }
}
