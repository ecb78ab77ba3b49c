//! Tools made of functions, and gauges that tell how many of something are going on.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use sortie_engine::{Effect, Failure, QueueName, Schema, ToolName, ToolSpec};
use sortie_worker::{Call, Registry};
use tokio::sync::watch;

type Work = Pin<Box<dyn Future<Output = Result<Value, Failure>> + Send>>;

/// A tool made of a function. It takes any input and may be started early.
pub struct Tool {
    spec: ToolSpec,
    work: Box<dyn Fn(Value, Call) -> Work + Send + Sync>,
}

/// A tool of this name that does this.
pub fn tool<F, W>(name: &str, work: F) -> Tool
where
    F: Fn(Value, Call) -> W + Send + Sync + 'static,
    W: Future<Output = Result<Value, Failure>> + Send + 'static,
{
    let spec = ToolSpec {
        name: ToolName::new(name),
        description: format!("does `{name}`, for tests"),
        input: schema(json!({})),
        output: None,
        effect: Effect::Read,
        queue: QueueName::new("test"),
        timeout: Duration::from_secs(600),
        max_result_bytes: 1 << 20,
        calls_model: false,
    };
    Tool { spec, work: Box::new(move |input, call| Box::pin(work(input, call))) }
}

impl Tool {
    /// How long one attempt may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.spec.timeout = timeout;
        self
    }

    /// What running it again would mean.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.spec.effect = effect;
        self
    }

    /// What results look like.
    #[must_use]
    pub fn output(mut self, source: Value) -> Self {
        self.spec.output = Some(schema(source));
        self
    }
}

#[async_trait]
impl sortie_worker::Tool for Tool {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    async fn call(&self, input: Value, call: &Call) -> Result<Value, Failure> {
        (self.work)(input, call.clone()).await
    }
}

/// A registry of these tools.
///
/// # Panics
/// If two have the same name.
#[must_use]
pub fn registry(tools: impl IntoIterator<Item = Tool>) -> Registry {
    let mut registry = Registry::new();
    for tool in tools {
        if let Err(error) = registry.register(tool) {
            panic!("{error}");
        }
    }
    registry
}

fn schema(source: Value) -> Schema {
    Schema::parse(source).unwrap_or_else(|error| panic!("{error}"))
}

/// How many of something are going on, and how many were at most.
#[derive(Debug, Clone)]
pub struct Gauge(Arc<watch::Sender<Level>>);

#[derive(Debug, Clone, Copy, Default)]
struct Level {
    now: usize,
    most: usize,
    entered: usize,
}

/// One of those that a gauge counts; dropping it counts it out, however it ends.
#[derive(Debug)]
pub struct Guard(Gauge);

impl Default for Gauge {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Level::default())))
    }
}

impl Gauge {
    /// One more, until the guard is dropped.
    #[must_use]
    pub fn enter(&self) -> Guard {
        self.0.send_modify(|level| {
            level.now += 1;
            level.entered += 1;
            level.most = level.most.max(level.now);
        });
        Guard(self.clone())
    }

    /// How many are going on.
    #[must_use]
    pub fn now(&self) -> usize {
        self.0.borrow().now
    }

    /// How many were going on at most.
    #[must_use]
    pub fn most(&self) -> usize {
        self.0.borrow().most
    }

    /// How many there ever were.
    #[must_use]
    pub fn entered(&self) -> usize {
        self.0.borrow().entered
    }

    /// Waits until so many are going on.
    pub async fn reaches(&self, count: usize) {
        // The sender lives in this gauge.
        let _ = self.0.subscribe().wait_for(|level| level.now == count).await;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.send_modify(|level| level.now -= 1);
    }
}
