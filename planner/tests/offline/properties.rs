//! What holds for any goal, friendly or not.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use sortie_engine::{StepNumber, Template};
use sortie_planner::offline::{Unplannable, plan};

use crate::planned;

/// Far above what any goal takes, far below what a quadratic mistake on a large goal would take.
const PATIENCE: Duration = Duration::from_secs(10);

fn check(goal: &str) {
    let start = Instant::now();
    let first = planned(goal);
    assert!(start.elapsed() < PATIENCE, "{} bytes", goal.len());
    assert_eq!(first, planned(goal));
    let Ok(steps) = first else { return };
    assert!((1..=50).contains(&steps.len()));
    for (index, step) in steps.iter().enumerate() {
        assert_eq!(step.number, StepNumber::new(index as u32 + 1));
        let template = Template::parse(&step.tool_input).unwrap();
        assert_eq!(template.steps(), { step.depends_on.clone() }, "{goal}");
        assert!(step.depends_on.iter().all(|before| *before < step.number));
        assert!(!step.description.is_empty());
    }
}

const WORDS: &[&str] = &[
    "compare",
    "Austin",
    "Lisbon",
    "and",
    "or",
    "vs",
    ",",
    "the",
    "cost of living",
    "in",
    "30%",
    "$5,000",
    "of",
    "a year",
    "rent",
    "takes",
    "how much is left",
    "per month",
    ".",
    "?",
    "plus",
    "12",
    "what is",
    "summarize",
    "both",
    "(",
    ")",
    "/",
    "times",
    "which",
    "cheaper",
    "than",
    "is",
    "{{1}}",
    "{{",
    "}}",
    "\"",
    "🦀",
    "if",
    "I earn",
    "then",
    "divide",
    "by",
    "miles",
    "to",
    "kilometers",
    "-",
    ":",
    "find",
    "tell me about",
    "between",
    "difference",
    "'s",
    "x",
    "how does",
    "for a nurse",
    "=",
    "'",
];

proptest! {
    #[test]
    fn any_text_is_planned_or_refused(goal in any::<String>()) {
        check(&goal);
    }

    #[test]
    fn any_mix_of_known_words_is_planned_or_refused(
        words in prop::collection::vec(prop::sample::select(WORDS), 1..24),
    ) {
        check(&words.join(" "));
    }
}

#[test]
fn large_and_strange_goals_end_in_time() {
    let words = [
        "a ",
        "(",
        "and ",
        "compare A, ",
        "15% of ",
        "-",
        "{{",
        "\"",
        "é",
        "x1",
        "🦀",
        ".",
        "'s ",
        "in ",
    ];
    for word in words {
        check(&word.repeat(64 * 1024 / word.len()));
        check(&format!("What is {}", word.repeat(1500)));
        check(&format!("Compare {}", word.repeat(600)));
    }
    check("\u{202e}\u{0}\u{1b}[31m");
}

#[test]
fn braces_of_a_goal_never_become_references() {
    for goal in ["Compare {{1}} and Python", "What is {{2.text}}?", "Compare {{{{ and {{{"] {
        for step in planned(goal).into_iter().flatten() {
            assert!(Template::parse(&step.tool_input).unwrap().references().is_empty(), "{goal}");
        }
    }
}

#[test]
fn a_missing_tool_and_a_small_limit_are_named() {
    let goal = "Compare A1 and B2 and calculate 3 * 4";
    let missing = plan(goal, &["search"].into(), 9).unwrap_err();
    assert_eq!(missing, Unplannable::MissingTool { tool: "calculate" });
    let tools = ["search", "calculate"].into();
    let large = plan(goal, &tools, 2).unwrap_err();
    assert_eq!(large, Unplannable::TooManySteps { needed: 3, limit: 2 });
}
