//! A step's input with holes for the results of other steps.
//!
//! A reference is `{{3}}` (the whole result of step 3) or `{{3.items[0].price}}` (a part of it);
//! keys that are not plain words are quoted: `{{3["unit price"]}}`. `{{"text"}}` stands for the
//! text itself, which is how an author writes braces: `{{"{{"}}`. A reference that is a whole
//! string keeps the JSON type of what it names; inside other text it becomes text.
//!
//! References are found once, when the step arrives. **Values are put into holes and never
//! scanned again**: whatever a result contains, it is only text.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::failure::{Failure, FailureKind};
use crate::ids::StepNumber;

/// Deeper inputs are refused: every walk over them is recursive.
pub const MAX_INPUT_DEPTH: usize = 64;
/// More references in one input are refused: each is a value to carry.
pub const MAX_REFERENCES: usize = 256;

/// A parsed input.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    source: Arc<Value>,
    /// Nothing where the source holds no reference and no escape: then it stands for itself.
    root: Option<Node>,
    references: Vec<Reference>,
    bytes: usize,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Holds no reference.
    Literal(Value),
    /// Is one reference: an index into [`Template::references`].
    Hole(usize),
    /// Text with references in it.
    Text(Vec<Piece>),
    /// An array that holds a reference somewhere.
    Array(Vec<Node>),
    /// An object that holds a reference somewhere.
    Object(Vec<(String, Node)>),
}

/// A part of text with references in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Plain text.
    Text(String),
    /// An index into [`Template::references`].
    Hole(usize),
}

/// The result of a step, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Whose result.
    pub step: StepNumber,
    /// Which part; empty for the whole.
    pub path: Path,
}

/// A way into a JSON value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Path(Vec<Segment>);

/// One step of a way into a JSON value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// A property of an object.
    Key(String),
    /// An element of an array, counted from 0.
    Index(usize),
}

/// An input that is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    /// Something between double braces that is no reference.
    #[error(
        "`{{{{{text}}}}}` is no reference: write `{{{{3}}}}` or `{{{{3.items[0].price}}}}` for results, \
         `{{{{\"{{{{\"}}}}` for braces"
    )]
    NotAReference {
        /// What stood between the braces.
        text: String,
    },
    /// Braces that are never closed.
    #[error("`{{{{{text}` is not closed with `}}}}`")]
    NotClosed {
        /// What follows the open braces.
        text: String,
    },
    /// Too deeply nested.
    #[error("the input is nested deeper than {MAX_INPUT_DEPTH} levels")]
    TooDeep,
    /// Too many references.
    #[error("the input has more than {MAX_REFERENCES} references")]
    TooManyReferences,
}

impl Template {
    /// Finds the references of an input.
    ///
    /// # Errors
    /// If something looks like a reference and is none, or the input is too deep.
    pub fn parse(input: &Value) -> Result<Self, BadTemplate> {
        Self::sized(Arc::new(input.clone()), json_bytes(input))
    }

    /// The same for an input whose size in bytes of JSON is known.
    pub(crate) fn sized(source: Arc<Value>, bytes: usize) -> Result<Self, BadTemplate> {
        let mut references = Vec::new();
        let root = match has_braces(&source, 0)? {
            true => Some(parse_node(&source, 0, &mut references)?),
            false => None,
        };
        Ok(Self { source, root, references, bytes })
    }

    /// The input as the author wrote it.
    #[must_use]
    pub fn source(&self) -> &Arc<Value> {
        &self.source
    }

    /// The size of the input as the author wrote it, in bytes of compact JSON.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The parsed form; nothing where the source stands for itself.
    #[must_use]
    pub const fn root(&self) -> Option<&Node> {
        self.root.as_ref()
    }

    /// Every reference, each once, in the order in which they first occur.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// The steps that are referred to, each once, ascending.
    #[must_use]
    pub fn steps(&self) -> Vec<StepNumber> {
        let mut steps: Vec<_> = self.references.iter().map(|reference| reference.step).collect();
        steps.sort_unstable();
        steps.dedup();
        steps
    }

    /// Whether both are the same text with the same references, once `other`'s step numbers are
    /// translated.
    #[must_use]
    pub fn same_as(&self, other: &Self, same: impl Fn(StepNumber, StepNumber) -> bool) -> bool {
        let pairs = self.references.iter().zip(&other.references);
        let same_words = match (&self.root, &other.root) {
            (None, None) => self.source == other.source,
            (one, another) => one == another,
        };
        same_words
            && self.references.len() == other.references.len()
            && pairs.into_iter().all(|(a, b)| a.path == b.path && same(a.step, b.step))
    }
}

