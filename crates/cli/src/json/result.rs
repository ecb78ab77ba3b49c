//! A run and its steps as JSON.

use sortie_engine::{RoleUsage, Usage};
use sortie_models::money;
use sortie_proto::v1;

use super::{Object, failure_json, verbatim};
use crate::view::{Shown, StepView, View, dependencies, run_state_name, step_state_name};

/// The last line of a run.
pub(crate) fn result_line(view: &View) -> String {
    run_fields(Object::of_type("result"), view).line()
}

/// A run as an object of its own: the result's fields, and what else is known.
pub(crate) fn run_object(view: &View) -> Object {
    let time = |at: Option<sortie_engine::Timestamp>| at.map(rfc3339);
    run_fields(Object::default(), view)
        .put("goal", &view.goal)
        .put("labels", &view.labels)
        .put("plan_version", view.version)
        .put("submitted_at", time(view.submitted_at))
        .put("ended_at", time(view.ended_at))
}

fn run_fields(object: Object, view: &View) -> Object {
    let steps: Vec<_> = view.steps().into_iter().map(step_object).collect();
    object
        .put("run_id", &view.run_id)
        .put("state", run_state_name(view.state))
        .put("partial", view.partial)
        .put("answer", &view.answer)
        .put("error", failure_json(view.failure.as_ref()))
        .put("steps", steps)
        .put("usage", usage_json(&view.usage))
        .put("usage_by_role", role_usage_json(&view.usage_by_role))
}

fn step_object(step: &StepView) -> Object {
    let object = Object::default()
        .put("step_number", step.number)
        .put("description", &step.description)
        .put("tool", &step.tool)
        .put("tool_input", verbatim(&step.tool_input))
        .put("depends_on", &step.depends_on)
        .put("state", step_state_name(step.state))
        .put("usage", usage_json(&step.usage))
        .put("result", step.result.as_ref().map(result_json))
        .put("error", failure_json(step.failure.as_ref().filter(|_| step.result.is_none())));
    let object = match &step.unserved_queue {
        Some(queue) => object.put("unserved_queue", queue),
        None => object,
    };
    if let Some(Shown::Preview(_)) = step.result {
        object.put("result_truncated", true).put("result_bytes", step.result_bytes)
    } else {
        object
    }
}

/// A whole result is JSON; a preview is a string, even where it happens to be JSON.
fn result_json(result: &Shown) -> Box<serde_json::value::RawValue> {
    match result {
        Shown::Whole(json) => verbatim(json),
        Shown::Preview(text) => {
            serde_json::value::to_raw_value(text).unwrap_or_else(|_| verbatim(""))
        }
    }
}

/// What model calls used. Dollars are text: no digit is lost.
pub(crate) fn usage_json(usage: &Usage) -> Object {
    Object::default()
        .put("model_calls", usage.model_calls)
        .put("input_tokens", usage.input_tokens)
        .put("output_tokens", usage.output_tokens)
        .put("cost_nanodollars", usage.cost_nanodollars)
        .put("cost_usd", money::decimal(usage.cost_nanodollars))
        .put("unpriced_calls", usage.unpriced_calls)
}

fn role_usage_json(usage: &RoleUsage) -> Object {
    Object::default()
        .put("planner", usage_json(&usage.planner))
        .put("executor", usage_json(&usage.executor))
        .put("synthesizer", usage_json(&usage.synthesizer))
}

/// The steps of a plan that was not run.
pub(crate) fn steps_json(steps: &[v1::PlannedStep]) -> Vec<Object> {
    let draft = |step: &v1::PlannedStep| {
        Object::default()
            .put("step_number", step.step_number)
            .put("description", &step.description)
            .put("tool", &step.tool)
            .put("tool_input", verbatim(&step.tool_input))
            .put("depends_on", dependencies(step))
    };
    steps.iter().map(draft).collect()
}

fn rfc3339(at: sortie_engine::Timestamp) -> String {
    let millis = at.as_millis();
    let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
    let nanos = i32::try_from(millis % 1000 * 1_000_000).unwrap_or(0);
    prost_types::Timestamp { seconds, nanos }.to_string()
}
