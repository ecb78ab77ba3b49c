//! The tools that every worker brings along, one file each.
//!
//! All of them wait in the queue `builtin` and describe input and output with schemas that the
//! engine's checker enforces in full. They look at nothing outside the process but its clock, except
//! those in [`model`]: these read texts with a model, if there is one.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use sortie_engine::{
    BadSchema, Effect, Failure, FailureKind, QueueName, Schema, ToolName, ToolSpec,
};
use sortie_models::BadPrompt;

use crate::documents::Documents;
use crate::registry::{Registry, RegistryError};
use crate::tool::Tool;

mod calculate;
pub mod model;
mod now;
mod search;
mod summarize;
mod texts;

pub use calculate::Calculate;
pub use model::Reading;
pub use now::{Clock, Now};
pub use search::Search;
pub use summarize::Summarize;

/// Where the steps of the built-in tools wait.
const QUEUE: &str = "builtin";
/// Many times what a built-in tool needs, and still short for whoever waits on a stuck one.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The built-in tools cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum BuiltinError {
    /// A tool describes itself with a schema that cannot be used.
    #[error("describe tool `{tool}`")]
    Describe {
        /// Which one.
        tool: &'static str,
        /// What is wrong with it.
        source: BadSchema,
    },
    /// A tool has no prompt to ask its model with.
    #[error("load the prompt of tool `{tool}`")]
    Prompt {
        /// Which one.
        tool: &'static str,
        /// What is wrong with it.
        source: BadPrompt,
    },
    /// A tool does not fit into the registry.
    #[error("register a built-in tool")]
    Register(#[source] RegistryError),
}

/// A registry with every built-in tool that needs no model; `search` looks into `documents`.
///
/// # Errors
/// If a tool's description is broken, which the tests of this file rule out.
pub fn builtin(documents: Documents) -> Result<Registry, BuiltinError> {
    let mut registry = without_model(documents)?;
    add(&mut registry, described("summarize", Summarize::new())?)?;
    Ok(registry)
}

/// A registry with every built-in tool; those that read texts do it with a model.
///
/// # Errors
/// If a prompt cannot be used, or a description is broken, which tests rule out.
pub fn with_model(documents: Documents, reading: &Reading) -> Result<Registry, BuiltinError> {
    let mut registry = without_model(documents)?;
    add(&mut registry, model::Summarize::new(reading)?)?;
    add(&mut registry, model::Ask::new(reading)?)?;
    add(&mut registry, model::Extract::new(reading)?)?;
    Ok(registry)
}

fn without_model(documents: Documents) -> Result<Registry, BuiltinError> {
    let mut registry = Registry::new();
    add(&mut registry, described("calculate", Calculate::new())?)?;
    add(&mut registry, described("now", Now::new(Clock::system()))?)?;
    add(&mut registry, described("search", Search::new(documents))?)?;
    Ok(registry)
}

fn described<T>(tool: &'static str, made: Result<T, BadSchema>) -> Result<T, BuiltinError> {
    made.map_err(|source| BuiltinError::Describe { tool, source })
}

fn add(registry: &mut Registry, tool: impl Tool) -> Result<(), BuiltinError> {
    registry.register(tool).map_err(BuiltinError::Register)?;
    Ok(())
}

/// What differs between the built-in tools' descriptions.
struct Description {
    name: &'static str,
    text: &'static str,
    effect: Effect,
    input: Value,
    output: Value,
    max_result_bytes: u64,
}

fn spec(description: Description) -> Result<ToolSpec, BadSchema> {
    Ok(ToolSpec {
        name: ToolName::new(description.name),
        description: description.text.to_owned(),
        input: Schema::parse(description.input)?,
        output: Some(Schema::parse(description.output)?),
        effect: description.effect,
        queue: QueueName::new(QUEUE),
        timeout: TIMEOUT,
        max_result_bytes: description.max_result_bytes,
        calls_model: false,
    })
}

/// The input as the tool's own type. The schema was checked before: this catches a schema and a
/// type that do not say the same.
fn parse_input<T: DeserializeOwned>(input: Value) -> Result<T, Failure> {
    serde_json::from_value(input).map_err(|error| invalid(error.to_string()))
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::InvalidInput, message)
}

/// Enough of a text to recognise it in a message.
fn clip(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::tests::call;
    use serde_json::json;

    #[tokio::test]
    async fn every_builtin_tool_describes_itself() {
        let registry = builtin(Documents::builtin()).unwrap();
        let samples = [
            ("calculate", json!({"expression": "30% of 150,000"})),
            ("now", json!({"timezone": "+02:00"})),
            ("search", json!({"query": "cost of living", "subject": "Austin"})),
            ("summarize", json!({"text": ["Rust is fast. It is safe.", "Python is simple."]})),
        ];
        let names: Vec<_> = registry.catalogue().iter().map(|spec| spec.name.to_string()).collect();
        assert_eq!(names, samples.each_ref().map(|(name, _)| *name), "each tool has a sample");
        for (name, input) in samples {
            let (spec, tool) = registry.get(&ToolName::new(name)).unwrap();
            assert!(spec.description.len() > 40, "{name}");
            assert_eq!(spec.queue.as_str(), QUEUE);
            let output = spec.output.as_ref().unwrap();
            assert_eq!(spec.input.unchecked().len() + output.unchecked().len(), 0, "{name}");
            assert_eq!(spec.input.check(&input), [], "{name}");
            assert_ne!(spec.input.check(&json!({"no_such_field": 1})), [], "{name}");
            let result = tool.call(input, &call()).await.unwrap();
            assert_eq!(output.check(&result), [], "{name}");
        }
    }

    /// The way of "find two things, then summarize both": what searches find survives the summary.
    #[tokio::test]
    async fn facts_reach_the_summary_of_two_searches() {
        let registry = builtin(Documents::builtin()).unwrap();
        let run = async |name: &str, input: Value| {
            let (_, tool) = registry.get(&ToolName::new(name)).unwrap();
            tool.call(input, &call()).await.unwrap()["text"].as_str().unwrap().to_owned()
        };
        let search = async |query: &str, subject: &str| {
            run("search", json!({"query": query, "subject": subject})).await
        };
        let salary = search("average salary of a software engineer", "software engineer").await;
        let city = search("cost of living in San Francisco", "San Francisco").await;
        for text in [json!([salary, city]), json!(format!("{salary}\n\n{city}"))] {
            let summary = run("summarize", json!({ "text": text })).await;
            assert!(summary.contains("$130,000") && summary.contains("94%"), "{summary}");
        }
        let austin = search("cost of living in Austin", "Austin").await;
        let summary = run("summarize", json!({"text": austin, "max_sentences": 1})).await;
        assert!(summary.contains("about 4% above"), "{summary}");
    }
}
