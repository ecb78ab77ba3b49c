//! Short words for the histories that tests play.

use sortie_proto::v1::{self, event::Kind, watch_run_response::Item};

use crate::fake::Act;

/// The event with this number, with the cursor `c<number>` after it.
pub(crate) fn event(seq: u64, kind: Kind) -> Act {
    let at = prost_types::Timestamp { seconds: 1_700_000_000 + seq.cast_signed(), nanos: 0 };
    let event = v1::Event { run_id: "r1".to_owned(), seq, at: Some(at), kind: Some(kind) };
    item(Item::Event(event), &format!("c{seq}"))
}

pub(crate) fn item(item: Item, cursor: &str) -> Act {
    Act::Send(Box::new(v1::WatchRunResponse { item: Some(item), cursor: cursor.to_owned() }))
}

pub(crate) fn submitted() -> Kind {
    Kind::RunSubmitted(v1::RunSubmitted { goal: "a goal".to_owned(), ..Default::default() })
}

pub(crate) fn planning() -> Kind {
    Kind::PlanVersionStarted(v1::PlanVersionStarted {
        version: 1,
        cause: v1::PlanCause::First.into(),
        planner: "built-in offline rules".to_owned(),
    })
}

pub(crate) fn draft(step_number: u32, tool_input: &str, depends_on: &[u32]) -> v1::PlannedStep {
    v1::PlannedStep {
        step_number,
        description: format!("does {step_number}"),
        tool: "calculate".to_owned(),
        tool_input: tool_input.to_owned(),
        depends_on: depends_on.to_vec(),
    }
}

/// Step ids are the numbers and 10.
pub(crate) fn planned(step: v1::PlannedStep) -> Kind {
    let step_id = step.step_number + 10;
    Kind::StepPlanned(v1::StepPlanned {
        version: 1,
        step_id,
        step: Some(step),
        effect: v1::Effect::Pure.into(),
        ..Default::default()
    })
}

pub(crate) fn accepted() -> Kind {
    Kind::PlanAccepted(v1::PlanAccepted { version: 1, usage: None })
}

pub(crate) fn queued(number: u32) -> Kind {
    Kind::StepQueued(v1::StepQueued { step_id: number + 10, attempt: 1 })
}

pub(crate) fn started(number: u32) -> Act {
    let start = v1::AttemptStarted {
        step_id: number + 10,
        step_number: number,
        attempt: 1,
        worker: "w1".to_owned(),
        at: None,
    };
    let kind = Some(v1::notice::Kind::AttemptStarted(start));
    item(Item::Notice(v1::Notice { kind }), "")
}

pub(crate) fn succeeded(number: u32, preview: &str) -> Kind {
    Kind::StepSucceeded(v1::StepSucceeded {
        step_id: number + 10,
        attempt: 1,
        preview: preview.to_owned(),
        result_bytes: preview.len() as u64,
        worker: "w1".to_owned(),
        ..Default::default()
    })
}

pub(crate) fn failure(kind: v1::FailureKind, message: &str) -> Option<v1::Failure> {
    Some(v1::Failure { kind: kind.into(), message: message.to_owned(), retry_after: None })
}

pub(crate) fn answered(answer: &str, partial: bool) -> Kind {
    let usage = Some(v1::Usage {
        model_calls: 2,
        input_tokens: 10,
        output_tokens: 5,
        cost_nanodollars: 12_340_000,
        ..v1::Usage::default()
    });
    Kind::RunSucceeded(v1::RunSucceeded { answer: answer.to_owned(), partial, usage })
}

pub(crate) fn cancelled(reason: &str) -> Kind {
    Kind::RunCancelled(v1::RunCancelled { reason: reason.to_owned() })
}

/// A whole run with one step, whose answer is `42`.
pub(crate) fn small_run() -> Vec<Act> {
    vec![
        event(1, submitted()),
        event(2, planning()),
        event(3, planned(draft(1, "{\"expression\": \"6*7\"}", &[]))),
        event(4, accepted()),
        event(5, queued(1)),
        started(1),
        event(6, succeeded(1, "42")),
        event(
            7,
            Kind::AnswerAttemptStarted(v1::AnswerAttemptStarted {
                attempt: 1,
                synthesizer: String::new(),
            }),
        ),
        item(Item::AnswerText(v1::AnswerText { attempt: 1, offset: 0, text: "4".to_owned() }), ""),
        event(8, answered("42", false)),
    ]
}
