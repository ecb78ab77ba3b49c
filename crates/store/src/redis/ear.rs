//! Subscriptions. One connection listens for all who listen in this process; it is made when the
//! first one asks, and made anew when it breaks. Everybody is told that something may have been
//! missed meanwhile.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use redis::aio::PubSubStream;
use redis::{Client, Msg, RedisResult};
use tokio::sync::{OnceCell, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::PATIENCE;
use crate::broadcast::{Broadcast, Subscription};
use crate::error::StoreError;

/// How often a silent subscription is tried: a connection that swallows everything says nothing.
const TRY_EVERY: Duration = Duration::from_secs(2);
/// The pause after a failure.
const PAUSE: Duration = Duration::from_millis(200);

/// Hears what is said on some channels.
pub(super) struct Ear<T> {
    client: Client,
    channels: Vec<String>,
    broadcast: Arc<Broadcast<T>>,
    /// Whether the subscription stands; it is made when the first one asks.
    listening: OnceCell<watch::Receiver<bool>>,
}

/// Whose tasks those of an ear are.
pub(super) struct Owner<'a> {
    pub(super) tasks: &'a TaskTracker,
    pub(super) stop: &'a CancellationToken,
}

impl<T: Clone + Send + 'static> Ear<T> {
    pub(super) fn new(client: Client, channels: Vec<String>) -> Self {
        let broadcast = Arc::new(Broadcast::new());
        Self { client, channels, broadcast, listening: OnceCell::new() }
    }

    /// Listens from now on.
    pub(super) async fn listen(
        &self,
        action: &'static str,
        owner: Owner<'_>,
        read: impl Fn(&[u8]) -> Option<T> + Send + Sync + 'static,
    ) -> Result<Subscription<T>, StoreError> {
        let start = async || {
            let (stands, listening) = watch::channel(false);
            let task = Listening {
                client: self.client.clone(),
                channels: self.channels.clone(),
                broadcast: self.broadcast.clone(),
                stands,
                read,
            };
            let stop = owner.stop.clone();
            owner.tasks.spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = task.run() => {}
                }
            });
            listening
        };
        let mut listening = self.listening.get_or_init(start).await.clone();
        match timeout(PATIENCE, listening.wait_for(|stands| *stands)).await {
            Ok(Ok(_)) => Ok(self.broadcast.subscribe()),
            _ => Err(StoreError::Unavailable { action }),
        }
    }
}

struct Listening<T, R> {
    client: Client,
    channels: Vec<String>,
    broadcast: Arc<Broadcast<T>>,
    stands: watch::Sender<bool>,
    read: R,
}

impl<T: Clone, R: Fn(&[u8]) -> Option<T>> Listening<T, R> {
    async fn run(self) {
        loop {
            if let Ok(Ok((sink, stream))) = timeout(PATIENCE, self.subscribe()).await {
                self.broadcast.missed();
                self.stands.send_replace(true);
                self.hear(sink, stream).await;
                self.stands.send_replace(false);
            }
            sleep(PAUSE.mul_f64(0.5 + fastrand::f64())).await;
        }
    }

    async fn subscribe(&self) -> RedisResult<(redis::aio::PubSubSink, PubSubStream)> {
        let (mut sink, stream) = self.client.get_async_pubsub().await?.split();
        sink.subscribe(&self.channels).await?;
        Ok((sink, stream))
    }

    /// Tells what comes, until nothing more can come.
    async fn hear(&self, mut sink: redis::aio::PubSubSink, mut stream: PubSubStream) {
        let mut tries = tokio::time::interval(TRY_EVERY);
        tries.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    Some(message) => self.tell(&message),
                    None => return,
                },
                _ = tries.tick() => {
                    let alive = timeout(PATIENCE, sink.ping::<redis::Value>()).await;
                    if !matches!(alive, Ok(Ok(_))) {
                        return;
                    }
                }
            }
        }
    }

    fn tell(&self, message: &Msg) {
        match (self.read)(message.get_payload_bytes()) {
            Some(item) => self.broadcast.publish([item]),
            // Of a newer version, or of nobody: whoever counts on events reads the log.
            None => self.broadcast.missed(),
        }
    }
}
