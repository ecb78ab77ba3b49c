//! Tools on the wire: what planners, workers and clients are told of them.

use std::time::Duration;

use sortie_engine::{Effect, QueueName, Schema, ToolName, ToolSpec, ToolTerms};

use crate::{BadField, json, store_v1, time, v1};

impl From<Effect> for v1::Effect {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Pure => Self::Pure,
            Effect::Read => Self::Read,
            Effect::Idempotent => Self::Idempotent,
            Effect::Once => Self::Once,
        }
    }
}

impl TryFrom<v1::Effect> for Effect {
    type Error = BadField;

    fn try_from(effect: v1::Effect) -> Result<Self, BadField> {
        match effect {
            v1::Effect::Unspecified => Err(BadField::new("effect", "is not set")),
            v1::Effect::Pure => Ok(Self::Pure),
            v1::Effect::Read => Ok(Self::Read),
            v1::Effect::Idempotent => Ok(Self::Idempotent),
            v1::Effect::Once => Ok(Self::Once),
        }
    }
}

impl From<&ToolSpec> for v1::Tool {
    fn from(spec: &ToolSpec) -> Self {
        let output = spec.output.as_ref();
        Self {
            name: spec.name.to_string(),
            description: spec.description.clone(),
            input_schema: json::to_wire(spec.input.source()),
            output_schema: output.map(|schema| json::to_wire(schema.source())).unwrap_or_default(),
            effect: v1::Effect::from(spec.effect).into(),
            queue: spec.queue.to_string(),
            timeout: Some(time::to_wire(spec.timeout)),
            max_result_bytes: spec.max_result_bytes,
            calls_model: spec.calls_model,
            unchecked_keywords: spec.input.unchecked().to_vec(),
        }
    }
}

/// `unchecked_keywords` are not believed: they follow from the schema.
impl TryFrom<v1::Tool> for ToolSpec {
    type Error = BadField;

    fn try_from(tool: v1::Tool) -> Result<Self, BadField> {
        let output = Some(tool.output_schema.as_str()).filter(|text| !text.is_empty());
        Ok(Self {
            name: ToolName::new(filled("name", &tool.name)?),
            description: tool.description,
            input: schema("input_schema", &tool.input_schema)?,
            output: output.map(|text| schema("output_schema", text)).transpose()?,
            effect: effect(tool.effect)?,
            queue: QueueName::new(filled("queue", &tool.queue)?),
            timeout: timeout(tool.timeout)?,
            max_result_bytes: tool.max_result_bytes,
            calls_model: tool.calls_model,
        })
    }
}

impl From<&ToolTerms> for store_v1::ToolTerms {
    fn from(terms: &ToolTerms) -> Self {
        Self {
            queue: terms.queue.to_string(),
            effect: v1::Effect::from(terms.effect).into(),
            timeout: Some(time::to_wire(terms.timeout)),
            calls_model: terms.calls_model,
        }
    }
}

impl TryFrom<store_v1::ToolTerms> for ToolTerms {
    type Error = BadField;

    fn try_from(m: store_v1::ToolTerms) -> Result<Self, BadField> {
        terms(&m.queue, m.effect, m.timeout, m.calls_model)
    }
}

/// The terms that an event or a queue entry tells of, field by field.
pub(crate) fn terms(
    queue: &str,
    class: i32,
    span: Option<prost_types::Duration>,
    calls_model: bool,
) -> Result<ToolTerms, BadField> {
    let (effect, timeout) = (effect(class)?, timeout(span)?);
    Ok(ToolTerms { queue: QueueName::new(queue), effect, timeout, calls_model })
}

fn effect(effect: i32) -> Result<Effect, BadField> {
    let unknown = || BadField::new("effect", format!("has no effect {effect}"));
    v1::Effect::try_from(effect).map_err(|_| unknown())?.try_into()
}

fn timeout(span: Option<prost_types::Duration>) -> Result<Duration, BadField> {
    let span = span.ok_or_else(|| BadField::new("timeout", "is not set"))?;
    time::from_wire("timeout", &span)
}

fn filled<'t>(field: &'static str, text: &'t str) -> Result<&'t str, BadField> {
    if text.is_empty() { Err(BadField::new(field, "is empty")) } else { Ok(text) }
}

fn schema(field: &'static str, text: &str) -> Result<Schema, BadField> {
    Schema::parse(json::from_wire(field, text)?)
        .map_err(|e| BadField::new(field, format!("is no schema: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn search() -> ToolSpec {
        ToolSpec {
            name: ToolName::new("search"),
            description: "finds passages".to_owned(),
            input: Schema::parse(json!({
                "type": "object",
                "properties": {"query": {"type": "string", "pattern": "."}},
                "required": ["query"],
            }))
            .unwrap(),
            output: Some(Schema::parse(json!({"type": "object"})).unwrap()),
            effect: Effect::Read,
            queue: QueueName::new("builtin"),
            timeout: Duration::from_millis(2500),
            max_result_bytes: 1 << 20,
            calls_model: false,
        }
    }

    #[test]
    fn tools_survive_the_wire() {
        for effect in [Effect::Pure, Effect::Read, Effect::Idempotent, Effect::Once] {
            for output in [search().output, None] {
                let spec = ToolSpec { effect, output, ..search() };
                let wire = v1::Tool::from(&spec);
                assert_eq!(wire.unchecked_keywords, ["pattern"]);
                assert_eq!(ToolSpec::try_from(wire), Ok(spec));
            }
        }
    }

    #[test]
    fn bad_tools_are_refused_by_field() {
        let good = v1::Tool::from(&search());
        let broken = [
            ("name", v1::Tool { name: String::new(), ..good.clone() }),
            ("queue", v1::Tool { queue: String::new(), ..good.clone() }),
            ("effect", v1::Tool { effect: 0, ..good.clone() }),
            ("effect", v1::Tool { effect: 77, ..good.clone() }),
            ("timeout", v1::Tool { timeout: None, ..good.clone() }),
            ("input_schema", v1::Tool { input_schema: "{".to_owned(), ..good.clone() }),
            ("output_schema", v1::Tool { output_schema: r#"{"type": 3}"#.to_owned(), ..good }),
        ];
        for (field, tool) in broken {
            assert_eq!(ToolSpec::try_from(tool).unwrap_err().field, field);
        }
    }
}
