//! `extract`: reads data out of texts into a JSON object of a given shape.
//!
//! The object is held against the schema before anybody sees it. What the engine's checker does not
//! know of JSON Schema is named in the result, so that nobody believes it was enforced.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sortie_engine::{Effect, Failure, FailureKind, Schema, ToolSpec, is_empty};
use sortie_llm::{Purpose, Shape};
use sortie_models::{PromptSource, fenced};

use super::{BuiltinError, MAX_RESULT_BYTES, Reader, Reading, Said, model_spec, reply, signed};
use crate::tool::{Call, Tool};
use crate::tools::texts::Texts;
use crate::tools::{Description, clip, invalid, parse_input};

pub(super) const PROMPT: PromptSource = PromptSource {
    name: "extract",
    text: include_str!("../../../prompts/extract.md"),
    needs: &["texts", "schema", "what"],
    knows: &[],
};

/// A form with a few dozen fields. A larger one leaves little room in the window of a small model.
const MAX_SCHEMA_BYTES: usize = 16 * 1024;
/// Violations quote names of the model's choice.
const MAX_MESSAGE_CHARS: usize = 2000;

/// Extracts data with a model.
pub struct Extract {
    spec: ToolSpec,
    reader: Reader,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    text: Texts,
    schema: Value,
    #[serde(default)]
    what: Option<String>,
}

impl Extract {
    /// The tool.
    ///
    /// # Errors
    /// If its prompt cannot be used.
    pub fn new(reading: &Reading) -> Result<Self, BuiltinError> {
        let spec = model_spec(Description {
            name: "extract",
            text: "Reads data such as prices, names and dates out of one or more texts into a \
                   JSON object that fits a JSON Schema, with a model; `value` holds the object. \
                   Use it before steps that need a single number or name: {{N.value.price}}. Let \
                   a property be null if the texts may not have it. It reads only the texts that \
                   it is given and looks nothing up: search first.",
            effect: Effect::Read,
            input: input_schema(),
            output: json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["value", "text"],
                "properties": {
                    "value": {"type": "object", "additionalProperties": true},
                    "text": {"type": "string", "description": "the value as JSON text"},
                    "unchecked": {
                        "type": "array", "items": {"type": "string"},
                        "description": "keywords of the schema that were not enforced",
                    },
                },
            }),
            max_result_bytes: MAX_RESULT_BYTES,
        })?;
        Ok(Self { spec, reader: Reader::new(reading, &PROMPT, Purpose::Extract)? })
    }
}

/// Models that are held to a shape want an object outside, and plans are told so early.
fn input_schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["text", "schema"],
        "properties": {
            "text": Texts::schema(),
            "schema": {
                "type": "object",
                "required": ["type", "properties"],
                "properties": {"type": {"const": "object"}, "properties": {"type": "object"}},
                "description": "a JSON Schema of an object, such as {\"type\": \"object\", \
                                \"required\": [\"price\"], \"properties\": {\"price\": \
                                {\"type\": [\"number\", \"null\"]}}}",
            },
            "what": {
                "type": "string", "minLength": 1, "maxLength": 2000,
                "description": "what to look for, if the names in the schema do not say it",
            },
        },
    })
}

#[async_trait]
impl Tool for Extract {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    async fn call(&self, input: Value, call: &Call) -> Result<Value, Failure> {
        let input: Input = parse_input(input)?;
        let source = input.schema.to_string();
        let schema = compiled(input.schema, source.len())?;
        let blocks = self.reader.blocks(&input.text)?;
        let what = input.what.as_ref().map(|what| fenced("what", &[], what));
        let values = [
            ("texts", blocks.text.as_str()),
            ("schema", &fenced("schema", &[], &source)),
            ("what", what.as_deref().unwrap_or_default()),
        ];
        let shape = Shape { name: "extract".to_owned(), schema: schema.source().clone() };
        let said = self.reader.ask(&values, Some(shape), call).await?;
        let value = Value::Object(fitting(&said, &schema)?);
        if is_empty(&value) {
            let message = "the texts have nothing of what the schema asks for";
            return Err(Failure::new(FailureKind::NotFound, message));
        }
        let mut result = json!({"text": value.to_string(), "value": value});
        if !schema.unchecked().is_empty() {
            result["unchecked"] = json!(schema.unchecked());
        }
        Ok(signed(result, &said, &blocks))
    }
}

fn compiled(schema: Value, bytes: usize) -> Result<Schema, Failure> {
    if bytes > MAX_SCHEMA_BYTES {
        let message = format!("the schema has {bytes} bytes, {MAX_SCHEMA_BYTES} are allowed");
        return Err(invalid(message));
    }
    Schema::parse(schema).map_err(|bad| invalid(clip(&bad.to_string(), MAX_MESSAGE_CHARS)))
}

/// The object that the model wrote, if it is one and fits. Another try may bring a better one.
fn fitting(said: &Said, schema: &Schema) -> Result<Map<String, Value>, Failure> {
    let by = &said.by;
    let unfit = |message: String| {
        Failure::new(FailureKind::InvalidAnswer, clip(&message, MAX_MESSAGE_CHARS))
    };
    if said.cut_off {
        return Err(unfit(format!("{by} did not come to the end of its JSON: ask for less")));
    }
    let Some(object) = reply::object(&said.text) else {
        let wrote = clip(&said.text, 80);
        return Err(unfit(format!("{by} wrote no JSON object, but: {wrote}")));
    };
    let value = Value::Object(object);
    let violations = schema.check(&value);
    if !violations.is_empty() {
        let listed: Vec<_> = violations.iter().map(ToString::to_string).collect();
        let listed = listed.join("; ");
        return Err(unfit(format!("what {by} wrote does not fit the schema: {listed}")));
    }
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(unfit(format!("{by} wrote no JSON object"))),
    }
}
