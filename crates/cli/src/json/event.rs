//! What a watch brings, as lines of JSON: the contract's names in small letters, the fields of the
//! contract, steps written out.

use std::collections::BTreeMap;

use sortie_proto::v1::{self, event::Kind, watch_run_response::Item};

use super::result::usage_json;
use super::{Object, failure_json, run_object, verbatim};
use crate::view::{Failure, View, dependencies, plain_name, step_id};

/// The line of an item; nothing for text of an answer, which the end brings once and whole.
pub(crate) fn item_line(view: &View, item: &Item, cursor: &str) -> Option<String> {
    let object = match item {
        Item::Event(event) => event_object(view, event)?,
        Item::Notice(v1::Notice { kind: Some(v1::notice::Kind::AttemptStarted(start)) }) => {
            Object::of_type("attempt_started")
                .put("run_id", &view.run_id)
                .put("step_id", start.step_id)
                .put("step_number", start.step_number)
                .put("attempt", start.attempt)
                .put("worker", &start.worker)
                .put("at", time(start.at.as_ref()))
        }
        Item::Reset(_) => {
            Object::of_type("reset").put("run_id", &view.run_id).put("run", run_object(view))
        }
        Item::Notice(_) | Item::AnswerText(_) => return None,
    };
    let object = if cursor.is_empty() { object } else { object.put("cursor", cursor) };
    Some(object.line())
}

/// An event of a kind that a newer server knows has no line.
fn event_object(view: &View, event: &v1::Event) -> Option<Object> {
    let kind = event.kind.as_ref()?;
    let object = Object::of_type(name(kind))
        .put("run_id", &event.run_id)
        .put("seq", event.seq)
        .put("at", time(event.at.as_ref()));
    let object = match step_id(kind) {
        Some(id) => {
            object.put("step_id", id).put("step_number", view.step(id).map(|step| step.number))
        }
        None => object,
    };
    Some(match kind {
        Kind::StepQueued(_)
        | Kind::StepSucceeded(_)
        | Kind::StepRetrying(_)
        | Kind::StepFailed(_)
        | Kind::StepSkipped(_)
        | Kind::StepCancelled(_)
        | Kind::StepSuperseded(_)
        | Kind::StepUnknown(_) => step_fields(object, view, kind),
        Kind::PlanVersionStarted(_)
        | Kind::StepPlanned(_)
        | Kind::StepRejected(_)
        | Kind::StepAdopted(_)
        | Kind::PlanAccepted(_)
        | Kind::PlanRejected(_)
        | Kind::PlanCallFailed(_)
        | Kind::PlanRestored(_) => plan_fields(object, kind),
        run => run_fields(object, run),
    })
}

const fn name(kind: &Kind) -> &'static str {
    match kind {
        Kind::RunSubmitted(_) => "run_submitted",
        Kind::PlanVersionStarted(_) => "plan_version_started",
        Kind::StepPlanned(_) => "step_planned",
        Kind::StepRejected(_) => "step_rejected",
        Kind::StepAdopted(_) => "step_adopted",
        Kind::PlanAccepted(_) => "plan_accepted",
        Kind::PlanRejected(_) => "plan_rejected",
        Kind::PlanCallFailed(_) => "plan_call_failed",
        Kind::PlanRestored(_) => "plan_restored",
        Kind::StepQueued(_) => "step_queued",
        Kind::StepSucceeded(_) => "step_succeeded",
        Kind::StepRetrying(_) => "step_retrying",
        Kind::StepFailed(_) => "step_failed",
        Kind::StepSkipped(_) => "step_skipped",
        Kind::StepCancelled(_) => "step_cancelled",
        Kind::StepSuperseded(_) => "step_superseded",
        Kind::StepUnknown(_) => "step_unknown",
        Kind::AnswerAttemptStarted(_) => "answer_attempt_started",
        Kind::AnswerAttemptFailed(_) => "answer_attempt_failed",
        Kind::CommandDone(_) => "command_done",
        Kind::CommandRefused(_) => "command_refused",
        Kind::RunStopping(_) => "run_stopping",
        Kind::RunSucceeded(_) => "run_succeeded",
        Kind::RunFailed(_) => "run_failed",
        Kind::RunCancelled(_) => "run_cancelled",
    }
}

fn plan_fields(object: Object, kind: &Kind) -> Object {
    match kind {
        Kind::PlanVersionStarted(e) => object
            .put("version", e.version)
            .put("cause", plain_name(e.cause().as_str_name(), "PLAN_CAUSE_"))
            .put("planner", Some(&e.planner).filter(|name| !name.is_empty())),
        Kind::StepPlanned(e) => draft_fields(
            object.put("version", e.version).put("step_id", e.step_id),
            e.step.as_ref(),
        )
        .put("queue", &e.queue)
        .put("effect", plain_name(e.effect().as_str_name(), "EFFECT_"))
        .put("timeout_ms", millis(e.timeout.as_ref()))
        .put("calls_model", e.calls_model),
        Kind::StepRejected(e) => draft_fields(object.put("version", e.version), e.step.as_ref())
            .put("problems", problems(&e.problems)),
        Kind::StepAdopted(e) => draft_fields(
            object.put("version", e.version).put("step_id", e.step_id),
            e.step.as_ref(),
        ),
        Kind::PlanAccepted(e) => object.put("version", e.version).put("usage", usage(e.usage)),
        Kind::PlanRejected(e) => object
            .put("version", e.version)
            .put("problems", problems(&e.problems))
            .put("usage", usage(e.usage)),
        Kind::PlanCallFailed(e) => object
            .put("version", e.version)
            .put("error", error(e.failure.as_ref()))
            .put("retry_at", time(e.retry_at.as_ref()))
            .put("usage", usage(e.usage)),
        Kind::PlanRestored(e) => object.put("version", e.version),
        _ => object,
    }
}

