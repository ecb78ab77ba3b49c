//! One attempt, from the claim to the report.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use sortie_engine::{
    AttemptReport, Delivery, Effect, Failure, FailureKind, Outcome, ResultBody, ResultId, StepId,
    StepNumber, StepResult, Timestamp, WorkerName, render,
};
use sortie_store::{Claimed, Completion, InputValue, ReadyEntry, Store, StoreError, Token};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::STORE_PAUSE;
use super::held::{Hold, Stop};
use super::reports::{Report, Reports};
use super::time::StoreTime;
use crate::executor::{Attempt, Ended, Executor};
use crate::tool::Call;

/// The largest input after its references were filled in, in bytes of JSON.
const MAX_RENDERED_BYTES: usize = 4 * 1024 * 1024;

/// What attempts need.
pub(super) struct Runner {
    pub(super) store: Arc<dyn Store>,
    pub(super) executor: Executor,
    pub(super) worker: WorkerName,
    pub(super) time: Arc<StoreTime>,
    pub(super) reports: Reports,
    /// Cancelled when the worker ends: no tool begins any more.
    pub(super) leaving: CancellationToken,
}

/// How far an attempt came.
enum Course {
    /// The tool did not begin, for the worker ends or the attempt was to stop.
    Unstarted,
    /// It ended by itself or was stopped.
    Ended(Ended),
}

impl Runner {
    /// Runs an attempt and reports what came of it. An outcome always goes out, even when the attempt
    /// was to stop meanwhile: the store hears it if its token still counts, and nobody else knows what
    /// the tool did. One that has no outcome goes back to the others, unless it is theirs already.
    pub(super) async fn run(&self, claimed: Claimed, started_at: Timestamp, hold: Hold) {
        let Claimed { entry, deliveries, .. } = claimed;
        let step = tracing::info_span!(
            "step",
            run = %entry.run,
            step = %entry.step,
            number = %entry.planned.number,
        );
        let span = tracing::info_span!(
            parent: &step,
            "attempt",
            attempt = %entry.attempt,
            worker = %self.worker,
        );
        let effect = entry.terms.effect;
        let (course, workers_lost) = match Delivery::judge(effect, entry.workers_lost, deliveries) {
            Delivery::Refuse { failure, workers_lost } => {
                (Course::Ended(failure.into()), workers_lost)
            }
            Delivery::Run { workers_lost } => {
                let work = self.attempt(&entry, hold.stopped()).instrument(span);
                (work.await, workers_lost)
            }
        };
        let Course::Ended(Ended { outcome, usage }) = course else {
            return self.give_back(&hold).await;
        };
        let outcome = match outcome {
            Ok(result) => Outcome::Succeeded(result),
            Err(failure) if was_stopped(&failure, &hold) => match hold.why() {
                None | Some(Stop::Taken) => return,
                // What it did until then is not known, and nobody may do it again.
                Some(Stop::Fenced | Stop::Ended) if effect == Effect::Once => {
                    Outcome::Failed(cut_short())
                }
                Some(Stop::Fenced | Stop::Ended) => return self.give_back(&hold).await,
            },
            Err(failure) => Outcome::Failed(failure),
        };
        let report = AttemptReport {
            step: entry.step,
            attempt: entry.attempt,
            outcome,
            worker: self.worker.clone(),
            started_at,
            workers_lost,
            usage,
        };
        let completion = Completion { run: entry.run, token: hold.token(), report };
        self.reports.send(Report { completion, hold }).await;
    }

    /// Lets others have an attempt at once instead of after its lease. Its tool is gone.
    async fn give_back(&self, hold: &Hold) {
        release(&*self.store, &self.worker, &[hold.token()]).await;
    }

    async fn attempt(&self, entry: &ReadyEntry, stopped: &CancellationToken) -> Course {
        let attempt = match self.prepare(entry, stopped).await {
            Ok(attempt) => attempt,
            // What could not be had in time says nothing about a step whose tool has not begun.
            Err(_) if self.leaving.is_cancelled() || stopped.is_cancelled() => {
                return Course::Unstarted;
            }
            Err(failure) => return Course::Ended(failure.into()),
        };
        if self.leaving.is_cancelled() || stopped.is_cancelled() {
            return Course::Unstarted;
        }
        let Ended { outcome, usage } = self.executor.execute(attempt).await;
        let outcome = match outcome {
            Ok(result) => self.place(entry, result, stopped).await,
            Err(failure) => Err(failure),
        };
        Course::Ended(Ended { outcome, usage })
    }

