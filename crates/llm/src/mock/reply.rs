//! What the server answers, byte by byte.

use tokio::sync::{mpsc, oneshot, watch};

/// An answer to one request. The connection is closed behind it.
#[derive(Debug)]
pub struct Reply {
    /// Status line and headers; nothing where the server never answers.
    pub(super) head: Option<Head>,
    /// What is sent at once; each is a chunk of HTTP where the reply is a stream.
    pub(super) chunks: Vec<Vec<u8>>,
    pub(super) then: Then,
}

#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// Chunked, or with its length.
    pub(super) stream: bool,
}

/// What comes after the chunks.
#[derive(Debug)]
pub(super) enum Then {
    /// The end, as HTTP has it.
    End,
    /// The connection is closed without the end.
    Cut,
    /// Nothing, until the client leaves.
    Hang,
    /// What the test sends.
    Fed { orders: mpsc::Receiver<Order>, left: watch::Sender<bool> },
}

/// What a test tells a reply to do.
#[derive(Debug)]
pub(super) enum Order {
    Send(Vec<u8>, oneshot::Sender<()>),
    End,
}

impl Reply {
    /// A whole answer.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        let head = Head { status, headers, stream: false };
        Self { head: Some(head), chunks: vec![body.into()], then: Then::End }
    }

    /// A whole answer of JSON.
    #[must_use]
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// A stream of events, each item a chunk of its own.
    #[must_use]
    pub fn events(chunks: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
        let head = Head { status: 200, headers, stream: true };
        let chunks = chunks.into_iter().map(Into::into).collect();
        Self { head: Some(head), chunks, then: Then::End }
    }

    /// A stream of events that the test sends one by one.
    #[must_use]
    pub fn fed() -> (Self, Feed) {
        let (send, orders) = mpsc::channel(1);
        let (left, leaves) = watch::channel(false);
        let reply = Self::events(Vec::<Vec<u8>>::new());
        (Self { then: Then::Fed { orders, left }, ..reply }, Feed { send, leaves })
    }

    /// No answer; the connection stays open until the client leaves.
    #[must_use]
    pub fn silence() -> Self {
        Self { head: None, chunks: Vec::new(), then: Then::Hang }
    }

    /// No answer; the connection is closed at once.
    #[must_use]
    pub fn closed() -> Self {
        Self { head: None, chunks: Vec::new(), then: Then::Cut }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Some(head) = &mut self.head {
            head.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Closes the connection behind what was sent, without the end.
    #[must_use]
    pub fn cut(self) -> Self {
        Self { then: Then::Cut, ..self }
    }

    /// Sends nothing more and keeps the connection open until the client leaves.
    #[must_use]
    pub fn hang(self) -> Self {
        Self { then: Then::Hang, ..self }
    }
}

/// The hand on a stream. Dropping it cuts the connection off.
#[derive(Debug)]
pub struct Feed {
    send: mpsc::Sender<Order>,
    leaves: watch::Receiver<bool>,
}

impl Feed {
    /// Sends a chunk and waits until it is on its way; says whether the client was still there.
    pub async fn send(&self, chunk: impl Into<Vec<u8>>) -> bool {
        let (sent, is_sent) = oneshot::channel();
        self.send.send(Order::Send(chunk.into(), sent)).await.is_ok() && is_sent.await.is_ok()
    }

    /// Ends the stream as HTTP has it.
    pub async fn end(self) {
        // A client that has left wants no end.
        self.send.send(Order::End).await.ok();
    }

    /// Waits until the client has closed the connection.
    pub async fn left(&mut self) {
        // The other end goes with the server; then nobody is connected either.
        self.leaves.wait_for(|left| *left).await.ok();
    }
}
