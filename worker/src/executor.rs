//! Runs one attempt of one tool and turns everything that can happen into an outcome.
//!
//! ```text
//! name ──> input fits? ──> tool runs ──> result fits? ──> output
//!   │          │             │ │ │            │
//! unknown   invalid   cancelled│ panicked   too large
//!  tool      input         timeout
//! ```
//!
//! The tool's future runs inside the caller's task: there is nothing to clean up. When the limit is
//! reached or the call is stopped, it is dropped at once.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::Value;
use sortie_engine::{Failure, FailureKind, StepResult, ToolName, ToolSpec, Usage};
use tracing::Instrument;

use crate::registry::Registry;
use crate::tool::{Call, Tool};

/// Violations quote names from the input, which may be of any length.
const MAX_MESSAGE_CHARS: usize = 2_000;

/// One try at one step.
#[derive(Debug)]
pub struct Attempt {
    /// Which tool.
    pub tool: ToolName,
    /// What to give it, references filled in.
    pub input: Value,
    /// Whom it works for, and whether anyone still waits.
    pub call: Call,
    /// What is left of the step's time; the tool's own limit counts where it is shorter.
    pub time_left: Duration,
}

/// What became of an attempt.
#[derive(Debug)]
pub struct Ended {
    /// A result or why there is none.
    pub outcome: Result<StepResult, Failure>,
    /// What its model calls used, whatever the outcome.
    pub usage: Usage,
}

/// The end of an attempt that used nothing.
impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self { outcome: Err(failure), usage: Usage::default() }
    }
}

/// Runs attempts with the tools of a registry. Cheap to clone, holds no state.
#[derive(Clone)]
pub struct Executor {
    registry: Arc<Registry>,
}

impl Executor {
    /// An executor for these tools.
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    /// Runs one attempt to its end, at most for its limit. Never panics with the tool.
    ///
    /// Its failures are `unknown_tool`, `invalid_input`, `timeout`, `cancelled`, `tool_panicked`,
    /// `result_too_large`, and the tool's own.
    pub async fn execute(&self, attempt: Attempt) -> Ended {
        let span = tracing::info_span!("tool", tool = %attempt.tool);
        let call = attempt.call.clone();
        // The tool's future is gone when this returns, so nothing is added afterwards.
        let outcome = self.run(attempt).instrument(span).await;
        Ended { outcome, usage: call.usage() }
    }

    async fn run(&self, attempt: Attempt) -> Result<StepResult, Failure> {
        let Attempt { tool: name, input, call, time_left } = attempt;
        let (spec, tool) = self.registry.get(&name).ok_or_else(|| {
            let message = format!("this worker has no tool `{name}`");
            Failure::new(FailureKind::UnknownTool, message)
        })?;
        check_input(spec, &input)?;
        let limit = spec.timeout.min(time_left);
        let work = tokio::time::timeout(limit, caught(tool.as_ref(), input, &call));
        let stopped = || {
            let message = format!("tool `{name}` was stopped: nobody waits for its result");
            Failure::new(FailureKind::Cancelled, message)
        };
        if call.stopped.is_cancelled() {
            return Err(stopped());
        }
        // The tool first: one that ends at once never has to listen for its end.
        let ended = tokio::select! {
            biased;
            ended = work => ended,
            () = call.stopped.cancelled() => return Err(stopped()),
        };
        check_calls(spec, call.usage());
        match ended {
            Err(_) => {
                let message = format!("tool `{name}` took longer than {limit:?}");
                Err(Failure::new(FailureKind::Timeout, message))
            }
            Ok(Err(panic)) => {
                let message = format!("tool `{name}` crashed: {}", panic_text(panic.as_ref()));
                tracing::error!(tool = %name, "tool panicked");
                Err(Failure::new(FailureKind::ToolPanicked, clip(&message)))
            }
            Ok(Ok(result)) => measured(spec, result?),
        }
    }
}

/// The tool's future, with panics caught: those on the way to the future and those inside it.
async fn caught(
    tool: &dyn Tool,
    input: Value,
    call: &Call,
) -> Result<Result<Value, Failure>, Box<dyn Any + Send>> {
    // A tool that panicked may hold broken state; it answers for it itself.
    AssertUnwindSafe(async { tool.call(input, call).await }).catch_unwind().await
}

fn check_input(spec: &ToolSpec, input: &Value) -> Result<(), Failure> {
    let violations = spec.input.check(input);
    if violations.is_empty() {
        return Ok(());
    }
    let listed: Vec<_> = violations.iter().map(ToString::to_string).collect();
    let message = format!("input of `{}`: {}", spec.name, listed.join("; "));
    Err(Failure::new(FailureKind::InvalidInput, clip(&message)))
}

