//! A client that does not give up: it asks again under the same key until somebody answers, and goes
//! on watching from its cursor at whichever coordinator is there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sortie_engine::{Recorded, RunId, RunState};
use sortie_proto::v1::coordinator_client::CoordinatorClient;
use sortie_proto::v1::watch_run_response::Item;
use sortie_proto::{event, v1};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::evidence::{Cancel, End, Seen, Watch};
use super::graph::Graph;

/// A call without a stream: far above what a cluster needs that is not in trouble.
const CALL: Duration = Duration::from_secs(4);
/// A coordinator that says nothing at all for so long is gone: frozen ones keep their connections.
const SILENCE: Duration = Duration::from_secs(2);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);
/// Tries at one run: a run's limits must not end what only faults make long.
const ATTEMPTS: u32 = 20;
const MODEL_CALLS: u32 = 1_000;

/// A client of several coordinators.
#[derive(Debug)]
pub struct Client {
    coordinators: Vec<CoordinatorClient<Channel>>,
    next: AtomicUsize,
}

/// Nobody gave the answer that a client waited for.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{action}: no answer until the deadline, last {last:?}")]
pub struct Unanswered {
    /// What was asked.
    pub action: &'static str,
    /// What came instead.
    pub last: Option<String>,
}

impl Client {
    /// A client of the coordinators at these URLs; none needs to be there yet.
    ///
    /// # Panics
    /// If one is no URL.
    #[must_use]
    pub fn new(urls: impl IntoIterator<Item = String>) -> Self {
        let dial = |url| {
            let endpoint = Endpoint::from_shared(url).unwrap();
            let channel = endpoint
                .connect_timeout(SILENCE)
                .http2_keep_alive_interval(SILENCE / 2)
                .keep_alive_timeout(SILENCE / 2)
                .keep_alive_while_idle(true)
                .tcp_nodelay(true)
                .connect_lazy();
            CoordinatorClient::new(channel)
        };
        Self { coordinators: urls.into_iter().map(dial).collect(), next: AtomicUsize::new(0) }
    }

