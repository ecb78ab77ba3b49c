//! The answer of a model while it arrives.
//!
//! ```text
//!            first frame           first word or thought
//!   silent --------------> alive ------------------------> flowing ---> end or error
//!      \_ timeout `first`: from the request on _/    \_ `idle`: between frames _/
//! ```

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use futures_util::{StreamExt as _, stream};
use genai::chat::{ChatStream, ChatStreamEvent, StopReason as Stopped, StreamEnd, Usage};
use tokio::time::{Instant, timeout_at};

use super::faults::{Asked, Patience};
use super::pulse::Pulse;
use crate::chat::{Ending, Piece, Pieces, StopReason, Tokens};
use crate::error::{ErrorKind, ModelError};
use crate::spec::Provider;

/// One stream of genai and what is known of it.
pub(super) struct Reading {
    pub(super) stream: ChatStream,
    pub(super) pulse: Arc<Pulse>,
    pub(super) asked: Asked,
    /// Where the client keeps whether shapes are taken, if this request has one.
    pub(super) shapes: Option<Arc<AtomicBool>>,
    pub(super) progress: Progress,
}

/// How far it has come.
pub(super) struct Progress {
    started: Instant,
    /// How many frames were told of.
    told: u64,
    /// Whether a word or thought has come.
    flowing: bool,
}

impl Progress {
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), told: 0, flowing: false }
    }
}

/// What the stream shows next.
enum Shown {
    Event(genai::Result<ChatStreamEvent>),
    /// A frame that genai makes nothing of.
    Frame,
    Nothing,
}

impl Reading {
    /// Sends the request and waits for the first sign of the answer, so that a refusal is an error
    /// of the call and not of its first piece.
    pub(super) async fn begin(mut self) -> Result<Pieces, ModelError> {
        let first = self.piece().await?;
        let ended = matches!(first, Piece::End(_));
        let rest = stream::unfold((!ended).then_some(self), |reading| async {
            let mut reading = reading?;
            let piece = reading.piece().await;
            // Nothing follows the end, and what broke is closed at once.
            let goes_on = !matches!(piece, Ok(Piece::End(_)) | Err(_));
            Some((piece, goes_on.then_some(reading)))
        });
        Ok(stream::iter([Ok(first)]).chain(rest).boxed())
    }

    async fn piece(&mut self) -> Result<Piece, ModelError> {
        loop {
            let event = match self.next().await? {
                Shown::Event(Ok(event)) => event,
                Shown::Event(Err(error)) => match self.fault(&error) {
                    Some(error) => return Err(error),
                    None => return Ok(self.beat()),
                },
                Shown::Frame => return Ok(self.beat()),
                Shown::Nothing => return self.nothing(),
            };
            let piece = match event {
                ChatStreamEvent::Chunk(chunk) if !chunk.content.is_empty() => {
                    Piece::Text(chunk.content)
                }
                ChatStreamEvent::End(end) => return self.end(&end),
                // It says only that the request was made.
                ChatStreamEvent::Start => continue,
                ChatStreamEvent::Heartbeat => return Ok(self.beat()),
                ChatStreamEvent::Chunk(_)
                | ChatStreamEvent::ReasoningChunk(_)
                | ChatStreamEvent::ThoughtSignatureChunk(_)
                | ChatStreamEvent::ToolCallChunk(_) => Piece::Beat,
            };
            self.beat();
            self.progress.flowing = true;
            return Ok(piece);
        }
    }

    /// The next event or frame, or an error where neither comes in time.
    async fn next(&mut self) -> Result<Shown, ModelError> {
        let timeouts = self.asked.timeouts;
        // Idle time is counted from this call on: time that the reader takes is not the model's.
        let (deadline, patience) = if self.progress.flowing {
            (Instant::now() + timeouts.idle, Patience::Idle)
        } else {
            (self.progress.started + timeouts.first, Patience::First)
        };
        let (stream, pulse, told) = (&mut self.stream, &self.pulse, self.progress.told);
        let shown = poll_fn(|cx| match stream.poll_next_unpin(cx) {
            Poll::Ready(event) => Poll::Ready(event.map_or(Shown::Nothing, Shown::Event)),
            Poll::Pending if pulse.frames() > told => Poll::Ready(Shown::Frame),
            Poll::Pending => Poll::Pending,
        });
        timeout_at(deadline, shown).await.map_err(|_| self.asked.too_slow(patience))
    }

