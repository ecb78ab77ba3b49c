//! The fold: histories in, what is shown out.

use super::*;
use v1::event::Kind;
use v1::watch_run_response::Item;

fn at(millis: i64) -> prost_types::Timestamp {
    let nanos = i32::try_from(millis % 1000 * 1_000_000).unwrap();
    prost_types::Timestamp { seconds: millis / 1000, nanos }
}

fn fold(history: Vec<(i64, Kind)>) -> View {
    let mut view = View::new("r1");
    for (seq, (millis, kind)) in (1..).zip(history) {
        let event = v1::Event { run_id: "r1".into(), seq, at: Some(at(millis)), kind: Some(kind) };
        view.apply(&Item::Event(event));
    }
    view
}

fn version(version: u32) -> Kind {
    Kind::PlanVersionStarted(v1::PlanVersionStarted { version, ..Default::default() })
}

fn draft(step_number: u32, depends_on: &[u32]) -> v1::PlannedStep {
    v1::PlannedStep { step_number, depends_on: depends_on.to_vec(), ..Default::default() }
}

fn planned(version: u32, step_id: u32, number: u32, depends_on: &[u32]) -> Kind {
    let step = Some(draft(number, depends_on));
    Kind::StepPlanned(v1::StepPlanned { version, step_id, step, ..Default::default() })
}

fn queued(step_id: u32) -> Kind {
    Kind::StepQueued(v1::StepQueued { step_id, attempt: 1 })
}

fn succeeded(step_id: u32, started: i64, preview: &str) -> Kind {
    Kind::StepSucceeded(v1::StepSucceeded {
        step_id,
        attempt: 1,
        preview: preview.to_owned(),
        result_bytes: preview.len() as u64,
        started_at: Some(at(started)),
        ..Default::default()
    })
}

fn failed(step_id: u32) -> Kind {
    let failure = Some(v1::Failure {
        kind: v1::FailureKind::NotFound.into(),
        message: "nothing".into(),
        retry_after: None,
    });
    Kind::StepFailed(v1::StepFailed { step_id, failure, usage: None })
}

fn event(kind: Kind) -> Item {
    Item::Event(v1::Event { kind: Some(kind), ..Default::default() })
}

fn start(step_id: u32, attempt: u32) -> Item {
    let start = v1::AttemptStarted { step_id, attempt, ..Default::default() };
    Item::Notice(v1::Notice { kind: Some(v1::notice::Kind::AttemptStarted(start)) })
}

#[test]
fn a_history_shows_times_path_and_overlap() {
    let view = fold(vec![
        (0, Kind::RunSubmitted(v1::RunSubmitted { goal: "g".into(), ..Default::default() })),
        (0, version(1)),
        (1, planned(1, 11, 1, &[])),
        (1, planned(1, 12, 2, &[])),
        (1, planned(1, 13, 3, &[1, 2])),
        (2, queued(11)),
        (2, queued(12)),
        (30, succeeded(12, 5, "\"b\"")),
        (50, succeeded(11, 10, "\"a\"")),
        (50, queued(13)),
        (60, succeeded(13, 52, "3")),
        (70, Kind::RunSucceeded(v1::RunSucceeded { answer: "A".into(), ..Default::default() })),
    ]);
    assert_eq!(view.state, RunState::Succeeded);
    assert_eq!(view.critical_path().steps, [1, 3]);
    assert_eq!(view.critical_path().time.as_millis(), 48);
    assert_eq!(view.most_at_once(), 2);
    assert_eq!(view.answer.as_deref(), Some("A"));
}

#[test]
fn a_new_version_keeps_what_it_adopts_and_forgets_the_rest() {
    let adopted = v1::StepAdopted { version: 2, step_id: 11, step: Some(draft(5, &[])) };
    let view = fold(vec![
        (0, version(1)),
        (1, planned(1, 11, 1, &[])),
        (1, planned(1, 12, 2, &[])),
        (2, queued(11)),
        (3, succeeded(11, 2, "1")),
        (4, version(2)),
        (4, Kind::StepAdopted(adopted)),
        (4, Kind::StepSuperseded(v1::StepSuperseded { step_id: 12 })),
        (5, planned(2, 13, 6, &[5])),
    ]);
    let numbers: Vec<_> = view.steps().iter().map(|step| (step.number, step.state)).collect();
    assert_eq!(numbers, [(5, StepState::Succeeded), (6, StepState::Pending)]);
}

