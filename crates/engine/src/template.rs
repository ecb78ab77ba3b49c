//! A step's input with holes for the results of other steps.
//!
//! A reference is `{{3}}` (the whole result of step 3) or `{{3.items[0].price}}` (a part of it);
//! keys that are not plain words are quoted: `{{3["unit price"]}}`. `{{"text"}}` stands for the
//! text itself, which is how an author writes braces: `{{"{{"}}`. A reference that is a whole
//! string keeps the JSON type of what it names; inside other text it becomes text.
//!
//! References are found once, when the step arrives. **Values are put into holes and never
//! scanned again**: whatever a result contains, it is only text.

mod parse;
mod render;

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::ids::StepNumber;
use parse::{has_braces, parse_node};

pub use render::{json_bytes, render};

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

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_word_char)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{Failure, FailureKind};
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
        let [one, other] = [["a", "b"], ["b", "a"]].map(|keys| {
            let fields = keys.map(|key| (key.to_owned(), json!(format!("{key} {{{{1}}}}"))));
            Template::parse(&Value::Object(fields.into_iter().collect())).unwrap()
        });
        assert!(one.same_as(&other, |a, b| a == b), "the order of fields means nothing");
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
