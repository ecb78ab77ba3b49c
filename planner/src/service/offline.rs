//! The built-in offline rules as parts of a stream: both are made when the call arrives, and leave
//! one by one as the client takes them.

use std::collections::BTreeSet;

use sortie_engine::{Failure, FailureKind, StepNumber};
use sortie_proto::{BadField, v1};

use crate::offline;
use crate::offline::answer::{Outcome, Report, answer};

/// What one message of an answer's text holds at most.
const CHUNK_BYTES: usize = 4 * 1024;

pub(super) fn plan_parts(
    request: &v1::MakePlanRequest,
    max_steps: usize,
) -> Result<Vec<v1::MakePlanResponse>, Failure> {
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
    let steps = offline::plan(&request.goal, &tools, max_steps)
        .map_err(|why| Failure::new(FailureKind::Unplannable, why.to_string()))?;
    let info = v1::PlannerInfo { planner: offline::NAME.to_owned() };
    let steps = steps.into_iter().map(|step| Part::Step(step.into()));
    let end = v1::PlanEnd { usage: Some(v1::Usage::default()), problems: Vec::new() };
    let end = Part::End(end);
    let parts = std::iter::once(Part::Info(info)).chain(steps).chain([end]);
    Ok(parts.map(|part| v1::MakePlanResponse { part: Some(part) }).collect())
}

pub(super) fn answer_parts(
    request: v1::SynthesizeRequest,
    max: usize,
) -> Result<Vec<v1::SynthesizeResponse>, Failure> {
    use v1::synthesize_response::Part;
    let reports = request.steps.into_iter().map(report).collect::<Result<Vec<_>, BadField>>()?;
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
