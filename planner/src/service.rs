//! The gRPC face of the planner: `sortie.v1.Planner` over the built-in offline rules.
//!
//! A call keeps nothing and starts no task: plan and answer are made when the call arrives, and
//! their parts leave one by one as the client takes them. When the client goes away, the stream is
//! dropped, and with it everything that was left to send.

use std::collections::BTreeSet;
use std::pin::Pin;

use futures_util::Stream;
use sortie_engine::{Failure, FailureKind, StepNumber};
use sortie_proto::failure::status;
use sortie_proto::v1::planner_server::{Planner, PlannerServer};
use sortie_proto::{BadField, v1};
use tonic::{Request, Response, Status};

use crate::offline;
use crate::offline::answer::{Outcome, Report, answer};

/// The largest message in both directions: a run's previews fit, and no client can fill the memory.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// What an answer may have if the call does not say.
const DEFAULT_ANSWER_BYTES: usize = 256 * 1024;
/// What one message of an answer's text holds at most.
const CHUNK_BYTES: usize = 4 * 1024;

/// The planner service, ready to be added to a server.
#[must_use]
pub fn service() -> PlannerServer<OfflinePlanner> {
    PlannerServer::new(OfflinePlanner)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// Plans and answers by rules.
#[derive(Debug, Clone, Copy, Default)]
pub struct OfflinePlanner;

type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Planner for OfflinePlanner {
    type MakePlanStream = Parts<v1::MakePlanResponse>;
    type SynthesizeStream = Parts<v1::SynthesizeResponse>;

    async fn make_plan(
        &self,
        request: Request<v1::MakePlanRequest>,
    ) -> Result<Response<Self::MakePlanStream>, Status> {
        let request = request.into_inner();
        let (run, version) = (request.run_id.as_str(), request.version);
        let _entered = tracing::info_span!("make_plan", run, version).entered();
        let parts = plan_parts(&request).map_err(|failure| {
            tracing::info!(kind = failure.kind.as_str(), "goal is not plannable");
            status(&failure)
        })?;
        Ok(Response::new(stream(parts)))
    }

    async fn synthesize(
        &self,
        request: Request<v1::SynthesizeRequest>,
    ) -> Result<Response<Self::SynthesizeStream>, Status> {
        let request = request.into_inner();
        let (run, attempt) = (request.run_id.as_str(), request.attempt);
        let _entered = tracing::info_span!("synthesize", run, attempt).entered();
        let parts = answer_parts(request).map_err(|failure| {
            tracing::info!(kind = failure.kind.as_str(), "results give no answer");
            status(&failure)
        })?;
        Ok(Response::new(stream(parts)))
    }

    async fn describe_planner(
        &self,
        _: Request<v1::DescribePlannerRequest>,
    ) -> Result<Response<v1::DescribePlannerResponse>, Status> {
        let (planner, synthesizer) = (offline::NAME.to_owned(), offline::NAME.to_owned());
        Ok(Response::new(v1::DescribePlannerResponse { planner, synthesizer }))
    }
}

fn stream<T: Send + 'static>(parts: Vec<T>) -> Parts<T> {
    Box::pin(tokio_stream::iter(parts.into_iter().map(Ok)))
}

fn plan_parts(request: &v1::MakePlanRequest) -> Result<Vec<v1::MakePlanResponse>, Failure> {
    use v1::make_plan_response::Part;
    // The rules would make the same plan again, with the same faults.
    if let Some(repair) = &request.repair {
        let problems: Vec<_> = repair.problems.iter().map(|p| p.message.as_str()).collect();
        let message = format!(
            "the built-in offline planner cannot repair its plan ({}): it needs a model, see \
             README, section Models",
            problems.join("; ")
        );
        return Err(Failure::new(FailureKind::Unplannable, message));
    }
    if request.replan.is_some() {
        let message = "the built-in offline planner has no other plan for the goal: a new one needs \
                       a model, see README, section Models";
        return Err(Failure::new(FailureKind::Unplannable, message));
    }
    let tools: BTreeSet<_> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
    let limit = match request.max_steps {
        0 => sortie_engine::MAX_STEPS as usize,
        most => most as usize,
    };
    let steps = offline::plan(&request.goal, &tools, limit)
        .map_err(|why| Failure::new(FailureKind::Unplannable, why.to_string()))?;
    let info = v1::PlannerInfo { planner: offline::NAME.to_owned() };
    let steps = steps.into_iter().map(|step| Part::Step(step.into()));
    let end = v1::PlanEnd { usage: Some(v1::Usage::default()), problems: Vec::new() };
    let end = Part::End(end);
    let parts = std::iter::once(Part::Info(info)).chain(steps).chain([end]);
    Ok(parts.map(|part| v1::MakePlanResponse { part: Some(part) }).collect())
}

fn answer_parts(request: v1::SynthesizeRequest) -> Result<Vec<v1::SynthesizeResponse>, Failure> {
    use v1::synthesize_response::Part;
    let max = match request.max_answer_bytes {
        0 => DEFAULT_ANSWER_BYTES,
        most => most as usize,
    };
    let reports = request.steps.into_iter().map(report).collect::<Result<Vec<_>, BadField>>()?;
    if !reports.iter().any(|report| matches!(report.outcome, Outcome::Found(_))) {
        let message = "no step has a result, so there is nothing to answer from";
        return Err(Failure::new(FailureKind::NoResults, message));
    }
    let text = answer(&reports, max);
    let chunks = text.split_inclusive('\n').flat_map(|line| pieces(line, CHUNK_BYTES));
    let chunks = chunks.map(|chunk| Part::Text(chunk.to_owned()));
    let end = Part::End(v1::AnswerEnd { usage: Some(v1::Usage::default()) });
    Ok(chunks.chain([end]).map(|part| v1::SynthesizeResponse { part: Some(part) }).collect())
}

/// A line in pieces of at most `max` bytes, cut between characters.
fn pieces(mut line: &str, max: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    while line.len() > max {
        let end = (1..=max).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(max);
        let (piece, rest) = line.split_at(end);
        pieces.push(piece);
        line = rest;
    }
    pieces.push(line);
    pieces
}

fn report(step: v1::StepReport) -> Result<Report, BadField> {
    use v1::step_report::Outcome as Wire;
    let outcome = match step.outcome {
        Some(Wire::Result(preview)) => Outcome::Found(preview.json),
        Some(Wire::Failure(failure)) => Outcome::Failed(failure.try_into()?),
        None => return Err(BadField::new("outcome", "is not set")),
    };
    let tool_input = serde_json::from_str(&step.tool_input)
        .map_err(|e| BadField::new("tool_input", format!("is not JSON: {e}")))?;
    Ok(Report {
        number: StepNumber::new(step.step_number),
        description: step.description,
        tool: step.tool,
        tool_input,
        depends_on: step.depends_on.into_iter().map(StepNumber::new).collect(),
        outcome,
    })
}
