//! `summarize`: shortens texts in a model's own words. It takes the place of the tool of the same
//! name that picks sentences, with the same input, so that plans need not know which of them works.

use async_trait::async_trait;
use serde_json::{Value, json};
use sortie_engine::{Effect, Failure, ToolSpec};
use sortie_llm::Purpose;
use sortie_models::{PromptSource, fenced};

use super::{BuiltinError, MAX_RESULT_BYTES, Reader, Reading, model_spec, signed};
use crate::tool::{Call, Tool};
use crate::tools::summarize::Input;
use crate::tools::{Description, parse_input};

pub(super) const PROMPT: PromptSource = PromptSource {
    name: "summarize",
    text: include_str!("../../../prompts/summarize.md"),
    needs: &["texts", "topic", "max_sentences"],
    knows: &[],
};

/// Summarizes with a model.
pub struct Summarize {
    spec: ToolSpec,
    reader: Reader,
}

impl Summarize {
    /// The tool.
    ///
    /// # Errors
    /// If its prompt cannot be used.
    pub fn new(reading: &Reading) -> Result<Self, BuiltinError> {
        let spec = model_spec(Description {
            name: "summarize",
            text: "Sums up one or more texts in a few sentences, with a model; `text` holds the \
                   summary. Use it when the goal asks for a summary or a comparison of what was \
                   found. It reads only the texts that it is given and looks nothing up: search \
                   first, and give the texts of all searches in one call.",
            effect: Effect::Read,
            input: Input::schema(),
            output: json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["text"],
                "properties": {"text": {"type": "string"}},
            }),
            max_result_bytes: MAX_RESULT_BYTES,
        })?;
        Ok(Self { spec, reader: Reader::new(reading, &PROMPT, Purpose::Summarize)? })
    }
}

#[async_trait]
impl Tool for Summarize {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    async fn call(&self, input: Value, call: &Call) -> Result<Value, Failure> {
        let input: Input = parse_input(input)?;
        let blocks = self.reader.blocks(&input.text)?;
        let topic = input.topic.as_ref().map(|topic| fenced("topic", &[], topic));
        let values = [
            ("texts", blocks.text.as_str()),
            ("topic", topic.as_deref().unwrap_or_default()),
            ("max_sentences", &input.sentences().to_string()),
        ];
        let said = self.reader.ask(&values, None, call).await?;
        Ok(signed(json!({"text": said.text}), &said, &blocks))
    }
}
