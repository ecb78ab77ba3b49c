//! JSON on the wire: text, so that numbers keep all their digits.

use serde_json::Value;

use crate::BadField;

/// A value as text.
#[must_use]
pub fn to_wire(value: &Value) -> String {
    value.to_string()
}

/// The value that a field's text stands for.
///
/// # Errors
/// If it is no JSON, or nested so deeply (128 levels) that reading it could exhaust the stack.
pub fn from_wire(field: &'static str, text: &str) -> Result<Value, BadField> {
    serde_json::from_str(text).map_err(|e| BadField::new(field, format!("is not JSON: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_keep_their_last_bit() {
        for value in [json!(0.1), json!(1e300), json!(u64::MAX), json!(i64::MIN), json!(-0.0)] {
            assert_eq!(from_wire("json", &to_wire(&value)), Ok(value));
        }
    }

    #[test]
    fn what_is_no_json_is_refused_by_field() {
        for text in ["", "{", "1e999", &"[".repeat(100_000)] {
            assert_eq!(from_wire("json", text).unwrap_err().field, "json");
        }
    }
}
