//! A planner that says what a test wrote down, when it wrote it down. Its answers are a function of
//! the results, cut where they are long: `1=42; 2!not_found; `.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use sortie_coordinator::{
    AnswerRequest, AnswerWord, Authors, CallFailed, PlanEnd, PlanRequest, PlanWord, Planner,
};
use sortie_engine::{Failure, StepDraft, StepNumber, Usage};
use tokio::sync::mpsc;

use super::tools::Gauge;

/// An answer shows so many characters of a result.
const SHOWN: usize = 200;

/// What a scripted planner does next.
#[derive(Debug, Clone)]
pub enum Line {
    /// Says a step.
    Step(StepDraft),
    /// Says nothing for so long.
    Pause(Duration),
    /// Ends the call without a plan.
    Fail(Failure),
}

/// A step of a plan, which does what its number says.
#[must_use]
pub fn step(number: u32, tool: &str, tool_input: Value, depends_on: &[u32]) -> Line {
    Line::Step(StepDraft {
        number: StepNumber::new(number),
        description: format!("does {number}"),
        tool: tool.to_owned(),
        tool_input,
        depends_on: depends_on.iter().copied().map(StepNumber::new).collect(),
    })
}

type Lines = dyn Fn(&PlanRequest) -> Vec<Line> + Send + Sync;

/// A planner that reads its lines.
pub struct Script {
    lines: Box<Lines>,
    calls: Gauge,
}

impl Script {
    /// The same lines for every goal.
    #[must_use]
    pub fn new(lines: Vec<Line>) -> Arc<Self> {
        Self::for_each(move |_| lines.clone())
    }

    /// Lines that depend on what is asked.
    #[must_use]
    pub fn for_each(
        lines: impl Fn(&PlanRequest) -> Vec<Line> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { lines: Box::new(lines), calls: Gauge::default() })
    }

    /// How many calls are open.
    #[must_use]
    pub const fn calls(&self) -> &Gauge {
        &self.calls
    }
}

#[async_trait]
impl Planner for Script {
    async fn describe(&self) -> Authors {
        Authors::from("a script")
    }

    async fn make_plan(
        &self,
        request: PlanRequest,
        words: mpsc::Sender<PlanWord>,
    ) -> Result<PlanEnd, CallFailed> {
        let _open = self.calls.enter();
        for line in (self.lines)(&request) {
            match line {
                Line::Step(draft) => {
                    if words.send(PlanWord::Step(draft)).await.is_err() {
                        break;
                    }
                }
                Line::Pause(pause) => tokio::time::sleep(pause).await,
                Line::Fail(failure) => return Err(failure.into()),
            }
        }
        let usage = Usage { model_calls: 1, ..Usage::default() };
        Ok(PlanEnd { usage, problems: Vec::new() })
    }

    async fn synthesize(
        &self,
        request: AnswerRequest,
        words: mpsc::Sender<AnswerWord>,
    ) -> Result<Usage, CallFailed> {
        let _open = self.calls.enter();
        for report in &request.steps {
            let piece = match &report.outcome {
                Ok(preview) => {
                    let shown: String = preview.json.chars().take(SHOWN).collect();
                    format!("{}={shown}; ", report.number)
                }
                Err(failure) => format!("{}!{}; ", report.number, failure.kind),
            };
            if words.send(AnswerWord::Text(piece)).await.is_err() {
                break;
            }
        }
        Ok(Usage { model_calls: 1, ..Usage::default() })
    }
}
