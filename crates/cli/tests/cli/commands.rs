//! The small commands: one call, one answer.

use sortie_proto::v1;

use crate::fake::{Fake, Script};
use crate::program::{against, finish, sortie};

fn usage() -> v1::Usage {
    v1::Usage {
        model_calls: 3,
        input_tokens: 2345,
        output_tokens: 456,
        cost_nanodollars: 12_300_000,
        unpriced_calls: 1,
    }
}

fn ended_run() -> v1::Run {
    let step = v1::Step {
        step_id: 11,
        step_number: 1,
        description: "does 1".to_owned(),
        tool: "calculate".to_owned(),
        tool_input: "{\"expression\":\"6*7\"}".to_owned(),
        state: v1::StepState::Succeeded.into(),
        result: "\"a beginn".to_owned(),
        result_bytes: 5000,
        result_truncated: true,
        ..Default::default()
    };
    v1::Run {
        run_id: "r1".to_owned(),
        goal: "what is \x1b[2J 6*7?".to_owned(),
        state: v1::RunState::Succeeded.into(),
        answer: "It is 42.".to_owned(),
        plan_version: 1,
        steps: vec![step],
        usage: Some(usage()),
        usage_by_role: Some(v1::RoleUsage { planner: Some(usage()), ..Default::default() }),
        ..Default::default()
    }
}

#[test]
fn submit_prints_the_run_alone() {
    let fake = Fake::start(Script::default());
    let done = against(&fake, &["submit", "goal"]);
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (Some(0), "r1\n", ""));
}

#[test]
fn get_shows_a_run_to_people_and_to_programs() {
    let script = || Script { run: Some(ended_run()), ..Script::default() };
    let done = against(&Fake::start(script()), &["get", "r1"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("state    succeeded\n"), "{}", done.stdout);
    assert!(done.stdout.contains("goal     what is ␛[2J 6*7?\n"), "{}", done.stdout);
    assert!(done.stdout.ends_with("\n\nIt is 42.\n"), "{}", done.stdout);
    let spent = "planner      3 model calls, 2,345 tokens in, 456 out, $0.0123, price not known for \
                 1 of 3 calls\n";
    assert!(done.stdout.contains(spent), "{}", done.stdout);
    let run = against(&Fake::start(script()), &["get", "r1", "--json"]).json().remove(0);
    assert_eq!(run["state"], "succeeded");
    assert_eq!(run["steps"][0]["tool_input"]["expression"], "6*7");
    assert_eq!(run["steps"][0]["result"], "\"a beginn", "the beginning of a result is text");
    assert_eq!(run["steps"][0]["result_truncated"], true);
    assert_eq!(run["usage_by_role"]["planner"]["cost_usd"], "0.0123");
    assert_eq!(run["usage"]["unpriced_calls"], 1);
}

#[test]
fn the_whole_result_of_a_step_is_put_together_from_its_chunks() {
    let whole = "\"größer\"".as_bytes();
    let chunks = whole.chunks(4).map(<[u8]>::to_vec).collect();
    let fake = Fake::start(Script { result_chunks: chunks, ..Script::default() });
    let done = against(&fake, &["get", "r1", "--step", "1"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "\"größer\"\n"), "{done:?}");
}

#[test]
fn list_follows_the_pages_up_to_its_limit() {
    let page = |ids: &[&str], next: &str| v1::ListRunsResponse {
        runs: ids
            .iter()
            .map(|id| v1::RunSummary {
                run_id: (*id).to_owned(),
                state: v1::RunState::Failed.into(),
                goal: "a goal".to_owned(),
                steps: 3,
                steps_ended: 2,
                ..Default::default()
            })
            .collect(),
        next_page_token: next.to_owned(),
    };
    let pages = [page(&["r3", "r2"], "next"), page(&["r1", "r0"], "more")];
    let fake = Fake::start(Script { pages: pages.into(), ..Script::default() });
    let arguments = ["list", "--limit", "3", "--state", "failed", "--label", "team=a"];
    let done = against(&fake, &arguments);
    assert_eq!(done.code, Some(0), "{done:?}");
    let lines: Vec<_> = done.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{}", done.stdout);
    assert!(lines[1].starts_with("r3") && lines[1].contains("2/3"), "{}", done.stdout);
    let asked = fake.calls().lists;
    assert_eq!(asked[0].states, [i32::from(v1::RunState::Failed)]);
    assert_eq!(asked[0].labels["team"], "a");
    assert_eq!((asked[1].page_token.as_str(), asked[1].page_size), ("next", 1));
}

#[test]
fn cancel_hands_the_reason_on() {
    let script = Script { cancel_state: v1::RunState::Cancelled, ..Script::default() };
    let fake = Fake::start(script);
    let done = against(&fake, &["cancel", "r1", "--reason", "too dear"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "cancelled\n"));
    assert_eq!(fake.calls().cancels[0].reason, "too dear");
}

#[test]
fn tools_come_as_a_table_or_with_their_schemas() {
    let tool = v1::Tool {
        name: "search".to_owned(),
        description: "finds passages".to_owned(),
        input_schema: "{\"type\":\"object\"}".to_owned(),
        effect: v1::Effect::Read.into(),
        ..Default::default()
    };
    let script = || Script { tools: vec![tool.clone()], ..Script::default() };
    let done = against(&Fake::start(script()), &["tools"]);
    assert_eq!(done.stdout, "TOOL    EFFECT  DESCRIPTION\nsearch  read    finds passages\n");
    let tool = against(&Fake::start(script()), &["tools", "--json"]).json().remove(0);
    assert_eq!(tool["input_schema"]["type"], "object");
    assert!(tool["output_schema"].is_null());
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let done = finish(&mut sortie(&["completions", shell]));
        assert_eq!(done.code, Some(0));
        assert!(done.stdout.contains("submit"), "{shell}");
    }
}