/// Fills the holes of a template. `values` gives the whole result of a step.
///
/// # Errors
/// `bad_reference` if a result has no such part, `input_lost` if a value is missing, and
/// `invalid_input` if the filled input is larger than `max_bytes` of JSON.
pub fn render<'v>(
    template: &Template,
    values: impl Fn(StepNumber) -> Option<&'v Value>,
    max_bytes: usize,
) -> Result<Value, Failure> {
    let mut filler =
        Filler { parts: Vec::with_capacity(template.references.len()), left: max_bytes };
    for reference in &template.references {
        let whole = values(reference.step).ok_or_else(|| {
            let message = format!("the result of step {} is gone", reference.step);
            Failure::new(FailureKind::InputLost, message)
        })?;
        let part = reference.path.find(whole).ok_or_else(|| {
            let message = format!(
                "`{reference}` names nothing: the result of step {} has {}",
                reference.step,
                offer(whole)
            );
            Failure::new(FailureKind::BadReference, message)
        })?;
        filler.parts.push(part);
    }
    let filled = match &template.root {
        Some(root) => filler.fill(root),
        None => Some(template.source.as_ref().clone()),
    };
    filled.ok_or_else(|| {
        let message =
            format!("the input with its references filled in is larger than {max_bytes} bytes");
        Failure::new(FailureKind::InvalidInput, message)
    })
}

/// Puts values into holes and counts what they cost, so that one result in a hundred holes cannot
/// eat the memory.
struct Filler<'v> {
    parts: Vec<&'v Value>,
    left: usize,
}

impl Filler<'_> {
    fn fill(&mut self, node: &Node) -> Option<Value> {
        Some(match node {
            Node::Literal(value) => value.clone(),
            Node::Hole(index) => {
                let part = *self.parts.get(*index)?;
                self.spend(json_bytes(part))?;
                part.clone()
            }
            Node::Text(pieces) => Value::String(self.fill_text(pieces)?),
            Node::Array(nodes) => {
                Value::Array(nodes.iter().map(|node| self.fill(node)).collect::<Option<_>>()?)
            }
            Node::Object(fields) => {
                let fill = |(key, node): &(String, Node)| Some((key.clone(), self.fill(node)?));
                Value::Object(fields.iter().map(fill).collect::<Option<Map<_, _>>>()?)
            }
        })
    }

    fn fill_text(&mut self, pieces: &[Piece]) -> Option<String> {
        let mut filled = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Hole(index) => {
                    let part = *self.parts.get(*index)?;
                    self.spend(json_bytes(part))?;
                    match part {
                        Value::String(text) => filled.push_str(text),
                        other => filled.push_str(&other.to_string()),
                    }
                }
            }
        }
        Some(filled)
    }

    fn spend(&mut self, bytes: usize) -> Option<()> {
        self.left = self.left.checked_sub(bytes)?;
        Some(())
    }
}

/// How many bytes a value takes as compact JSON.
#[must_use]
pub fn json_bytes(value: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, value) {
        Ok(()) => count.0,
        Err(_) => usize::MAX,
    }
}

/// What a result offers to references, for a message.
fn offer(value: &Value) -> String {
    match value {
        Value::Object(map) if !map.is_empty() => {
            let keys: Vec<_> = map.keys().take(12).map(String::as_str).collect();
            format!("the keys {}", keys.join(", "))
        }
        Value::Array(items) => format!("{} items", items.len()),
        Value::Object(_) => "no keys".to_owned(),
        _ => "no parts".to_owned(),
    }
}

