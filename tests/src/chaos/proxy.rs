//! A wire with faults: a TCP proxy between two processes that can be cut, frozen, slowed down, or
//! made to swallow replies while the requests get through.
//!
//! ```text
//!   client ── request ──> pump ──> server
//!          <── reply ──── pump <──
//! ```
//!
//! A fault changes at once and for every connection. What it hits is counted in pieces of data that
//! it kept from arriving, or connections with traffic that it cut: a test asserts on that.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// What is wrong with the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Every connection is reset, and none is made.
    Reset,
    /// Nothing that the client sends arrives until the fault ends; then it does, late.
    HoldRequests,
    /// The same for what the server sends.
    HoldReplies,
    /// Both: a network that is gone.
    HoldBoth,
    /// Every piece of data takes so much longer.
    Delay(Duration),
    /// Requests arrive and are carried out, replies are lost. Connections that lost one are reset
    /// when the fault ends.
    LoseReplies,
}

/// Bytes that are carried at once.
const PIECE: usize = 64 * 1024;

/// A wire to a server.
#[derive(Debug)]
pub struct FaultyProxy {
    address: SocketAddr,
    wire: Arc<Wire>,
    accepting: AbortHandle,
}

#[derive(Debug)]
struct Wire {
    state: watch::Sender<State>,
    /// Where the server is; it may move.
    target: watch::Sender<String>,
    hits: AtomicU64,
    pieces: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    fault: Fault,
    /// How often everything was reset: one that lasts no time must not be missed.
    cuts: u64,
}

/// One connection, as both of its directions see it.
#[derive(Debug, Default)]
struct Line {
    used: AtomicBool,
    lost: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Reply,
}

impl FaultyProxy {
    /// A sound wire to `target`, which may come later.
    ///
    /// # Panics
    /// If no port can be had.
    pub async fn start(target: impl Into<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Arc::new(Wire {
            state: watch::Sender::new(State { fault: Fault::None, cuts: 0 }),
            target: watch::Sender::new(target.into()),
            hits: AtomicU64::new(0),
            pieces: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(listener, wire.clone())).abort_handle();
        Self { address, wire, accepting }
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The same for gRPC.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The server has moved; connections that are there stay.
    pub fn lead_to(&self, target: impl Into<String>) {
        let target = target.into();
        let target = target.strip_prefix("http://").unwrap_or(&target).to_owned();
        self.wire.target.send_replace(target);
    }

    /// From now on this is wrong with it.
    pub fn set(&self, fault: Fault) {
        self.wire.state.send_modify(|state| {
            state.fault = fault;
            state.cuts += u64::from(fault == Fault::Reset);
        });
    }

    /// Resets every connection once; new ones are fine.
    pub fn cut(&self) {
        self.set(Fault::Reset);
        self.set(Fault::None);
    }

    /// What faults have hit so far.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.wire.hits.load(Ordering::Relaxed)
    }

    /// Pieces of data that were carried so far.
    #[must_use]
    pub fn pieces(&self) -> u64 {
        self.wire.pieces.load(Ordering::Relaxed)
    }
}

impl Drop for FaultyProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, wire: Arc<Wire>) {
    // Dropped with this task, and all connections with it.
    let mut lines = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                lines.spawn(connect(client, wire.clone()));
            }
            Some(_) = lines.join_next() => {}
        }
    }
}

