//! The screen without a terminal: what is said, and what reaches stdout.

use std::sync::{Arc, Mutex};

use sortie_proto::v1::{self, StepState, event::Kind};

use super::*;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn screen(terminal: bool) -> (Screen, Paper, Paper) {
    let (out, err) = (Paper::default(), Paper::default());
    let screen = Screen {
        out: Output::new(out.clone(), terminal),
        face: Face::Plain(Plain::new(err.clone())),
        answer: AnswerStream::default(),
    };
    (screen, out, err)
}

fn piece(attempt: u32, offset: u64, text: &str) -> Item {
    Item::AnswerText(v1::AnswerText { attempt, offset, text: text.to_owned() })
}

fn answered(answer: &str) -> View {
    let run = v1::Run {
        state: RunState::Succeeded.into(),
        answer: answer.to_owned(),
        ..Default::default()
    };
    View::from(&run)
}

#[test]
fn a_terminal_sees_the_answer_once_as_it_is_written_and_harmless() {
    let (mut screen, out, _) = screen(true);
    let view = View::default();
    screen.show(&view, &piece(1, 0, "It is \x1b[31m"), "").unwrap();
    screen.show(&view, &piece(1, 11, "4"), "").unwrap();
    screen.finish(&answered("It is \x1b[31m42")).unwrap();
    assert_eq!(out.text(), "It is ␛[31m42\n");
}

#[test]
fn any_other_stdout_gets_the_recorded_answer_once_and_as_it_is() {
    let (mut screen, out, _) = screen(false);
    screen.show(&View::default(), &piece(1, 0, "It is"), "").unwrap();
    assert_eq!(out.text(), "");
    screen.finish(&answered("It is\t42")).unwrap();
    assert_eq!(out.text(), "It is\t42\n");
}

#[test]
fn a_second_attempt_starts_over_below_the_first() {
    let (mut screen, out, err) = screen(true);
    let view = View::default();
    screen.show(&view, &piece(1, 0, "wro"), "").unwrap();
    screen.show(&view, &piece(2, 0, "right"), "").unwrap();
    screen.finish(&answered("right")).unwrap();
    assert_eq!(out.text(), "wro\nright\n");
    assert!(err.text().contains("written anew"), "{}", err.text());
}

#[test]
fn nothing_of_a_stranger_reaches_stderr_untamed() {
    let (mut screen, _, err) = screen(false);
    let evil = "x\x1b]0;owned\x07\r\u{9b}2J\n\u{202e}y";
    let mut view = View::new("r1");
    let step = v1::PlannedStep {
        step_number: 1,
        description: evil.to_owned(),
        tool: evil.to_owned(),
        tool_input: evil.to_owned(),
        depends_on: vec![],
    };
    let failure = Some(v1::Failure { message: evil.to_owned(), ..Default::default() });
    let kinds = [
        Kind::PlanVersionStarted(v1::PlanVersionStarted {
            version: 1,
            planner: evil.to_owned(),
            ..Default::default()
        }),
        Kind::StepPlanned(v1::StepPlanned {
            version: 1,
            step_id: 1,
            step: Some(step),
            ..Default::default()
        }),
        Kind::StepFailed(v1::StepFailed { step_id: 1, failure: failure.clone(), usage: None }),
        Kind::RunFailed(v1::RunFailed { failure }),
    ];
    for kind in kinds {
        let item = Item::Event(v1::Event { kind: Some(kind), ..Default::default() });
        view.apply(&item);
        screen.show(&view, &item, "").unwrap();
    }
    screen.finish(&view).unwrap();
    let text = err.text();
    assert!(!text.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text:?}");
    assert!(text.contains("␛]0;owned"), "{text}");
}

