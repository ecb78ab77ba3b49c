//! The front door: `sortie.v1.Coordinator` over a store. One file for each RPC.
//!
//! Nothing is decided here. A goal goes into the store, a command into the inbox of its run; what
//! became of them is read from the history. Each call runs in a span with the RPC and the run, and
//! a refusal is logged once, here.

mod cancel_run;
mod cursor;
mod door;
mod get_result;
mod get_run;
mod list_runs;
mod list_tools;
mod patience;
mod refusal;
mod services;
mod snapshot;
mod submit_goal;
mod watch_run;

#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use sortie_engine::{Lane, Limits, RunId};
use sortie_proto::{BadField, v1};
use sortie_store::{Store, StoreError};
use tokio::sync::watch;
use tonic::{Request, Response, Status};
use tracing::Instrument as _;

use crate::catalogue::CatalogueHandle;
use crate::watch::{Place, Watcher, Watches};
use refusal::Refusal;

pub use door::Door;
pub use services::{ServiceOptions, services};

/// What the front door does where clients say nothing, and how patient it is.
#[derive(Debug, Clone)]
pub struct FrontOptions {
    /// The limits of runs whose goal does not say others.
    pub limits: Limits,
    /// How long a write is sent again while the store does not answer.
    pub patience: Duration,
    /// How long a command may take until the history tells of it.
    pub command_timeout: Duration,
}

impl Default for FrontOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            patience: Duration::from_secs(5),
            command_timeout: Duration::from_secs(15),
        }
    }
}

/// What the front door stands on.
pub struct FrontParts {
    /// Everything durable.
    pub store: Arc<dyn Store>,
    /// The watch hub.
    pub watches: Watches,
    /// The tools on offer.
    pub catalogue: CatalogueHandle,
    /// The lanes that this coordinator owns: runs are named in one of them, if there is one.
    pub lanes: watch::Receiver<Vec<Lane>>,
}

/// Answers clients.
pub struct Front {
    parts: FrontParts,
    options: FrontOptions,
}

impl Front {
    /// A front door; [`services`] puts it into a server.
    #[must_use]
    pub const fn new(parts: FrontParts, options: FrontOptions) -> Self {
        Self { parts, options }
    }

    /// Begins to watch, without waiting for ever for a store that does not answer.
    async fn watch(&self, run: RunId, place: Place) -> Result<Watcher, Refusal> {
        let join = self.parts.watches.join(run, place);
        let silent = |_| StoreError::Unavailable { action: "read the history" };
        let joined = tokio::time::timeout(self.options.patience, join).await;
        Ok(joined.map_err(silent)??)
    }
}

/// What a streaming call answers with.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl v1::coordinator_server::Coordinator for Front {
    type WatchRunStream = Answers<v1::WatchRunResponse>;
    type GetResultStream = Answers<v1::GetResultResponse>;

    async fn submit_goal(
        &self,
        request: Request<v1::SubmitGoalRequest>,
    ) -> Result<Response<v1::SubmitGoalResponse>, Status> {
        let answer = submit_goal::submit_goal(self, request.into_inner());
        reply(span("SubmitGoal", ""), answer).await
    }

    async fn get_run(
        &self,
        request: Request<v1::GetRunRequest>,
    ) -> Result<Response<v1::GetRunResponse>, Status> {
        let request = request.into_inner();
        let span = span("GetRun", &request.run_id);
        reply(span, get_run::get_run(self, request)).await
    }

    async fn watch_run(
        &self,
        request: Request<v1::WatchRunRequest>,
    ) -> Result<Response<Self::WatchRunStream>, Status> {
        let request = request.into_inner();
        let span = span("WatchRun", &request.run_id);
        reply(span, watch_run::watch_run(self, request)).await
    }

    async fn list_runs(
        &self,
        request: Request<v1::ListRunsRequest>,
    ) -> Result<Response<v1::ListRunsResponse>, Status> {
        let answer = list_runs::list_runs(self, request.into_inner());
        reply(span("ListRuns", ""), answer).await
    }

    async fn cancel_run(
        &self,
        request: Request<v1::CancelRunRequest>,
    ) -> Result<Response<v1::CancelRunResponse>, Status> {
        let request = request.into_inner();
        let span = span("CancelRun", &request.run_id);
        reply(span, cancel_run::cancel_run(self, request)).await
    }

    async fn list_tools(
        &self,
        _: Request<v1::ListToolsRequest>,
    ) -> Result<Response<v1::ListToolsResponse>, Status> {
        let answer = std::future::ready(Ok(list_tools::list_tools(self)));
        reply(span("ListTools", ""), answer).await
    }

    async fn get_result(
        &self,
        request: Request<v1::GetResultRequest>,
    ) -> Result<Response<Self::GetResultStream>, Status> {
        let request = request.into_inner();
        let span = span("GetResult", &request.run_id);
        reply(span, get_result::get_result(self, request)).await
    }
}

/// The span of a call. The run is what the client named, if that can be a name at all, or is
/// recorded once it is drawn.
fn span(rpc: &'static str, run: &str) -> tracing::Span {
    let span = tracing::info_span!("rpc", rpc, run = tracing::field::Empty);
    if let Ok(run) = run.parse::<RunId>() {
        span.record("run", tracing::field::display(run));
    }
    span
}

async fn reply<T>(
    span: tracing::Span,
    answer: impl Future<Output = Result<T, Refusal>>,
) -> Result<Response<T>, Status> {
    let answer = async { answer.await.map(Response::new).map_err(|refusal| refusal.told()) };
    answer.instrument(span).await
}

fn run_id(text: &str) -> Result<RunId, Refusal> {
    let bad = |_| Refusal::BadRequest(vec![BadField::new("run_id", "is not the name of a run")]);
    text.parse().map_err(bad)
}
