//! `sortie doctor`: which models there are, whether they answer, and that no key is shown.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::process::{Finished, Running, finish};
use crate::sortie;

const SECRET: &str = "sk-very-secret";

fn script(folder: &Path, text: &str) -> String {
    let path = folder.join("answers.toml");
    std::fs::write(&path, text).unwrap();
    format!("script:{}", path.display())
}

/// A port where nobody listens.
fn refused() -> String {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("http://{address}/v1")
}

fn doctor(arguments: &[&str]) -> Command {
    let mut command = sortie(&["doctor"]);
    command.args(arguments);
    command
}

fn said(done: &Finished, wanted: &[&str]) {
    for wanted in wanted {
        assert!(done.stdout.contains(wanted), "missing {wanted:?} in\n{}", done.stdout);
    }
    let all = format!("{}{}", done.stdout, done.stderr);
    assert!(!all.contains(SECRET), "{all}");
}

#[test]
fn without_a_model_all_is_well_and_the_way_to_one_is_told() {
    let done = finish(&mut doctor(&[]));
    assert_eq!(done.code, Some(0), "{done:?}");
    let wanted = [
        "planner      offline  -",
        "nobody names a model, and no key is set",
        "offline  planner, synthesizer: by the built-in rules",
        "offline  executor: without the tools that need a model",
        "set OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY",
        "prices         those of the program, of 20",
    ];
    said(&done, &wanted);
}

#[test]
fn each_model_is_asked_once() {
    let folder = tempfile::tempdir().unwrap();
    let reply =
        "[[reply]]\npurpose = \"check\"\ntimes = 1\ntext = \"ready\"\ninput_tokens = 1234\n";
    let model = script(folder.path(), reply);
    let arguments = ["--model", &model, "--executor-model", "offline"];
    let done = finish(&mut doctor(&arguments));
    assert_eq!(done.code, Some(0), "{done:?}");
    said(&done, &["ready    script answers (planner, synthesizer) in ", "1,234 tokens in, 0 out"]);
    let report = finish(doctor(&arguments).arg("--json")).json().remove(0);
    assert_eq!((&report["type"], &report["ok"]), (&"doctor".into(), &true.into()));
    assert_eq!(report["roles"][0]["provider"], "script");
    assert_eq!(report["roles"][0]["why"], serde_json::json!(["--model"]));
    assert_eq!(report["roles"][1]["offline"], true);
    assert_eq!(report["calls"].as_array().unwrap().len(), 1);
    assert_eq!(report["calls"][0]["roles"], serde_json::json!(["planner", "synthesizer"]));
    assert_eq!(report["calls"][0]["input_tokens"], 1234);
}

#[test]
fn a_model_that_does_not_answer_is_told_with_what_to_do() {
    let url = refused();
    let done = finish(&mut doctor(&["--model-base-url", &url]));
    assert_eq!(done.code, Some(1), "{done:?}");
    said(&done, &["failed   the model at ", "is the server running?", "not all is well"]);
    let folder = tempfile::tempdir().unwrap();
    let reply = "[[reply]]\nerror = { kind = \"rate_limited\", message = \"slow down\" }\n";
    let model = script(folder.path(), reply);
    let report = finish(&mut doctor(&["--model", &model, "--json"])).json().remove(0);
    assert_eq!((&report["ok"], &report["calls"][0]["ok"]), (&false.into(), &false.into()));
    assert!(report["calls"][0]["error"].as_str().unwrap().contains("slow down"), "{report}");
}

#[test]
fn keys_are_named_and_never_shown_or_sent_without_calls() {
    let mut command = doctor(&["--no-calls", "--log", "trace"]);
    let done = finish(command.env("OPENAI_API_KEY", SECRET));
    assert_eq!(done.code, Some(0), "{done:?}");
    let wanted = [
        "planner      openai gpt-6.1-sol    OPENAI_API_KEY  $2 in, $10 out",
        "OPENAI_API_KEY is set; default for openai",
        "no model was asked",
    ];
    said(&done, &wanted);
}

