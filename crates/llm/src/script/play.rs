//! How a reply is played.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::sleep;

use super::file::{Fault, Reply};
use crate::chat::{Ending, ModelName, Piece, Pieces, Tokens};
use crate::error::{ErrorKind, ModelError};

/// Plays a reply; an error that comes instead of any text is the error of the call.
pub(super) async fn play(reply: &Reply, name: &ModelName) -> Result<Pieces, ModelError> {
    let text = match &reply.error {
        None => reply.text.as_str(),
        Some(Fault { after: Some(letters), .. }) => beginning(&reply.text, *letters),
        Some(fault) => {
            pause(reply.first_pause.0).await;
            return Err(error(fault, name));
        }
    };
    let mut items: Vec<_> = pieces(text, reply.chunk.map(std::num::NonZeroUsize::get));
    items.push(match &reply.error {
        Some(fault) => Err(error(fault, name)),
        None if reply.cut => {
            let message = format!("{name} broke off in the middle");
            Err(ModelError::new(ErrorKind::CutOff, message))
        }
        None => {
            let tokens = Tokens { input: reply.input_tokens, output: reply.output_tokens };
            Ok(Piece::End(Ending { stop: reply.stop.0, tokens }))
        }
    });
    let (first, between) = (reply.first_pause.0, reply.pause.0);
    let last = items.len() - 1;
    let played = stream::iter(items.into_iter().enumerate()).then(move |(at, item)| async move {
        // The end follows the last piece at once.
        pause(if at == 0 {
            first
        } else if at == last {
            Duration::ZERO
        } else {
            between
        })
        .await;
        item
    });
    Ok(played.boxed())
}

/// A sleep of no length takes a millisecond all the same.
async fn pause(length: Duration) {
    if !length.is_zero() {
        sleep(length).await;
    }
}

fn pieces(text: &str, letters: Option<usize>) -> Vec<Result<Piece, ModelError>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let piece = letters.map_or(rest, |letters| beginning(rest, letters));
        pieces.push(Ok(Piece::Text(piece.to_owned())));
        rest = &rest[piece.len()..];
    }
    pieces
}

fn beginning(text: &str, letters: usize) -> &str {
    text.char_indices().nth(letters).map_or(text, |(end, _)| &text[..end])
}

fn error(fault: &Fault, name: &ModelName) -> ModelError {
    let kind = fault.kind.0;
    let message = fault.message.clone();
    let message = message.unwrap_or_else(|| format!("{name} fails as written ({})", kind.as_str()));
    ModelError { kind, message, retry_after: fault.retry_after.map(|pause| pause.0) }
}
