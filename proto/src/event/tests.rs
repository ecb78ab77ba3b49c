//! Every event survives the wire, and so does the run that a history folds into.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};
use sortie_engine::{
    AttemptNumber, CommandId, Effect, Event, Failure, FailureKind, FailurePolicy, Goal, Lane,
    NextPlan, PlanCause, PlanVersion, PlannedStep, Problem, QueueName, Recorded, ReplanPolicy,
    ResultBody, ResultId, Run, RunId, Seq, StepDraft, StepId, StepNumber, StepResult, StopReason,
    Template, Timestamp, ToolName, ToolTerms, Usage, WorkerName,
};

use super::{from_wire, to_wire};
use crate::v1;

const RUN: RunId = RunId::new(0, Lane(3), 77);

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn step(number: u32) -> StepId {
    StepId::new(number)
}

fn planned(number: u32, input: &Value) -> Arc<PlannedStep> {
    let input = Template::parse(input).unwrap();
    Arc::new(PlannedStep {
        number: StepNumber::new(number),
        description: format!("step {number}"),
        tool: ToolName::new("calculate"),
        depends_on: input.steps(),
        input,
    })
}

fn terms() -> Arc<ToolTerms> {
    Arc::new(ToolTerms {
        queue: QueueName::new("builtin"),
        effect: Effect::Once,
        timeout: Duration::from_micros(1_500_001),
        calls_model: true,
    })
}

fn failure() -> Failure {
    Failure {
        retry_after: Some(Duration::from_millis(20)),
        ..Failure::new(FailureKind::RateLimited, "slow down")
    }
}

fn goal() -> Arc<Goal> {
    let mut goal = Goal::new("what is it?");
    goal.policy = FailurePolicy::Strict;
    goal.replan = ReplanPolicy::OnFailure;
    goal.limits.step_timeout = Some(Duration::from_secs(9));
    goal.limits.plan_repairs = 0;
    goal.labels.insert("team".to_owned(), "blue".to_owned());
    Arc::new(goal)
}

/// A history through all phases, in an order that a run could live through.
fn life() -> Vec<Event> {
    planning().into_iter().chain(working()).collect()
}

fn usage() -> Usage {
    Usage {
        model_calls: 1,
        input_tokens: 1 << 40,
        output_tokens: 3,
        cost_nanodollars: 1 << 50,
        unpriced_calls: 7,
    }
}

fn done(number: u32, attempt: AttemptNumber, body: ResultBody) -> Event {
    Event::StepSucceeded {
        step: step(number),
        attempt,
        result: StepResult { body, bytes: 4097, preview: Arc::from("\"é"), empty: false },
        worker: WorkerName::new("w1"),
        started_at: at(5),
        usage: usage(),
    }
}

fn planning() -> Vec<Event> {
    let (first, second) = (PlanVersion::FIRST, PlanVersion::FIRST.next());
    let attempt = AttemptNumber::FIRST;
    let usage = usage();
    let planner: Arc<str> = Arc::from("built-in offline rules");
    let draft = StepDraft {
        number: StepNumber::new(0),
        description: String::new(),
        tool: "no such tool".to_owned(),
        tool_input: json!("{{not a template"),
        depends_on: vec![StepNumber::new(0)],
    };
    let problem = Problem { step: None, message: "nothing fits".to_owned() };
    vec![
        Event::RunSubmitted { goal: goal() },
        Event::PlanVersionStarted { version: first, cause: PlanCause::First, planner },
        Event::StepPlanned {
            version: first,
            step: step(1),
            planned: planned(1, &json!({"expression": "1 + {{2.a[0]}}", "odd": [0.1, 1e300]})),
            terms: terms(),
        },
        Event::StepPlanned {
            version: first,
            step: step(2),
            planned: planned(2, &json!("plain")),
            terms: terms(),
        },
        Event::StepQueued { step: step(2), attempt },
        done(2, attempt, ResultBody::Recorded),
        Event::StepRejected {
            version: first,
            draft: Arc::new(draft),
            problems: vec![problem.clone()],
        },
        Event::PlanRejected {
            version: first,
            problems: vec![problem],
            usage,
            next: Some(NextPlan { cause: PlanCause::Repair, at: at(40) }),
        },
        Event::PlanVersionStarted {
            version: second,
            cause: PlanCause::Repair,
            planner: Arc::from(""),
        },
        Event::StepAdopted { version: second, step: step(2), planned: planned(7, &json!("plain")) },
        Event::StepPlanned {
            version: second,
            step: step(3),
            planned: planned(8, &json!(["{{7}}"])),
            terms: terms(),
        },
        Event::PlanCallFailed { version: second, failure: failure(), usage, next: None },
        Event::PlanAccepted { version: second, usage },
        Event::StepSuperseded { step: step(1) },
    ]
}

