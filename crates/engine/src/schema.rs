//! A small checker of JSON Schema: enough to hold a plan's inputs against a tool's rules.
//!
//! It knows `type`, `properties`, `required`, `additionalProperties`, `enum`, `const`, `items` and
//! bounds on numbers, strings and arrays. Annotations are ignored; every other keyword is listed by
//! [`Schema::unchecked`], so that nobody believes it is enforced. The same checker serves the
//! engine (a hole of a template counts as any value) and the worker (after rendering).

mod compile;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::template::{Node, Path, Segment, Template};

/// Deeper schemas are refused: the checker is recursive, and no tool needs this much.
const MAX_DEPTH: usize = 32;
/// More violations of one value help nobody.
const MAX_VIOLATIONS: usize = 16;

/// A compiled schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    source: Value,
    root: Rule,
    unchecked: Vec<String>,
}

/// A schema that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schema at `{place}`: {problem}")]
pub struct BadSchema {
    place: String,
    problem: String,
}

/// One place where a value breaks a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, as `$.cities[0]`.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.place, self.problem)
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Rule {
    types: Vec<Type>,
    allowed: Option<Vec<Value>>,
    properties: BTreeMap<String, Rule>,
    required: Vec<String>,
    additional: Additional,
    items: Option<Box<Rule>>,
    number: Bounds<f64>,
    exclusive: Bounds<f64>,
    length: Bounds<u64>,
    count: Bounds<u64>,
}

