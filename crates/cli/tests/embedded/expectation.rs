//! What a goal must come to, in the words of the shared examples: see the fields below.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::process::{Finished, finish};
use crate::sortie;

/// A goal, and what it must come to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    goal: String,
    /// The least number of steps of each tool.
    #[serde(default)]
    steps: BTreeMap<String, usize>,
    /// The least number of steps without a dependency.
    #[serde(default)]
    width: usize,
    /// A tool of which a step must depend, directly or not, on steps of these tools.
    #[serde(default)]
    depends: BTreeMap<String, Vec<String>>,
    /// What the answer must contain as whole words; alternatives are separated by a bar.
    #[serde(default)]
    answer: Vec<String>,
    #[serde(default)]
    fails: bool,
    /// What the message of a failure must contain.
    #[serde(default)]
    says: String,
    #[serde(default)]
    partial: bool,
}

/// The expectations of a file with one JSON object a line.
pub(crate) fn read(lines: &str) -> Vec<Expectation> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Expectation {
    /// Runs the goal through the program, with these arguments more, and says what is wrong.
    pub(crate) fn run(&self, more: &[&str]) -> Vec<String> {
        let mut command = sortie(&["run", "--json", &self.goal]);
        let done = finish(command.args(more));
        let mut wrong = Vec::new();
        let mut must = |holds: bool, what: String| {
            if !holds {
                wrong.push(what);
            }
        };
        let result = last(&done);
        let code = i32::from(self.fails);
        must(done.code == Some(code), format!("exit code {:?}, expected {code}", done.code));
        let state = if self.fails { "failed" } else { "succeeded" };
        must(result["state"] == state, format!("state {}, expected {state}", result["state"]));
        must(result["partial"] == self.partial, format!("partial is {}", result["partial"]));
        let message = result["error"]["message"].as_str().unwrap_or_default();
        must(message.contains(&self.says), format!("`{}` is not in {message:?}", self.says));
        must(result["answer"].is_null() == self.fails, format!("answer {}", result["answer"]));
        let steps = Steps(result["steps"].as_array().cloned().unwrap_or_default());
        for (tool, least) in &self.steps {
            let count = steps.of(tool).count();
            must(count >= *least, format!("{count} steps of {tool}, at least {least} expected"));
        }
        must(steps.width() >= self.width, format!("{} steps start at once", steps.width()));
        for (tool, others) in &self.depends {
            let on_all = |step: &Value| others.iter().all(|other| steps.reaches(step, other));
            must(steps.of(tool).any(on_all), format!("no step of {tool} depends on {others:?}"));
        }
        let answer = result["answer"].as_str().unwrap_or_default();
        for entry in &self.answer {
            let found = entry.split('|').any(|words| has_words(answer, words));
            must(found, format!("`{entry}` is not in the answer: {answer}"));
        }
        wrong.iter().map(|what| format!("{}: {what}", self.goal)).collect()
    }
}

/// The last line of stdout, which must be the result.
fn last(done: &Finished) -> Value {
    let result = done.json().pop().unwrap_or_else(|| panic!("no result: {done:?}"));
    assert_eq!(result["type"], "result", "{done:?}");
    result
}

/// The steps of a result.
struct Steps(Vec<Value>);

impl Steps {
    fn of(&self, tool: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |step| step["tool"] == tool)
    }

    fn width(&self) -> usize {
        self.0.iter().filter(|step| dependencies(step).next().is_none()).count()
    }

    /// Whether a step depends, directly or not, on a step of this tool.
    fn reaches(&self, from: &Value, tool: &str) -> bool {
        let mut open: Vec<_> = dependencies(from).collect();
        let mut next = 0;
        while let Some(number) = open.get(next).cloned() {
            let step = self.0.iter().find(|step| step["step_number"] == *number).unwrap();
            if step["tool"] == tool {
                return true;
            }
            open.extend(dependencies(step).filter(|more| !open.contains(more)).collect::<Vec<_>>());
            next += 1;
        }
        false
    }
}

fn dependencies(step: &Value) -> impl Iterator<Item = &Value> {
    step["depends_on"].as_array().into_iter().flatten()
}

/// Whether these words occur as whole words: `4%` does not in `94%`, nor `5` in `1.5`.
fn has_words(answer: &str, words: &str) -> bool {
    let whole = |at: usize| {
        let before = answer[..at].chars().next_back();
        let after = answer[at + words.len()..].chars().next();
        let outside = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        let inside_number = before.is_some_and(|c| ".,".contains(c));
        outside(before) && outside(after) && !inside_number
    };
    answer.match_indices(words).any(|(at, _)| whole(at))
}

#[test]
fn words_count_only_where_they_are_whole() {
    assert!(has_words("about 4% more", "4%") && has_words("(4%)", "4%"));
    assert!(!has_words("94%", "4%") && !has_words("1.4%", "4%") && !has_words("4%x", "4%"));
}
