//! A model that says what a test tells it to say, when the test tells it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sortie_llm::{
    ChatModel, Ending, ErrorKind, ModelError, ModelName, Piece, Pieces, Request, StopReason, Tokens,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

type Word = Result<Piece, ModelError>;

pub(crate) struct Fake {
    words: mpsc::Sender<Word>,
    chat: Arc<Chat>,
}

struct Chat {
    never_begins: bool,
    ears: Mutex<Option<mpsc::Receiver<Word>>>,
    requests: Mutex<Vec<Request>>,
}

impl Fake {
    pub(crate) fn new() -> Self {
        Self::with(false)
    }

    /// One that takes the question and says nothing at all.
    pub(crate) fn that_never_begins() -> Self {
        Self::with(true)
    }

    fn with(never_begins: bool) -> Self {
        let (words, ears) = mpsc::channel(64);
        let chat = Chat { never_begins, ears: Mutex::new(Some(ears)), requests: Mutex::default() };
        Self { words, chat: Arc::new(chat) }
    }

    pub(crate) fn model(&self) -> Arc<dyn ChatModel> {
        self.chat.clone()
    }

    /// What it was asked; it can be asked once.
    pub(crate) fn request(&self) -> Request {
        let requests = self.chat.requests.lock().unwrap();
        assert_eq!(requests.len(), 1, "one model call for each call");
        requests[0].clone()
    }

    pub(crate) async fn says(&self, text: &str) {
        self.words.send(Ok(Piece::Text(text.to_owned()))).await.unwrap();
    }

    pub(crate) async fn ends(&self, stop: StopReason) {
        let tokens = Tokens { input: 70, output: 7 };
        self.words.send(Ok(Piece::End(Ending { stop, tokens }))).await.unwrap();
    }

    pub(crate) async fn fails(&self, kind: ErrorKind) {
        self.words.send(Err(ModelError::new(kind, "fake broke"))).await.unwrap();
    }

    /// Waits until nobody listens any more.
    pub(crate) async fn is_left(&self) {
        self.words.closed().await;
    }

    /// Breaks off without an end.
    pub(crate) fn breaks_off(self) {
        drop(self.words);
    }
}

#[async_trait]
impl ChatModel for Chat {
    fn name(&self) -> ModelName {
        ModelName { provider: "script", model: "fake".into(), base_url: None }
    }

    async fn stream(&self, request: Request) -> Result<Pieces, ModelError> {
        self.requests.lock().unwrap().push(request);
        let ears = self.ears.lock().unwrap().take();
        if self.never_begins {
            std::future::pending::<()>().await;
        }
        ears.map(|ears| Box::pin(ReceiverStream::new(ears)) as Pieces)
            .ok_or_else(|| ModelError::new(ErrorKind::BadRequest, "asked twice"))
    }
}
