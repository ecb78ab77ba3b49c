//! The program of the example is `sortie` with one tool more.

use std::process::{Command, Output};

fn own_tool(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_own-tool"));
    command.args(arguments).env_clear().output().expect("the example starts")
}

#[test]
fn its_tool_stands_beside_the_built_in_ones() {
    let listed = own_tool(&["tools", "--json"]);
    let text = String::from_utf8_lossy(&listed.stdout);
    let read = |line| serde_json::from_str::<serde_json::Value>(line).expect(line);
    let tools: Vec<_> = text.lines().map(read).collect();
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["calculate", "count_words", "now", "search", "summarize"]);
    assert_eq!(tools[1]["input_schema"]["required"][0], "text");
}

#[test]
fn it_runs_goals_as_sortie_does() {
    let done = own_tool(&["run", "What is 6 * 7?"]);
    assert!(done.status.success(), "{done:?}");
    assert!(String::from_utf8_lossy(&done.stdout).contains("42"), "{done:?}");
}