    async fn prepare(
        &self,
        entry: &ReadyEntry,
        stopped: &CancellationToken,
    ) -> Result<Attempt, Failure> {
        let values = self.fetch(entry, stopped).await?;
        let find = |number| values.get(&number).map(|value| &**value);
        let input = render(&entry.planned.input, find, MAX_RENDERED_BYTES)?;
        let (attempt, generation) = (entry.attempt, entry.generation);
        let call = Call::new(entry.run, entry.step, attempt, generation, stopped.clone());
        let time_left = entry.deadline.since(self.time.now());
        Ok(Attempt { tool: entry.planned.tool.clone(), input, call, time_left })
    }

    /// The results that the input refers to: those that came along, and the others from the store.
    async fn fetch(
        &self,
        entry: &ReadyEntry,
        stopped: &CancellationToken,
    ) -> Result<BTreeMap<StepNumber, Arc<Value>>, Failure> {
        let mut values = BTreeMap::new();
        let mut wanted = Vec::new();
        for input in &entry.inputs {
            match &input.value {
                InputValue::Here(value) => {
                    values.insert(input.number, value.clone());
                }
                InputValue::Recorded(step) => wanted.push((input.number, *step)),
            }
        }
        if wanted.is_empty() {
            return Ok(values);
        }
        let steps: Vec<_> = wanted.iter().map(|(_, step)| *step).collect();
        let fetched = self.results(entry, &steps, stopped).await;
        let fetched = fetched.map_err(|error| unavailable("fetch the results it needs", &error))?;
        for ((number, _), value) in wanted.into_iter().zip(fetched) {
            // A missing one is named when the input is filled in.
            values.extend(value.map(|value| (number, value)));
        }
        Ok(values)
    }

