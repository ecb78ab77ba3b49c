//! What a tool is: a description that plans are checked against, and a function.
//!
//! A tool gets an input that already fits its schema, returns JSON or a typed [`Failure`], and may
//! be stopped at any `await`: dropping the future is how cancellation, timeouts and lost leases
//! reach it. Work that blocks or computes for long belongs on a thread of its own that watches
//! [`Call::stopped`].
//!
//! A tool that calls a model says so in its spec, makes exactly one call in each attempt, because
//! the engine counts its attempts against the run's cap of calls, and tells [`Call::spent`] what
//! the call used. It never tries again by itself: that is the engine's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::Value;
use sortie_engine::{
    AttemptNumber, Failure, Generation, RunId, StepId, ToolSpec, Usage, idempotency_key,
};
use tokio_util::sync::CancellationToken;

/// Something that a worker can do.
#[async_trait]
pub trait Tool: Send + Sync + 'static {
    /// Name, description, schemas, effect class and limits.
    fn spec(&self) -> ToolSpec;

    /// Does it. The input fits [`ToolSpec::input`]. With [`ToolSpec::calls_model`] this is one model
    /// call, no more, and what it used goes to [`Call::spent`] before anything else can fail.
    ///
    /// # Errors
    /// A failure whose kind says whether trying again can help.
    async fn call(&self, input: Value, call: &Call) -> Result<Value, Failure>;
}

/// Which attempt a tool works for.
#[derive(Debug, Clone)]
pub struct Call {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepId,
    /// Which try at it.
    pub attempt: AttemptNumber,
    /// How often a person asked for the step again.
    pub generation: Generation,
    /// Cancelled when nobody waits for the result any more.
    pub stopped: CancellationToken,
    meter: Meter,
}

/// What an attempt used so far. Clones of a call write into the same one, and it outlives a tool
/// that fails, panics or is dropped.
#[derive(Debug, Clone, Default)]
struct Meter(Arc<Mutex<Usage>>);

impl Meter {
    fn lock(&self) -> MutexGuard<'_, Usage> {
        // Numbers are whole between any two additions.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    /// A call for this attempt that has used nothing yet.
    #[must_use]
    pub fn new(
        run: RunId,
        step: StepId,
        attempt: AttemptNumber,
        generation: Generation,
        stopped: CancellationToken,
    ) -> Self {
        Self { run, step, attempt, generation, stopped, meter: Meter::default() }
    }

    /// Adds what a model call used. It is reported whatever comes of the attempt.
    pub fn spent(&self, usage: Usage) {
        *self.meter.lock() += usage;
    }

    /// What the attempt used so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        *self.meter.lock()
    }

    /// The same for every attempt at the step: a tool that changes the world remembers it.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        idempotency_key(self.run, self.step, self.generation)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use sortie_engine::Lane;

    /// Some attempt, for tests that do not care which.
    pub(crate) fn call() -> Call {
        let run = RunId::new(0, Lane(0), 1);
        let (attempt, generation) = (AttemptNumber::FIRST, Generation::FIRST);
        Call::new(run, StepId::new(1), attempt, generation, CancellationToken::new())
    }
}