fn step_fields(object: Object, view: &View, kind: &Kind) -> Object {
    match kind {
        Kind::StepQueued(e) => object.put("attempt", e.attempt),
        Kind::StepSucceeded(e) => object
            .put("attempt", e.attempt)
            .put("preview", &e.preview)
            .put("result_bytes", e.result_bytes)
            .put("worker", &e.worker)
            .put("started_at", time(e.started_at.as_ref()))
            .put("usage", usage(e.usage)),
        Kind::StepRetrying(e) => object
            .put("attempt", e.attempt)
            .put("error", error(e.failure.as_ref()))
            .put("retry_at", time(e.retry_at.as_ref()))
            .put("workers_lost", e.workers_lost)
            .put("usage", usage(e.usage)),
        Kind::StepFailed(e) => {
            object.put("error", error(e.failure.as_ref())).put("usage", usage(e.usage))
        }
        Kind::StepSkipped(e) => {
            object.put("because_of", view.step(e.because_of).map(|step| step.number))
        }
        Kind::StepUnknown(e) => object.put("error", error(e.failure.as_ref())),
        _ => object,
    }
}

fn run_fields(object: Object, kind: &Kind) -> Object {
    match kind {
        Kind::RunSubmitted(e) => object
            .put("goal", &e.goal)
            .put("strict", e.strict)
            .put("replan_on_failure", e.replan_on_failure)
            .put("limits", e.limits.as_ref().map(limits))
            .put("labels", e.labels.iter().collect::<BTreeMap<_, _>>()),
        Kind::AnswerAttemptStarted(e) => object
            .put("attempt", e.attempt)
            .put("synthesizer", Some(&e.synthesizer).filter(|name| !name.is_empty())),
        Kind::AnswerAttemptFailed(e) => object
            .put("attempt", e.attempt)
            .put("error", error(e.failure.as_ref()))
            .put("retry_at", time(e.retry_at.as_ref()))
            .put("usage", usage(e.usage)),
        Kind::CommandDone(e) => object.put("command_id", &e.command_id),
        Kind::CommandRefused(e) => {
            object.put("command_id", &e.command_id).put("message", &e.message)
        }
        Kind::RunStopping(e) => object.put("error", error(e.failure.as_ref())),
        Kind::RunSucceeded(e) => {
            object.put("answer", &e.answer).put("partial", e.partial).put("usage", usage(e.usage))
        }
        Kind::RunFailed(e) => object.put("error", error(e.failure.as_ref())),
        Kind::RunCancelled(e) => object.put("reason", &e.reason),
        _ => object,
    }
}

fn draft_fields(object: Object, draft: Option<&v1::PlannedStep>) -> Object {
    let Some(step) = draft else { return object };
    object
        .put("step_number", step.step_number)
        .put("description", &step.description)
        .put("tool", &step.tool)
        .put("tool_input", verbatim(&step.tool_input))
        .put("depends_on", dependencies(step))
}

fn limits(limits: &v1::RunLimits) -> Object {
    Object::default()
        .put("run_timeout_ms", millis(limits.run_timeout.as_ref()))
        .put("step_timeout_ms", millis(limits.step_timeout.as_ref()))
        .put("attempts", limits.attempts)
        .put("plan_repairs", limits.plan_repairs)
        .put("steps", limits.steps)
        .put("model_calls", limits.model_calls)
}

pub(crate) fn problems(list: &[v1::PlanProblem]) -> Vec<Object> {
    let problem = |problem: &v1::PlanProblem| {
        Object::default()
            .put("step_number", Some(problem.step_number).filter(|number| *number > 0))
            .put("message", &problem.message)
    };
    list.iter().map(problem).collect()
}

fn usage(usage: Option<v1::Usage>) -> Option<Object> {
    usage.map(|usage| usage_json(&usage.into()))
}

fn error(failure: Option<&v1::Failure>) -> Option<Object> {
    failure_json(failure.map(Failure::from).as_ref())
}

fn time(at: Option<&prost_types::Timestamp>) -> Option<String> {
    at.map(ToString::to_string)
}

fn millis(time: Option<&prost_types::Duration>) -> Option<i64> {
    time.map(|time| time.seconds.saturating_mul(1000) + i64::from(time.nanos) / 1_000_000)
}
