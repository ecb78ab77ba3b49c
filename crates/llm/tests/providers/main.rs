//! The client against servers that speak the three interfaces: what is asked, what is heard, and
//! what each fault becomes.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

mod asking;
mod faults;
mod hearing;
mod naming;
mod patience;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::json;
use sortie_llm::mock::{Reply, Server};
use sortie_llm::{
    ChatModel, Ending, ErrorKind, Key, ModelError, ModelSpec, Piece, Pieces, Provider, Purpose,
    Request, Shape, Timeouts, Tokens, complete, connect,
};

const SECRET: &str = "topsecret-0123456789";
const TOKENS: Tokens = Tokens { input: 12, output: 5 };

/// What a client of this server needs to know.
fn spec(provider: Provider, server: &Server) -> ModelSpec {
    ModelSpec {
        model: Some("test-model".to_owned()),
        base_url: Some(server.base_url()),
        key: Some(Key::new(SECRET)),
        ..ModelSpec::new(provider)
    }
}

fn client(provider: Provider, server: &Server) -> Arc<dyn ChatModel> {
    connect(spec(provider, server)).unwrap()
}

fn request() -> Request {
    Request {
        purpose: Purpose::Plan,
        system: "You plan.".to_owned(),
        examples: Vec::new(),
        user: "A trip.".to_owned(),
        shape: None,
        max_tokens: None,
    }
}

fn shaped() -> Request {
    // Not in the order of letters, and with an object that a strict rewrite would empty.
    let schema = json!({
        "type": "object",
        "properties": { "tool": { "type": "string" }, "args": { "type": "object" } },
        "required": ["tool"],
    });
    Request { shape: Some(Shape { name: "step".to_owned(), schema }), ..request() }
}

/// Short enough to wait for, long enough for all but the one that is meant.
fn hurried(provider: Provider, server: &Server, hurry: impl Fn(&mut Timeouts)) -> ModelSpec {
    let mut spec = spec(provider, server);
    spec.timeouts = Timeouts {
        connect: Duration::from_secs(30),
        first: Duration::from_secs(30),
        idle: Duration::from_secs(30),
    };
    hurry(&mut spec.timeouts);
    spec
}

async fn ask(model: &dyn ChatModel) -> Result<(String, Ending), ModelError> {
    complete(model, request(), 100_000).await
}

/// The error of a server that gives this reply.
async fn error_of(provider: Provider, reply: Reply) -> ModelError {
    let server = Server::start().await;
    server.reply(reply);
    ask(&*client(provider, &server)).await.unwrap_err()
}

/// The next text, past signs of life.
async fn heard(pieces: &mut Pieces) -> String {
    loop {
        match pieces.next().await.unwrap().unwrap() {
            Piece::Text(text) => return text,
            Piece::Beat => {}
            Piece::End(ending) => panic!("it ended: {ending:?}"),
        }
    }
}

/// The error at the end of pieces, and that nothing follows.
async fn fault_in(mut pieces: Pieces) -> ModelError {
    loop {
        if let Err(error) = pieces.next().await.unwrap() {
            assert!(pieces.next().await.is_none(), "nothing follows an error");
            return error;
        }
    }
}

#[track_caller]
fn assert_says(error: &ModelError, kind: ErrorKind, words: &[&str]) {
    assert_eq!(error.kind, kind, "{error}");
    for word in words {
        assert!(error.message.contains(word), "{word:?} is missing: {error}");
    }
}
