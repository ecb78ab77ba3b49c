//! What was written is read as the same, and what nobody of us wrote is refused.

mod damage;
mod refusals;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sortie_engine::{
    AttemptNumber, AttemptReport, Command, CommandId, CommitId, Effect, Event, Failure,
    FailureKind, FailurePolicy, Generation, Goal, Lane, Outcome, PlanVersion, PlannedStep,
    QueueName, Recorded, ResultBody, ResultId, RunId, RunState, Schema, Seq, StepId, StepNumber,
    StepResult, Template, Timestamp, ToolName, ToolSpec, ToolTerms, Usage, WorkerName,
};

use super::{command, entry, presence, record, signal, summary};
use crate::log::RunSummary;
use crate::notices::{Presence, Service, Signal};
use crate::queue::{Input, InputValue, ReadyEntry};

const RUN: RunId = RunId::new(1, Lane(255), u128::MAX - 77);
const COMMIT: CommitId = CommitId::new(1 << 127 | 9);

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// JSON with everything that a careless format loses.
fn rich() -> Value {
    json!({
        "numbers": [0.1, 1e300, -0.0, u64::MAX, i64::MIN, 9_007_199_254_740_993_u64],
        "": {"null": null, "é\0\"": "{{1}} \u{1F600}"},
    })
}

fn planned() -> Arc<PlannedStep> {
    let input = json!({"sum": "{{1.a[0][\"unit price\"]}} + {{\"{{\"}}{{2}}", "whole": ["{{1}}"],
                       "as it is": 0.1});
    let input = Template::parse(&input).unwrap();
    Arc::new(PlannedStep {
        number: StepNumber::new(7),
        description: "add them\nup".to_owned(),
        tool: ToolName::new("calculate"),
        input,
        depends_on: [1, 2, 5].map(StepNumber::new).to_vec(),
    })
}

fn terms(effect: Effect) -> Arc<ToolTerms> {
    let timeout = Duration::from_nanos(1_500_000_001);
    Arc::new(ToolTerms { queue: QueueName::new("q:é"), effect, timeout, calls_model: true })
}

fn entries() -> Vec<ReadyEntry> {
    let rich_entry = ReadyEntry {
        run: RUN,
        step: StepId::new(u32::MAX),
        attempt: AttemptNumber::new(3),
        generation: Generation::new(2),
        planned: planned(),
        terms: terms(Effect::Once),
        inputs: vec![
            Input { number: StepNumber::new(1), value: InputValue::Here(Arc::new(rich())) },
            Input { number: StepNumber::new(2), value: InputValue::Recorded(StepId::new(9)) },
            Input { number: StepNumber::new(5), value: InputValue::Here(Arc::new(Value::Null)) },
        ],
        deadline: at(1_763_800_000_123),
        workers_lost: 2,
    };
    let bare = |effect| ReadyEntry {
        terms: terms(effect),
        inputs: Vec::new(),
        deadline: at(0),
        workers_lost: 0,
        ..rich_entry.clone()
    };
    let bare = [Effect::Pure, Effect::Read, Effect::Idempotent].map(bare);
    bare.into_iter().chain([rich_entry.clone()]).collect()
}

fn failure() -> Failure {
    let retry_after = Some(Duration::from_millis(20));
    Failure { retry_after, ..Failure::new(FailureKind::RateLimited, "slow down") }
}

fn usage() -> Usage {
    Usage { model_calls: 1, input_tokens: 1 << 40, cost_nanodollars: 1 << 50, ..Usage::default() }
}

fn stored() -> StepResult {
    let body = ResultBody::Stored(ResultId::new(u128::MAX - 5));
    StepResult { body, bytes: 1 << 33, preview: Arc::from("\"é"), empty: false }
}

/// One of each kind that an inbox holds; the table of all is beside their conversion.
fn commands() -> Vec<Command> {
    let ended = |outcome| {
        Command::AttemptEnded(AttemptReport {
            step: StepId::new(4),
            attempt: AttemptNumber::new(2),
            outcome,
            worker: WorkerName::new("w1"),
            started_at: at(5),
            workers_lost: 2,
            usage: usage(),
        })
    };
    vec![
        Command::TimerDue,
        Command::Resume,
        Command::Cancel { command: CommandId::new("c1"), reason: "enough".to_owned() },
        ended(Outcome::Succeeded(StepResult::inline(rich()))),
        ended(Outcome::Succeeded(stored())),
        ended(Outcome::Failed(failure())),
    ]
}

fn tool(output: Option<Schema>) -> Arc<ToolSpec> {
    let input = json!({
        "type": "object",
        "properties": {"n": {"type": ["integer", "null"], "minimum": 0.1, "format": "odd"}},
        "required": ["n"],
        "additionalProperties": {"enum": [1.5, null, {"a": []}]},
        "pattern": ".",
    });
    Arc::new(ToolSpec {
        name: ToolName::new("search"),
        description: "finds\npassages".to_owned(),
        input: Schema::parse(input).unwrap(),
        output,
        effect: Effect::Read,
        queue: QueueName::new("builtin"),
        timeout: Duration::from_millis(2500),
        max_result_bytes: u64::MAX,
        calls_model: true,
    })
}

