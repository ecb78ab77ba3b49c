//! `run` to its end: what goes where, and how it ends.

use sortie_proto::v1::{self, event::Kind};

use crate::fake::{Fake, Script};
use crate::program::{against, with_stdin};
use crate::script::{
    accepted, answered, cancelled, draft, event, failure, planned, planning, queued, small_run,
    submitted, succeeded,
};

fn fake(watch: Vec<crate::fake::Act>) -> Fake {
    Fake::start(Script { watches: [watch].into(), ..Script::default() })
}

#[test]
fn the_answer_goes_to_stdout_once_and_the_story_to_stderr() {
    let done = against(&fake(small_run()), &["run", "what is 6*7?"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(done.stdout, "42\n");
    for wanted in [
        "run r1\n",
        "planned by built-in offline rules (a model can plan any goal: see README, Models)\n",
        "plan       1  calculate   does 1\n",
        "start      1  calculate   does 1\n",
        "done       1  calculate    1.0 s  42\n",
        "1 of 1 step succeeded in 7.0 s; critical path 1 (1.0 s); at most 1 step at once; \
         2 model calls, 10 tokens in, 5 out, $0.0123\n",
    ] {
        assert!(done.stderr.contains(wanted), "missing {wanted:?} in\n{}", done.stderr);
    }
    assert!(!done.stderr.contains('\x1b'), "no escapes where stderr is no terminal");
}

#[test]
fn json_is_an_object_a_line_and_the_result_comes_last() {
    let mut watch = small_run();
    let input = "{\"n\": 123456789012345678901234567890, \"s\": \"\\u001b[31m\"}";
    watch[2] = event(3, planned(draft(1, input, &[])));
    let fake = fake(watch);
    let done = against(&fake, &["run", "--json", "what is 6*7?"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("123456789012345678901234567890"), "all digits are kept");
    let lines = done.json();
    let types: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "run_submitted",
            "plan_version_started",
            "step_planned",
            "plan_accepted",
            "step_queued",
            "attempt_started",
            "step_succeeded",
            "answer_attempt_started",
            "run_succeeded",
            "result",
        ]
    );
    assert_eq!(lines[1]["planner"], "built-in offline rules");
    assert_eq!(lines[2]["tool_input"]["s"], "\u{1b}[31m");
    assert_eq!(lines[2]["at"], "2023-11-14T22:13:23Z");
    assert_eq!(lines[2]["cursor"], "c3");
    assert_eq!(lines[6]["preview"], "42");
    let result = &lines[9];
    assert_eq!(result["run_id"], "r1");
    assert_eq!(result["state"], "succeeded");
    assert_eq!(result["partial"], false);
    assert_eq!(result["answer"], "42");
    assert!(result["error"].is_null());
    assert_eq!(result["usage"]["model_calls"], 2);
    assert_eq!(result["usage"]["cost_usd"], "0.01234");
    assert_eq!(result["usage_by_role"]["synthesizer"]["cost_nanodollars"], 12_340_000);
    assert_eq!(result["usage_by_role"]["planner"]["model_calls"], 0);
    let step = &result["steps"][0];
    assert_eq!(step["step_number"], 1);
    assert_eq!(step["description"], "does 1");
    assert_eq!(step["tool"], "calculate");
    assert_eq!(step["state"], "succeeded");
    assert_eq!(step["result"], "42", "without a snapshot there is only the preview");
    assert_eq!(step["result_truncated"], true);
    assert_eq!(step["depends_on"], serde_json::json!([]));
    assert!(step["error"].is_null());
}

#[test]
fn the_result_line_has_the_whole_results_of_the_snapshot() {
    let step = v1::Step {
        step_number: 1,
        state: v1::StepState::Succeeded.into(),
        result: "{\"value\": 42, \"text\": \"6 * 7 = 42\"}".to_owned(),
        ..Default::default()
    };
    let run = v1::Run {
        run_id: "r1".to_owned(),
        state: v1::RunState::Succeeded.into(),
        plan_version: 1,
        steps: vec![step],
        ..Default::default()
    };
    let watches = [small_run()].into();
    let fake = Fake::start(Script { watches, run: Some(run), ..Script::default() });
    let lines = against(&fake, &["run", "goal", "--json"]).json();
    let step = &lines.last().unwrap()["steps"][0];
    assert_eq!(step["result"]["value"], 42);
    assert!(step["result_truncated"].is_null());
}

#[test]
fn a_partial_answer_says_on_stderr_what_is_missing() {
    let failed = v1::StepFailed {
        step_id: 12,
        failure: failure(v1::FailureKind::NotFound, "no passage about Oz"),
        usage: None,
    };
    let watch = vec![
        event(1, submitted()),
        event(2, planning()),
        event(3, planned(draft(1, "\"a\"", &[]))),
        event(4, planned(draft(2, "\"b\"", &[]))),
        event(5, accepted()),
        event(6, queued(1)),
        event(7, queued(2)),
        event(8, succeeded(1, "\"found\"")),
        event(9, Kind::StepFailed(failed)),
        event(10, answered("half", true)),
    ];
    let done = against(&fake(watch.clone()), &["run", "compare"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "half\n"));
    assert!(done.stderr.contains("the answer is partial: 1 of 2 steps gave no result"));
    assert!(done.stderr.contains("not_found: no passage about Oz"), "{}", done.stderr);
    let done = against(&fake(watch), &["run", "compare", "--json"]);
    let lines = done.json();
    let result = lines.last().unwrap();
    assert_eq!(result["partial"], true);
    assert_eq!(result["steps"][1]["error"]["kind"], "not_found");
    assert!(result["steps"][1]["result"].is_null());
}

#[test]
fn a_failed_run_exits_1_and_shows_the_results_it_has() {
    let why = failure(v1::FailureKind::InvalidAnswer, "the answer is empty");
    let mut watch = small_run();
    watch.pop();
    watch.push(event(8, Kind::RunFailed(v1::RunFailed { failure: why })));
    let done = against(&fake(watch.clone()), &["run", "goal"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""));
    assert!(done.stderr.contains("the run failed: invalid_answer: the answer is empty"));
    let as_it_came = "done       1  calculate    1.0 s  42\n";
    assert!(done.stderr.contains(as_it_came), "{}", done.stderr);
    let at_the_end = "done       1  calculate    1.0 s  does 1\n              42\n";
    assert!(done.stderr.contains(at_the_end), "{}", done.stderr);
    let lines = against(&fake(watch), &["run", "goal", "--json"]).json();
    let result = lines.last().unwrap();
    assert_eq!(result["state"], "failed");
    assert_eq!(result["error"]["kind"], "invalid_answer");
    assert!(result["answer"].is_null());
}

#[test]
fn a_run_that_someone_else_cancels_exits_1() {
    let watch = vec![event(1, submitted()), event(2, cancelled("too dear"))];
    let done = against(&fake(watch), &["run", "goal"]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("the run was cancelled: too dear"), "{}", done.stderr);
}

#[test]
fn control_characters_of_strangers_never_reach_stderr() {
    let mut step = draft(1, "\"x\"", &[]);
    step.description = "evil \x1b]0;owned\x07 \u{9b}2J".to_owned();
    let watch = vec![
        event(1, submitted()),
        event(2, planning()),
        event(3, planned(step)),
        event(4, queued(1)),
        event(5, succeeded(1, "\"\\u001b[31mred\\r\"")),
        event(6, answered("fine", false)),
    ];
    let done = against(&fake(watch), &["run", "goal"]);
    assert!(!done.stderr.chars().any(|c| c.is_control() && c != '\n'), "{:?}", done.stderr);
    assert!(done.stderr.contains("evil ␛]0;owned"), "{}", done.stderr);
}

#[test]
fn flags_and_stdin_become_the_request() {
    let fake = fake(small_run());
    let arguments = [
        "run",
        "-",
        "--strict",
        "--timeout",
        "1h30m",
        "--attempts",
        "2",
        "--label",
        "team=a=b",
        "--idempotency-key",
        "k1",
    ];
    let done = with_stdin(&fake, &arguments, b"from stdin\n");
    assert_eq!(done.code, Some(0), "{done:?}");
    let request = fake.calls().submits.remove(0);
    assert_eq!(request.goal, "from stdin\n");
    assert_eq!(request.policy(), v1::FailurePolicy::Strict);
    assert_eq!(request.labels["team"], "a=b");
    assert_eq!(request.idempotency_key, "k1");
    let limits = request.limits.unwrap();
    assert_eq!(limits.run_timeout.unwrap().seconds, 5400);
    assert_eq!(limits.attempts, Some(2));
    assert_eq!(limits.steps, None, "the server's own value stands");
}
