//! The `sortie` program with a tool of your own: every command works as it does there.
//!
//! ```sh
//! cargo run -p own-tool -- tools
//! cargo run -p own-tool -- serve
//! ```
//!
//! A model plans with the tool as with the built-in ones, by its description and its schemas. The
//! built-in offline planner knows only the built-in tools.

use std::process::ExitCode;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use sortie_engine::{Effect, Failure, FailureKind, QueueName, Schema, ToolName, ToolSpec};
use sortie_worker::{Call, Tool};

fn main() -> ExitCode {
    sortie_cli::main_with(|registry| {
        registry.register(CountWords)?;
        Ok(())
    })
}

/// Counts the words of a text.
struct CountWords;

#[async_trait]
impl Tool for CountWords {
    /// What plans are checked against, before and after they are run.
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: ToolName::new("count_words"),
            description: "Counts the words of a text.".to_owned(),
            input: schema(json!({
                "type": "object",
                "required": ["text"],
                "additionalProperties": false,
                "properties": {"text": {"type": "string", "maxLength": 100_000}},
            })),
            output: Some(schema(json!({
                "type": "object",
                "required": ["words"],
                "additionalProperties": false,
                "properties": {"words": {"type": "integer"}},
            }))),
            // The same input has the same output: it may start early and be tried again.
            effect: Effect::Pure,
            queue: QueueName::new("builtin"),
            timeout: Duration::from_secs(1),
            max_result_bytes: 1024,
            calls_model: false,
        }
    }

    /// The input fits the schema. The future may be dropped at any `await`.
    async fn call(&self, input: Value, _: &Call) -> Result<Value, Failure> {
        let words = input["text"].as_str().unwrap_or_default().split_whitespace().count();
        if words == 0 {
            // The kind says whether trying again can help.
            return Err(Failure::new(FailureKind::NotFound, "the text has no words"));
        }
        Ok(json!({ "words": words }))
    }
}

fn schema(source: Value) -> Schema {
    Schema::parse(source).expect("a schema that is written down here")
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_tests::cluster::{Script, TestCluster, step};
    use sortie_worker::Registry;

    #[tokio::test(start_paused = true)]
    async fn plans_use_the_tool_as_any_other() {
        let mut registry = Registry::new();
        registry.register(CountWords).unwrap();
        let script = Script::new(vec![
            step(1, "count_words", json!("plan once, act many times"), &[]),
            step(2, "count_words", json!({"text": "{{1.words}} words"}), &[]),
            step(3, "count_words", json!(" "), &[]),
        ]);
        let story = TestCluster::start(script, registry).await.run("count").await;
        assert_eq!(story.answer(), "1={\"words\":5}; 2={\"words\":2}; 3!not_found; ");
    }
}
