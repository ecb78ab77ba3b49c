//! What workers report: results, and what became of an attempt.

use std::io;
use std::sync::Arc;

use serde_json::Value;

use crate::failure::Failure;
use crate::ids::{AttemptNumber, ResultId, StepId, WorkerName};
use crate::time::Timestamp;

/// Bytes of a result that events carry for people: a line or two.
pub const PREVIEW_BYTES: usize = 240;
/// Results up to this size travel with the outcome; larger ones are stored on their own, so that
/// inboxes and records stay small.
pub const INLINE_RESULT_BYTES: u64 = 4096;

/// The result of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepResult {
    /// Where it is.
    pub body: ResultBody,
    /// Its size, in bytes of compact JSON.
    pub bytes: u64,
    /// What people see of it in passing, at most [`PREVIEW_BYTES`] and cut between characters: the
    /// beginning of its `text` where it is an object with a string of that name, of its JSON
    /// otherwise. For eyes only: nothing tells whether it is all there is.
    pub preview: Arc<str>,
    /// Whether there is nothing in it: see [`is_empty`].
    pub empty: bool,
}

/// Whether a result says nothing: null, blank text, and lists and objects that hold nothing else.
#[must_use]
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.iter().all(is_empty),
        Value::Object(members) => members.values().all(is_empty),
    }
}

/// Where a result is.
#[derive(Debug, Clone, PartialEq)]
pub enum ResultBody {
    /// Right here.
    Inline(Arc<Value>),
    /// In the store under a name of its own.
    Stored(ResultId),
    /// In the store under its step, as histories tell it.
    Recorded,
}

impl StepResult {
    /// A result that travels with the outcome; its size decides whether it should.
    #[must_use]
    pub fn inline(value: Value) -> Self {
        let mut meter = Meter::default();
        // Writing JSON into a meter cannot fail: values have string keys and the meter takes all.
        let _ = serde_json::to_writer(&mut meter, &value);
        let preview = match value.get("text") {
            Some(Value::String(text)) => Arc::from(beginning(text.as_bytes())),
            _ => Arc::from(beginning(&meter.start)),
        };
        let empty = is_empty(&value);
        Self { body: ResultBody::Inline(Arc::new(value)), bytes: meter.bytes, preview, empty }
    }

    /// Whether it is small enough to travel with the outcome.
    #[must_use]
    pub const fn fits_inline(&self) -> bool {
        self.bytes <= INLINE_RESULT_BYTES
    }

    /// The same result, as the history tells it: without the value.
    #[must_use]
    pub fn recorded(&self) -> Self {
        let body = match self.body {
            ResultBody::Stored(id) => ResultBody::Stored(id),
            ResultBody::Inline(_) | ResultBody::Recorded => ResultBody::Recorded,
        };
        Self { body, preview: self.preview.clone(), ..*self }
    }
}

/// Counts what is written and keeps the beginning.
#[derive(Default)]
struct Meter {
    bytes: u64,
    start: Vec<u8>,
}

/// As much of UTF-8 text as a preview holds, without a character that is not whole.
fn beginning(text: &[u8]) -> &str {
    let text = &text[..text.len().min(PREVIEW_BYTES)];
    match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(cut) => std::str::from_utf8(&text[..cut.valid_up_to()]).unwrap_or_default(),
    }
}

impl io::Write for Meter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        let room = PREVIEW_BYTES - self.start.len();
        self.start.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptReport {
    /// The step.
    pub step: StepId,
    /// Which try at it.
    pub attempt: AttemptNumber,
    /// What came of it.
    pub outcome: Outcome,
    /// Who did it.
    pub worker: WorkerName,
    /// When the worker started.
    pub started_at: Timestamp,
    /// Workers that were lost over this attempt before this one.
    pub workers_lost: u32,
    /// What model calls of the tool used.
    pub usage: Usage,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A result.
    Succeeded(StepResult),
    /// None, and whether to retry.
    Failed(Failure),
}

/// What model calls used, by what they were for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoleUsage {
    /// Making plans.
    pub planner: Usage,
    /// Steps whose tools call a model.
    pub executor: Usage,
    /// Making answers.
    pub synthesizer: Usage,
}

impl RoleUsage {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> Usage {
        let mut total = self.planner;
        total += self.executor;
        total += self.synthesizer;
        total
    }
}

/// What model calls used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls of models.
    pub model_calls: u32,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// What the calls with a known price cost, in billionths of a US dollar.
    pub cost_nanodollars: u64,
    /// Calls whose price is not known: the cost is without them.
    pub unpriced_calls: u32,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, more: Self) {
        self.model_calls = self.model_calls.saturating_add(more.model_calls);
        self.input_tokens = self.input_tokens.saturating_add(more.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(more.output_tokens);
        self.cost_nanodollars = self.cost_nanodollars.saturating_add(more.cost_nanodollars);
        self.unpriced_calls = self.unpriced_calls.saturating_add(more.unpriced_calls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_result_knows_its_size_and_its_beginning() {
        let result = StepResult::inline(json!({"a": "é".repeat(400)}));
        assert_eq!(result.bytes, 808);
        assert!(result.preview.len() <= PREVIEW_BYTES && result.preview.starts_with("{\"a\":\"éé"));
        assert!(result.fits_inline());
        assert!(!StepResult::inline(json!("x".repeat(4096))).fits_inline());
    }

    #[test]
    fn a_preview_is_the_text_that_a_tool_wrote_for_people() {
        let preview = |value| StepResult::inline(value).preview;
        let calculated = json!({"expression": "2+2", "text": "2 + 2 = 4\n\"exact\"", "value": "4"});
        assert_eq!(&*preview(calculated), "2 + 2 = 4\n\"exact\"");
        let long = preview(json!({"text": "é".repeat(1 << 20)}));
        assert_eq!(&*long, "é".repeat(PREVIEW_BYTES / 2));
        assert_eq!(&*preview(json!({"text": ["a"]})), "{\"text\":[\"a\"]}");
        assert_eq!(&*preview(json!(["text"])), "[\"text\"]");
        assert_eq!(&*preview(json!("text")), "\"text\"");
    }

    #[test]
    fn a_result_that_says_nothing_is_empty() {
        for nothing in [json!(null), json!(" "), json!([]), json!({"text": "", "items": [null]})] {
            assert!(StepResult::inline(nothing.clone()).empty, "{nothing}");
        }
        for something in [json!(0), json!(false), json!("x"), json!({"text": "", "count": 0})] {
            assert!(!StepResult::inline(something.clone()).empty, "{something}");
        }
    }
}
