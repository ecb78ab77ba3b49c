//! What the coordinator asks of a planner, as a trait: the driver knows nothing of gRPC, and tests
//! script what a planner says.

mod grpc;
mod naming;
mod pool;

use std::sync::Arc;

use async_trait::async_trait;
use sortie_engine::{
    AttemptNumber, Broken, Failure, PlanVersion, Problem, RunId, StepDraft, StepNumber, ToolSpec,
    Usage,
};
use tokio::sync::mpsc;

pub use grpc::{BadPlanner, GrpcPlanner};
pub(crate) use naming::Naming;

/// Makes plans and answers. Each call is one model call; retries are the engine's.
#[async_trait]
pub trait Planner: Send + Sync + 'static {
    /// Who plans and answers, for people.
    async fn describe(&self) -> Authors;

    /// Makes one plan; each step goes into `words` as soon as it is complete. Dropping the future
    /// ends the call.
    async fn make_plan(
        &self,
        request: PlanRequest,
        words: mpsc::Sender<PlanWord>,
    ) -> Result<PlanEnd, CallFailed>;

    /// Makes one answer; its text goes into `words` as it is written. Dropping the future ends the
    /// call.
    async fn synthesize(
        &self,
        request: AnswerRequest,
        words: mpsc::Sender<AnswerWord>,
    ) -> Result<Usage, CallFailed>;
}

/// Who plans and who answers, for people; empty if not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authors {
    /// Who makes plans.
    pub planner: Arc<str>,
    /// Who makes answers.
    pub synthesizer: Arc<str>,
}

/// One author for both.
impl From<&str> for Authors {
    fn from(name: &str) -> Self {
        Self { planner: Arc::from(name), synthesizer: Arc::from(name) }
    }
}

/// What a planner says while it plans.
#[derive(Debug, Clone, PartialEq)]
pub enum PlanWord {
    /// A complete step.
    Step(StepDraft),
    /// It is at work and has no complete step yet.
    Beat,
}

/// What a planner says at the end of a plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanEnd {
    /// What the call used.
    pub usage: Usage,
    /// What is wrong with the text that the plan was read from.
    pub problems: Vec<Problem>,
}

/// A call without an end, and what it used as far as that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct CallFailed {
    /// Why.
    pub failure: Failure,
    /// What the call used.
    pub usage: Usage,
}

impl From<Failure> for CallFailed {
    fn from(failure: Failure) -> Self {
        Self { failure, usage: Usage::default() }
    }
}

/// What a planner says while it writes an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerWord {
    /// More text.
    Text(String),
    /// It is at work and has no more text yet.
    Beat,
}

/// A goal to plan.
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// The run, for logs and traces.
    pub run: RunId,
    /// Which plan version this makes.
    pub version: PlanVersion,
    /// The client's words.
    pub goal: String,
    /// The tools that the plan may use.
    pub tools: Vec<Arc<ToolSpec>>,
    /// The largest number of steps.
    pub max_steps: u32,
    /// The plan whose faults this one must not have.
    pub repair: Option<Arc<Broken>>,
    /// What became of the plan that this one is to replace; empty if there was none.
    pub replan: Vec<StepReport>,
}

/// Results to make an answer of.
#[derive(Debug, Clone)]
pub struct AnswerRequest {
    /// The run, for logs and traces.
    pub run: RunId,
    /// Which attempt at the answer this is.
    pub attempt: AttemptNumber,
    /// The client's words.
    pub goal: String,
    /// What became of each step, by label.
    pub steps: Vec<StepReport>,
    /// The largest answer, in bytes.
    pub max_answer_bytes: usize,
}

/// What became of one step.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// The author's label.
    pub number: StepNumber,
    /// What it was for.
    pub description: String,
    /// The tool that did it.
    pub tool: String,
    /// The input as its author wrote it, as JSON text.
    pub tool_input: String,
    /// Labels of the steps that it depends on.
    pub depends_on: Vec<StepNumber>,
    /// Its result, or why there is none.
    pub outcome: Result<ResultPreview, Failure>,
}

/// As much of a result as the budget allows.
#[derive(Debug, Clone)]
pub struct ResultPreview {
    /// JSON text, maybe cut at the end.
    pub json: String,
    /// Whether it was cut.
    pub truncated: bool,
    /// The size of the whole, in bytes of JSON.
    pub total_bytes: u64,
    /// Whether there is nothing in it.
    pub empty: bool,
}
