//! The life of one goal.

/// Where a run stands, as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunState {
    /// The planner writes or will be asked again. Steps may run already.
    Planning,
    /// The plan is complete, steps run.
    Executing,
    /// The steps have ended, the answer is being made.
    Synthesizing,
    /// The end is decided, open steps are being ended.
    Stopping,
    /// There is an answer.
    Succeeded,
    /// There will be no answer.
    Failed,
    /// Someone ended it.
    Cancelled,
}

impl RunState {
    /// Whether nothing can change any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// The life of one goal.
#[derive(Debug)]
pub struct Run {}
