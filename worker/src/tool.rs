//! What a tool is: a description that plans are checked against, and a function.
//!
//! A tool gets an input that already fits its schema, returns JSON or a typed [`Failure`], and may
//! be stopped at any `await`: dropping the future is how cancellation, timeouts and lost leases
//! reach it. Work that blocks or computes for long belongs on a thread of its own that watches
//! [`Call::stopped`].

use async_trait::async_trait;
use serde_json::Value;
use sortie_engine::{AttemptNumber, Failure, Generation, RunId, StepId, ToolSpec, idempotency_key};
use tokio_util::sync::CancellationToken;

/// Something that a worker can do.
#[async_trait]
pub trait Tool: Send + Sync + 'static {
    /// Name, description, schemas, effect class and limits.
    fn spec(&self) -> ToolSpec;

    /// Does it. The input fits [`ToolSpec::input`].
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
}

impl Call {
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
        Call {
            run: RunId::new(0, Lane(0), 1),
            step: StepId::new(1),
            attempt: AttemptNumber::FIRST,
            generation: Generation::FIRST,
            stopped: CancellationToken::new(),
        }
    }
}
