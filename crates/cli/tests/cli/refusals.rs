//! What never becomes a run: exit code 2, or 3 where nobody answers.

use std::net::TcpListener;

use sortie_proto::v1;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::fake::{Fake, Script};
use crate::program::{against, finish, sortie, with_stdin};

fn fake() -> Fake {
    Fake::start(Script::default())
}

#[test]
fn an_empty_goal_is_refused_before_anyone_is_asked() {
    let fake = fake();
    let done = against(&fake, &["run", "  ", "--json"]);
    assert_eq!(done.code, Some(2));
    assert_eq!(done.stderr, "error: goal: is empty: say what you want to know\n");
    let result = done.json().remove(0);
    assert_eq!(result["type"], "result");
    assert_eq!(result["state"], "refused");
    assert!(result["run_id"].is_null());
    assert_eq!(result["error"]["kind"], "invalid_input");
    assert!(fake.calls().submits.is_empty());
}

#[test]
fn a_goal_of_one_mebibyte_is_refused_by_its_size() {
    let done = with_stdin(&fake(), &["run", "-"], &vec![b'x'; 1 << 20]);
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("goal: has 1048576 bytes, at most 65536 fit"), "{}", done.stderr);
}

#[test]
fn usage_mistakes_exit_2_and_tell_json_readers_too() {
    let done = finish(&mut sortie(&["run", "--json", "--frobnicate"]));
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("--frobnicate"));
    assert_eq!(done.json()[0]["state"], "refused");
    assert_eq!(finish(&mut sortie(&[])).code, Some(2));
    let help = finish(&mut sortie(&["--help"]));
    assert_eq!(help.code, Some(0));
    assert!(help.stdout.contains("Exit codes"));
}

#[test]
fn all_mistakes_of_the_settings_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sortie.toml");
    std::fs::write(&path, "retention = 0\nlimit.steps = 4\n").unwrap();
    let arguments = ["run", "goal", "--timeout", "soon", "--steps", "0", "--label", "x"];
    let mut command = sortie(&arguments);
    let done = finish(command.env("SORTIE_CONFIG", &path).env("SORTIE_CONCURRENCY", "many"));
    assert_eq!(done.code, Some(2));
    for wanted in [
        "--timeout:",
        "--steps:",
        "--label: `x`",
        "SORTIE_CONCURRENCY:",
        "sortie.toml:1: `retention`",
        "sortie.toml:2: `limit",
    ] {
        assert!(done.stderr.contains(wanted), "missing {wanted} in\n{}", done.stderr);
    }
}

#[test]
fn a_goal_that_the_cluster_refuses_exits_2_with_its_fields() {
    let mut details = ErrorDetails::new();
    details.add_bad_request_violation("labels", "are too many");
    let status = Status::with_error_details(Code::InvalidArgument, "bad goal", details);
    let fake = Fake::start(Script { submit: Some(status), ..Script::default() });
    let done = against(&fake, &["submit", "goal"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""));
    assert_eq!(done.stderr, "error: labels: are too many\n");
}

#[test]
fn an_endpoint_where_nobody_listens_exits_3_and_says_what_to_do() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{address}");
    for arguments in [&["run", "goal", "--json"][..], &["list"], &["tools"], &["get", "r1"]] {
        let done = finish(sortie(arguments).args(["--endpoint", &url]));
        assert_eq!(done.code, Some(3), "{done:?}");
        let wanted = format!(
            "error: cannot reach {url}: connection refused. Is `sortie serve` running there?\n"
        );
        // A goal may be for a cluster that is being started.
        let waited =
            format!("{url} takes no goals yet (connection refused): trying for 5 s\n{wanted}");
        assert_eq!(done.stderr, if arguments[0] == "run" { waited } else { wanted });
        if arguments.contains(&"--json") {
            assert_eq!(done.json()[0]["error"]["kind"], "unavailable");
        }
    }
}

#[test]
fn a_flag_that_would_do_nothing_is_refused() {
    let done = against(&fake(), &["run", "goal", "--docs", "papers"]);
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("--docs") && done.stderr.contains("SORTIE_ENDPOINT"));
    let arguments = ["plan", "goal", "--planner-model", "gpt-5", "--prompts", "mine"];
    let done = against(&fake(), &arguments);
    assert_eq!(done.code, Some(2));
    for flag in ["--planner-model: models are chosen by the cluster", "--prompts: "] {
        assert!(done.stderr.contains(flag), "{}", done.stderr);
    }
}

#[test]
fn a_policy_that_the_cluster_would_refuse_is_refused_here() {
    let fake = fake();
    let done = against(&fake, &["submit", "goal", "--strict", "--replan", "on-failure"]);
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("replan: a strict run ends"), "{}", done.stderr);
    let done = against(&fake, &["submit", "goal", "--replan", "on-failure"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let calls = fake.calls();
    assert_eq!(calls.submits.len(), 1);
    assert_eq!(calls.submits[0].replan(), v1::ReplanPolicy::OnFailure);
}

#[test]
fn commands_about_runs_need_a_cluster_that_knows_them() {
    let done = finish(&mut sortie(&["get", "r1"]));
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("--endpoint URL"), "{}", done.stderr);
}

#[test]
fn an_unknown_run_is_named() {
    let done = against(&fake(), &["get", "r9"]);
    assert_eq!(done.code, Some(1));
    assert_eq!(done.stderr, "error: cannot get run r9: there is no run r9\n");
}

#[test]
fn cancelling_a_run_that_has_ended_is_no_success() {
    let script = Script { cancel_state: v1::RunState::Succeeded, ..Script::default() };
    let done = against(&Fake::start(script), &["cancel", "r1"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), "succeeded\n"));
}
