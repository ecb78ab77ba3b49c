//! Results become an answer, without a model: every figure and sentence comes out of a result or
//! out of the goal.
//!
//! Results are data of unknown origin: they are cleaned of control characters, quoted, bounded one
//! by one, and never read as references or instructions.

mod figure;
mod preview;
mod text;

use std::fmt::Write as _;

use serde_json::Value;
use sortie_engine::{Failure, StepNumber};

use figure::figure;
use preview::read;
use text::{cut, line};

/// What became of one step, as the planner service is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The author's label.
    pub number: StepNumber,
    /// What the step is for.
    pub description: String,
    /// The tool that did it.
    pub tool: String,
    /// The tool's input as its author wrote it.
    pub tool_input: Value,
    /// The steps that it depends on.
    pub depends_on: Vec<StepNumber>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// JSON text of the result, perhaps cut off at its end.
    Found(String),
    /// Why there is no result.
    Failed(Failure),
}

/// Passages of one search that an answer quotes: more is reading, not an answer.
const MAX_PASSAGES: usize = 3;
/// The longest quote, in characters.
const MAX_QUOTE_CHARS: usize = 600;
/// The longest text of one step, in characters, so that no step crowds out the others.
const MAX_STEP_CHARS: usize = 4_000;

/// Makes an answer of at most `max_bytes` bytes of Markdown.
#[must_use]
pub fn answer(reports: &[Report], max_bytes: usize) -> String {
    let results: Vec<_> = reports
        .iter()
        .filter_map(|report| match &report.outcome {
            Outcome::Found(json) => Some(Found { report, result: read(json) }),
            Outcome::Failed(_) => None,
        })
        .collect();
    let mut parts = summaries(&results);
    parts.extend(searches(&results, reports.len()));
    parts.extend(figures(&results, reports.len()));
    parts.extend(others(&results));
    parts.extend(missing(reports));
    parts.extend(sources(&results));
    cut(&parts.join("\n\n"), max_bytes)
}

/// A step with its result.
struct Found<'r> {
    report: &'r Report,
    result: Value,
}

impl Found<'_> {
    fn is(&self, tool: &str) -> bool {
        self.report.tool == tool
    }

    fn text(&self, key: &str) -> Option<String> {
        let text = self.result.get(key)?.as_str().map(|text| line(text, MAX_STEP_CHARS))?;
        (!text.is_empty()).then_some(text)
    }

    /// What the step was asked, in the author's words.
    fn asked(&self) -> String {
        let input = &self.report.tool_input;
        let keys = ["subject", "query", "expression", "topic", "timezone"];
        let own = keys.iter().find_map(|key| input.get(key)?.as_str());
        line(&unescaped(own.unwrap_or(&self.report.description)), 200)
    }

    fn passages(&self) -> Vec<&Value> {
        let passages = self.result.get("passages").and_then(Value::as_array);
        passages.into_iter().flatten().take(MAX_PASSAGES).collect()
    }
}

/// Text of a tool's input as it reads once its braces are text again.
fn unescaped(text: &str) -> String {
    text.replace("{{\"{{\"}}", "{{")
}

fn summaries(results: &[Found<'_>]) -> Vec<String> {
    let found: Vec<_> = results.iter().filter(|found| found.is("summarize")).collect();
    let several = found.len() > 1;
    found
        .into_iter()
        .filter_map(|found| {
            let text = found.text("text")?;
            let title = line(&found.report.description, 200);
            Some(if several { format!("## {title}\n\n{text}") } else { text })
        })
        .collect()
}

/// A section for each search, but for those that a summary already covers.
fn searches(results: &[Found<'_>], steps: usize) -> Vec<String> {
    let open: Vec<_> =
        results.iter().filter(|f| f.is("search") && !is_covered(f, results)).collect();
    // A lone search needs no title; beside others, even failed ones, a reader must see whose it is.
    let titled = steps > 1;
    let section = |found: &&Found<'_>| {
        let quotes: Vec<_> = found.passages().into_iter().filter_map(quote).collect();
        let quotes = if quotes.is_empty() {
            found.text("text").map(|text| format!("> {text}")).into_iter().collect()
        } else {
            quotes
        };
        if quotes.is_empty() {
            return None;
        }
        let body = quotes.join("\n\n");
        Some(if titled { format!("## {}\n\n{body}", heading(found)) } else { body })
    };
    open.iter().filter_map(section).collect()
}

fn is_covered(search: &Found<'_>, results: &[Found<'_>]) -> bool {
    let number = search.report.number;
    results.iter().any(|found| {
        found.is("summarize")
            && found.report.depends_on.contains(&number)
            && found.text("text").is_some()
    })
}

/// `San Francisco: cost of living`, from the step's own input.
fn heading(found: &Found<'_>) -> String {
    let subject = found.asked();
    let query = found.report.tool_input.get("query").and_then(Value::as_str).unwrap_or_default();
    let query = line(&unescaped(query), 200);
    match query.strip_suffix(subject.as_str()).map(str::trim) {
        Some(aspect) if !aspect.is_empty() => format!("{subject}: {aspect}"),
        _ => subject,
    }
}