    /// Tells of all frames up to now at once.
    fn beat(&mut self) -> Piece {
        self.progress.told = self.pulse.frames();
        Piece::Beat
    }

    /// The error of the call, if it is one.
    fn fault(&self, error: &genai::Error) -> Option<ModelError> {
        if let genai::Error::ChatResponse { body, .. } = error
            && self.asked.provider == Provider::Gemini
            && body.get("error").is_none()
        {
            // genai takes each frame without candidates for an error: one with only the usage, and
            // one that says why the prompt is blocked, which the end is told by.
            return None;
        }
        let shapes = self.shapes.as_ref().filter(|_| !self.progress.flowing);
        let refused = shapes.and_then(|shapes| {
            let refused = self.asked.refusal_of_shape(error)?;
            shapes.store(false, Ordering::Relaxed);
            tracing::info!(model = %self.asked.name, "no forms for answers are taken, calls go without");
            Some(refused)
        });
        Some(refused.unwrap_or_else(|| self.asked.fault(error)))
    }

    /// The stream is over, and nobody said that the answer is.
    fn nothing(&self) -> Result<Piece, ModelError> {
        Err(if self.pulse.frames() == 0 {
            self.asked.silent()
        } else if self.pulse.had_data() {
            self.asked.cut_off()
        } else {
            self.asked.no_events()
        })
    }

    fn end(&self, end: &StreamEnd) -> Result<Piece, ModelError> {
        let stop = match &end.captured_stop_reason {
            _ if self.pulse.refused() => StopReason::Filtered,
            // genai ends every stream of Gemini, those that break off too.
            None if self.asked.provider == Provider::Gemini => return self.nothing(),
            // Some gateways say so where their own provider failed.
            Some(Stopped::Other(why)) if why.eq_ignore_ascii_case("error") => {
                let message = format!("{} failed in the middle", self.asked.name);
                return Err(ModelError::new(ErrorKind::Overloaded, message));
            }
            // Neither is a server that stops for a reason of its own at the end of its text.
            Some(Stopped::Other(why)) if !is_an_end(why) => {
                let message = format!(
                    "{} stopped in the middle (`{}`): try again, or look into the log of its server",
                    self.asked.name,
                    why.chars().take(40).collect::<String>()
                );
                return Err(ModelError::new(ErrorKind::CutOff, message));
            }
            Some(Stopped::MaxTokens(_)) => StopReason::Length,
            Some(Stopped::ContentFilter(_)) => StopReason::Filtered,
            Some(Stopped::Completed(_) | Stopped::ToolCall(_) | Stopped::StopSequence(_))
            | Some(Stopped::Other(_))
            | None => StopReason::Complete,
        };
        let tokens = end.captured_usage.as_ref().map(tokens).unwrap_or_default();
        Ok(Piece::End(Ending { stop, tokens }))
    }
}

/// Words of servers that know more ends than the interface has.
fn is_an_end(why: &str) -> bool {
    const ENDS: [&str; 5] = ["eos", "eos_token", "stop_token", "end_of_text", "done"];
    ENDS.iter().any(|end| why.eq_ignore_ascii_case(end))
}

/// genai adds what came from a cache to the input, and thoughts to the output.
fn tokens(usage: &Usage) -> Tokens {
    let count = |tokens: Option<i32>| tokens.and_then(|tokens| u64::try_from(tokens).ok());
    // Except for an answer of Gemini that is nothing but thoughts.
    let thoughts = usage.completion_tokens_details.as_ref();
    let thoughts = thoughts.and_then(|details| count(details.reasoning_tokens));
    Tokens {
        input: count(usage.prompt_tokens).unwrap_or_default(),
        output: count(usage.completion_tokens).or(thoughts).unwrap_or_default(),
    }
}
