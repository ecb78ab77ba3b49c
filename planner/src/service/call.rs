//! What a call by a model is to the service, and what is logged of it: who, how long, how much.
//! Never what was said.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _, stream};
use sortie_engine::{Failure, Usage};
use sortie_llm::{Ending, Purpose};
use sortie_models::Model;
use sortie_proto::failure::status_of_call;
use tokio::time::Instant;
use tonic::Status;

pub(super) type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A call of which something is heard again and again.
pub(super) trait Call: Send + 'static {
    type Response: Send + 'static;

    /// The next part; nothing follows a failure.
    fn next(&mut self) -> impl Future<Output = Option<Result<Self::Response, Failed>>> + Send;
}

/// The call as a stream that owns it: a client that goes away drops the stream, and with it the
/// connection to the model.
pub(super) fn parts<C: Call>(call: C) -> Parts<C::Response> {
    let parts = stream::unfold(call, |mut call| async move {
        let part = call.next().await?;
        Some((part, call))
    });
    Box::pin(parts.map(|part| part.map_err(|it| status_of_call(&it.failure, &it.usage))))
}

/// A call without an end, and what it used.
pub(super) struct Failed {
    pub(super) failure: Failure,
    pub(super) usage: Usage,
}

/// A call's line in the log.
#[derive(Debug)]
pub(super) struct Record {
    run: String,
    /// Which plan version, or which attempt at the answer.
    number: u32,
    purpose: Purpose,
    start: Instant,
}

impl Record {
    pub(super) fn new(run: &str, number: u32, purpose: Purpose) -> Self {
        Self { run: run.to_owned(), number, purpose, start: Instant::now() }
    }

    pub(super) fn wrote(&self, model: &Model, ending: Ending, problems: usize) {
        tracing::info!(
            run = self.run,
            number = self.number,
            purpose = self.purpose.as_str(),
            model = %model.name(),
            stop = ?ending.stop,
            input_tokens = ending.tokens.input,
            output_tokens = ending.tokens.output,
            problems,
            ms = self.millis(),
            "a model has written"
        );
    }

    pub(super) fn failed(&self, model: &Model, failure: &Failure) {
        tracing::info!(
            run = self.run,
            number = self.number,
            purpose = self.purpose.as_str(),
            model = %model.name(),
            kind = failure.kind.as_str(),
            ms = self.millis(),
            "a model call failed"
        );
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