/// A passage with its document.
fn quote(passage: &Value) -> Option<String> {
    let text = passage.get("text").and_then(Value::as_str)?;
    let text = line(text, MAX_QUOTE_CHARS);
    if text.is_empty() {
        return None;
    }
    let document = passage.get("document").and_then(Value::as_str).map(|name| line(name, 120));
    let source = document.filter(|name| !name.is_empty());
    let source = source.map(|name| format!("\n> — {name}")).unwrap_or_default();
    Some(format!("> {text}{source}"))
}

/// Calculations: alone just the figure, among other things a list of labelled figures.
fn figures(results: &[Found<'_>], steps: usize) -> Vec<String> {
    let found: Vec<_> = results.iter().filter(|found| found.is("calculate")).collect();
    let shown = |found: &&Found<'_>| {
        figure(&found.result, &found.report.description).map(|value| {
            let how = found.text("text").or_else(|| found.text("expression"));
            let how = how.map(|how| format!(" ({how})")).unwrap_or_default();
            (value, how, label(&found.report.description))
        })
    };
    let figures: Vec<_> = found.iter().filter_map(shown).collect();
    if let ([(value, how, _)], 1) = (figures.as_slice(), steps) {
        return vec![format!("**{value}**{how}")];
    }
    let list = figures.iter().fold(String::new(), |mut list, (value, how, label)| {
        let end = if list.is_empty() { "" } else { "\n" };
        // Writing into a string cannot fail.
        let _ = write!(list, "{end}- {label}: **{value}**{how}");
        list
    });
    let alone = results.len() == found.len();
    match list.as_str() {
        "" => Vec::new(),
        list if alone => vec![list.to_owned()],
        list => vec![format!("## Figures\n\n{list}")],
    }
}

/// What a figure is: the part of the description in front of how it is worked out.
fn label(description: &str) -> String {
    let label = description.split_once(": ").map_or(description, |(label, _)| label);
    let label = label.strip_prefix("Calculate ").unwrap_or(label);
    line(label, 200)
}

/// The clock, and tools that these rules do not plan with.
fn others(results: &[Found<'_>]) -> Vec<String> {
    let known = ["search", "calculate", "summarize"];
    let found = results.iter().filter(|found| !known.contains(&found.report.tool.as_str()));
    found
        .map(|found| {
            if let (true, Some(time), Some(date)) =
                (found.is("now"), found.text("time"), found.text("date"))
            {
                let zone = found.text("timezone").map(|zone| format!(" ({zone})"));
                let day = found.text("weekday").map(|day| format!("{day}, "));
                let (day, zone) = (day.unwrap_or_default(), zone.unwrap_or_default());
                return format!("It is **{time}** on {day}{date}{zone}.");
            }
            let title = line(&found.report.description, 200);
            let body = match &found.result {
                Value::String(text) => line(text, MAX_STEP_CHARS),
                other => line(&other.to_string(), MAX_STEP_CHARS),
            };
            format!("{title}:\n\n> {body}")
        })
        .collect()
}

/// What is not in the answer, and why.
fn missing(reports: &[Report]) -> Option<String> {
    let lines: Vec<_> = reports
        .iter()
        .filter_map(|report| match &report.outcome {
            Outcome::Found(_) => None,
            Outcome::Failed(failure) => {
                let (what, why) = (line(&report.description, 300), line(&failure.message, 600));
                let kind = failure.kind.as_str().replace('_', " ");
                Some(format!("- {what} (step {}): {kind}: {why}", report.number))
            }
        })
        .collect();
    (!lines.is_empty()).then(|| format!("## Missing\n\n{}", lines.join("\n")))
}

/// The steps that the answer rests on. What a summary condensed is quoted here, so that it can be
/// checked.
fn sources(results: &[Found<'_>]) -> Option<String> {
    let cited: Vec<_> = results
        .iter()
        .map(|found| {
            format!("step {} ({}: {})", found.report.number, found.report.tool, citation(found))
        })
        .collect();
    if cited.is_empty() {
        return None;
    }
    let mut text = format!("Sources: {}", cited.join(", "));
    for found in results.iter().filter(|f| f.is("search") && is_covered(f, results)) {
        if let Some(quote) = found.passages().first().and_then(|passage| quote(passage)) {
            let _ = write!(text, "\n\nStep {}:\n\n{quote}", found.report.number);
        }
    }
    Some(text)
}

/// What a step did, in a few words; a calculation with its values filled in.
fn citation(found: &Found<'_>) -> String {
    match (found.report.tool.as_str(), found.text("expression")) {
        ("calculate", Some(expression)) => line(&expression, 200),
        ("search", _) => heading(found),
        _ => found.asked(),
    }
}

#[cfg(test)]
mod tests;