    /// Recorded results, asked for again and again as long as somebody waits: a store that does not
    /// answer says nothing about the step.
    async fn results(
        &self,
        entry: &ReadyEntry,
        steps: &[StepId],
        stopped: &CancellationToken,
    ) -> Result<Vec<Option<Arc<Value>>>, StoreError> {
        loop {
            let error = match self.store.results(entry.run, steps).await {
                Ok(values) => return Ok(values),
                Err(error @ StoreError::Broken { .. }) => return Err(error),
                Err(error) => error,
            };
            let is_over = stopped.is_cancelled() || self.leaving.is_cancelled();
            if is_over || entry.deadline <= self.time.now() + STORE_PAUSE {
                return Err(error);
            }
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    /// A large result goes ahead under a name of its own; the report carries the name.
    async fn place(
        &self,
        entry: &ReadyEntry,
        result: StepResult,
        stopped: &CancellationToken,
    ) -> Result<StepResult, Failure> {
        let ResultBody::Inline(value) = &result.body else { return Ok(result) };
        if result.fits_inline() {
            return Ok(result);
        }
        match self.put(entry, value, stopped).await {
            Ok(id) => Ok(StepResult { body: ResultBody::Stored(id), ..result }),
            // It was done, but what came of it is lost. The engine makes `unknown` of this kind.
            Err(error) if entry.terms.effect == Effect::Once => {
                let message = format!("the tool ended, but its result is lost: {error}");
                Err(Failure::new(FailureKind::Internal, message))
            }
            Err(error) => Err(unavailable("store its result", &error)),
        }
    }

    /// Stores a large result, again and again as long as somebody waits for it: the tool has done
    /// its work, and to do that again costs more, if it may be done again at all.
    async fn put(
        &self,
        entry: &ReadyEntry,
        value: &Arc<Value>,
        stopped: &CancellationToken,
    ) -> Result<ResultId, StoreError> {
        let patience = self.store.lease() / 2;
        loop {
            let put = self.store.put_result(entry.run, value.clone());
            let error = match tokio::time::timeout(patience, put).await {
                Ok(Ok(id)) => return Ok(id),
                Ok(Err(error @ StoreError::Broken { .. })) => return Err(error),
                Ok(Err(error)) => error,
                Err(_) => StoreError::Unavailable { action: "put a result" },
            };
            if stopped.is_cancelled() || entry.deadline <= self.time.now() + STORE_PAUSE {
                return Err(error);
            }
            tracing::warn!(error = %error, "a large result is not stored yet");
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }
}

/// Releases attempts of which no tool runs, for a lease at most: then they are free by themselves.
/// What the worker holds no longer stays as it is.
pub(super) async fn release(store: &dyn Store, worker: &WorkerName, tokens: &[Token]) {
    let begun = Instant::now();
    let lease = store.lease();
    while begun.elapsed() < lease {
        match tokio::time::timeout(lease / 4, store.release(worker, tokens)).await {
            Ok(Ok(())) => return,
            Ok(Err(StoreError::Broken { .. })) => break,
            Ok(Err(StoreError::Unavailable { .. } | StoreError::Unfit { .. })) | Err(_) => {
                tokio::time::sleep(STORE_PAUSE).await;
            }
        }
    }
    tracing::warn!(attempts = tokens.len(), "attempts could not be given back");
}

/// A `once` tool was stopped in the middle.
fn cut_short() -> Failure {
    let message =
        "its worker stopped the tool, and it must not run twice: look whether it was done";
    Failure::new(FailureKind::OutcomeUnknown, message)
}

/// Whether the tool was stopped before it had an outcome of its own.
fn was_stopped(failure: &Failure, hold: &Hold) -> bool {
    failure.kind == FailureKind::Cancelled && hold.stopped().is_cancelled()
}

fn unavailable(action: &str, error: &StoreError) -> Failure {
    Failure::new(FailureKind::Unavailable, format!("{action}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;
    use crate::service::held::Held;
    use crate::tool::Tool;
    use async_trait::async_trait;
    use serde_json::json;
    use sortie_engine::{
        AttemptNumber, Generation, Lane, PlannedStep, QueueName, RunId, Schema, StepId, Template,
        ToolName, ToolSpec, ToolTerms, Usage,
    };
    use sortie_store::{Clock, Embedded, EmbeddedOptions};
    use std::time::Duration;

    const USED: Usage = Usage {
        model_calls: 1,
        input_tokens: 7,
        output_tokens: 3,
        cost_nanodollars: 41,
        unpriced_calls: 0,
    };

    /// Calls a model and then does what its input says.
    struct Costly;

    #[async_trait]
    impl Tool for Costly {
        fn spec(&self) -> ToolSpec {
            ToolSpec {
                name: ToolName::new("costly"),
                description: "for tests".to_owned(),
                input: Schema::parse(json!({"type": "string"})).unwrap(),
                output: None,
                effect: Effect::Read,
                queue: QueueName::new("test"),
                timeout: Duration::from_secs(30),
                max_result_bytes: 1 << 20,
                calls_model: true,
            }
        }

        async fn call(&self, input: Value, call: &Call) -> Result<Value, Failure> {
            call.spent(USED);
            match input.as_str() {
                Some("fail") => Err(Failure::new(FailureKind::InvalidAnswer, "nonsense")),
                Some("panic") => panic!("no paper"),
                Some("hang") => std::future::pending().await,
                Some("much") => Ok(json!("x".repeat(5000))),
                _ => Ok(json!("done")),
            }
        }
    }

    async fn report(input: Value) -> AttemptReport {
        let store: Arc<dyn Store> = Embedded::new(EmbeddedOptions::default());
        let clock = Clock::read(&*store).await.unwrap();
        let mut registry = Registry::new();
        registry.register(Costly).unwrap();
        let executor = Executor::new(Arc::new(registry));
        let (reports, mut outbox) = Reports::new();
        let worker = WorkerName::new("w");
        let leaving = CancellationToken::new();
        let time = Arc::new(StoreTime::new(clock));
        let runner = Runner { store, executor, worker, time, reports, leaving };
        let entry = Arc::new(ReadyEntry {
            run: RunId::new(0, Lane(0), 1),
            step: StepId::new(1),
            attempt: AttemptNumber::FIRST,
            generation: Generation::FIRST,
            planned: Arc::new(PlannedStep {
                number: StepNumber::new(1),
                description: String::new(),
                tool: ToolName::new("costly"),
                input: Template::parse(&input).unwrap(),
                depends_on: Vec::new(),
            }),
            terms: Arc::new(ToolTerms {
                queue: QueueName::new("test"),
                effect: Effect::Read,
                timeout: Duration::from_secs(30),
                calls_model: true,
            }),
            inputs: Vec::new(),
            deadline: clock.now() + Duration::from_secs(3600),
            workers_lost: 0,
        });
        let token = Token(1);
        let hold = Arc::new(Held::default()).hold(token).unwrap();
        runner.run(Claimed { entry, token, deliveries: 1 }, clock.now(), hold).await;
        outbox.next().await.unwrap().completion.report
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_tool_used_is_reported_with_whatever_came_of_it() {
        for (input, kind) in [
            ("work", None),
            ("much", None),
            ("fail", Some(FailureKind::InvalidAnswer)),
            ("panic", Some(FailureKind::ToolPanicked)),
            ("hang", Some(FailureKind::Timeout)),
        ] {
            let report = report(json!(input)).await;
            let failed = match report.outcome {
                Outcome::Succeeded(_) => None,
                Outcome::Failed(failure) => Some(failure.kind),
            };
            assert_eq!((failed, report.usage), (kind, USED), "{input}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_whose_tool_did_not_run_used_nothing() {
        assert_eq!(report(json!(["not a string"])).await.usage, Usage::default());
    }
}
