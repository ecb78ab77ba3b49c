//! From the text of one step to JSON, mending what has one meaning only.
//!
//! Mended are trailing and doubled commas, comments, single and curly quotes, keys without quotes,
//! Python's `True`, `False` and `None`, line breaks inside text, references without quotes, and
//! quotes inside text that are not escaped, where nothing but words stands between them. Nothing is ever made up: a missing
//! comma or bracket, half a character, `NaN`, or a key that is there twice with two values is
//! refused. A general repair library would guess in each of these places.

use serde_json::{Map, Number, Value};

use super::lexer::{Kind, Lexer, Quote, Token, is_space};

/// The JSON that a delimited text means.
///
/// # Errors
/// What is wrong with it, for its author.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let mut lexer = Lexer::new(0);
    let tokens: Vec<_> = std::iter::from_fn(|| lexer.next(text)).collect();
    let mut reader = Reader { text, tokens: &tokens };
    let value = reader.value()?;
    match reader.tokens.first() {
        None if lexer.at() == text.len() => Ok(value),
        _ => Err("something follows it that does not belong to it".to_owned()),
    }
}

/// Recursive: whoever delimits the text has held it to a depth.
struct Reader<'t> {
    text: &'t str,
    tokens: &'t [Token],
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Token, String> {
        let (first, rest) = self.tokens.split_first().ok_or("it breaks off")?;
        self.tokens = rest;
        Ok(*first)
    }

    fn kind(&self) -> Option<Kind> {
        self.tokens.first().map(|token| token.kind)
    }

    fn source(&self, token: Token) -> &'t str {
        &self.text[token.from..token.to]
    }

    fn value(&mut self) -> Result<Value, String> {
        let token = self.next()?;
        match token.kind {
            Kind::Open(b'{') => match self.reference(token) {
                Some(reference) => Ok(Value::from(reference)),
                None => self.object(),
            },
            Kind::Open(_) => self.array(),
            Kind::Text(quote) => self.text_from(token, quote).map(Value::String),
            Kind::Word => literal(self.source(token)),
            Kind::Close(_) | Kind::Colon | Kind::Comma => {
                Err(format!("a value is missing before `{}`", self.source(token)))
            }
        }
    }

    /// `{{3.value}}` without quotes: two braces side by side mean nothing else.
    fn reference(&mut self, open: Token) -> Option<&'t str> {
        let (inside, _) = self.text[open.from..].strip_prefix("{{")?.split_once("}}")?;
        if inside.contains(['{', '}', '"', '\'', ',', ':', '\n']) {
            return None;
        }
        let to = open.from + inside.len() + 4;
        self.tokens = &self.tokens[self.tokens.iter().take_while(|t| t.to <= to).count()..];
        Some(&self.text[open.from..to])
    }

    fn object(&mut self) -> Result<Value, String> {
        let mut map = Map::new();
        loop {
            let token = self.next()?;
            let key = match token.kind {
                Kind::Close(b'}') => return Ok(Value::Object(map)),
                Kind::Comma => continue,
                Kind::Text(quote) => unquoted(self.source(token), quote)?,
                Kind::Word => self.source(token).to_owned(),
                Kind::Open(_) | Kind::Close(_) | Kind::Colon => {
                    return Err(format!("a key is missing before `{}`", self.source(token)));
                }
            };
            if self.kind() != Some(Kind::Colon) {
                return Err(format!("a colon is missing after the key `{}`", shown(&key)));
            }
            self.next()?;
            let value = self.value()?;
            if map.get(&key).is_some_and(|known| *known != value) {
                return Err(format!("the key `{}` is there twice", shown(&key)));
            }
            self.separated(b'}', &key)?;
            map.insert(key, value);
        }
    }

    fn array(&mut self) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            match self.kind() {
                Some(Kind::Close(b']')) => {
                    self.next()?;
                    return Ok(Value::Array(items));
                }
                Some(Kind::Comma) => {
                    self.next()?;
                }
                _ => {
                    items.push(self.value()?);
                    self.separated(b']', "a list's item")?;
                }
            }
        }
    }

    fn separated(&self, end: u8, what: &str) -> Result<(), String> {
        match self.kind() {
            Some(Kind::Comma) => Ok(()),
            Some(Kind::Close(close)) if close == end => Ok(()),
            _ => Err(format!(
                "a comma is missing after the value of `{}`, or a quote inside it is not written \
                 as \\\"",
                shown(what)
            )),
        }
    }

    /// Text whose own quotes may not be escaped: `"say "hi" now"`. Between its parts only words
    /// may stand; two texts side by side are two.
    fn text_from(&mut self, first: Token, quote: Quote) -> Result<String, String> {
        let mut last = first;
        loop {
            let words = self.tokens.iter().take_while(|token| token.kind == Kind::Word).count();
            let says_something = self.tokens[..words]
                .iter()
                .any(|token| self.source(*token).chars().any(char::is_alphanumeric));
            let part = self
                .tokens
                .get(words)
                .filter(|token| token.kind == Kind::Text(Quote::Double) && quote == Quote::Double);
            match part.filter(|token| says_something && !self.could_be_structure(**token)) {
                Some(token) => {
                    last = *token;
                    self.tokens = &self.tokens[words + 1..];
                }
                None => break,
            }
        }
        unquoted(&self.text[first.from..last.to], quote)
    }

    /// Whether what stands between these quotes could stand between two texts as well: then nobody
    /// knows where text ends.
    fn could_be_structure(&self, token: Token) -> bool {
        let source = self.source(token);
        source[1..source.len() - 1].trim_start().starts_with([',', ':', '}', ']'])
    }
}

