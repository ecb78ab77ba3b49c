//! What is asked of a model and what it says.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{Stream, StreamExt as _};
use serde_json::Value;

use crate::error::{ErrorKind, ModelError};

/// A model that can be talked to. Each call of [`stream`](Self::stream) is one model call.
#[async_trait]
pub trait ChatModel: Send + Sync + 'static {
    /// Who answers, as far as it is known now: a server that has one model may be asked for its
    /// name with the first call.
    fn name(&self) -> ModelName;

    /// Who answers, asking a server for the name of its model where that is not known yet. No model
    /// call; what goes wrong is left for the first one to find.
    async fn look_up(&self) -> ModelName {
        self.name()
    }

    /// Asks. Dropping the future or the pieces closes the connection.
    ///
    /// # Errors
    /// If the model cannot be asked, or refuses. What goes wrong later comes out of the pieces.
    async fn stream(&self, request: Request) -> Result<Pieces, ModelError>;
}

/// What a model says, piece by piece. The last item is [`Piece::End`] or an error, and nothing
/// follows either: a connection that breaks off in the middle is an error.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Piece, ModelError>> + Send>>;

/// A part of what a model says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// More text; never empty.
    Text(String),
    /// The model is at work and has nothing to show: it reasons, or the server keeps the line open.
    Beat,
    /// It has ended.
    End(Ending),
}

/// How a model ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Why it stopped.
    pub stop: StopReason,
    /// What the call used, as the provider counts; zeros where it does not say.
    pub tokens: Tokens,
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// It had no more to say.
    Complete,
    /// It was cut off: the limit of tokens was reached.
    Length,
    /// The provider's filter cut it off, or the model refused.
    Filtered,
}

/// Tokens of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Read, those from a cache included.
    pub input: u64,
    /// Written, reasoning included.
    pub output: u64,
}

/// What is asked of a model.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// What the call is for.
    pub purpose: Purpose,
    /// How the model is to behave.
    pub system: String,
    /// Earlier exchanges that show how it is done; small models learn from nothing else.
    pub examples: Vec<Exchange>,
    /// What it is to work on.
    pub user: String,
    /// What its text must look like; free text without one. A provider that cannot hold a model to
    /// it is asked without: the prompt says it too.
    pub shape: Option<Shape>,
    /// The most tokens that it may write; the provider's own limit without one.
    pub max_tokens: Option<u32>,
}

/// Prompts are people's data: only their sizes are shown.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("purpose", &self.purpose)
            .field("system_bytes", &self.system.len())
            .field("examples", &self.examples.len())
            .field("user_bytes", &self.user.len())
            .field("shape", &self.shape.as_ref().map(|shape| &shape.name))
            .field("max_tokens", &self.max_tokens)
            .finish()
    }
}

/// Something asked and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What was asked.
    pub user: String,
    /// What was answered.
    pub assistant: String,
}

/// JSON text of a certain form.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// For the provider: letters and underscores.
    pub name: String,
    /// JSON Schema; properties are written in its order.
    pub schema: Value,
}

/// What a call is for: told to logs and scripts, never to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// A first plan.
    Plan,
    /// A plan instead of one with faults.
    Repair,
    /// A plan instead of one that did not lead to the goal.
    Replan,
    /// An answer out of results.
    Answer,
    /// The tool `summarize`.
    Summarize,
    /// The tool `ask`.
    Ask,
    /// The tool `extract`.
    Extract,
    /// Whether the model answers at all.
    Check,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 8] = [
        Self::Plan,
        Self::Repair,
        Self::Replan,
        Self::Answer,
        Self::Summarize,
        Self::Ask,
        Self::Extract,
        Self::Check,
    ];

    /// The name in logs and scripts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Repair => "repair",
            Self::Replan => "replan",
            Self::Answer => "answer",
            Self::Summarize => "summarize",
            Self::Ask => "ask",
            Self::Extract => "extract",
            Self::Check => "check",
        }
    }
}

/// Which model of whom. `Display` is for people: `openai gpt-5`, `qwen3 at http://localhost:8080/v1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelName {
    /// Whose interface it speaks: `openai`, `anthropic`, `gemini`, `script`.
    pub provider: &'static str,
    /// The model as the provider names it; empty while it is not known.
    pub model: Arc<str>,
    /// Where it is, if not at its provider's own address.
    pub base_url: Option<Arc<str>>,
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = if self.model.is_empty() { "the model" } else { &self.model };
        match &self.base_url {
            // Nearly every server speaks OpenAI's interface; another one is worth a word.
            Some(url) if self.provider == "openai" => write!(f, "{model} at {url}"),
            Some(url) => write!(f, "{} {model} at {url}", self.provider),
            None => write!(f, "{} {model}", self.provider),
        }
    }
}

/// Asks and waits for all of the text.
///
/// # Errors
/// The model's, or [`ErrorKind::TooLong`] where it writes more than `max_bytes`.
pub async fn complete(
    model: &dyn ChatModel,
    request: Request,
    max_bytes: usize,
) -> Result<(String, Ending), ModelError> {
    let mut pieces = model.stream(request).await?;
    let mut text = String::new();
    while let Some(piece) = pieces.next().await {
        match piece? {
            Piece::Text(more) => text.push_str(&more),
            Piece::Beat => {}
            Piece::End(ending) => return Ok((text, ending)),
        }
        if text.len() > max_bytes {
            let message = format!("{} wrote more than {max_bytes} bytes", model.name());
            return Err(ModelError::new(ErrorKind::TooLong, message));
        }
    }
    let message = format!("{} broke off in the middle", model.name());
    Err(ModelError::new(ErrorKind::CutOff, message))
}