impl Path {
    /// The segments, outermost first.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The part of `value` that this names.
    #[must_use]
    pub fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |at, segment| match segment {
            Segment::Key(key) => at.as_object()?.get(key),
            Segment::Index(index) => at.as_array()?.get(*index),
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{{}{}}}}}", self.step, self.path)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.0 {
            match segment {
                Segment::Key(key) if is_word(key) => write!(f, ".{key}")?,
                Segment::Key(key) => write!(f, "[{}]", Value::from(key.as_str()))?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Whether anything in the input could be a reference.
fn has_braces(input: &Value, depth: usize) -> Result<bool, BadTemplate> {
    if depth > MAX_INPUT_DEPTH {
        return Err(BadTemplate::TooDeep);
    }
    let mut found = false;
    match input {
        Value::String(text) => found = text.contains("{{"),
        Value::Array(items) => {
            for item in items {
                found |= has_braces(item, depth + 1)?;
            }
        }
        Value::Object(map) => {
            for value in map.values() {
                found |= has_braces(value, depth + 1)?;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(found)
}

fn parse_node(
    input: &Value,
    depth: usize,
    references: &mut Vec<Reference>,
) -> Result<Node, BadTemplate> {
    if depth > MAX_INPUT_DEPTH {
        return Err(BadTemplate::TooDeep);
    }
    match input {
        Value::String(text) => parse_text(text, references),
        Value::Array(items) => {
            let nodes = items
                .iter()
                .map(|item| parse_node(item, depth + 1, references))
                .collect::<Result<Vec<_>, _>>()?;
            let literal = nodes.iter().zip(items).all(|(node, item)| is_same_literal(node, item));
            Ok(if literal { Node::Literal(input.clone()) } else { Node::Array(nodes) })
        }
        Value::Object(map) => {
            let fields = map
                .iter()
                .map(|(key, value)| Ok((key.clone(), parse_node(value, depth + 1, references)?)))
                .collect::<Result<Vec<_>, _>>()?;
            let literal =
                fields.iter().zip(map.values()).all(|((_, node), v)| is_same_literal(node, v));
            Ok(if literal { Node::Literal(input.clone()) } else { Node::Object(fields) })
        }
        plain => Ok(Node::Literal(plain.clone())),
    }
}

/// Whether a node is a literal that the author wrote in just these words (an escape changes them).
fn is_same_literal(node: &Node, source: &Value) -> bool {
    matches!(node, Node::Literal(value) if value == source)
}

fn parse_text(text: &str, references: &mut Vec<Reference>) -> Result<Node, BadTemplate> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        push_text(&mut pieces, &rest[..open]);
        let inside = &rest[open + 2..];
        let hole = Scanner::new(inside).hole()?;
        match hole.content {
            Content::Text(literal) => push_text(&mut pieces, &literal),
            Content::Reference(reference) => {
                pieces.push(Piece::Hole(intern(reference, references)?));
            }
        }
        rest = &inside[hole.length..];
    }
    push_text(&mut pieces, rest);
    Ok(match pieces.as_slice() {
        [] => Node::Literal(Value::from("")),
        [Piece::Text(only)] => Node::Literal(Value::from(only.as_str())),
        [Piece::Hole(only)] => Node::Hole(*only),
        _ => Node::Text(pieces),
    })
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(last)) => last.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

fn intern(reference: Reference, references: &mut Vec<Reference>) -> Result<usize, BadTemplate> {
    if let Some(index) = references.iter().position(|known| *known == reference) {
        return Ok(index);
    }
    if references.len() == MAX_REFERENCES {
        return Err(BadTemplate::TooManyReferences);
    }
    references.push(reference);
    Ok(references.len() - 1)
}

struct Hole {
    content: Content,
    /// Bytes up to and including the closing braces.
    length: usize,
}

enum Content {
    Text(String),
    Reference(Reference),
}

/// Reads what stands between `{{` and `}}`.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn hole(mut self) -> Result<Hole, BadTemplate> {
        let content = self.content().filter(|_| {
            self.spaces();
            self.eat("}}")
        });
        match content {
            Some(content) => Ok(Hole { content, length: self.at }),
            None => Err(self.complain()),
        }
    }

    fn complain(&self) -> BadTemplate {
        let clip = |text: &str| text.chars().take(60).collect::<String>();
        match self.text.find("}}") {
            Some(end) => BadTemplate::NotAReference { text: clip(&self.text[..end]) },
            None => BadTemplate::NotClosed { text: clip(self.text) },
        }
    }

    fn content(&mut self) -> Option<Content> {
        self.spaces();
        if self.rest().starts_with('"') {
            return self.quoted().map(Content::Text);
        }
        let step = StepNumber::new(u32::try_from(self.number()?).ok()?);
        let mut path = Vec::new();
        loop {
            if self.eat(".") {
                path.push(Segment::Key(self.word()?));
            } else if self.eat("[") {
                let segment = if self.rest().starts_with('"') {
                    Segment::Key(self.quoted()?)
                } else {
                    Segment::Index(self.number()?)
                };
                path.push(segment);
                if !self.eat("]") {
                    return None;
                }
            } else {
                return Some(Content::Reference(Reference { step, path: Path(path) }));
            }
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn spaces(&mut self) {
        self.take_while(|c| c == ' ');
    }

    fn number(&mut self) -> Option<usize> {
        self.take_while(|c| c.is_ascii_digit()).parse().ok()
    }

    fn word(&mut self) -> Option<String> {
        let word = self.take_while(is_word_char);
        (!word.is_empty()).then(|| word.to_owned())
    }

    /// A JSON string literal.
    fn quoted(&mut self) -> Option<String> {
        let mut literals = serde_json::Deserializer::from_str(self.rest()).into_iter::<String>();
        let text = literals.next()?.ok()?;
        self.at += literals.byte_offset();
        Some(text)
    }
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_word_char)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn fill(input: &Value, results: &Value) -> Result<Value, Failure> {
        let template = Template::parse(input).unwrap();
        let find = |step: StepNumber| results.get(step.to_string());
        render(&template, find, 1 << 20)
    }

    #[test]
    fn references_keep_their_type_alone_and_become_text_inside_text() {
        let results = json!({"1": {"n": 3, "list": [{"unit price": 4.5}], "t": "x"}, "2": "y"});
        for (input, rendered) in [
            (json!("{{1.n}}"), json!(3)),
            (json!("{{ 1.list[0][\"unit price\"] }} each"), json!("4.5 each")),
            (json!("{{1.n}} + {{1.n}} = {{2}}{{1.t}}"), json!("3 + 3 = yx")),
            (
                json!({"a": ["{{2}}", 7], "b": "{{1.list}}"}),
                json!({"a": ["y", 7], "b": [{"unit price": 4.5}]}),
            ),
            (json!("{{\"{{\"}}1}}"), json!("{{1}}")),
            (json!(["{{\"}}\"}}", null]), json!(["}}", null])),
            (json!("no { braces }"), json!("no { braces }")),
        ] {
            assert_eq!(fill(&input, &results), Ok(rendered), "{input}");
        }
    }

    #[test]
    fn a_value_that_looks_like_a_reference_is_only_text() {
        let results = json!({"1": "{{2}} and {{1}}", "2": "secret"});
        assert_eq!(fill(&json!("read: {{1}}"), &results), Ok(json!("read: {{2}} and {{1}}")));
    }

    #[test]
    fn what_looks_like_a_reference_and_is_none_is_named() {
        for (input, says) in [
            ("{{city}}", "`{{city}}` is no reference"),
            ("{{}}", "`{{}}` is no reference"),
            ("{{1.}}", "`{{1.}}`"),
            ("{{1[x]}}", "`{{1[x]}}`"),
            ("{{1", "`{{1` is not closed"),
            ("{{99999999999}}", "`{{99999999999}}`"),
            ("{{-1}}", "`{{-1}}`"),
        ] {
            let problem = Template::parse(&json!(input)).expect_err(input).to_string();
            assert!(problem.contains(says), "{input}: {problem}");
        }
    }

    #[test]
    fn a_missing_part_says_what_there_is() {
        let failure = fill(&json!("{{1.b}}"), &json!({"1": {"a": 1, "c": 2}})).unwrap_err();
        assert_eq!(failure.kind, FailureKind::BadReference);
        assert!(failure.message.contains("`{{1.b}}`") && failure.message.contains("a, c"));
        let failure = fill(&json!("{{7}}"), &json!({})).unwrap_err();
        assert_eq!(failure.kind, FailureKind::InputLost);
    }

    #[test]
    fn filling_stops_at_the_size_cap() {
        let template = Template::parse(&json!("{{1}}".repeat(100))).unwrap();
        let big = json!("x".repeat(1000));
        let failure = render(&template, |_| Some(&big), 10_000).unwrap_err();
        assert_eq!(failure.kind, FailureKind::InvalidInput);
        assert!(render(&template, |_| Some(&big), 100_199).is_err());
        assert!(render(&template, |_| Some(&big), 100_200).is_ok());
    }

    #[test]
    fn too_deep_and_too_many_are_refused() {
        let mut deep = json!("{{1}}");
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert_eq!(Template::parse(&deep), Err(BadTemplate::TooDeep));
        let many: String = (0..300).map(|n| format!("{{{{{n}}}}}")).collect();
        assert_eq!(Template::parse(&json!(many)), Err(BadTemplate::TooManyReferences));
    }

    #[test]
    fn templates_are_the_same_when_their_references_are() {
        let parse = |text: &str| Template::parse(&json!({ "q": text })).unwrap();
        let shifted = |a: StepNumber, b: StepNumber| a.next() == b;
        assert!(parse("{{1}} of {{2.x}}").same_as(&parse("{{2}} of {{3.x}}"), shifted));
        assert!(!parse("{{1}} of {{2.x}}").same_as(&parse("{{2}} of {{3.y}}"), shifted));
        assert!(!parse("{{1}} of").same_as(&parse("{{2}} off"), shifted));
    }

    proptest! {
        #[test]
        fn any_text_either_parses_or_is_refused(text in ".{0,80}") {
            let _ = Template::parse(&json!(text));
        }

        #[test]
        fn text_without_double_braces_is_left_alone(text in "[^{]{0,40}") {
            prop_assert_eq!(fill(&json!(text), &json!({})), Ok(json!(text)));
        }

        #[test]
        fn a_hole_passes_any_text_through_unread(value in ".{0,40}") {
            let results = json!({"1": value, "2": "never"});
            prop_assert_eq!(fill(&json!("<{{1}}>"), &results), Ok(json!(format!("<{value}>"))));
        }
    }
}
