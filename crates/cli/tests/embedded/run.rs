//! `sortie run` with the cluster inside: what goes where, what is refused, and several at once.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::process::{Running, finish};
use crate::sortie;

/// The first thing that a new user does.
const COMPARE: &str = "Compare the cost of living in San Francisco vs Austin for a software engineer \
     earning $150,000 per year. Calculate how much disposable income they would have in each city \
     assuming housing costs take 30% of salary.";

#[test]
fn the_answer_goes_to_stdout_and_the_story_to_stderr() {
    let done = finish(&mut sortie(&["run", COMPARE]));
    assert_eq!(done.code, Some(0), "{done:?}");
    for wanted in ["$45,000", "$105,000", "94%", "4% above"] {
        assert_eq!(done.stdout.matches(wanted).count(), 1, "{wanted} in\n{}", done.stdout);
    }
    for wanted in ["planned by built-in offline rules", "(after 3)", "4 of 4 steps succeeded in "] {
        assert!(done.stderr.contains(wanted), "{wanted} in\n{}", done.stderr);
    }
}

#[test]
fn two_at_once_do_not_disturb_each_other() {
    let goals = ["What is 2 + 3?", "What is 4 * 5?", "What is 100 / 8?", COMPARE];
    let running: Vec<_> =
        goals.iter().map(|goal| Running::start(&mut sortie(&["run", goal]))).collect();
    let answers = ["5", "20", "12.5", "105,000"];
    for (one, answer) in running.into_iter().zip(answers) {
        let done = one.finish();
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(done.stdout.contains(&format!("{answer}**")), "{answer} in {}", done.stdout);
    }
}

#[test]
fn the_last_line_of_json_is_the_result() {
    let done = finish(&mut sortie(&["run", "--json", COMPARE]));
    let lines = done.json();
    let (result, events) = lines.split_last().unwrap();
    assert_eq!(result["type"], "result");
    assert_eq!(result["steps"].as_array().unwrap().len(), 4);
    assert!(events.iter().all(|event| event["type"] != "result"));
    let seqs: Vec<_> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert!(seqs.iter().copied().eq(1..=seqs.len() as u64), "{seqs:?}");
}

#[test]
fn a_reader_that_leaves_after_one_line_is_no_noise() {
    let mut running = Running::start(&mut sortie(&["run", COMPARE]));
    assert!(!running.line().is_empty());
    running.close_stdout();
    let done = running.finish();
    assert!(matches!(done.code, Some(0 | 141)), "{done:?}");
    assert!(!done.stderr.contains("panic") && !done.stderr.contains("error"), "{}", done.stderr);
}

#[test]
fn an_empty_goal_is_refused() {
    for goal in ["", " \n\t "] {
        let done = finish(&mut sortie(&["run", goal]));
        assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""));
        assert_eq!(done.stderr, "error: goal: is empty: say what you want to know\n");
    }
}

#[test]
fn a_goal_of_one_mebibyte_is_refused_by_its_size() {
    let mut running = Running::start(sortie(&["run", "-", "--json"]).stdin(Stdio::piped()));
    running.write(&vec![b'x'; 1 << 20]);
    let done = running.finish();
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("goal: has 1048576 bytes, at most 65536 fit"), "{}", done.stderr);
    assert_eq!(done.json().pop().unwrap()["state"], "refused");
}

#[test]
fn a_division_by_zero_is_the_steps_failure_in_its_words() {
    let done = finish(&mut sortie(&["run", "What is 12 / 0?", "--json"]));
    assert_eq!(done.code, Some(1));
    let result = done.json().pop().unwrap();
    let step = &result["steps"][0];
    assert_eq!((step["state"].as_str(), step["result"].is_null()), (Some("failed"), true));
    assert_eq!(step["error"]["kind"], "invalid_input");
    assert_eq!(step["error"]["message"], "division by zero in `12 / 0`");
}

#[test]
fn goals_that_would_take_for_ever_or_all_memory_fail_in_time() {
    let deep = format!("What is {}1{}?", "(".repeat(5000), ")".repeat(5000));
    let cities: Vec<_> = (0..4000).map(|number| format!("City{number}")).collect();
    let wide = format!("Compare {}.", cities.join(" and "));
    for goal in ["What is 9^9^9^9?", "What is 10 to the power of 100000000?", &deep, &wide] {
        let begun = Instant::now();
        let done = finish(&mut sortie(&["run", goal, "--json"]));
        let shown = &goal[..40.min(goal.len())];
        assert_eq!(done.code, Some(1), "{shown}: {done:?}");
        assert_eq!(done.json().pop().unwrap()["state"], "failed", "{shown}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{shown}: {:?}", begun.elapsed());
    }
}

#[test]
fn a_strict_run_fails_where_a_graceful_one_is_partial() {
    let goal = "Compare the cost of living in Austin and Lisbon.";
    let graceful = finish(&mut sortie(&["run", goal]));
    assert_eq!(graceful.code, Some(0));
    assert!(graceful.stderr.contains("the answer is partial: 1 of 2 steps"), "{graceful:?}");
    let strict = finish(&mut sortie(&["run", goal, "--strict", "--json"]));
    assert_eq!(strict.code, Some(1));
    let result = strict.json().pop().unwrap();
    assert_eq!(result["error"]["kind"], "step_failed");
    assert!(result["error"]["message"].as_str().unwrap().contains("Lisbon"), "{result}");
}

#[test]
fn a_plan_is_shown_without_running_it() {
    let done = finish(&mut sortie(&["plan", "--json", COMPARE]));
    assert_eq!(done.code, Some(0), "{done:?}");
    let plan = done.json().remove(0);
    assert_eq!(plan["planner"], "built-in offline rules");
    let tools: Vec<_> =
        plan["steps"].as_array().unwrap().iter().map(|s| s["tool"].as_str().unwrap()).collect();
    assert_eq!(tools, ["search", "search", "calculate", "calculate"]);
    assert_eq!(plan["steps"][3]["depends_on"], serde_json::json!([3]));
    let refused = finish(&mut sortie(&["plan", "Write a sonnet."]));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    assert!(refused.stderr.contains("model"), "{}", refused.stderr);
}

#[test]
fn the_tools_inside_are_listed() {
    let done = finish(&mut sortie(&["tools", "--json"]));
    let names: Vec<_> =
        done.json().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["calculate", "now", "search", "summarize"]);
}
