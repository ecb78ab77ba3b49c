//! Lines of JSON: one object each, keys in a fixed order, numbers with all their digits.
//!
//! `tool_input` and results travel as JSON text and are put into the line as they are, never
//! through a double. Characters that could steer a terminal leave as `\u` escapes.

mod event;
mod result;

use std::fmt::Write as _;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::error::Error;
use crate::text::turns_direction;
use crate::view::Failure;

pub(crate) use event::{item_line, problems as problems_json};
pub(crate) use result::{result_line, run_object, steps_json, usage_json};

/// An object whose keys keep the order in which they were put.
#[derive(Debug, Default)]
pub(crate) struct Object(Vec<(&'static str, Box<RawValue>)>);

impl Object {
    /// An object that begins with its type.
    pub(crate) fn of_type(name: &str) -> Self {
        Self::default().put("type", name)
    }

    /// The last line of a command that never had a run.
    pub(crate) fn refused(error: &Error) -> Self {
        let kind = error.kind().as_str().to_owned();
        let failure = Failure { kind, message: error.to_string() };
        Self::of_type("result")
            .put("run_id", ())
            .put("state", "refused")
            .put("partial", false)
            .put("answer", ())
            .put("error", failure_json(Some(&failure)))
            .put("steps", [(); 0])
            .put("usage", ())
            .put("usage_by_role", ())
    }

    /// Adds a value. What cannot be JSON becomes null.
    pub(crate) fn put(mut self, key: &'static str, value: impl Serialize) -> Self {
        let raw = to_raw_value(&value).unwrap_or_else(|_| RawValue::NULL.to_owned());
        self.0.push((key, raw));
        self
    }

    /// The object on one line, harmless for a terminal. Control characters can only stand inside
    /// strings or, as whitespace, between tokens.
    pub(crate) fn line(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        let mut line = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '\n' | '\r' | '\t' => line.push(' '),
                c if c.is_control() || turns_direction(c) => {
                    write!(line, "\\u{:04x}", c as u32).ok();
                }
                c => line.push(c),
            }
        }
        line
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// JSON text as it is; text that is no JSON as a string; nothing as null.
pub(crate) fn verbatim(text: &str) -> Box<RawValue> {
    if text.is_empty() {
        return RawValue::NULL.to_owned();
    }
    RawValue::from_string(text.to_owned())
        .or_else(|_| to_raw_value(text))
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// `{"kind","message"}`, or null.
pub(crate) fn failure_json(failure: Option<&Failure>) -> Option<Object> {
    let failure = failure?;
    Some(Object::default().put("kind", &failure.kind).put("message", &failure.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits_and_lines_stay_lines() {
        let input = "{\"n\": 12345678901234567890.123456789,\n \"s\": \"a\\nb\"}";
        let line = Object::of_type("x").put("tool_input", verbatim(input)).line();
        assert_eq!(
            line,
            "{\"type\":\"x\",\"tool_input\":{\"n\": 12345678901234567890.123456789,  \"s\": \"a\\nb\"}}"
        );
    }

    #[test]
    fn text_that_is_no_json_becomes_a_string_and_nothing_becomes_null() {
        assert_eq!(verbatim("{\"cut").get(), "\"{\\\"cut\"");
        assert_eq!(verbatim("").get(), "null");
    }

    #[test]
    fn characters_that_steer_a_terminal_are_escaped_and_read_back_the_same() {
        let evil = "\u{1b}[31m\u{9b}2J\u{7f}\u{202e}";
        let line = Object::default().put("text", evil).line();
        assert!(line.is_ascii(), "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["text"], evil);
    }
}
