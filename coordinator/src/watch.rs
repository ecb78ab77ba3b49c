//! Watching: whoever wants to know what happens in a run hears it here, without a gap.
//!
//! ```text
//!   store: signals ──> hub ──────────> Topic (one for each watched run) ──> Watcher ──> client
//!          log ────────^  one reading    the end of the log, notices,          │
//!          last_seqs ──^  for all        text of the answer                    └──> own reading
//!                         watchers                                                  where behind
//! ```
//!
//! The hub ([`WatchHub`]) holds the coordinator's only subscription. Signals only say that there is
//! something to read; every 2 s, and after each subscription or missed signal, it compares the ends
//! of all watched logs in one call. What it reads it puts into the run's topic, which is bounded. A
//! [`Watcher`] takes from the topic at its own pace: the hub never waits for one, and one that falls
//! behind reads the log by itself until it is back. Invariants:
//!
//! - A watcher hands out events in order, each once, with the commit that holds it; where its place
//!   is not in the log any more it says [`News::Diverged`] and nothing else.
//! - A run has a topic exactly while somebody watches it.

mod hub;
mod topic;
mod watcher;

#[cfg(test)]
mod tests;

use std::time::Duration;

use sortie_engine::{CommitId, RunId, Seq};
use sortie_store::StoreError;

pub use hub::{WatchHub, Watches};
pub use topic::{AnswerText, AttemptStarted, Batch};
pub use watcher::{News, Watcher};

/// How much watching may cost.
#[derive(Debug, Clone, Copy)]
pub struct WatchOptions {
    /// How often the ends of all watched logs are compared: how late an event can be at most when
    /// its signal was lost.
    pub compare_every: Duration,
    /// Bytes of events that a topic keeps for watchers that are a little behind.
    pub tail_bytes: usize,
    /// Live notices that a topic keeps.
    pub notices: usize,
    /// Watchers at the same time; more are refused, for each holds a stream and its buffers.
    pub watchers: usize,
    /// Readings of logs at the same time, so that a busy second does not flood the store.
    pub readings: usize,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            compare_every: Duration::from_secs(2),
            tail_bytes: 256 * 1024,
            notices: 64,
            watchers: 10_000,
            readings: 32,
        }
    }
}

/// A place in a run's history: an event and the commit that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The event; zero before the first.
    pub seq: Seq,
    /// The commit that holds it; nothing before the first event.
    pub commit: Option<CommitId>,
}

impl Place {
    /// Before the first event.
    pub const START: Self = Self { seq: Seq::ZERO, commit: None };
}

/// Why watching cannot begin or go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// There is no such run (any more). Do not ask again.
    #[error("there is no run {0}")]
    NoRun(RunId),
    /// As many watch already as may. Try again later.
    #[error("{0} watch already, which is all that may: try again later")]
    Full(usize),
    /// The hub has ended. Go on at another coordinator.
    #[error("this coordinator is stopping: go on from the last cursor")]
    Stopped,
    /// The log could not be read. Go on from the last place.
    #[error("read the history of run {run}")]
    Store {
        /// The run.
        run: RunId,
        /// Why.
        #[source]
        source: StoreError,
    },
}
