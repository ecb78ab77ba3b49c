//! What the tools say of their inputs, as far as it helps to understand a step.
//!
//! A shape for models makes every property present and lets text stand in for any value, so `null`
//! for a property that may be left out means that it is left out, and `"5"` where only a number
//! fits means the number. Everything else about an input is the engine's to check.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use sortie_proto::v1;

/// The input schemas of the tools that a plan may use. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct ToolInputs(Arc<BTreeMap<String, Value>>);

impl ToolInputs {
    /// Reads them out of a request. A schema that is no JSON says nothing.
    #[must_use]
    pub fn new(tools: &[v1::Tool]) -> Self {
        let schema = |tool: &v1::Tool| serde_json::from_str(&tool.input_schema).ok();
        let known = tools.iter().filter_map(|tool| Some((tool.name.clone(), schema(tool)?)));
        Self(Arc::new(known.collect()))
    }

    /// The input in the tool's own terms.
    pub(super) fn settle(&self, tool: &str, input: Value) -> Value {
        match self.0.get(tool) {
            Some(schema) => settle(schema, input),
            None => input,
        }
    }
}

/// No deeper than `input`, which was held to a depth when it was read.
fn settle(schema: &Value, input: Value) -> Value {
    match input {
        Value::Object(map) => Value::Object(settle_fields(schema, map)),
        Value::Array(items) => match schema.get("items") {
            Some(rule) => items.into_iter().map(|item| settle(rule, item)).collect(),
            None => Value::Array(items),
        },
        Value::String(text) => meant(schema, &text).unwrap_or(Value::String(text)),
        plain => plain,
    }
}

fn settle_fields(schema: &Value, map: Map<String, Value>) -> Map<String, Value> {
    let rule = |key: &str| schema.get("properties").and_then(|known| known.get(key));
    let fields = map.into_iter().filter_map(|(key, value)| match rule(&key) {
        Some(rule) if value.is_null() && refuses(rule, "null") => None,
        Some(rule) => {
            let value = settle(rule, value);
            Some((key, value))
        }
        None => Some((key, value)),
    });
    fields.collect()
}

/// The value that text stands for where the schema has no place for text. References stay text.
fn meant(schema: &Value, text: &str) -> Option<Value> {
    if !refuses(schema, "string") {
        return None;
    }
    let value: Value = serde_json::from_str(text.trim()).ok()?;
    let kinds: &[&str] = match &value {
        Value::Null | Value::String(_) => return None,
        Value::Bool(_) => &["boolean"],
        Value::Number(_) => &["number", "integer"],
        Value::Array(_) => &["array"],
        Value::Object(_) => &["object"],
    };
    kinds.iter().any(|kind| !refuses(schema, kind)).then(|| match value {
        nested @ (Value::Array(_) | Value::Object(_)) => settle(schema, nested),
        plain => plain,
    })
}

/// Whether the schema says that a value of this type does not fit.
fn refuses(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only != kind,
        Some(Value::Array(types)) => !types.iter().any(|one| one == kind),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_input_is_put_into_the_tools_own_terms() {
        let schema = json!({"type": "object", "properties": {
            "q": {"type": "string"},
            "n": {"type": "integer"},
            "unit": {"type": ["string", "null"]},
            "any": {},
            "tags": {"type": "array", "items": {"type": "number"}},
            "deep": {"type": "object", "properties": {"x": {"type": "boolean"}}},
        }});
        for (input, settled) in [
            (json!({"q": "5", "n": "5"}), json!({"q": "5", "n": 5})),
            (
                json!({"q": null, "n": null, "unit": null, "any": null, "other": null}),
                json!({"unit": null, "any": null, "other": null}),
            ),
            (json!({"n": "{{3.value}}", "q": "null"}), json!({"n": "{{3.value}}", "q": "null"})),
            (json!({"tags": ["1", 2, "x"]}), json!({"tags": [1, 2, "x"]})),
            (json!({"tags": "[\"1\", 2]"}), json!({"tags": [1, 2]})),
            (json!({"deep": "{\"x\": null}"}), json!({"deep": {}})),
            (json!({"n": "five"}), json!({"n": "five"})),
            (json!("plain text"), json!("plain text")),
        ] {
            assert_eq!(settle(&schema, input.clone()), settled, "{input}");
        }
    }
}
