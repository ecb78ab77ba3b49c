//! The texts that tools read: one or a list, with limits, as an input says them.

use serde::Deserialize;
use serde_json::{Value, json};
use sortie_engine::Failure;

use super::invalid;

/// All texts together; the work grows in proportion to it.
pub(super) const MAX_BYTES: usize = 1 << 20;
const MAX_TEXTS: usize = 100;

/// A text or a list of texts.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    /// What an input says of them.
    pub(super) fn schema() -> Value {
        json!({
            "type": ["string", "array"],
            "minLength": 1, "maxLength": MAX_BYTES,
            "minItems": 1, "maxItems": MAX_TEXTS,
            "items": {"type": "string"},
            "description": "a text, or a list of texts",
        })
    }

    pub(super) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }

    /// How many bytes they have together.
    ///
    /// # Errors
    /// If they are more than is allowed, which a schema cannot say of a list.
    pub(super) fn bytes(&self) -> Result<usize, Failure> {
        let bytes = self.as_slice().iter().map(String::len).sum();
        match bytes {
            0..=MAX_BYTES => Ok(bytes),
            _ => Err(invalid(format!("{bytes} bytes of text, {MAX_BYTES} are allowed"))),
        }
    }
}
