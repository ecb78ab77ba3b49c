//! Clients of language models.
//!
//! [`ChatModel`] is all that the rest of Sortie knows of a model: a request goes in, text streams
//! out, and the last thing that comes is the [`Ending`] or a [`ModelError`] that says whether to
//! try again. A client never tries again by itself: calls are counted where runs are decided.
//!
//! [`connect`] makes the client of a provider or of a server at home, [`script::open`] a model that
//! says what a file tells it to, and `mock` (a feature) is a server that plays a provider in tests.
//!
//! Neither keys nor prompts nor what models write are logged here. genai, which reads the events of
//! answers, logs some of them as warnings: programs keep its target (`genai`) out of their logs.
#![warn(missing_docs)]

mod chat;
mod connect;
mod crypto;
mod error;
#[cfg(feature = "mock")]
pub mod mock;
pub mod script;
mod spec;

pub use chat::{
    ChatModel, Ending, Exchange, ModelName, Piece, Pieces, Purpose, Request, Shape, StopReason,
    Tokens, complete,
};
pub use connect::connect;
pub use crypto::install_crypto;
pub use error::{ErrorKind, ModelError};
pub use spec::{Key, ModelSpec, Provider, Timeouts, UnknownProvider};
