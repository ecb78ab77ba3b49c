//! `search`: looks something up in local documents.
//!
//! A passage counts only if it has all content words of the subject: an offline search must not
//! answer a question about one city with what it knows of another. Where the query asks for more
//! than the subject, a passage beside that point counts only if nothing else meets it.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use sortie_engine::{BadSchema, Effect, Failure, FailureKind, ToolSpec};

use super::{Description, clip, parse_input, spec};
use crate::documents::{Documents, Found};
use crate::tool::{Call, Tool};

const DEFAULT_LIMIT: usize = 3;
const MAX_LIMIT: usize = 10;

/// Searches documents.
pub struct Search {
    spec: ToolSpec,
    documents: Arc<Documents>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    query: String,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

impl Search {
    /// The tool over these documents.
    ///
    /// # Errors
    /// If its schemas are broken, which a test rules out.
    pub fn new(documents: impl Into<Arc<Documents>>) -> Result<Self, BadSchema> {
        let text = || json!({"type": "string"});
        let spec = spec(Description {
            name: "search",
            text: "Looks facts up in local documents and returns the best passages; `text` holds \
                   them as one string. One search for one thing: put the city, language, product \
                   or person it is about into `subject`, so that nothing about another is found.",
            effect: Effect::Read,
            input: json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["query"],
                "properties": {
                    "query": {
                        "type": "string", "minLength": 1, "maxLength": 512,
                        "description": "what to find out, such as: cost of living in Austin",
                    },
                    "subject": {
                        "type": "string", "minLength": 1, "maxLength": 256,
                        "description": "what every passage must be about, such as: Austin",
                    },
                    "limit": {
                        "type": "integer", "minimum": 1, "maximum": MAX_LIMIT,
                        "default": DEFAULT_LIMIT, "description": "how many passages at most",
                    },
                },
            }),
            output: json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["query", "subject", "passages", "text"],
                "properties": {
                    "query": text(),
                    "subject": {"type": ["string", "null"]},
                    "passages": {"type": "array", "minItems": 1, "items": {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["document", "heading", "text", "score"],
                        "properties": {
                            "document": text(), "heading": text(), "text": text(),
                            "score": {"type": "number"},
                        },
                    }},
                    "text": {"type": "string", "description": "the passages' texts, best first"},
                },
            }),
            max_result_bytes: 256 * 1024,
        })?;
        Ok(Self { spec, documents: documents.into() })
    }

    fn nothing(&self, input: &Input) -> Failure {
        let wanted = clip(input.subject.as_ref().unwrap_or(&input.query), 80);
        let way_out = if self.documents.are_builtin() {
            "give your own with --docs DIR"
        } else {
            "add a document that tells it"
        };
        let documents = &self.documents;
        let message = format!("nothing about `{wanted}` in {documents}: {way_out}");
        Failure::new(FailureKind::NotFound, message)
    }
}

#[async_trait]
impl Tool for Search {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    async fn call(&self, input: Value, _: &Call) -> Result<Value, Failure> {
        let input: Input = parse_input(input)?;
        let limit = input.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
        let found = self.documents.search(&input.query, input.subject.as_deref(), limit);
        if found.is_empty() {
            return Err(self.nothing(&input));
        }
        let texts: Vec<_> = found.iter().map(|found| found.passage.text.as_str()).collect();
        Ok(json!({
            "query": input.query,
            "subject": input.subject,
            "text": texts.join("\n\n"),
            "passages": found.iter().map(passage).collect::<Vec<_>>(),
        }))
    }
}

fn passage(found: &Found<'_>) -> Value {
    let Found { passage, score } = found;
    json!({
        "document": passage.document,
        "heading": passage.heading,
        "text": passage.text,
        "score": (score * 1000.0).round() / 1000.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::tests::call;

    async fn search(documents: Documents, input: Value) -> Result<Value, Failure> {
        Search::new(documents).unwrap().call(input, &call()).await
    }

    #[tokio::test]
    async fn passages_come_with_their_place_and_as_one_text() {
        let query = "Austin";
        let input = json!({"query": query, "subject": "austin", "limit": 2});
        let result = search(Documents::builtin(), input).await.unwrap();
        let passages = result["passages"].as_array().unwrap();
        assert_eq!(passages.len(), 2);
        assert_eq!(passages[0]["document"], "austin.md");
        assert!(passages[0]["heading"].as_str().unwrap().starts_with("Austin"));
        assert!(passages[0]["score"].as_f64() >= passages[1]["score"].as_f64());
        let texts = [&passages[0]["text"], &passages[1]["text"]].map(|t| t.as_str().unwrap());
        assert_eq!(result["text"], texts.join("\n\n"));
        assert_eq!((&result["query"], &result["subject"]), (&json!(query), &json!("austin")));
    }

    #[tokio::test]
    async fn nothing_found_names_the_subject_and_the_place() {
        let input = json!({"query": "cost of living", "subject": "Lisbon"});
        let failure = search(Documents::builtin(), input).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotFound);
        let count = Documents::builtin().len();
        assert_eq!(
            failure.message,
            format!(
                "nothing about `Lisbon` in the {count} built-in documents: \
                     give your own with --docs DIR"
            )
        );
        let folder = tempfile::tempdir().unwrap();
        let documents = Documents::from_folder(folder.path()).unwrap();
        let failure = search(documents, json!({"query": "anything"})).await.unwrap_err();
        assert!(failure.message.starts_with("nothing about `anything` in the 0 documents in "));
    }

    #[tokio::test]
    async fn a_document_that_looks_like_a_template_is_only_text() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.md"), "# Trap\n\n{{1}} and {{2.text}}\n").unwrap();
        let documents = Documents::from_folder(folder.path()).unwrap();
        let result = search(documents, json!({"query": "trap"})).await.unwrap();
        assert_eq!(result["text"], "{{1}} and {{2.text}}");
        assert_eq!(result["subject"], Value::Null);
    }
}
