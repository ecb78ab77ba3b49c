//! `summarize`: the most telling sentences of a text, word for word.
//!
//! Nothing is invented: a summary is a choice of sentences in their order. Where several texts are
//! given, each has its best sentence in the summary before any has two.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use sortie_engine::{BadSchema, Effect, Failure, FailureKind, ToolSpec};

use super::texts::Texts;
use super::{Description, invalid, parse_input, spec};
use crate::tool::{Call, Tool};

mod rank;
mod sentences;

const DEFAULT_SENTENCES: usize = 5;
const MAX_SENTENCES: usize = 20;
/// A text of a megabyte takes a good part of a second: too long to hold up other steps.
const INLINE_BYTES: usize = 32 << 10;

/// Picks sentences.
pub struct Summarize {
    spec: ToolSpec,
}

/// What a summary is made of, whoever makes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    pub(super) text: Texts,
    #[serde(default)]
    pub(super) topic: Option<String>,
    #[serde(default)]
    pub(super) max_sentences: Option<usize>,
}

impl Input {
    pub(super) fn schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["text"],
            "properties": {
                "text": Texts::schema(),
                "topic": {
                    "type": "string", "minLength": 1, "maxLength": 256,
                    "description": "what the summary is to be about, if not all of it",
                },
                "max_sentences": {
                    "type": "integer", "minimum": 1, "maximum": MAX_SENTENCES,
                    "default": DEFAULT_SENTENCES,
                },
            },
        })
    }

    pub(super) fn sentences(&self) -> usize {
        self.max_sentences.unwrap_or(DEFAULT_SENTENCES).min(MAX_SENTENCES)
    }
}

impl Summarize {
    /// The tool.
    ///
    /// # Errors
    /// If its schemas are broken, which a test rules out.
    pub fn new() -> Result<Self, BadSchema> {
        let spec = spec(Description {
            name: "summarize",
            text: "Shortens one or more texts to their most telling sentences, word for word and \
                   in their order. Use it when the goal asks for a summary; give the texts of all \
                   searches in one call.",
            effect: Effect::Pure,
            input: Input::schema(),
            output: json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["text", "sentences", "extractive"],
                "properties": {
                    "text": {"type": "string"},
                    "sentences": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                    "extractive": {"const": true},
                },
            }),
            max_result_bytes: 256 * 1024,
        })?;
        Ok(Self { spec })
    }
}

#[async_trait]
impl Tool for Summarize {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    async fn call(&self, input: Value, _: &Call) -> Result<Value, Failure> {
        let input: Input = parse_input(input)?;
        let bytes = input.text.bytes()?;
        let sentences = if bytes <= INLINE_BYTES {
            summary(&input)
        } else {
            let work = tokio::task::spawn_blocking(move || summary(&input));
            work.await.map_err(|_| {
                Failure::new(FailureKind::ToolFailed, "the text cannot be summarized")
            })?
        };
        if sentences.is_empty() {
            return Err(invalid("there is no text to summarize"));
        }
        Ok(json!({"text": sentences.join(" "), "sentences": sentences, "extractive": true}))
    }
}

fn summary(input: &Input) -> Vec<String> {
    let texts: Vec<_> =
        input.text.as_slice().iter().map(|text| sentences::sentences(text)).collect();
    rank::best(&texts, input.topic.as_deref(), input.sentences())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::tests::call;
    use crate::tools::texts::MAX_BYTES;
    use proptest::prelude::*;

    async fn summarize(input: Value) -> Result<Value, Failure> {
        Summarize::new().unwrap().call(input, &call()).await
    }

    #[tokio::test]
    async fn a_summary_is_a_choice_of_sentences_in_their_order() {
        let text = "Salaries vary. An engineer earns $130,000 to $180,000 a year. Lunch is nice. \
                    An engineer in the U.S. pays 4.5% more rent than last year.";
        let input = json!({"text": text, "topic": "engineer", "max_sentences": 2});
        let result = summarize(input).await.unwrap();
        let expected = [
            "An engineer earns $130,000 to $180,000 a year.",
            "An engineer in the U.S. pays 4.5% more rent than last year.",
        ];
        assert_eq!(
            result,
            json!({"text": expected.join(" "), "sentences": expected, "extractive": true})
        );
    }

    #[tokio::test]
    async fn every_text_has_its_say() {
        let long = "The cost of living in Austin is about 4% above average. ".to_owned()
            + &"The cost of living in Austin grows with the cost of housing in Austin. ".repeat(3)
            + "Austin has a river. Austin has a university with a library.";
        let input = json!({"text": [long, "Rust is safe."], "max_sentences": 2});
        let result = summarize(input).await.unwrap();
        assert_eq!(result["sentences"].as_array().unwrap().len(), 2);
        assert_eq!(result["sentences"][1], "Rust is safe.");
    }

    #[tokio::test]
    async fn no_text_is_no_summary() {
        for text in [json!(""), json!(" \n"), json!([]), json!(["", "# Heading"])] {
            let failure = summarize(json!({"text": text})).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::InvalidInput);
        }
        let failure = summarize(json!({"text": "x".repeat(MAX_BYTES + 1)})).await.unwrap_err();
        assert!(failure.message.contains("allowed"));
    }

    #[tokio::test]
    async fn a_megabyte_is_summarized_like_anything_else() {
        for text in ["One two three. ".repeat(69_000), "a".repeat(1 << 20), ". ".repeat(1 << 19)] {
            let outcome = summarize(json!({"text": text})).await;
            if let Ok(result) = outcome {
                assert!(result["text"].as_str().unwrap().len() < 20_000);
            }
        }
    }

    proptest! {
        #[test]
        fn every_sentence_stands_in_the_text(text in "[A-Za-z0-9 .!?\n,%$-]{1,200}") {
            let input = Input {
                text: Texts::One(text.clone()), topic: None, max_sentences: Some(3),
            };
            let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for sentence in summary(&input) {
                prop_assert!(flat.contains(&sentence), "{:?} not in {:?}", sentence, flat);
            }
        }
    }
}
