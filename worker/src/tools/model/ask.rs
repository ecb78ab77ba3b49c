//! `ask`: answers a question from texts that it is given.
//!
//! The model says whether the texts have the answer. If not, that is a failure like that of a
//! search that found nothing, with the model's words: steps that need the answer must not go on
//! with its absence. A model that writes plain text instead of the JSON that it was asked for does
//! not say it in a way that can be relied on; its text is the answer then.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sortie_engine::{Effect, Failure, FailureKind, ToolSpec};
use sortie_llm::{Purpose, Shape};
use sortie_models::{PromptSource, fenced};

use super::{BuiltinError, MAX_RESULT_BYTES, Reader, Reading, Said, model_spec, reply, signed};
use crate::tool::{Call, Tool};
use crate::tools::texts::Texts;
use crate::tools::{Description, clip, parse_input};

pub(super) const PROMPT: PromptSource = PromptSource {
    name: "ask",
    text: include_str!("../../../prompts/ask.md"),
    needs: &["texts", "question"],
    knows: &[],
};

/// Of what a model says is missing, as much as a message holds.
const MAX_REASON_CHARS: usize = 500;

/// Answers questions with a model.
pub struct Ask {
    spec: ToolSpec,
    reader: Reader,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    question: String,
    text: Texts,
}

/// What a model means by its reply.
#[derive(Debug, PartialEq)]
enum Answer {
    Found(String),
    /// The texts do not have it; why, in the model's words.
    Missing(String),
}

impl Ask {
    /// The tool.
    ///
    /// # Errors
    /// If its prompt cannot be used.
    pub fn new(reading: &Reading) -> Result<Self, BuiltinError> {
        let spec = model_spec(Description {
            name: "ask",
            text: "Answers one question from one or more texts, with a model; `text` holds the \
                   answer. Use it to find, compare or judge something in texts where a whole \
                   summary is too much. It reads only the texts that it is given and looks \
                   nothing up: search first. It fails where the texts do not have the answer.",
            effect: Effect::Read,
            input: json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["question", "text"],
                "properties": {
                    "question": {
                        "type": "string", "minLength": 1, "maxLength": 2000,
                        "description": "one question that the texts can answer",
                    },
                    "text": Texts::schema(),
                },
            }),
            output: json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["text"],
                "properties": {"text": {"type": "string", "description": "the answer"}},
            }),
            max_result_bytes: MAX_RESULT_BYTES,
        })?;
        Ok(Self { spec, reader: Reader::new(reading, &PROMPT, Purpose::Ask)? })
    }
}

#[async_trait]
impl Tool for Ask {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    async fn call(&self, input: Value, call: &Call) -> Result<Value, Failure> {
        let input: Input = parse_input(input)?;
        let blocks = self.reader.blocks(&input.text)?;
        let question = fenced("question", &[], &input.question);
        let values = [("texts", blocks.text.as_str()), ("question", &question)];
        let said = self.reader.ask(&values, Some(shape()), call).await?;
        match answer(&said) {
            Answer::Found(text) if text.is_empty() => {
                let message = format!("{} says that it found an answer, and gives none", said.by);
                Err(Failure::new(FailureKind::InvalidAnswer, message))
            }
            Answer::Found(text) => Ok(signed(json!({ "text": text }), &said, &blocks)),
            Answer::Missing(why) => {
                let question = clip(&input.question, 80);
                let why = clip(&why, MAX_REASON_CHARS);
                let message = format!("the text does not answer `{question}`: {why}");
                Err(Failure::new(FailureKind::NotFound, message))
            }
        }
    }
}

fn shape() -> Shape {
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["found", "answer"],
        "properties": {"found": {"type": "boolean"}, "answer": {"type": "string"}},
    });
    Shape { name: "answer".to_owned(), schema }
}

fn answer(said: &Said) -> Answer {
    let object = reply::object(&said.text);
    let fields = object.as_ref().and_then(fields);
    match fields {
        Some((true, answer)) => Answer::Found(answer),
        Some((false, why)) if why.is_empty() => Answer::Missing("no reason given".to_owned()),
        Some((false, why)) => Answer::Missing(why),
        None => Answer::Found(said.text.clone()),
    }
}

/// What the asked-for object says, if it is that object.
fn fields(object: &Map<String, Value>) -> Option<(bool, String)> {
    let answer = match object.get("answer")? {
        Value::String(answer) => answer.trim().to_owned(),
        Value::Null => String::new(),
        // A bare number is an answer too.
        other => other.to_string(),
    };
    let found = match object.get("found") {
        Some(Value::Bool(found)) => *found,
        Some(Value::String(found)) => !found.eq_ignore_ascii_case("false"),
        _ => true,
    };
    Some((found, answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_means_is_read_out_of_what_it_writes() {
        let found = |text: &str| Answer::Found(text.to_owned());
        let missing = |text: &str| Answer::Missing(text.to_owned());
        for (text, meant) in [
            (r#"{"found": true, "answer": " 42 km "}"#, found("42 km")),
            ("```json\n{\"answer\": 42, \"found\": true}\n```", found("42")),
            (r#"{"found": false, "answer": "No rent."}"#, missing("No rent.")),
            (r#"{"found": "False", "answer": "No rent."}"#, missing("No rent.")),
            (r#"{"found": false, "answer": null}"#, missing("no reason given")),
            (r"Sure! {found: false, answer: 'No rent.'} I hope that helps.", missing("No rent.")),
            ("It is 42 km.", found("It is 42 km.")),
            ("{{2}} and {{3.text}}", found("{{2}} and {{3.text}}")),
            (r#"{"steps": []}"#, found(r#"{"steps": []}"#)),
            ("{", found("{")),
        ] {
            let said = Said { text: text.to_owned(), by: String::new(), cut_off: false };
            assert_eq!(answer(&said), meant, "{text}");
        }
        let text = r#"{"found": true, "answer": "The rent is 1,2"#.to_owned();
        let said = Said { text, by: String::new(), cut_off: true };
        assert_eq!(answer(&said), found("The rent is 1,2"));
    }
}