#[derive(Debug, Clone, Default, PartialEq)]
enum Additional {
    #[default]
    Unsaid,
    Refused,
    Allowed(Option<Box<Rule>>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bounds<T> {
    min: Option<T>,
    max: Option<T>,
}

impl<T> Default for Bounds<T> {
    fn default() -> Self {
        Self { min: None, max: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

impl Type {
    const ALL: [(&'static str, Self); 7] = [
        ("null", Self::Null),
        ("boolean", Self::Boolean),
        ("integer", Self::Integer),
        ("number", Self::Number),
        ("string", Self::String),
        ("array", Self::Array),
        ("object", Self::Object),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(text, _)| *text == name).map(|(_, kind)| *kind)
    }

    fn admits(self, shape: &Shape<'_>) -> bool {
        match shape {
            Shape::Any => true,
            Shape::AnyText => self == Self::String,
            Shape::Nodes(_) => self == Self::Array,
            Shape::Fields(_) => self == Self::Object,
            Shape::Value(value) => match value {
                Value::Null => self == Self::Null,
                Value::Bool(_) => self == Self::Boolean,
                Value::Number(number) => {
                    let whole =
                        !number.is_f64() || number.as_f64().is_some_and(|n| n.fract() == 0.0);
                    self == Self::Number || (self == Self::Integer && whole)
                }
                Value::String(_) => self == Self::String,
                Value::Array(_) => self == Self::Array,
                Value::Object(_) => self == Self::Object,
            },
        }
    }
}

/// What is checked: a finished value, or a template whose holes are not filled yet.
enum Shape<'a> {
    /// A hole that is the whole value: it keeps the type of a result that is not known yet.
    Any,
    /// Text with holes in it.
    AnyText,
    Nodes(&'a [Node]),
    Fields(&'a [(String, Node)]),
    Value(&'a Value),
}

impl<'a> From<&'a Node> for Shape<'a> {
    fn from(node: &'a Node) -> Self {
        match node {
            Node::Literal(value) => Self::Value(value),
            Node::Hole(_) => Self::Any,
            Node::Text(_) => Self::AnyText,
            Node::Array(nodes) => Self::Nodes(nodes),
            Node::Object(fields) => Self::Fields(fields),
        }
    }
}

impl<'a> Shape<'a> {
    fn items(&self) -> Option<Vec<Shape<'a>>> {
        match self {
            Self::Nodes(nodes) => Some(nodes.iter().map(Shape::from).collect()),
            Self::Value(Value::Array(items)) => Some(items.iter().map(Shape::Value).collect()),
            _ => None,
        }
    }

    fn fields(&self) -> Option<Vec<(&'a str, Shape<'a>)>> {
        match self {
            Self::Fields(fields) => {
                Some(fields.iter().map(|(k, node)| (k.as_str(), node.into())).collect())
            }
            Self::Value(Value::Object(map)) => {
                Some(map.iter().map(|(k, v)| (k.as_str(), Shape::Value(v))).collect())
            }
            _ => None,
        }
    }
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// If a keyword that the checker knows has a value that it cannot mean.
    pub fn parse(source: Value) -> Result<Self, BadSchema> {
        let mut unchecked = Vec::new();
        let root = compile::compile(&source, "$", 0, &mut unchecked)?;
        unchecked.sort();
        unchecked.dedup();
        Ok(Self { source, root, unchecked })
    }

    /// The schema as it was written.
    #[must_use]
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// Keywords that are present and not enforced.
    #[must_use]
    pub fn unchecked(&self) -> &[String] {
        &self.unchecked
    }

    /// Where a finished value breaks the schema.
    #[must_use]
    pub fn check(&self, value: &Value) -> Vec<Violation> {
        self.run(&Shape::Value(value))
    }

    /// Where a template breaks the schema whatever its holes will hold.
    #[must_use]
    pub fn check_template(&self, template: &Template) -> Vec<Violation> {
        match template.root() {
            Some(node) => self.run(&node.into()),
            None => self.check(template.source()),
        }
    }

    fn run(&self, shape: &Shape<'_>) -> Vec<Violation> {
        let mut found = Vec::new();
        check(&self.root, shape, "$", &mut found);
        found.truncate(MAX_VIOLATIONS);
        found
    }

    /// The one property that a plain string can stand for: required, a string, and the only such.
    #[must_use]
    pub fn plain_text_property(&self) -> Option<&str> {
        let texts = |name: &&String| {
            self.root.properties.get(*name).is_some_and(|rule| rule.types.contains(&Type::String))
        };
        let mut candidates = self.root.required.iter().filter(texts);
        let only = candidates.next()?;
        let alone = candidates.next().is_none() && self.root.required.len() == 1;
        alone.then_some(only.as_str())
    }

    /// The names of an object's properties, in their order; none if it names none.
    pub fn property_names(&self) -> impl Iterator<Item = &str> {
        self.root.properties.keys().map(String::as_str)
    }

    /// Whether a value of this schema may have something at `path`.
    #[must_use]
    pub fn may_have(&self, path: &Path) -> bool {
        let mut rule = &self.root;
        for segment in path.segments() {
            let next = match segment {
                Segment::Key(key) => rule.at_key(key),
                Segment::Index(_) => rule.at_index(),
            };
            match next {
                Place::Known(inner) => rule = inner,
                Place::Open => return true,
                Place::Absent => return false,
            }
        }
        true
    }
}

enum Place<'a> {
    Known(&'a Rule),
    /// The schema says nothing about this place, so it may be there.
    Open,
    Absent,
}

impl Rule {
    fn can_be(&self, kind: Type) -> bool {
        self.types.is_empty() || self.types.contains(&kind)
    }

    /// The rule for the property `key`, named or of the additional ones.
    fn property(&self, key: &str) -> Option<&Self> {
        match (self.properties.get(key), &self.additional) {
            (None, Additional::Allowed(Some(rule))) => Some(rule),
            (named, _) => named,
        }
    }

    fn at_key(&self, key: &str) -> Place<'_> {
        if !self.can_be(Type::Object) {
            return Place::Absent;
        }
        match (self.property(key), &self.additional) {
            (Some(rule), _) => Place::Known(rule),
            (None, Additional::Allowed(_)) => Place::Open,
            (None, Additional::Unsaid) if self.properties.is_empty() => Place::Open,
            (None, Additional::Unsaid | Additional::Refused) => Place::Absent,
        }
    }

    fn at_index(&self) -> Place<'_> {
        match &self.items {
            _ if !self.can_be(Type::Array) => Place::Absent,
            Some(rule) => Place::Known(rule),
            None => Place::Open,
        }
    }
}

fn check(rule: &Rule, shape: &Shape<'_>, place: &str, found: &mut Vec<Violation>) {
    if found.len() >= MAX_VIOLATIONS {
        return;
    }
    let mut broken = |problem| found.push(Violation { place: place.to_owned(), problem });
    if !rule.types.is_empty() && !rule.types.iter().any(|kind| kind.admits(shape)) {
        let wanted: Vec<_> = rule.types.iter().map(|kind| kind.name()).collect();
        return broken(format!("must be {}", wanted.join(" or ")));
    }
    if let (Some(allowed), Shape::Value(value)) = (&rule.allowed, shape)
        && !allowed.iter().any(|one| same(one, value))
    {
        let wanted: Vec<_> = allowed.iter().map(Value::to_string).collect();
        return broken(format!("must be one of {}", wanted.join(", ")));
    }
    match shape {
        Shape::Value(Value::Number(number)) => number_bounds(rule, number.as_f64(), &mut broken),
        Shape::Value(Value::String(text)) => {
            let length = text.chars().count() as u64;
            within(rule.length, length, "characters", &mut broken);
        }
        _ => {}
    }
    if let Some(items) = shape.items() {
        within(rule.count, items.len() as u64, "items", &mut broken);
        if let Some(inner) = &rule.items {
            for (index, item) in items.iter().enumerate() {
                check(inner, item, &format!("{place}[{index}]"), found);
            }
        }
    }
    if let Some(fields) = shape.fields() {
        check_fields(rule, &fields, place, found);
    }
}

fn check_fields(
    rule: &Rule,
    fields: &[(&str, Shape<'_>)],
    place: &str,
    found: &mut Vec<Violation>,
) {
    for name in &rule.required {
        if !fields.iter().any(|(key, _)| key == name) {
            found.push(Violation { place: place.to_owned(), problem: format!("needs `{name}`") });
        }
    }
    for (key, value) in fields {
        match (rule.property(key), &rule.additional) {
            (Some(inner), _) => {
                check(inner, value, &format!("{place}.{key}"), found);
            }
            (None, Additional::Refused) => {
                let known: Vec<_> = rule.properties.keys().map(String::as_str).collect();
                let problem = format!("has no `{key}`, only: {}", known.join(", "));
                found.push(Violation { place: place.to_owned(), problem });
            }
            (None, Additional::Unsaid | Additional::Allowed(_)) => {}
        }
    }
}

fn number_bounds(rule: &Rule, number: Option<f64>, broken: &mut impl FnMut(String)) {
    let Some(number) = number else { return };
    if let Some(min) = rule.number.min.filter(|min| number < *min) {
        broken(format!("must be at least {min}"));
    }
    if let Some(max) = rule.number.max.filter(|max| number > *max) {
        broken(format!("must be at most {max}"));
    }
    if let Some(min) = rule.exclusive.min.filter(|min| number <= *min) {
        broken(format!("must be above {min}"));
    }
    if let Some(max) = rule.exclusive.max.filter(|max| number >= *max) {
        broken(format!("must be below {max}"));
    }
}

fn within(bounds: Bounds<u64>, size: u64, unit: &str, broken: &mut impl FnMut(String)) {
    if let Some(min) = bounds.min.filter(|min| size < *min) {
        broken(format!("must have at least {min} {unit}"));
    }
    if let Some(max) = bounds.max.filter(|max| size > *max) {
        broken(format!("must have at most {max} {unit}, has {size}"));
    }
}

/// Equal as JSON: `1` and `1.0` are the same number.
fn same(one: &Value, other: &Value) -> bool {
    one == other || (one.is_number() && other.is_number() && one.as_f64() == other.as_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn search() -> Schema {
        Schema::parse(json!({
            "type": "object",
            "required": ["query"],
            "additionalProperties": false,
            "properties": {
                "query": {"type": "string", "minLength": 1, "maxLength": 5},
                "limit": {"type": "integer", "minimum": 1, "maximum": 20},
                "kinds": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2},
            },
        }))
        .unwrap()
    }

    #[test]
    fn each_keyword_is_enforced_and_names_its_place() {
        for (value, problem) in [
            (json!(1), "`$` must be object"),
            (json!({}), "`$` needs `query`"),
            (json!({"query": 1}), "`$.query` must be string"),
            (json!({"query": ""}), "`$.query` must have at least 1 characters"),
            (json!({"query": "abcdef"}), "`$.query` must have at most 5 characters, has 6"),
            (json!({"query": "x", "limit": 0}), "`$.limit` must be at least 1"),
            (json!({"query": "x", "limit": 1.5}), "`$.limit` must be integer"),
            (json!({"query": "x", "kinds": ["c"]}), "`$.kinds[0]` must be one of \"a\", \"b\""),
            (
                json!({"query": "x", "kinds": ["a", "a", "a"]}),
                "`$.kinds` must have at most 2 items, has 3",
            ),
            (json!({"query": "x", "q": 1}), "`$` has no `q`, only: kinds, limit, query"),
        ] {
            let found: Vec<_> = search().check(&value).iter().map(ToString::to_string).collect();
            assert_eq!(found, [problem], "{value}");
        }
        assert!(search().check(&json!({"query": "x", "limit": 2.0})).is_empty());
    }

    #[test]
    fn a_hole_counts_as_any_value_and_text_with_holes_as_a_string() {
        let fits = |input| {
            let template = Template::parse(&input).unwrap();
            search().check_template(&template).is_empty()
        };
        assert!(fits(json!({"query": "{{1}}", "limit": "{{1.count}}"})));
        assert!(fits(json!({"query": "a {{1}} b c d e f g"})));
        assert!(!fits(json!({"query": "x", "limit": "at most {{1}}"})));
        assert!(!fits(json!({"limit": "{{1}}"})));
    }

    #[test]
    fn unknown_keywords_are_listed_and_annotations_are_not() {
        let schema = json!({"title": "t", "oneOf": [], "properties": {"a": {"format": "date"}}});
        assert_eq!(Schema::parse(schema).unwrap().unchecked(), ["format", "oneOf"]);
    }

    #[test]
    fn senseless_schemas_are_refused_with_their_place() {
        for bad in [
            json!(3),
            json!({"type": "text"}),
            json!({"properties": {"a": {"minLength": -1}}}),
            json!({"required": [1]}),
        ] {
            assert!(Schema::parse(bad.clone()).is_err(), "{bad}");
        }
        let mut deep = json!({});
        for _ in 0..100 {
            deep = json!({ "items": deep });
        }
        assert!(Schema::parse(deep).is_err());
    }

    #[test]
    fn a_plain_string_fills_the_single_required_string() {
        assert_eq!(search().plain_text_property(), Some("query"));
        let two = json!({"required": ["a", "b"], "properties": {"a": {"type": "string"}, "b": {"type": "string"}}});
        assert_eq!(Schema::parse(two).unwrap().plain_text_property(), None);
    }

    #[test]
    fn paths_are_held_against_the_output_schema() {
        let output = Schema::parse(json!({
            "type": "object",
            "properties": {"items": {"type": "array", "items": {"properties": {"price": {}}}}},
        }))
        .unwrap();
        for (reference, exists) in [
            ("{{1}}", true),
            ("{{1.items}}", true),
            ("{{1.items[3].price}}", true),
            ("{{1.items[3].price.any}}", true),
            ("{{1.items.price}}", false),
            ("{{1.text}}", false),
            ("{{1[0]}}", false),
        ] {
            let template = Template::parse(&json!(reference)).unwrap();
            assert_eq!(output.may_have(&template.references()[0].path), exists, "{reference}");
        }
    }
}
