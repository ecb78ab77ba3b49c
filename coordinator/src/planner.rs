//! What the coordinator asks of a planner, as a trait: the driver knows nothing of gRPC, and tests
//! script what a planner says.

mod grpc;

use std::sync::Arc;

use async_trait::async_trait;
use sortie_engine::{
    AttemptNumber, Broken, Failure, PlanVersion, RunId, StepDraft, StepNumber, ToolSpec, Usage,
};
use tokio::sync::mpsc;

pub use grpc::GrpcPlanner;

/// Makes plans and answers. Each call is one model call; retries are the engine's.
#[async_trait]
pub trait Planner: Send + Sync + 'static {
    /// Who plans, for people; empty if not known.
    async fn describe(&self) -> Arc<str>;

    /// Makes one plan; each step goes into `steps` as soon as it is complete. Dropping the future
    /// ends the call.
    async fn make_plan(
        &self,
        request: PlanRequest,
        steps: mpsc::Sender<StepDraft>,
    ) -> Result<Usage, Failure>;

    /// Makes one answer; its text goes into `text` as it is written. Dropping the future ends the
    /// call.
    async fn synthesize(
        &self,
        request: AnswerRequest,
        text: mpsc::Sender<String>,
    ) -> Result<Usage, Failure>;
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
}
