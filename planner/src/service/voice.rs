//! One model call as it is heard: what the model says, and that it is still there.
//!
//! Whoever holds the voice holds the call: dropping it closes the connection to the model.

use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use sortie_engine::{Failure, FailureKind, Usage};
use sortie_llm::{Ending, Piece, Pieces, Request, Tokens};
use sortie_models::Model;
use tokio::time::Instant;

/// A call that sends nothing for long is given up by its client; this is often enough for any.
const QUIET: Duration = Duration::from_secs(5);

/// What is heard.
#[derive(Debug)]
pub(super) enum Said {
    Text(String),
    /// Nothing that could be sent, for a while now.
    Quiet,
    Ended(Ending),
}

pub(super) struct Voice {
    name: String,
    state: State,
    quiet_until: Instant,
}

enum State {
    Asked(Pin<Box<dyn Future<Output = Result<Pieces, Failure>> + Send>>),
    Speaking(Pieces),
}

impl Voice {
    /// Asks: one model call, which begins when it is listened to.
    pub(super) fn ask(model: &Model, request: Request) -> Self {
        let asked = model.clone();
        let pieces = Box::pin(async move { asked.stream(request).await });
        let name = model.name().to_string();
        Self { name, state: State::Asked(pieces), quiet_until: Instant::now() + QUIET }
    }

    /// What a call used that failed so: who refused has not worked; what was begun costs, and nobody
    /// says how much. Who was not heard in time may have begun.
    pub(super) fn used(&self, model: &Model, failure: &Failure) -> Usage {
        match self.state {
            State::Asked(_) if failure.kind != FailureKind::Timeout => {
                Usage { model_calls: 1, ..Usage::default() }
            }
            State::Asked(_) | State::Speaking(_) => model.usage(Tokens::default()),
        }
    }

    /// Something was sent to the client.
    pub(super) fn sent(&mut self) {
        self.quiet_until = Instant::now() + QUIET;
    }

    /// What comes next. After an end or a failure nothing comes.
    pub(super) async fn next(&mut self) -> Result<Said, Failure> {
        loop {
            // A model that always has something to say does not let the time run out.
            if Instant::now() >= self.quiet_until {
                return Ok(Said::Quiet);
            }
            let piece = tokio::time::timeout_at(self.quiet_until, self.state.next(&self.name));
            match piece.await {
                Err(_) => return Ok(Said::Quiet),
                Ok(piece) => match piece? {
                    Piece::Text(text) => return Ok(Said::Text(text)),
                    Piece::End(ending) => return Ok(Said::Ended(ending)),
                    Piece::Beat => {}
                },
            }
        }
    }
}

impl State {
    /// May be dropped and called again: what is on its way stays here.
    async fn next(&mut self, name: &str) -> Result<Piece, Failure> {
        loop {
            match self {
                Self::Asked(asked) => *self = Self::Speaking(asked.await?),
                Self::Speaking(pieces) => {
                    let broke_off = || {
                        let message = format!("{name} broke off in the middle");
                        Failure::new(FailureKind::Unavailable, message)
                    };
                    let piece = pieces.next().await.ok_or_else(broke_off)?;
                    return piece.map_err(sortie_models::failure);
                }
            }
        }
    }
}
