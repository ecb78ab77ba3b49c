//! Filling a template's holes, within a size.

use serde_json::{Map, Value};

use super::{Node, Piece, Template};
use crate::failure::{Failure, FailureKind};
use crate::ids::StepNumber;

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
