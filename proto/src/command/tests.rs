//! Every command survives the wire, with the values that it carries.

use std::time::Duration;

use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};
use sortie_engine::{
    AttemptNumber, Failure, FailureKind, PlanVersion, Problem, ResultId, StepDraft, StepId,
    StepNumber, Timestamp, Usage,
};

use super::*;
use crate::v1;

fn usage() -> Usage {
    Usage {
        model_calls: 1,
        input_tokens: 1 << 40,
        output_tokens: 3,
        cost_nanodollars: u64::MAX,
        unpriced_calls: 7,
    }
}

fn failure() -> Failure {
    let retry_after = Some(Duration::from_millis(20));
    Failure { retry_after, ..Failure::new(FailureKind::RateLimited, "slow down") }
}

fn report(outcome: Outcome) -> AttemptReport {
    AttemptReport {
        step: StepId::new(4),
        attempt: AttemptNumber::new(2),
        outcome,
        worker: WorkerName::new("w-é"),
        started_at: Timestamp::from_millis(1_763_800_000_123),
        workers_lost: 2,
        usage: usage(),
    }
}

fn ended(outcome: Outcome) -> Command {
    Command::AttemptEnded(report(outcome))
}

fn result(body: ResultBody) -> Outcome {
    Outcome::Succeeded(StepResult { body, bytes: 1 << 33, preview: Arc::from("\"é"), empty: true })
}

fn reported() -> Vec<Command> {
    let rich = json!({"": [0.1, 1e300, u64::MAX, i64::MIN, -0.0], "{{1}}": {"a": null, "é": "\0"}});
    vec![
        ended(Outcome::Succeeded(StepResult::inline(rich))),
        ended(Outcome::Succeeded(StepResult::inline(Value::Null))),
        ended(result(ResultBody::Stored(ResultId::new(u128::MAX - 5)))),
        ended(result(ResultBody::Recorded)),
        ended(Outcome::Failed(failure())),
        Command::AttemptVanished { step: StepId::new(4), attempt: AttemptNumber::FIRST },
    ]
}

fn said_by_models() -> Vec<Command> {
    let (version, attempt) = (PlanVersion::new(3), AttemptNumber::FIRST);
    let draft = StepDraft {
        number: StepNumber::new(0),
        description: String::new(),
        tool: "no such tool".to_owned(),
        tool_input: json!("{{not a template"),
        depends_on: vec![StepNumber::new(0), StepNumber::new(9)],
    };
    let problems = vec![
        Problem { step: None, message: "nothing fits".to_owned() },
        Problem { step: Some(StepNumber::new(2)), message: String::new() },
    ];
    vec![
        Command::StepPlanned { version, draft: Arc::new(draft) },
        Command::PlanEnded { version, usage: usage(), problems },
        Command::PlanFailed { version, failure: failure(), usage: Usage::default() },
        Command::AnswerEnded { attempt, text: Arc::from("42"), usage: usage() },
        Command::AnswerFailed { attempt, failure: failure(), usage: usage() },
    ]
}

fn every_command() -> Vec<Command> {
    let cancel = |id: &str, reason: &str| Command::Cancel {
        command: CommandId::new(id),
        reason: reason.to_owned(),
    };
    let plain = [Command::TimerDue, Command::Resume, cancel("c1", "enough"), cancel("", "")];
    plain.into_iter().chain(reported()).chain(said_by_models()).collect()
}

fn through_the_wire(command: &Command) -> Result<Command, BadField> {
    let bytes = store_v1::Command::from(command).encode_to_vec();
    store_v1::Command::decode(bytes.as_slice()).unwrap().try_into()
}

#[test]
fn every_command_survives_the_wire() {
    for command in every_command() {
        assert_eq!(through_the_wire(&command), Ok(command));
    }
}

#[test]
fn what_breaks_the_contract_is_refused_by_field() {
    let good = store_v1::AttemptEnded::from(&report(Outcome::Failed(failure())));
    let of = |m: store_v1::AttemptEnded| Some(Kind::AttemptEnded(m));
    let with = |body| {
        let result = store_v1::StepResult { body, ..store_v1::StepResult::default() };
        let outcome = Some(WireOutcome::Result(result));
        of(store_v1::AttemptEnded { outcome, ..good.clone() })
    };
    let unknown = WireOutcome::Failure(v1::Failure { kind: 9999, ..v1::Failure::default() });
    for (field, kind) in [
        ("kind", None),
        ("step_id", of(store_v1::AttemptEnded { step_id: 0, ..good.clone() })),
        ("attempt", of(store_v1::AttemptEnded { attempt: 0, ..good.clone() })),
        ("started_at", of(store_v1::AttemptEnded { started_at: None, ..good.clone() })),
        ("outcome", of(store_v1::AttemptEnded { outcome: None, ..good.clone() })),
        ("kind", of(store_v1::AttemptEnded { outcome: Some(unknown), ..good.clone() })),
        ("body", with(None)),
        ("json", with(Some(Body::Json("{".to_owned())))),
        ("result_id", with(Some(Body::ResultId("7".to_owned())))),
        ("step", Some(Kind::StepDrafted(store_v1::StepDrafted { version: 1, step: None }))),
        ("version", Some(Kind::PlanEnded(store_v1::PlanEnded::default()))),
        ("attempt", Some(Kind::AnswerEnded(store_v1::AnswerEnded::default()))),
    ] {
        assert_eq!(Command::try_from(store_v1::Command { kind }).unwrap_err().field, field);
    }
}

proptest! {
    /// Numbers keep their last bit, text keeps its odd characters, times their millisecond.
    #[test]
    fn whatever_a_result_holds_survives(
        number in any::<f64>().prop_filter("JSON knows no such numbers", |n| n.is_finite()),
        text in ".*",
        whole in any::<u64>(),
        millis in any::<u64>(),
    ) {
        let value = json!({"number": number, "whole": [whole], text.clone(): text});
        let mut report = report(Outcome::Succeeded(StepResult::inline(value)));
        report.started_at = Timestamp::from_millis(millis);
        let command = Command::AttemptEnded(report);
        prop_assert_eq!(through_the_wire(&command), Ok(command));
    }
}
