//! A model that writes what a test wants, and remembers what it was asked.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_util::stream;
use sortie_llm::{
    ChatModel, Ending, ErrorKind, ModelError, ModelName, Piece, Pieces, Request, StopReason, Tokens,
};
use sortie_models::{Model, Price};
use tokio::sync::watch;

/// What a model does when it is asked.
#[derive(Debug, Clone)]
enum Manner {
    Says(Vec<Piece>),
    /// Does not take the request.
    Refuses(ErrorKind),
    /// Begins and goes wrong.
    Breaks(ErrorKind),
    /// Begins and never goes on.
    Hangs,
}

#[derive(Clone)]
pub(crate) struct Pen {
    manner: Manner,
    asked: Arc<watch::Sender<Vec<Request>>>,
    closed: Arc<AtomicBool>,
}

/// An end like this, after 100 tokens read and 20 written.
pub(crate) fn ending(stop: StopReason) -> Ending {
    Ending { stop, tokens: Tokens { input: 100, output: 20 } }
}

impl Pen {
    fn new(manner: Manner) -> Self {
        Self { manner, asked: Arc::default(), closed: Arc::default() }
    }

    pub(crate) fn says(text: &str) -> Self {
        Self::ends(text, ending(StopReason::Complete))
    }

    pub(crate) fn ends(text: &str, ending: Ending) -> Self {
        Self::pieces(vec![Piece::Text(text.to_owned()), Piece::End(ending)])
    }

    pub(crate) fn pieces(pieces: Vec<Piece>) -> Self {
        Self::new(Manner::Says(pieces))
    }

    pub(crate) fn refuses(kind: ErrorKind) -> Self {
        Self::new(Manner::Refuses(kind))
    }

    pub(crate) fn breaks(kind: ErrorKind) -> Self {
        Self::new(Manner::Breaks(kind))
    }

    pub(crate) fn hangs() -> Self {
        Self::new(Manner::Hangs)
    }

    /// The model, at 2 billionths of a dollar for a token read and 3 for one written.
    pub(crate) fn model(&self) -> Model {
        Model::new(Arc::new(self.clone()), |_| Some(Price { input: 2, output: 3 }))
    }

    pub(crate) fn calls(&self) -> usize {
        self.asked.borrow().len()
    }

    /// What it was asked, if that was once.
    pub(crate) fn only(&self) -> Request {
        let asked = self.asked.borrow();
        assert_eq!(asked.len(), 1, "calls of the model");
        asked[0].clone()
    }

    /// Waits until it is asked.
    pub(crate) async fn asked(&self) {
        self.asked.subscribe().wait_for(|asked| !asked.is_empty()).await.unwrap();
    }

    /// Whether the pieces of a call that hangs were dropped.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl ChatModel for Pen {
    fn name(&self) -> ModelName {
        ModelName { provider: "test", model: "pen-1".into(), base_url: None }
    }

    async fn stream(&self, request: Request) -> Result<Pieces, ModelError> {
        self.asked.send_modify(|asked| asked.push(request));
        let begin = Ok(Piece::Text("Rent".to_owned()));
        match &self.manner {
            Manner::Says(pieces) => Ok(Box::pin(stream::iter(pieces.clone().into_iter().map(Ok)))),
            Manner::Refuses(kind) => Err(ModelError::new(*kind, "not now")),
            Manner::Breaks(kind) => {
                Ok(Box::pin(stream::iter([begin, Err(ModelError::new(*kind, "gone"))])))
            }
            Manner::Hangs => {
                let guard = Guard(self.closed.clone());
                Ok(Box::pin(stream::once(async move {
                    let _guard = guard;
                    pending().await
                })))
            }
        }
    }
}

struct Guard(Arc<AtomicBool>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