#[test]
fn a_partial_answer_names_what_is_missing() {
    let step = |number, state: StepState| v1::Step {
        step_id: number,
        step_number: number,
        tool: "search".to_owned(),
        state: state.into(),
        failure: (state == StepState::Failed).then(|| v1::Failure {
            kind: v1::FailureKind::NotFound.into(),
            message: "no passage about Oz".to_owned(),
            retry_after: None,
        }),
        ..Default::default()
    };
    let run = v1::Run {
        state: RunState::Succeeded.into(),
        partial: true,
        steps: vec![step(1, StepState::Succeeded), step(2, StepState::Failed)],
        ..Default::default()
    };
    let (mut screen, _, err) = screen(false);
    screen.finish(&View::from(&run)).unwrap();
    let text = err.text();
    assert!(text.contains("the answer is partial: 1 of 2 steps gave no result"), "{text}");
    assert!(text.contains("not_found: no passage about Oz"), "{text}");
}

#[test]
fn a_step_that_nobody_serves_says_where_it_waits() {
    let step = v1::Step {
        step_id: 1,
        step_number: 1,
        tool: "fetch".to_owned(),
        state: StepState::Queued.into(),
        attempts: 1,
        unserved_queue: "web".to_owned(),
        ..Default::default()
    };
    let run = v1::Run { steps: vec![step], ..Default::default() };
    let mut view = View::from(&run);
    let waits = "no worker serves its queue `web`: it waits for one";
    assert!(describe(&view).contains(waits), "{}", describe(&view));
    let json = json::run_object(&view).line();
    assert!(json.contains(r#""unserved_queue":"web""#), "{json}");
    let started = v1::AttemptStarted { step_id: 1, attempt: 1, ..Default::default() };
    let kind = Some(v1::notice::Kind::AttemptStarted(started));
    view.apply(&Item::Notice(v1::Notice { kind }));
    assert!(!json::run_object(&view).line().contains("unserved_queue"));
}

#[test]
fn another_plan_says_why_and_an_answer_by_whom() {
    let (mut screen, _, err) = screen(false);
    let mut view = View::new("r1");
    let version = |version, cause: v1::PlanCause| {
        let (cause, planner) = (cause.into(), "openai gpt-6.1-sol".to_owned());
        Kind::PlanVersionStarted(v1::PlanVersionStarted { version, cause, planner })
    };
    let step = v1::PlannedStep { step_number: 3, ..Default::default() };
    let planned =
        v1::StepPlanned { version: 1, step_id: 1, step: Some(step), ..Default::default() };
    let kinds = [
        version(1, v1::PlanCause::First),
        Kind::StepPlanned(planned),
        Kind::StepFailed(v1::StepFailed { step_id: 1, ..Default::default() }),
        version(2, v1::PlanCause::Replan),
        version(3, v1::PlanCause::Repair),
        Kind::AnswerAttemptStarted(v1::AnswerAttemptStarted {
            attempt: 1,
            synthesizer: "qwen3 at http://localhost:8080/v1".to_owned(),
        }),
    ];
    for kind in kinds {
        let item = Item::Event(v1::Event { kind: Some(kind), ..Default::default() });
        view.apply(&item);
        screen.show(&view, &item, "").unwrap();
    }
    let text = err.text();
    for wanted in [
        "planned by openai gpt-6.1-sol\n",
        "plan version 2 (replan): because step 3 failed\n",
        "plan version 3 (repair): because of the faults\n",
        "writing the answer (by qwen3 at http://localhost:8080/v1)\n",
    ] {
        assert!(text.contains(wanted), "missing {wanted:?} in\n{text}");
    }
}

#[test]
fn drawing_needs_a_terminal_that_wants_it() {
    let with = |name: &'static str, value: &'static str| {
        move |asked: &str| (asked == name).then(|| value.to_owned())
    };
    assert!(draws(true, with("TERM", "xterm")));
    assert!(draws(true, with("NO_COLOR", "")));
    assert!(!draws(false, with("TERM", "xterm")));
    assert!(!draws(true, with("TERM", "dumb")));
    assert!(!draws(true, with("NO_COLOR", "1")));
}
