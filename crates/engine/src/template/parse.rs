//! Finding the references of an input.

use serde_json::Value;

use super::{
    BadTemplate, MAX_INPUT_DEPTH, MAX_REFERENCES, Node, Path, Piece, Reference, Segment,
    is_word_char,
};
use crate::ids::StepNumber;

/// Whether anything in the input could be a reference.
pub(super) fn has_braces(input: &Value, depth: usize) -> Result<bool, BadTemplate> {
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

pub(super) fn parse_node(
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
            let mut fields = map
                .iter()
                .map(|(key, value)| Ok((key.clone(), parse_node(value, depth + 1, references)?)))
                .collect::<Result<Vec<_>, _>>()?;
            let literal =
                fields.iter().zip(map.values()).all(|((_, node), v)| is_same_literal(node, v));
            // Two authors may write the same in another order.
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
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
