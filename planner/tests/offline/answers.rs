//! The example goals, from the goal to the answer.

use serde_json::Value;
use sortie_engine::StepDraft;
use sortie_planner::offline::answer::{Outcome, Report, answer};

use crate::planned;
use crate::tools::run;

fn goals() -> Vec<Value> {
    let lines = include_str!("../goals/offline.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn count(steps: &[StepDraft], tool: &str) -> u64 {
    steps.iter().filter(|step| step.tool == tool).count() as u64
}

/// Whether a step of `tool` depends, directly or not, on a step of `other`.
fn depends(steps: &[StepDraft], tool: &str, other: &str) -> bool {
    let reaches = |from: &StepDraft| {
        let mut open = from.depends_on.clone();
        while let Some(number) = open.pop() {
            let step = steps.iter().find(|step| step.number == number).unwrap();
            if step.tool == other {
                return true;
            }
            open.extend(&step.depends_on);
        }
        false
    };
    steps.iter().filter(|step| step.tool == tool).any(reaches)
}

fn has_words(answer: &str, words: &str) -> bool {
    let whole = |at: usize| {
        let before = answer[..at].chars().next_back();
        let after = answer[at + words.len()..].chars().next();
        let outside = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        let point = before.is_some_and(|c| ".,".contains(c));
        outside(before) && outside(after) && !point
    };
    answer.match_indices(words).any(|(at, _)| whole(at))
}

fn failed(reports: &[Report]) -> bool {
    reports.iter().all(|report| matches!(report.outcome, Outcome::Failed(_)))
}

#[test]
fn every_example_goal_is_planned_and_answered_as_promised() {
    for goal in goals() {
        let text = goal["goal"].as_str().unwrap();
        let says = goal["says"].as_str();
        let steps = match planned(text) {
            Ok(steps) => steps,
            Err(why) => {
                assert!(goal["fails"] == true, "{text}: {why}");
                assert!(why.to_string().contains(says.unwrap()), "{why}");
                continue;
            }
        };
        for (tool, least) in goal["steps"].as_object().into_iter().flatten() {
            assert!(count(&steps, tool) >= least.as_u64().unwrap(), "{text}: {steps:?}");
        }
        let width = steps.iter().filter(|step| step.depends_on.is_empty()).count();
        assert!(width as u64 >= goal["width"].as_u64().unwrap_or(0), "{text}: {width}");
        for (tool, others) in goal["depends"].as_object().into_iter().flatten() {
            for other in others.as_array().unwrap() {
                assert!(depends(&steps, tool, other.as_str().unwrap()), "{text}");
            }
        }
        let reports = run(&steps);
        assert_eq!(failed(&reports), goal["fails"] == true, "{text}: {reports:?}");
        let answer = answer(&reports, 64 * 1024);
        println!("# {text}\n{answer}\n");
        assert_eq!(answer.contains("## Missing"), goal["partial"] == true || failed(&reports));
        for entry in goal["answer"].as_array().into_iter().flatten().chain(&says.map(Value::from)) {
            let mut words = entry.as_str().unwrap().split('|');
            assert!(words.any(|words| has_words(&answer, words)), "{entry} in {answer}");
        }
    }
}