/// The engine counted the attempts, not the calls: a tool that makes more calls than it says breaks
/// the run's cap. What it used is reported all the same.
fn check_calls(spec: &ToolSpec, used: Usage) {
    if used.model_calls > u32::from(spec.calls_model) {
        let calls = used.model_calls;
        tracing::error!(tool = %spec.name, calls, "a tool makes more model calls than it says");
    }
}

fn measured(spec: &ToolSpec, value: Value) -> Result<StepResult, Failure> {
    let result = StepResult::inline(value);
    let bytes = result.bytes;
    if bytes > spec.max_result_bytes {
        let message = format!(
            "the result of `{}` has {bytes} bytes, {} are allowed",
            spec.name, spec.max_result_bytes
        );
        return Err(Failure::new(FailureKind::ResultTooLarge, message));
    }
    Ok(result)
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

fn clip(message: &str) -> String {
    message.chars().take(MAX_MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::tests::call;
    use async_trait::async_trait;
    use serde_json::json;
    use sortie_engine::{Effect, QueueName, Schema};
    use std::future::pending;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Does what its input says.
    struct Probe {
        dropped: Arc<AtomicBool>,
    }

    struct Guard(Arc<AtomicBool>);

    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[async_trait]
    impl Tool for Probe {
        fn spec(&self) -> ToolSpec {
            let input = json!({
                "type": "object", "required": ["do"], "additionalProperties": false,
                "properties": {"do": {"type": "string"}, "size": {"type": "integer"}},
            });
            ToolSpec {
                name: ToolName::new("probe"),
                description: "for tests".to_owned(),
                input: Schema::parse(input).unwrap(),
                output: None,
                effect: Effect::Pure,
                queue: QueueName::new("test"),
                timeout: Duration::from_secs(30),
                max_result_bytes: 1000,
                calls_model: false,
            }
        }

        async fn call(&self, input: Value, call: &Call) -> Result<Value, Failure> {
            let _guard = Guard(self.dropped.clone());
            call.clone().spent(Usage { model_calls: 1, output_tokens: 5, ..Usage::default() });
            match input["do"].as_str() {
                Some("hang") => pending().await,
                Some("panic") => panic!("the disk is {}", "on fire"),
                Some("panic later") => {
                    tokio::task::yield_now().await;
                    panic!("plain")
                }
                Some("fail") => Err(Failure::new(FailureKind::RateLimited, "slow down")),
                Some("size") => {
                    let size = usize::try_from(input["size"].as_u64().unwrap()).unwrap();
                    Ok(json!("x".repeat(size)))
                }
                _ => Ok(input),
            }
        }
    }

    /// A tool that panics before there is a future.
    struct Early;

    impl Tool for Early {
        fn spec(&self) -> ToolSpec {
            let name = ToolName::new("early");
            ToolSpec { name, ..Probe { dropped: Arc::default() }.spec() }
        }

        fn call<'a, 'b, 'c>(
            &'a self,
            _: Value,
            _: &'b Call,
        ) -> futures_util::future::BoxFuture<'c, Result<Value, Failure>>
        where
            'a: 'c,
            'b: 'c,
            Self: 'c,
        {
            panic!("no future")
        }
    }

    fn executor() -> (Executor, Arc<AtomicBool>) {
        let dropped = Arc::new(AtomicBool::new(false));
        let mut registry = Registry::new();
        registry.register(Probe { dropped: dropped.clone() }).unwrap();
        registry.register(Early).unwrap();
        (Executor::new(Arc::new(registry)), dropped)
    }

    fn attempt(input: Value) -> Attempt {
        let time_left = Duration::from_secs(3600);
        Attempt { tool: ToolName::new("probe"), input, call: call(), time_left }
    }

    async fn failure(attempt: Attempt) -> Failure {
        executor().0.execute(attempt).await.outcome.unwrap_err()
    }

    #[tokio::test]
    async fn a_result_comes_back_with_its_size() {
        let output = executor().0.execute(attempt(json!({"do": "échø"}))).await.outcome.unwrap();
        let bytes = json!({"do": "échø"}).to_string().len() as u64;
        assert_eq!(output, StepResult::inline(json!({"do": "échø"})));
        assert_eq!(output.bytes, bytes);
        assert_eq!(failure(attempt(json!({"do": "fail"}))).await.message, "slow down");
    }

    #[tokio::test]
    async fn a_tool_that_is_not_here_and_an_input_that_does_not_fit_are_named() {
        let elsewhere = Attempt { tool: ToolName::new("elsewhere"), ..attempt(json!({})) };
        let unknown = failure(elsewhere).await;
        assert_eq!(unknown.kind, FailureKind::UnknownTool);
        assert!(unknown.message.contains("`elsewhere`"));
        let invalid = failure(attempt(json!({"size": "big", "x": 1}))).await;
        assert_eq!(invalid.kind, FailureKind::InvalidInput);
        for says in ["`probe`", "needs `do`", "`$.size` must be integer", "has no `x`"] {
            assert!(invalid.message.contains(says), "{says}: {invalid}");
        }
        let endless = failure(attempt(json!({"do": "x", "k".repeat(1 << 20): 1}))).await;
        assert!(endless.message.len() <= MAX_MESSAGE_CHARS);
    }

    #[tokio::test(start_paused = true)]
    async fn the_shorter_limit_ends_a_tool_that_hangs() {
        for (time_left, limit) in [(3600, 30), (2, 2)] {
            let (executor, dropped) = executor();
            let time_left = Duration::from_secs(time_left);
            let started = tokio::time::Instant::now();
            let attempt = Attempt { time_left, ..attempt(json!({"do": "hang"})) };
            let failure = executor.execute(attempt).await.outcome.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Timeout);
            assert_eq!(failure.message, format!("tool `probe` took longer than {limit}s"));
            assert_eq!(started.elapsed().as_secs(), limit);
            assert!(dropped.load(Ordering::SeqCst), "the future is gone");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stopped_call_drops_the_future_at_once() {
        let (executor, dropped) = executor();
        let attempt = attempt(json!({"do": "hang"}));
        let stopped = attempt.call.stopped.clone();
        let started = tokio::time::Instant::now();
        let stop = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(!dropped.load(Ordering::SeqCst));
            stopped.cancel();
        };
        let (ended, ()) = tokio::join!(executor.execute(attempt), stop);
        assert_eq!(ended.outcome.unwrap_err().kind, FailureKind::Cancelled);
        assert!(dropped.load(Ordering::SeqCst));
        assert_eq!(started.elapsed().as_millis(), 5);
    }

    #[tokio::test]
    async fn a_call_that_is_stopped_before_it_starts_does_not_start() {
        let (executor, dropped) = executor();
        let attempt = attempt(json!({"do": "panic"}));
        attempt.call.stopped.cancel();
        assert_eq!(
            executor.execute(attempt).await.outcome.unwrap_err().kind,
            FailureKind::Cancelled
        );
        assert!(!dropped.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_panic_is_an_outcome_and_the_next_attempt_runs() {
        let (executor, _) = executor();
        for (tool, what, says) in [
            ("probe", "panic", "the disk is on fire"),
            ("probe", "panic later", "plain"),
            ("early", "", "no future"),
        ] {
            let tool = ToolName::new(tool);
            let failure = executor
                .execute(Attempt { tool, ..attempt(json!({"do": what})) })
                .await
                .outcome
                .unwrap_err();
            assert_eq!(failure.kind, FailureKind::ToolPanicked);
            assert!(failure.message.ends_with(&format!("crashed: {says}")), "{failure}");
        }
        assert!(executor.execute(attempt(json!({"do": "go on"}))).await.outcome.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_tool_used_comes_back_whatever_becomes_of_it() {
        let (executor, _) = executor();
        let used = Usage { model_calls: 1, output_tokens: 5, ..Usage::default() };
        for what in ["go", "fail", "panic", "panic later", "hang"] {
            assert_eq!(executor.execute(attempt(json!({"do": what}))).await.usage, used, "{what}");
        }
        let stopped = attempt(json!({"do": "go"}));
        stopped.call.stopped.cancel();
        let unknown = Attempt { tool: ToolName::new("x"), ..attempt(json!({})) };
        for unstarted in [stopped, unknown, attempt(json!({"do": 1}))] {
            assert_eq!(executor.execute(unstarted).await.usage, Usage::default());
        }
    }

    #[tokio::test]
    async fn a_result_is_measured_to_the_byte() {
        let (executor, _) = executor();
        let sized = |size: u32| attempt(json!({"do": "size", "size": size}));
        assert_eq!(executor.execute(sized(998)).await.outcome.unwrap().bytes, 1000);
        for size in [999, 10 << 20] {
            let failure = executor.execute(sized(size)).await.outcome.unwrap_err();
            assert_eq!(failure.kind, FailureKind::ResultTooLarge);
            let bytes = format!("has {} bytes, 1000 are allowed", size + 2);
            assert!(failure.message.contains(&bytes), "{failure}");
        }
    }
}
