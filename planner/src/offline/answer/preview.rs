//! Results as they arrive: JSON text that a budget may have cut in the middle.

use serde_json::Value;

/// How many places a cut text is tried to be closed at before it is taken as plain text.
const MAX_REPAIRS: usize = 16;

/// A result; of a cut one, as much as is whole; of anything else, its text.
pub(super) fn read(json: &str) -> Value {
    serde_json::from_str(json)
        .ok()
        .or_else(|| repaired(json))
        .unwrap_or_else(|| Value::String(json.to_owned()))
}

/// Closes what a cut left open, at the end or behind one of the last whole values.
fn repaired(json: &str) -> Option<Value> {
    let mut open = Vec::new();
    let mut commas = Vec::new();
    let (mut in_string, mut escaped) = (false, false);
    let mut escape_start = 0;
    for (at, c) in json.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => {
                escaped = true;
                escape_start = at;
            }
            '"' => in_string = !in_string,
            _ if in_string => {}
            '{' => open.push('}'),
            '[' => open.push(']'),
            '}' | ']' => drop(open.pop()),
            ',' => commas.push((at, open.clone())),
            _ => {}
        }
        if open.len() > 128 {
            return None;
        }
        if commas.len() > MAX_REPAIRS {
            commas.remove(0);
        }
    }
    let close = |text: &str, quote: &str, open: &[char]| {
        let closers: String = open.iter().rev().collect();
        serde_json::from_str(&format!("{text}{quote}{closers}")).ok()
    };
    let quote = if in_string { "\"" } else { "" };
    // A half-written escape at the very end goes; `\u12` needs a look a little further back.
    let tail = json.len().saturating_sub(escape_start) <= 6 && escape_start > 0 && in_string;
    let body = if tail { &json[..escape_start] } else { json };
    close(body, quote, &open)
        .or_else(|| commas.iter().rev().find_map(|(at, open)| close(&json[..*at], "", open)))
}
