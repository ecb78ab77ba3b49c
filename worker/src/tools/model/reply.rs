//! JSON in what a model writes. Some put it between marks of Markdown, say a word before and after,
//! or break its rules: single quotes, bare names, a comma too many, no end.
//!
//! The reader of broken JSON takes each character once and goes only so deep, whatever a model
//! writes. What it cannot make sense of is nothing, never a guess between two meanings.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::{Map, Number, Value};

/// Deeper than any form; the reader calls itself.
const MAX_DEPTH: usize = 64;

/// The first object in a reply: as it stands there, or repaired. Without an end it ends where the
/// reply does.
pub(super) fn object(reply: &str) -> Option<Map<String, Value>> {
    let json = &reply[reply.find('{')?..];
    let strict = serde_json::Deserializer::from_str(json).into_iter().next();
    if let Some(Ok(Value::Object(object))) = strict {
        return Some(object);
    }
    match (Broken { rest: json.chars().peekable() }).value(0)? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// JSON that breaks rules.
struct Broken<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Broken<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        match self.next_sign()? {
            _ if depth > MAX_DEPTH => None,
            '{' => self.fields(depth),
            '[' => self.items(depth),
            quote @ ('"' | '\'') => Some(Value::String(self.quoted(quote))),
            _ => self.word().map(|word| meaning(&word)),
        }
    }

    fn fields(&mut self, depth: usize) -> Option<Value> {
        let mut fields = Map::new();
        self.rest.next();
        loop {
            let key = match self.after_commas() {
                None => break,
                Some('}') => {
                    self.rest.next();
                    break;
                }
                Some(quote @ ('"' | '\'')) => self.quoted(quote),
                Some(_) => self.word()?,
            };
            match self.next_sign() {
                None => break,
                Some(':') => self.rest.next(),
                Some(_) => return None,
            };
            if self.next_sign().is_none() {
                break;
            }
            fields.insert(key, self.value(depth + 1)?);
        }
        Some(Value::Object(fields))
    }

    fn items(&mut self, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        self.rest.next();
        loop {
            match self.after_commas() {
                None => break,
                Some(']') => {
                    self.rest.next();
                    break;
                }
                Some(_) => items.push(self.value(depth + 1)?),
            }
        }
        Some(Value::Array(items))
    }

    /// Text between quotes, or from a quote to the end.
    fn quoted(&mut self, quote: char) -> String {
        self.rest.next();
        // As UTF-16, so that two escapes can make one character.
        let mut units = Vec::new();
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => units.extend(self.escaped()),
                c if c == quote => break,
                c => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
            }
        }
        String::from_utf16_lossy(&units)
    }

    fn escaped(&mut self) -> Vec<u16> {
        let c = match self.rest.next() {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('u') => {
                let digits: String = self.rest.by_ref().take(4).collect();
                return vec![u16::from_str_radix(&digits, 16).unwrap_or(0xFFFD)];
            }
            Some(other) => other,
            None => return Vec::new(),
        };
        c.encode_utf16(&mut [0; 2]).to_vec()
    }

    /// Text without quotes, up to the next sign of JSON.
    fn word(&mut self) -> Option<String> {
        let mut word = String::new();
        let ends = |c: char| "{}[]:,\"\n".contains(c);
        while let Some(c) = self.rest.next_if(|c| !ends(*c)) {
            word.push(c);
        }
        let word = word.trim();
        (!word.is_empty()).then(|| word.to_owned())
    }

    fn next_sign(&mut self) -> Option<char> {
        while self.rest.next_if(|c| c.is_whitespace()).is_some() {}
        self.rest.peek().copied()
    }

    fn after_commas(&mut self) -> Option<char> {
        while self.next_sign()? == ',' {
            self.rest.next();
        }
        self.next_sign()
    }
}

fn meaning(word: &str) -> Value {
    match word {
        "true" | "True" => Value::Bool(true),
        "false" | "False" => Value::Bool(false),
        "null" | "None" => Value::Null,
        _ => match word.parse::<Number>() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::String(word.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use std::time::{Duration, Instant};

    fn read(reply: &str) -> Option<Value> {
        object(reply).map(Value::Object)
    }

    #[test]
    fn an_object_is_found_among_words_and_marks() {
        let wanted = Some(json!({"a": 1, "b": ["x</y>", {"c": null}]}));
        let plain = r#"{"a": 1, "b": ["x</y>", {"c": null}]}"#;
        assert_eq!(read(plain), wanted);
        assert_eq!(read(&format!("```json\n{plain}\n```\n")), wanted);
        assert_eq!(read(&format!("Here it is: {plain} Anything else? {{}}")), wanted);
        assert_eq!(read("{a: 1, 'b': ['x</y>', {c: None},],} I hope that helps."), wanted);
        assert_eq!(read(r#"{"a": 1, "b": ["x</y>", {"c": null"#), wanted);
        assert_eq!(object(r#"{"a": {"b": 1}, "c": "un"#).unwrap()["c"], "un");
        assert_eq!(read(r#"{'a': 'José \\é \é',}"#), Some(json!({"a": "José \\é é"})));
        assert_eq!(read("{a: '\\ud83d\\ude00 \\u00e9'}"), Some(json!({"a": "\u{1f600} é"})));
        assert_eq!(read(r#"{"n": 007}"#), Some(json!({"n": "007"})));
    }

    #[test]
    fn what_holds_no_object_is_none() {
        for reply in ["", "no", "[1, 2]", "\"{\"", "}{", "42"] {
            let read = read(reply);
            assert!(read.is_none() || read == Some(json!({})), "{reply}: {read:?}");
        }
    }

    #[test]
    fn a_model_that_goes_wild_ends_in_time_and_leaves_the_process_alone() {
        let started = Instant::now();
        for wild in ["{\"a\":", "{", "[", "{'", "{\"a\\", "{a,", "{/*", "{\"", "{a:{]", "\n{é:"] {
            for count in [MAX_DEPTH / 2, 20_000] {
                let _ = object(&format!("{{{}", wild.repeat(count)));
            }
        }
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_crash(
            text in r#"[{}\[\]:,'"a-c0-2\\ \n`#/.*éeE+-]{0,60}"#,
        ) {
            let _ = object(&text);
        }
    }
}
