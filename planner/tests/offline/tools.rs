//! A tiny stand-in for the worker: it runs a plan over the documents of `goals/docs`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sortie_engine::{Failure, FailureKind, StepDraft, StepNumber, Template, render};
use sortie_planner::offline::answer::{Outcome, Report};

const DOCUMENTS: [(&str, &str); 5] = [
    ("austin.md", include_str!("../goals/docs/austin.md")),
    ("python.md", include_str!("../goals/docs/python.md")),
    ("rust.md", include_str!("../goals/docs/rust.md")),
    ("san-francisco.md", include_str!("../goals/docs/san-francisco.md")),
    ("software-engineer-salary.md", include_str!("../goals/docs/software-engineer-salary.md")),
];

/// Runs every step in order; what depends on a failed step is skipped.
pub(crate) fn run(steps: &[StepDraft]) -> Vec<Report> {
    let mut results: BTreeMap<StepNumber, Value> = BTreeMap::new();
    let mut reports = Vec::new();
    for step in steps {
        let template = Template::parse(&step.tool_input).unwrap();
        let input = render(&template, |number| results.get(&number), 1 << 20);
        let outcome = match input.and_then(|input| call(&step.tool, &input)) {
            Ok(result) => {
                let json = result.to_string();
                results.insert(step.number, result);
                Outcome::Found(json)
            }
            Err(failure) => Outcome::Failed(failure),
        };
        reports.push(Report {
            number: step.number,
            description: step.description.clone(),
            tool: step.tool.clone(),
            tool_input: step.tool_input.clone(),
            depends_on: step.depends_on.clone(),
            outcome,
        });
    }
    reports
}

fn call(tool: &str, input: &Value) -> Result<Value, Failure> {
    match tool {
        "search" => search(input["subject"].as_str().unwrap()),
        "calculate" => calculate(input["expression"].as_str().unwrap()),
        "summarize" => {
            let texts: Vec<_> =
                input["text"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
            Ok(json!({"text": texts.join(" "), "extractive": true}))
        }
        _ => Ok(json!({"time": "12:00", "date": "2030-01-01", "timezone": "UTC"})),
    }
}

fn search(subject: &str) -> Result<Value, Failure> {
    let wanted: Vec<_> = subject.to_lowercase().split(' ').map(str::to_owned).collect();
    let passages: Vec<_> = DOCUMENTS
        .iter()
        .filter(|(_, text)| wanted.iter().all(|word| text.to_lowercase().contains(word)))
        .map(|(name, text)| {
            let body = text.split_once("\n\n").unwrap().1.trim();
            json!({"document": name, "heading": "", "text": body, "score": 1.0})
        })
        .collect();
    if passages.is_empty() {
        let message = format!("no document names {subject}");
        return Err(Failure::new(FailureKind::NotFound, message));
    }
    let text: Vec<_> = passages.iter().map(|p| p["text"].as_str().unwrap()).collect();
    Ok(json!({"subject": subject, "text": text.join(" "), "passages": passages}))
}

fn calculate(expression: &str) -> Result<Value, Failure> {
    if let Some((quantity, unit)) = expression.split_once(" to ") {
        assert_eq!((quantity, unit), ("26.2 miles", "kilometers"), "the only one known here");
        return Ok(json!({"value": "42.1648128", "unit": unit, "text": expression}));
    }
    let mut parser = Parser { text: expression.replace(' ', ""), at: 0 };
    let value = parser.sum();
    assert_eq!(parser.at, parser.text.len(), "{expression}");
    if !value.is_finite() {
        return Err(Failure::new(FailureKind::ToolFailed, "division by zero"));
    }
    let shown = (value * 1e9).round() / 1e9;
    let text = format!("{expression} = {shown}");
    Ok(json!({"expression": expression, "value": shown.to_string(), "unit": null, "text": text}))
}

/// `+ - * / ^ %`, brackets and `sqrt`: what plans of rules may use.
struct Parser {
    text: String,
    at: usize,
}

impl Parser {
    fn eat(&mut self, sign: &str) -> bool {
        let found = self.text[self.at..].starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    fn sum(&mut self) -> f64 {
        let mut value = self.product();
        loop {
            if self.eat("+") {
                value += self.product();
            } else if self.eat("-") {
                value -= self.product();
            } else {
                return value;
            }
        }
    }

    fn product(&mut self) -> f64 {
        let mut value = self.power();
        loop {
            if self.eat("*") {
                value *= self.power();
            } else if self.eat("/") {
                value /= self.power();
            } else {
                return value;
            }
        }
    }

    fn power(&mut self) -> f64 {
        if self.eat("-") {
            return -self.power();
        }
        let base = self.primary();
        if self.eat("^") { base.powf(self.power()) } else { base }
    }

    fn primary(&mut self) -> f64 {
        let root = self.eat("sqrt");
        if self.eat("(") {
            let value = self.sum();
            assert!(self.eat(")"), "{}", self.text);
            return if root { value.sqrt() } else { value };
        }
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let value: f64 = rest[..end].parse().unwrap_or_else(|_| panic!("{}", self.text));
        self.at += end;
        if self.eat("%") { value / 100.0 } else { value }
    }
}

/// The figure of the last calculation of a plan.
pub(crate) fn last_value(steps: &[StepDraft]) -> Option<String> {
    run(steps).iter().rev().find_map(|report| match &report.outcome {
        Outcome::Found(json) if report.tool == "calculate" => {
            let result: Value = serde_json::from_str(json).unwrap();
            Some(result["value"].as_str().unwrap().to_owned())
        }
        _ => None,
    })
}