async fn connect(client: TcpStream, wire: Arc<Wire>) {
    let mut state = wire.state.subscribe();
    let begun = *state.borrow_and_update();
    if begun.fault == Fault::Reset {
        return reset(&client);
    }
    let target = wire.target.borrow().clone();
    let Ok(server) = TcpStream::connect(target).await else { return reset(&client) };
    // Requests and replies are small, and each is waited for.
    client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).ok();
    let line = Line::default();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let carried = async {
        let requests = pump(Direction::Request, from_client, to_server, &wire, &line);
        let replies = pump(Direction::Reply, from_server, to_client, &wire, &line);
        tokio::join!(requests, replies)
    };
    tokio::select! {
        _ = carried => {}
        // Dropping the halves closes both sockets.
        () = until_cut(&mut state, begun.cuts, &line) => {
            if line.used.load(Ordering::Relaxed) {
                wire.hits.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// A connection that is closed with data unread is reset, not ended, and so is one without linger.
fn reset(stream: &TcpStream) {
    stream.set_zero_linger().ok();
}

/// Waits until the connection has to be reset.
async fn until_cut(state: &mut watch::Receiver<State>, cuts: u64, line: &Line) {
    let over = |state: &State| {
        let lost = line.lost.load(Ordering::Relaxed) && state.fault != Fault::LoseReplies;
        state.cuts != cuts || lost
    };
    if state.wait_for(over).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Carries one direction until its end.
async fn pump(
    direction: Direction,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    wire: &Wire,
    line: &Line,
) {
    let mut piece = vec![0; PIECE];
    let mut state = wire.state.subscribe();
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        line.used.store(true, Ordering::Relaxed);
        wire.pieces.fetch_add(1, Ordering::Relaxed);
        let now = state.borrow_and_update().fault;
        if now != Fault::None && now.touches(direction) {
            wire.hits.fetch_add(1, Ordering::Relaxed);
        }
        match now {
            Fault::Delay(pause) => tokio::time::sleep(pause).await,
            Fault::LoseReplies if direction == Direction::Reply => {
                line.lost.store(true, Ordering::Relaxed);
                continue;
            }
            _ => {}
        }
        // The wire lives longer than its connections.
        state.wait_for(|now| !now.fault.holds(direction)).await.ok();
        if to.write_all(&piece[..read]).await.is_err() {
            break;
        }
    }
    to.shutdown().await.ok();
}

impl Fault {
    fn holds(self, direction: Direction) -> bool {
        match self {
            Self::HoldBoth => true,
            Self::HoldRequests => direction == Direction::Request,
            Self::HoldReplies => direction == Direction::Reply,
            Self::None | Self::Reset | Self::Delay(_) | Self::LoseReplies => false,
        }
    }

    fn touches(self, direction: Direction) -> bool {
        match self {
            Self::Delay(_) => true,
            Self::LoseReplies => direction == Direction::Reply,
            // Connections that are reset are counted when that is done.
            Self::None | Self::Reset => false,
            Self::HoldBoth | Self::HoldRequests | Self::HoldReplies => self.holds(direction),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says back what it hears, and counts it.
    async fn echo() -> (String, Arc<AtomicU64>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::new(AtomicU64::new(0));
        let count = heard.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let count = count.clone();
                tokio::spawn(async move {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).await.is_ok() {
                        count.fetch_add(1, Ordering::Relaxed);
                        stream.write_all(&byte).await.ok();
                    }
                });
            }
        });
        (address, heard)
    }

    async fn ask(stream: &mut TcpStream) -> std::io::Result<u8> {
        stream.write_all(b"?").await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn what_is_held_arrives_late_and_counts_as_hit() {
        let (server, heard) = echo().await;
        let proxy = FaultyProxy::start(server).await;
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(ask(&mut client).await.unwrap(), b'?');
        proxy.set(Fault::HoldReplies);
        client.write_all(b"!").await.unwrap();
        super::super::wait_until("the reply to be held", super::super::PATIENCE, async || {
            proxy.hits() == 1
        })
        .await;
        assert_eq!(heard.load(Ordering::Relaxed), 2, "the request got through");
        proxy.set(Fault::None);
        assert_eq!(client.read_u8().await.unwrap(), b'!');
    }

    #[tokio::test]
    async fn lost_replies_were_carried_out_and_their_connections_end() {
        let (server, heard) = echo().await;
        let proxy = FaultyProxy::start(server).await;
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        proxy.set(Fault::LoseReplies);
        client.write_all(b"?").await.unwrap();
        super::super::wait_until("the reply to be lost", super::super::PATIENCE, async || {
            proxy.hits() == 1
        })
        .await;
        assert_eq!(heard.load(Ordering::Relaxed), 1);
        proxy.set(Fault::None);
        assert!(client.read_u8().await.is_err(), "the reply never comes");
    }

    #[tokio::test]
    async fn a_cut_resets_what_is_open_and_a_reset_wire_takes_nobody() {
        let (server, _) = echo().await;
        let proxy = FaultyProxy::start(server).await;
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        ask(&mut client).await.unwrap();
        proxy.cut();
        assert!(client.read_u8().await.is_err());
        assert_eq!(proxy.hits(), 1);
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(ask(&mut client).await.is_ok(), "new connections are fine");
        proxy.set(Fault::Reset);
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(ask(&mut client).await.is_err());
    }

    #[tokio::test]
    async fn a_wire_follows_its_server() {
        let proxy = FaultyProxy::start("127.0.0.1:1").await;
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(ask(&mut client).await.is_err(), "nobody is there");
        proxy.lead_to(format!("http://{}", echo().await.0));
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(ask(&mut client).await.is_ok());
    }
}