#[test]
fn a_skipped_step_names_the_number_of_its_cause() {
    let skipped = Kind::StepSkipped(v1::StepSkipped { step_id: 12, because_of: 11 });
    let view = fold(vec![
        (0, version(1)),
        (1, planned(1, 11, 7, &[])),
        (1, planned(1, 12, 8, &[7])),
        (2, queued(11)),
        (9, failed(11)),
        (9, skipped),
    ]);
    let steps = view.steps();
    assert_eq!(steps[0].failure.as_ref().unwrap().kind, "not_found");
    assert!(steps[1].failure.as_ref().unwrap().message.starts_with("step 7,"));
    assert_eq!(steps[1].span(), None, "it never ran");
}

#[test]
fn references_count_as_dependencies() {
    let mut step = draft(9, &[4]);
    step.tool_input = "{\"a\": [\"{{2}} and {{7.items[0]}}\", \"{{4}}\"]}".to_owned();
    assert_eq!(dependencies(&step), [2, 4, 7]);
    step.tool_input = "no json {{3}}".to_owned();
    assert_eq!(dependencies(&step), [4]);
}

#[test]
fn a_late_notice_does_not_wake_an_ended_step() {
    let mut view = fold(vec![
        (0, version(1)),
        (1, planned(1, 11, 1, &[])),
        (2, queued(11)),
        (3, succeeded(11, 2, "1")),
    ]);
    assert!(!view.apply(&start(11, 1)), "no news");
    assert!(!view.steps()[0].running);
}

#[test]
fn a_start_is_news_once_and_only_of_the_attempt_that_is_out() {
    let mut view = fold(vec![(0, version(1)), (1, planned(1, 11, 1, &[])), (2, queued(11))]);
    assert!(view.apply(&start(11, 1)));
    assert!(view.steps()[0].running);
    assert!(!view.apply(&start(11, 1)), "the same again");
    let retrying = v1::StepRetrying { step_id: 11, attempt: 1, ..Default::default() };
    view.apply(&event(Kind::StepRetrying(retrying)));
    assert!(!view.apply(&start(11, 1)), "that attempt is over");
    assert!(!view.steps()[0].running);
}

#[test]
fn a_start_that_overtakes_its_events_counts_when_they_are_there() {
    let mut view = fold(vec![(0, version(1))]);
    assert!(view.apply(&start(11, 1)), "the step is not even planned");
    assert!(!view.apply(&start(11, 1)), "the same again");
    view.apply(&event(planned(1, 11, 1, &[])));
    assert!(!view.steps()[0].running, "it is not handed out");
    view.apply(&event(queued(11)));
    assert!(view.steps()[0].running);
    assert!(!view.apply(&start(11, 1)), "the same again");
}

#[test]
fn a_snapshot_and_the_history_before_it_show_the_same_steps() {
    let folded = fold(vec![
        (0, version(1)),
        (1, planned(1, 11, 1, &[])),
        (1, planned(1, 12, 2, &[1])),
        (2, queued(11)),
        (3, succeeded(11, 2, "1")),
    ]);
    let step = |step_id, step_number, state: StepState, depends_on| v1::Step {
        step_id,
        step_number,
        state: state.into(),
        depends_on,
        ..Default::default()
    };
    let run = v1::Run {
        plan_version: 1,
        steps: vec![
            step(11, 1, StepState::Succeeded, vec![]),
            step(12, 2, StepState::Pending, vec![1]),
        ],
        ..Default::default()
    };
    let known = View::from(&run);
    let shape = |view: &View| -> Vec<_> {
        view.steps().iter().map(|s| (s.id, s.number, s.state, s.depends_on.clone())).collect()
    };
    assert_eq!(shape(&folded), shape(&known));
}

#[test]
fn names_of_the_contract_are_those_of_the_engine() {
    for number in 1..=23 {
        let kind = v1::FailureKind::try_from(number).unwrap();
        let name = failure_name(kind);
        assert!(FailureKind::ALL.iter().any(|known| known.as_str() == name), "{name}");
    }
    assert_eq!(run_state_name(RunState::Succeeded), "succeeded");
    assert_eq!(step_state_name(StepState::Superseded), "superseded");
}