fn presences() -> Vec<Presence> {
    let output = Schema::parse(json!({"type": "object", "properties": {"x": true}})).unwrap();
    let queues = ["builtin", "", "é"].map(QueueName::new).to_vec();
    let tools = vec![tool(Some(output)), tool(None)];
    let name = || "host-1-7f".to_owned();
    vec![
        Presence { name: name(), service: Service::Worker, queues, tools },
        Presence {
            name: name(),
            service: Service::Coordinator,
            queues: Vec::new(),
            tools: Vec::new(),
        },
    ]
}

fn signals() -> Vec<Signal> {
    vec![
        Signal::Committed { run: RUN, seq: Seq::new(u64::MAX) },
        Signal::AttemptStarted {
            run: RUN,
            step: StepId::new(4),
            number: StepNumber::new(0),
            attempt: AttemptNumber::FIRST,
            worker: WorkerName::new("w1"),
            at: at(u64::MAX),
        },
        Signal::AnswerTextWanted { run: RUN },
        Signal::AnswerText {
            run: RUN,
            attempt: AttemptNumber::new(2),
            offset: 1 << 40,
            text: Arc::from("wörds\0"),
        },
    ]
}

fn summaries() -> Vec<RunSummary> {
    let labels = [("team", "blue"), ("", "é")].map(|(key, value)| (key.into(), value.into()));
    let in_state = |state: RunState| RunSummary {
        run: RUN,
        goal: Arc::from("what is ít?"),
        state,
        partial: state == RunState::Succeeded,
        submitted_at: at(1_763_800_000_123),
        ended_at: state.is_terminal().then_some(at(u64::MAX)),
        steps: 7,
        steps_ended: 3,
        labels: Arc::new(BTreeMap::from(labels.clone())),
    };
    let mut goal = Goal::new("g".repeat(1000));
    goal.policy = FailurePolicy::Strict;
    let fresh = RunSummary::submitted(RUN, &goal, at(0));
    RunState::ALL.into_iter().map(in_state).chain([fresh]).collect()
}

/// A few events; the table of all is beside their conversion.
fn history() -> Vec<Recorded> {
    let (version, attempt) = (PlanVersion::FIRST, AttemptNumber::FIRST);
    let step = StepId::new(4);
    let mut goal = Goal::new("what is it?");
    goal.labels.insert("team".to_owned(), "blue".to_owned());
    goal.limits.step_timeout = Some(Duration::from_micros(9_000_001));
    let events = [
        Event::RunSubmitted { goal: Arc::new(goal) },
        Event::StepPlanned { version, step, planned: planned(), terms: terms(Effect::Pure) },
        Event::StepQueued { step, attempt },
        Event::StepSucceeded {
            step,
            attempt,
            result: stored(),
            worker: WorkerName::new("w1"),
            started_at: at(5),
            usage: usage(),
        },
        Event::RunSucceeded { answer: Arc::from("42"), partial: true, usage: usage() },
    ];
    let number = |(event, n): (Event, u64)| Recorded { seq: Seq::new(n), at: at(n * 7), event };
    events.into_iter().zip(40..).map(number).collect()
}

#[test]
fn entries_survive() {
    for one in entries() {
        assert_eq!(entry::decode(&entry::encode(&one)), Ok(one));
    }
}

#[test]
fn commands_survive_with_their_results() {
    for one in commands() {
        assert_eq!(command::decode(&command::encode(&one)), Ok(one));
    }
}

#[test]
fn presences_survive_with_their_tools() {
    for one in presences() {
        assert_eq!(presence::decode(&presence::encode(&one)), Ok(one));
    }
}

#[test]
fn signals_survive() {
    for one in signals() {
        assert_eq!(signal::decode(&signal::encode(&one)), Ok(one));
    }
}

#[test]
fn summaries_survive() {
    for one in summaries() {
        assert_eq!(summary::decode(&summary::encode(&one)), Ok(one));
    }
}

#[test]
fn records_survive_with_and_without_parent_and_events() {
    for parent in [None, Some(CommitId::new(0)), Some(CommitId::new(u128::MAX))] {
        for events in [history(), Vec::new()] {
            let bytes = record::encode(RUN, COMMIT, parent, &events);
            let expected = (COMMIT, Arc::from(events));
            assert_eq!(record::decode(RUN, &bytes), Ok(expected));
        }
    }
}

#[test]
fn a_record_names_its_run_once() {
    let name = RUN.to_string();
    let bytes = record::encode(RUN, COMMIT, Some(COMMIT), &history());
    let names = bytes.windows(name.len()).filter(|window| *window == name.as_bytes());
    assert_eq!(names.count(), 1);
}