    /// Whose turn it is.
    fn turn(&self) -> CoordinatorClient<Channel> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.coordinators[turn % self.coordinators.len()].clone()
    }

    /// Asks one after the other until one answers. Refusals that asking again does not change are
    /// answers.
    async fn ask<T, F>(
        &self,
        action: &'static str,
        until: Instant,
        call: impl Fn(CoordinatorClient<Channel>) -> F,
    ) -> Result<Result<T, Status>, Unanswered>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let mut last = None;
        while Instant::now() < until {
            match tokio::time::timeout(CALL, call(self.turn())).await {
                Ok(Ok(answer)) => return Ok(Ok(answer)),
                Ok(Err(status)) if is_final(&status) => return Ok(Err(status)),
                Ok(Err(status)) => last = Some(format!("{:?} {}", status.code(), status.message())),
                Err(_) => last = Some("silence".to_owned()),
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Unanswered { action, last })
    }

    /// Submits a goal under its key until that is acknowledged.
    ///
    /// # Errors
    /// If nobody acknowledges it.
    ///
    /// # Panics
    /// If the goal is refused for good.
    pub async fn submit(&self, graph: &Graph, until: Instant) -> Result<RunId, Unanswered> {
        let limits = v1::Limits {
            attempts: Some(ATTEMPTS),
            model_calls: Some(MODEL_CALLS),
            ..v1::Limits::default()
        };
        let request = v1::SubmitGoalRequest {
            goal: graph.goal(),
            idempotency_key: graph.key.clone(),
            limits: Some(limits),
            ..v1::SubmitGoalRequest::default()
        };
        let answer = self.ask("submit a goal", until, |mut coordinator| {
            let request = request.clone();
            async move { coordinator.submit_goal(request).await }
        });
        let answer =
            answer.await?.unwrap_or_else(|status| panic!("submit {}: {status}", graph.key));
        Ok(answer.into_inner().run_id.parse().unwrap())
    }

    /// Ends a run; asks until that is answered.
    pub async fn cancel(&self, run: RunId, until: Instant) -> Cancel {
        let command = format!("cancel-{run}");
        let request = v1::CancelRunRequest {
            run_id: run.to_string(),
            command_id: command.clone(),
            reason: "enough".to_owned(),
        };
        let answer = self.ask("cancel a run", until, |mut coordinator| {
            let request = request.clone();
            async move { coordinator.cancel_run(request).await }
        });
        Cancel { command, answered: answer.await.is_ok() }
    }

    /// Watches a run to its end, over as many connections as that takes. What was seen until the
    /// deadline is all there is if the end does not come.
    pub async fn watch(&self, run: RunId, until: Instant) -> Watch {
        let mut watch = Watch::default();
        let mut cursor = String::new();
        while Instant::now() < until {
            watch.connections += 1;
            let turn = self.turn();
            let stream = watch_once(turn, run, &mut cursor, &mut watch.seen);
            let left = until.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, stream).await {
                Ok(Ok(true)) | Err(_) => break,
                Ok(Ok(false) | Err(_)) => tokio::time::sleep(PAUSE).await,
            }
        }
        watch
    }

    /// What the system tells of a run now, in one history and with every result; nothing if it does
    /// not know it.
    ///
    /// # Errors
    /// If nobody answers.
    pub async fn end(&self, run: RunId, until: Instant) -> Result<Option<End>, Unanswered> {
        let request = v1::GetRunRequest { run_id: run.to_string() };
        let answer = self.ask("get a run", until, |mut coordinator| {
            let request = request.clone();
            async move { coordinator.get_run(request).await }
        });
        let Ok(answer) = answer.await? else { return Ok(None) };
        let shown = answer.into_inner().run.unwrap_or_default();
        let history = self.history(run, shown.seq, until).await?;
        let mut results = BTreeMap::new();
        for step in shown.steps {
            let has_result = step.state == v1::StepState::Succeeded as i32;
            if has_result && step.result_truncated {
                let whole = self.result(run, step.step_number, until).await?;
                results.extend(whole.map(|json| (step.step_number, json)));
            } else if has_result && !step.result.is_empty() {
                results.insert(step.step_number, step.result);
            }
        }
        Ok(Some(End { history, results }))
    }

    /// The history up to the event that ends the run, or to `last` if it is open.
    async fn history(
        &self,
        run: RunId,
        last: u64,
        until: Instant,
    ) -> Result<Vec<Recorded>, Unanswered> {
        let request = v1::WatchRunRequest { run_id: run.to_string(), cursor: String::new() };
        let answer = self.ask("read a history", until, |mut coordinator| {
            let request = request.clone();
            async move {
                let mut items = coordinator.watch_run(request).await?.into_inner();
                let mut history: Vec<Recorded> = Vec::new();
                while history.last().is_none_or(|recorded| recorded.seq.get() < last) {
                    let Some(response) = items.message().await? else { break };
                    if let Some(Item::Event(event)) = response.item {
                        history.push(read(event));
                    }
                }
                Ok(history)
            }
        });
        // Refused for good: there is none.
        Ok(answer.await?.unwrap_or_default())
    }

    async fn result(
        &self,
        run: RunId,
        step_number: u32,
        until: Instant,
    ) -> Result<Option<String>, Unanswered> {
        let request = v1::GetResultRequest { run_id: run.to_string(), step_number };
        let answer = self.ask("get a result", until, |mut coordinator| {
            let request = request.clone();
            async move {
                let mut pieces = coordinator.get_result(request).await?.into_inner();
                let mut json = Vec::new();
                while let Some(piece) = pieces.message().await? {
                    json.extend(piece.json);
                }
                Ok(json)
            }
        });
        Ok(answer.await?.ok().map(|json| String::from_utf8_lossy(&json).into_owned()))
    }

    /// How many runs are in this state.
    ///
    /// # Errors
    /// If nobody answers.
    pub async fn count(&self, state: RunState, until: Instant) -> Result<usize, Unanswered> {
        let states = vec![v1::RunState::from(state).into()];
        let request = v1::ListRunsRequest { states, ..v1::ListRunsRequest::default() };
        let answer = self.ask("list runs", until, |mut coordinator| {
            let request = request.clone();
            async move { coordinator.list_runs(request).await }
        });
        Ok(answer.await?.map(|answer| answer.into_inner().runs.len()).unwrap_or_default())
    }

    /// The tools that plans may use now.
    ///
    /// # Errors
    /// If nobody answers.
    pub async fn tools(&self, until: Instant) -> Result<Vec<String>, Unanswered> {
        let answer = self.ask("list the tools", until, |mut coordinator| async move {
            coordinator.list_tools(Request::new(v1::ListToolsRequest {})).await
        });
        let tools = answer.await?.map(|answer| answer.into_inner().tools).unwrap_or_default();
        Ok(tools.into_iter().map(|tool| tool.name).collect())
    }
}

/// One connection; true once the run's end was seen.
async fn watch_once(
    mut coordinator: CoordinatorClient<Channel>,
    run: RunId,
    cursor: &mut String,
    seen: &mut Vec<Seen>,
) -> Result<bool, Status> {
    let request = v1::WatchRunRequest { run_id: run.to_string(), cursor: cursor.clone() };
    let mut items = coordinator.watch_run(request).await?.into_inner();
    while let Some(response) = items.message().await? {
        if !response.cursor.is_empty() {
            *cursor = response.cursor;
        }
        match response.item {
            Some(Item::Event(event)) => {
                let recorded = read(event);
                let over = recorded.event.ends_run();
                seen.push(Seen::Event(Box::new(recorded)));
                if over {
                    return Ok(true);
                }
            }
            Some(Item::Reset(_)) => seen.push(Seen::Reset),
            Some(Item::Notice(_) | Item::AnswerText(_)) | None => {}
        }
    }
    // A watch that was at the end before ends at once.
    Ok(seen.iter().rev().any(|seen| matches!(seen, Seen::Event(last) if last.event.ends_run())))
}

fn read(wire: v1::Event) -> Recorded {
    event::from_wire(wire).unwrap_or_else(|field| panic!("an event that is none: {field}")).1
}

/// Whether asking again does not change it.
fn is_final(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::NotFound
            | Code::InvalidArgument
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::PermissionDenied
            | Code::Unimplemented
            | Code::DataLoss
    )
}