fn working() -> Vec<Event> {
    let attempt = AttemptNumber::FIRST;
    let stored = ResultBody::Stored(ResultId::new(u128::MAX - 5));
    vec![
        Event::StepQueued { step: step(3), attempt },
        Event::StepRetrying {
            step: step(3),
            attempt,
            failure: failure(),
            until: at(90),
            workers_lost: 2,
            usage: usage(),
        },
        Event::StepQueued { step: step(3), attempt: attempt.next() },
        done(3, attempt.next(), stored),
        Event::AnswerAttemptStarted { attempt, synthesizer: Arc::from("openai gpt") },
        Event::AnswerAttemptFailed {
            attempt,
            failure: failure(),
            retry_at: Some(at(100)),
            usage: usage(),
        },
        Event::CommandDone { command: CommandId::new("c1") },
        Event::RunStopping { end: StopReason::Cancelled("enough".to_owned()) },
        Event::RunCancelled { reason: "enough".to_owned() },
        Event::CommandRefused { command: CommandId::new("c2"), message: "too late".to_owned() },
    ]
}

/// What cannot happen in the same life.
fn other_ends() -> Vec<Event> {
    let step = step(1);
    let told = Failure::new(FailureKind::Cancelled, "the planner said so");
    vec![
        Event::PlanCallFailed {
            version: PlanVersion::FIRST,
            failure: failure(),
            usage: usage(),
            next: Some(NextPlan { cause: PlanCause::Takeover, at: at(0) }),
        },
        Event::StepFailed { step, failure: failure(), usage: usage() },
        Event::PlanRestored { version: PlanVersion::FIRST.next() },
        Event::StepSkipped { step, because_of: StepId::new(2) },
        Event::StepCancelled { step },
        Event::StepUnknown { step, failure: failure() },
        Event::AnswerAttemptFailed {
            attempt: AttemptNumber::FIRST,
            failure: failure(),
            retry_at: None,
            usage: Usage::default(),
        },
        Event::RunStopping { end: StopReason::Failed(told.clone()) },
        Event::RunFailed { failure: told },
        Event::RunSucceeded { answer: Arc::from("42"), partial: true, usage: Usage::default() },
    ]
}

fn record(events: Vec<Event>) -> Vec<Recorded> {
    let number = |(event, n): (Event, u64)| Recorded { seq: Seq::new(n), at: at(n * 7), event };
    events.into_iter().zip(1..).map(number).collect()
}

/// Through bytes, as a store would keep it.
fn through_the_wire(recorded: &Recorded) -> Recorded {
    let bytes = to_wire(RUN, recorded).encode_to_vec();
    let (run, back) = from_wire(v1::Event::decode(bytes.as_slice()).unwrap()).unwrap();
    assert_eq!(run, RUN);
    back
}

#[test]
fn every_event_survives_the_wire() {
    for recorded in record(life().into_iter().chain(other_ends()).collect()) {
        assert_eq!(through_the_wire(&recorded), recorded);
    }
}

#[test]
fn a_history_that_was_written_and_read_folds_into_the_same_run() {
    let history = record(life());
    let back: Vec<_> = history.iter().map(through_the_wire).collect();
    let run = Run::replay(RUN, &back);
    assert_eq!(run, Run::replay(RUN, &history));
    assert!(run.is_some_and(|run| run.ended_at().is_some()));
}

#[test]
fn an_inline_result_comes_back_as_recorded_and_folds_the_same() {
    let done = |result| Recorded {
        seq: Seq::FIRST,
        at: at(1),
        event: Event::StepSucceeded {
            step: step(1),
            attempt: AttemptNumber::FIRST,
            result,
            worker: WorkerName::new("w"),
            started_at: at(1),
            usage: Usage::default(),
        },
    };
    let inline = StepResult::inline(json!({"a": 1}));
    assert_eq!(through_the_wire(&done(inline.clone())), done(inline.recorded()));
}

#[test]
fn what_breaks_the_contract_is_refused_by_field() {
    let good = to_wire(RUN, &record(life()).remove(4));
    let kind = |kind| v1::Event { kind: Some(kind), ..good.clone() };
    let version = v1::PlanVersionStarted { version: 1, cause: 77, planner: String::new() };
    let queued = v1::StepQueued { step_id: 0, attempt: 1 };
    for (field, event) in [
        ("run_id", v1::Event { run_id: "r1".to_owned(), ..good.clone() }),
        ("seq", v1::Event { seq: 0, ..good.clone() }),
        ("at", v1::Event { at: None, ..good.clone() }),
        ("kind", v1::Event { kind: None, ..good.clone() }),
        ("cause", kind(v1::event::Kind::PlanVersionStarted(version))),
        ("step_id", kind(v1::event::Kind::StepQueued(queued))),
        ("failure", kind(v1::event::Kind::RunFailed(v1::RunFailed { failure: None }))),
    ] {
        assert_eq!(from_wire(event).unwrap_err().field, field);
    }
}

proptest! {
    /// Numbers keep their last bit, text keeps its odd characters, times their millisecond.
    #[test]
    fn whatever_a_step_holds_survives(
        number in any::<f64>().prop_filter("JSON knows no such numbers", |n| n.is_finite()),
        text in "[^{}]*",
        whole in any::<u64>(),
        millis in any::<u64>(),
    ) {
        let input = json!({"number": number, "text": text, "whole": whole, "key of {{1}}": null});
        let event = Event::StepPlanned {
            version: PlanVersion::FIRST,
            step: step(1),
            planned: planned(1, &input),
            terms: terms(),
        };
        let recorded = Recorded { seq: Seq::FIRST, at: at(millis), event };
        prop_assert_eq!(through_the_wire(&recorded), recorded);
    }
}
