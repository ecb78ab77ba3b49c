//! A model that says what a file tells it to: for demonstrations, and for tests of everything that
//! happens after a model has spoken.
//!
//! ```toml
//! [[reply]]
//! purpose = ["plan", "repair"]     # or one of them, or nothing: any call
//! contains = ["3-day trip"]        # all of these in what is asked
//! times = 1                        # then the next reply that fits is used
//! text = '{"steps": []}'
//! chunk = 5                        # letters in a piece; all at once without it
//! first_pause = "200ms"            # before the first piece
//! pause = "50ms"                   # between pieces
//! stop = "complete"                # or "length", "filtered"
//! input_tokens = 120
//! output_tokens = 40
//!
//! [[reply]]
//! text = "it begins, and"
//! error = { kind = "rate_limited", message = "slow down", retry_after = "2s", after = 9 }
//!
//! [[reply]]
//! text = "it begins, and"
//! cut = true                       # the connection breaks off after the text
//! ```
//!
//! The first reply that fits is used. An error without `after` comes instead of any text. Pauses are
//! on tokio's clock.

mod file;
mod play;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use crate::chat::{ChatModel, ModelName, Pieces, Request};
use crate::error::{ErrorKind, ModelError};
use file::Reply;

/// The largest file that is taken for a script.
const MAX_BYTES: u64 = 16 << 20;

/// Reads a script. The model is called like its file, without the ending.
///
/// # Errors
/// [`ErrorKind::NotFound`] without a file, [`ErrorKind::BadRequest`] where it is no script: which
/// line, and what is wrong there.
pub fn open(path: &Path) -> Result<Arc<dyn ChatModel>, ModelError> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        let message = format!("cannot read the script {shown}: {error}");
        ModelError::new(ErrorKind::NotFound, message)
    };
    if std::fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
        let message = format!("the script {shown} is longer than {MAX_BYTES} bytes");
        return Err(ModelError::new(ErrorKind::BadRequest, message));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let script = Script::read(&text, &stem).map_err(|problem| {
        ModelError::new(ErrorKind::BadRequest, format!("the script {shown}, {problem}"))
    })?;
    Ok(Arc::new(script))
}

struct Script {
    name: ModelName,
    replies: Vec<Line>,
}

/// A reply and how often it was used.
struct Line {
    reply: Reply,
    used: AtomicU32,
}

impl Script {
    fn read(text: &str, name: &str) -> Result<Self, String> {
        let replies = file::read(text)?;
        let name = ModelName { provider: "script", model: Arc::from(name), base_url: None };
        let line = |reply| Line { reply, used: AtomicU32::new(0) };
        Ok(Self { name, replies: replies.into_iter().map(line).collect() })
    }
}

impl Line {
    /// Takes it for one call, if it fits and is not used up.
    fn take(&self, request: &Request) -> bool {
        let next = |used: u32| {
            (self.reply.times.is_none_or(|times| used < times)).then(|| used.saturating_add(1))
        };
        self.reply.fits(request)
            && self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

#[async_trait]
impl ChatModel for Script {
    fn name(&self) -> ModelName {
        self.name.clone()
    }

    async fn stream(&self, request: Request) -> Result<Pieces, ModelError> {
        let Some(line) = self.replies.iter().find(|line| line.take(&request)) else {
            let purpose = request.purpose.as_str();
            let message = format!("{} has no reply left for this call ({purpose})", self.name);
            return Err(ModelError::new(ErrorKind::BadRequest, message));
        };
        play::play(&line.reply, &self.name).await
    }
}

#[cfg(test)]
mod tests;
