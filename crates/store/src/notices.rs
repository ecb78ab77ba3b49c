//! What is live and may be missed: signals for watchers, and who is there.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sortie_engine::{
    AttemptNumber, QueueName, RunId, Seq, StepId, StepNumber, Timestamp, ToolSpec, WorkerName,
};

use crate::error::StoreError;

/// Something that watchers may want to know at once. Signals may be missed: whoever counts on
/// events reads the log.
#[derive(Debug, Clone, PartialEq)]
pub enum Signal {
    /// A run's history goes up to here now.
    Committed {
        /// The run.
        run: RunId,
        /// Its last event.
        seq: Seq,
    },
    /// A worker started an attempt.
    AttemptStarted {
        /// The run.
        run: RunId,
        /// The step.
        step: StepId,
        /// Its label.
        number: StepNumber,
        /// Which try at it.
        attempt: AttemptNumber,
        /// Who.
        worker: WorkerName,
        /// When.
        at: Timestamp,
    },
    /// Text of an answer as it is written.
    AnswerText {
        /// The run.
        run: RunId,
        /// Which attempt at the answer.
        attempt: AttemptNumber,
        /// Where the text belongs, in bytes from the start.
        offset: u64,
        /// The text.
        text: Arc<str>,
    },
    /// Somebody watches an answer and misses text of it: whoever writes it says all of it again.
    AnswerTextWanted {
        /// The run.
        run: RunId,
    },
}

impl Signal {
    /// The run that it is about.
    #[must_use]
    pub const fn run(&self) -> RunId {
        match self {
            Self::Committed { run, .. }
            | Self::AttemptStarted { run, .. }
            | Self::AnswerText { run, .. }
            | Self::AnswerTextWanted { run } => *run,
        }
    }
}

/// A subscription to all signals.
#[async_trait]
pub trait Signals: Send {
    /// The next signal. `Ok(None)` means that some were missed: compare with the log.
    async fn next(&mut self) -> Result<Option<Signal>, StoreError>;
}

/// What a process does for the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// It owns lanes and answers clients.
    Coordinator,
    /// It serves queues and offers tools.
    Worker,
}

impl Service {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Coordinator => "coordinator",
            Self::Worker => "worker",
        }
    }
}

/// A process that is there, with what it offers.
#[derive(Debug, Clone, PartialEq)]
pub struct Presence {
    /// Its name, unique for each start.
    pub name: String,
    /// What it does.
    pub service: Service,
    /// The queues that it serves.
    pub queues: Vec<QueueName>,
    /// The tools that it offers.
    pub tools: Vec<Arc<ToolSpec>>,
}

/// What is live and may be missed.
#[async_trait]
pub trait Notices: Send + Sync + 'static {
    /// Tells whoever listens. Never waits for a listener.
    async fn publish(&self, batch: Vec<Signal>) -> Result<(), StoreError>;

    /// Listens from now on.
    async fn subscribe(&self) -> Result<Box<dyn Signals>, StoreError>;

    /// Says that a process is there, for `ttl`.
    async fn announce(&self, presence: Presence, ttl: Duration) -> Result<(), StoreError>;

    /// Says that a process is gone.
    async fn retire(&self, name: &str) -> Result<(), StoreError>;

    /// Who is there and does this.
    async fn present(&self, service: Service) -> Result<Vec<Presence>, StoreError>;
}