/// What a server at the base URL gets to read of the first call.
fn heard(more: &[&str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let mut command = doctor(&["--model-base-url", &url, "--model", "m"]);
    let running = Running::start(command.args(more).env("OPENAI_API_KEY", SECRET));
    let mut lines = BufReader::new(listener.accept().unwrap().0).lines();
    let head: Vec<_> = lines.by_ref().map(Result::unwrap).take_while(|l| !l.is_empty()).collect();
    drop((lines, listener));
    let done = running.finish();
    assert_eq!(done.code, Some(1), "{done:?}");
    said(&done, &["failed   m at http://127.0.0.1:"]);
    head.join("\n")
}

#[test]
fn a_server_gets_the_providers_key_only_if_it_was_named_as_its_gateway() {
    let stranger = heard(&[]);
    assert!(stranger.starts_with("POST /v1/chat/completions") && !stranger.contains(SECRET));
    assert!(heard(&["--model-provider", "openai"]).contains(SECRET));
}

#[test]
fn what_contradicts_itself_is_told_for_its_role() {
    let mut command = doctor(&["--planner-provider", "anthropic", "--no-calls"]);
    let done = finish(command.env("OPENAI_API_KEY", SECRET));
    assert_eq!(done.code, Some(1), "{done:?}");
    let wanted = [
        "failed   planner: --planner-provider: anthropic wants a key: set ANTHROPIC_API_KEY",
        "executor     openai gpt-6.1-terra",
    ];
    said(&done, &wanted);
    let missing = finish(&mut doctor(&["--model", "script:/nowhere/answers.toml"]));
    assert_eq!(missing.code, Some(1), "{missing:?}");
    said(&missing, &["failed   planner: cannot read the script /nowhere/answers.toml"]);
}

#[test]
fn prompts_and_prices_that_are_not_there_are_refused() {
    for (arguments, says) in [
        (["--prompts", "/nowhere"], "error: --prompts: /nowhere is no folder of prompts\n"),
        (
            ["--prices", "/nowhere.toml"],
            "error: --prices: cannot read the prices /nowhere.toml: no such file or directory\n",
        ),
        (["--endpoint", "http://127.0.0.1:1"], "error: --endpoint: the models of a remote cluster"),
    ] {
        let done = finish(&mut doctor(&arguments));
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(done.stderr.starts_with(says), "{}", done.stderr);
    }
    let run = finish(&mut sortie(&["run", "What is 6*7?", "--prompts", "/nowhere"]));
    assert_eq!(run.code, Some(2), "{run:?}");
}

#[test]
fn a_prompt_of_the_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let prompts = folder.path().join("prompts");
    std::fs::create_dir(&prompts).unwrap();
    std::fs::write(prompts.join("ask.md"), "no divider").unwrap();
    std::fs::write(prompts.join("sumarize.md"), "a slip").unwrap();
    let given = ["--prompts", prompts.to_str().unwrap()];
    let done = finish(&mut doctor(&given));
    assert_eq!(done.code, Some(1), "{done:?}");
    said(
        &done,
        &["in place of ask", "ask.md: needs a line", "sumarize.md stands in for no prompt"],
    );
    let model = script(folder.path(), "[[reply]]\ntext = \"x\"\n");
    let run = finish(sortie(&["run", "What is 6*7?", "--model", &model]).args(given));
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("load the prompt of tool `ask`"), "{}", run.stderr);
}

#[test]
fn with_an_executor_there_are_tools_that_need_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let model = script(folder.path(), "[[reply]]\ntext = \"x\"\n");
    let names = |command: &mut Command| {
        let tools = finish(command.arg("--json")).json();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let without = names(&mut sortie(&["tools"]));
    let with = names(sortie(&["tools"]).env("SORTIE_EXECUTOR_MODEL", &model));
    assert!(!without.contains(&"ask".to_owned()) && with.contains(&"ask".to_owned()), "{with:?}");
}

#[test]
fn prices_of_your_own_replace_those_of_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let prices = folder.path().join("prices.toml");
    let text = "date = \"2031-01-02\"\ncurrency = \"USD\"\n[openai]\n\
                \"gpt-6.1-sol\" = { input = 0.5, output = 1 }\n";
    std::fs::write(&prices, text).unwrap();
    let mut command = doctor(&["--no-calls", "--prices", prices.to_str().unwrap()]);
    let done = finish(command.env("OPENAI_API_KEY", SECRET));
    said(&done, &["of 2031-01-02", "$0.5 in, $1 out", "gpt-6.1-terra  OPENAI_API_KEY  not known"]);
}

#[test]
fn ctrl_c_does_not_wait_for_a_silent_model() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let mut command = doctor(&["--model-base-url", &url, "--model", "silent"]);
    let running = Running::start(&mut command);
    // It has connected, so it is past the point where Ctrl-C kills it.
    let _silent = listener.accept().unwrap();
    running.interrupt();
    let done = running.finish();
    assert_eq!((done.code, done.stdout.as_str()), (Some(130), ""), "{done:?}");
}

#[test]
fn a_redis_that_is_not_there_is_told_without_its_password() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("redis://:{SECRET}@{address}");
    let done = finish(&mut doctor(&["--no-calls", "--redis", &url]));
    assert_eq!(done.code, Some(1), "{done:?}");
    let place = format!("redis          redis://***@{address}, durability standard");
    said(
        &done,
        &[&place, &format!("failed   Redis at {address} does not answer"), "not all is well"],
    );
    let report = finish(&mut doctor(&["--no-calls", "--redis", &url, "--json"])).json().remove(0);
    assert_eq!((&report["ok"], &report["redis"]["ok"]), (&false.into(), &false.into()));
    assert!(report["redis"]["error"].as_str().unwrap().contains("does not answer"));
    assert!(finish(&mut doctor(&["--json"])).json()[0]["redis"].is_null());
}