/// What text means that stands between quotes: JSON's rules, and line breaks and other quotes may
/// stand in it as they are.
fn unquoted(source: &str, quote: Quote) -> Result<String, String> {
    let inside = &source[quote.width()..source.len() - quote.width()];
    let mut strict = String::with_capacity(source.len());
    strict.push('"');
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\'') => strict.push('\''),
                Some(escaped) => strict.extend(['\\', escaped]),
                None => return Err("text ends with `\\`".to_owned()),
            },
            '"' => strict.push_str("\\\""),
            c if c.is_control() => strict.push_str(&format!("\\u{:04x}", c as u32)),
            c => strict.push(c),
        }
    }
    strict.push('"');
    let refused = |_| format!("`{}` has a `\\` that means nothing", shown(inside));
    serde_json::from_str(&strict).map_err(refused)
}

fn literal(word: &str) -> Result<Value, String> {
    match word {
        "true" | "True" => Ok(Value::Bool(true)),
        "false" | "False" => Ok(Value::Bool(false)),
        "null" | "None" => Ok(Value::Null),
        _ => serde_json::from_str::<Number>(word)
            .map(Value::Number)
            .map_err(|_| format!("`{}` is no JSON value", shown(word))),
    }
}

/// Enough of a text to recognise it in a message.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 80;
    let plain = |c: char| if c.is_control() || is_space(c) { ' ' } else { c };
    let mut shown: String = text.trim().chars().take(MOST).map(plain).collect();
    if text.trim().chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_one_meaning_is_mended() {
        for (text, value) in [
            (r#"{"a": [1, 2,], "b": -1.5e3,}"#, json!({"a": [1, 2], "b": -1500.0})),
            ("{'a': 'it\\'s \"so\"', b: None}", json!({"a": "it's \"so\"", "b": null})),
            ("{“a”: “x \"y\"”} ", json!({"a": "x \"y\""})),
            ("{\"a\": \"two\nlines\"} // done\n", json!({"a": "two\nlines"})),
            (r#"{"a": "a, say "hi" now", "b": 1}"#, json!({"a": "a, say \"hi\" now", "b": 1})),
            (r#"{"a": 1, "a": 1}"#, json!({"a": 1})),
            (r#"{"a": {{1}}, "b": [{{2.x[0].y}}]}"#, json!({"a": "{{1}}", "b": ["{{2.x[0].y}}"]})),
            (r#"{"a": "\u00e9\ud83d\ude00\u0000"}"#, json!({"a": "é😀\0"})),
        ] {
            assert_eq!(read(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for (text, says) in [
            (r#"{"a": "5" disk", "b": "7" tape", "n": 1}"#, "comma is missing"),
            (r#"{"q": ["a, b "c": d"]}"#, "comma is missing"),
            (r#"{"a": "x" "y"}"#, "comma is missing after the value of `a`"),
            (r#"{"a": "x" + "y"}"#, "comma is missing"),
            (r#"{"a": 1 "b": 2}"#, "comma is missing"),
            (r#"{"a": ["x", "y"}"#, "comma is missing"),
            (r#"{"a": 1, "a": 2}"#, "the key `a` is there twice"),
            (r#"{"a": {{1}} + 2}"#, "comma is missing"),
            (r#"{"a": {{"b": 1}}}"#, "a key is missing"),
            (r#"{"a": NaN}"#, "`NaN` is no JSON value"),
            (r#"{"a": 0x10}"#, "`0x10` is no JSON value"),
            (r#"{"a": search}"#, "`search` is no JSON value"),
            (r#"{"a": "\ud800 x"}"#, "means nothing"),
            (r#"{"a": "C:\path"}"#, "means nothing"),
            (r#"{"a" 1}"#, "colon is missing after the key `a`"),
            (r#"{"a": }"#, "a value is missing before `}`"),
            (r#"{"a": 1} }"#, "does not belong to it"),
            (r#"{"a": "x"#, "breaks off"),
        ] {
            let problem = read(text).expect_err(text);
            assert!(problem.contains(says), "{text}: {problem}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9..1e9).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_means_what_it_says(value in any_json().prop_map(|value| json!([value]))) {
            prop_assert_eq!(read(&value.to_string()), Ok(value.clone()));
            prop_assert_eq!(read(&format!("{value:#}")), Ok(value));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[{}\\[\\]\"'“”:,/*#\\\\ a1\n]{0,60}") {
            let _ = read(&text);
        }
    }
}
