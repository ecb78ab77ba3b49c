//! The server: a task that accepts, and one for each connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::reply::{Head, Order, Reply, Then};
use super::seen::Seen;

type Answer = Box<dyn Fn(&Seen) -> Reply + Send + Sync>;

/// A server on a free port of this machine.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepts: JoinHandle<()>,
}

struct Shared {
    /// Replies in their order, if there is no function.
    replies: Mutex<VecDeque<Reply>>,
    answer: Option<Answer>,
    seen: watch::Sender<Vec<Seen>>,
    /// How many clients left before their answer was at its end, or before they had asked.
    left: watch::Sender<usize>,
}

impl Server {
    /// A server that gives the replies of [`reply`](Self::reply) in their order, and has a fault of
    /// its own (500) where there is none.
    pub async fn start() -> Self {
        Self::run(None).await
    }

    /// A server that answers each request by a function.
    pub async fn answering(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::run(Some(Box::new(answer))).await
    }

    async fn run(answer: Option<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its own address");
        let (seen, left) = (watch::Sender::default(), watch::Sender::default());
        let shared = Arc::new(Shared { replies: Mutex::default(), answer, seen, left });
        let accepts = tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared, accepts }
    }

    /// `http://127.0.0.1:…/v1`: what a client wants as its base URL.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Closes the port and all connections, and waits until they are closed.
    pub async fn stop(mut self) {
        self.accepts.abort();
        // What it ended with was the abort.
        (&mut self.accepts).await.ok();
    }

    /// Adds a reply.
    pub fn reply(&self, reply: Reply) {
        self.shared.replies.lock().unwrap_or_else(PoisonError::into_inner).push_back(reply);
    }

    /// All requests up to now.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.seen.borrow().clone()
    }

    /// Waits until so many requests have come.
    pub async fn requested(&self, count: usize) -> Vec<Seen> {
        let mut seen = self.shared.seen.subscribe();
        seen.wait_for(|seen| seen.len() >= count).await.expect("the server is there").clone()
    }

    /// Waits until so many clients have closed a connection before their answer was at its end; a
    /// hurried one may be gone before it has asked.
    pub async fn left(&self, count: usize) {
        let mut left = self.shared.left.subscribe();
        left.wait_for(|left| *left >= count).await.expect("the server is there");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}

/// Owns the connections: they end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, shared.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(seen) = Seen::read(&mut stream).await else {
        // As servers do; a client that has left does not mind.
        write(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        shared.left.send_modify(|left| *left += 1);
        return;
    };
    let reply = shared.next(&seen);
    shared.seen.send_modify(|all| all.push(seen));
    if play(&mut stream, reply).await.is_none() {
        shared.left.send_modify(|left| *left += 1);
    }
}

impl Shared {
    fn next(&self, seen: &Seen) -> Reply {
        if let Some(answer) = &self.answer {
            return answer(seen);
        }
        let next = self.replies.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        next.unwrap_or_else(|| Reply::new(500, "text/plain", "the mock has no reply left"))
    }
}

/// Nothing where the client leaves before the end.
async fn play(stream: &mut TcpStream, reply: Reply) -> Option<()> {
    let chunked = reply.head.as_ref().is_some_and(|head| head.stream);
    if let Some(head) = &reply.head {
        let length = reply.chunks.iter().map(Vec::len).sum();
        write(stream, head_of(head, length).as_bytes()).await?;
    }
    for chunk in &reply.chunks {
        write_chunk(stream, chunk, chunked).await?;
    }
    let ended = match reply.then {
        Then::End => true,
        Then::Cut => false,
        Then::Hang => {
            leaves(stream).await;
            return None;
        }
        Then::Fed { mut orders, left } => loop {
            let order = tokio::select! {
                order = orders.recv() => order,
                () = leaves(stream) => {
                    left.send_replace(true);
                    return None;
                }
            };
            match order {
                Some(Order::Send(chunk, sent)) => {
                    write_chunk(stream, &chunk, chunked).await?;
                    // The test may have lost interest.
                    sent.send(()).ok();
                }
                Some(Order::End) => break true,
                None => break false,
            }
        },
    };
    if ended && chunked {
        write(stream, b"0\r\n\r\n").await?;
    }
    // A client that has closed already is at its end, too.
    stream.shutdown().await.ok();
    Some(())
}

fn head_of(head: &Head, length: usize) -> String {
    let mut text = format!("HTTP/1.1 {} Mock\r\nconnection: close\r\n", head.status);
    for (name, value) in &head.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + &if head.stream {
        "transfer-encoding: chunked\r\n\r\n".to_owned()
    } else {
        format!("content-length: {length}\r\n\r\n")
    }
}

async fn write_chunk(stream: &mut TcpStream, chunk: &[u8], chunked: bool) -> Option<()> {
    if !chunked {
        return write(stream, chunk).await;
    }
    if chunk.is_empty() {
        // It would be the end.
        return Some(());
    }
    let framed = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
    write(stream, &framed).await
}

async fn write(stream: &mut TcpStream, bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).await.ok()?;
    stream.flush().await.ok()
}

/// Waits until the client closes.
async fn leaves(stream: &mut TcpStream) {
    let mut ignored = [0; 256];
    while stream.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
}
