//! The contract suite over a real Redis, and what only this store promises.

mod identity;
mod limits;
mod lost;
mod outages;
mod server;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;

use self::server::Server;
use super::names;
use super::{Durability, Redis, RedisOptions};
use crate::contract::{Capability, Garbage, Harness};
use crate::{Store, Token};

const MAX_OPEN_RUNS: usize = 64;

/// A store in a Redis of its own.
struct RedisHarness {
    store: Arc<Redis>,
    /// Ends last: the store's tasks use it.
    server: Server,
}

async fn fresh() -> RedisHarness {
    over(Server::start(&["--appendonly", "no"])).await
}

/// A store that asks for no durability.
fn options(server: &Server) -> RedisOptions {
    RedisOptions {
        durability: Durability::Dev,
        max_open_runs: MAX_OPEN_RUNS,
        steal_every: Duration::ZERO,
        ..RedisOptions::new(server.url())
    }
}

async fn over(server: Server) -> RedisHarness {
    let store = Redis::connect(options(&server)).await;
    let store = store.expect("connect to the test's own Redis");
    store.0.pulse.settled();
    RedisHarness { store: Arc::new(store), server }
}

/// What is pending in a stream: entry, consumer, idle time in milliseconds, deliveries.
type Pending = Vec<(String, String, u64, u64)>;

impl RedisHarness {
    async fn connection(&self) -> MultiplexedConnection {
        self.server.connection().await
    }

    fn group(&self) -> &str {
        self.store.0.id.as_str()
    }

    async fn pending(&self, stream: &str) -> Pending {
        let mut ask = redis::cmd("XPENDING");
        ask.arg(stream).arg(self.group()).arg("-").arg("+").arg(10_000);
        ask.query_async(&mut self.connection().await).await.unwrap_or_default()
    }

    /// Sets how long a pending entry has been idle, and nothing else.
    async fn set_idle(&self, stream: &str, entry: &str, consumer: &str, idle_ms: u64) {
        let mut set = redis::cmd("XCLAIM");
        set.arg(stream).arg(self.group()).arg(consumer).arg(0).arg(entry);
        set.arg("IDLE").arg(idle_ms).arg("JUSTID");
        set.exec_async(&mut self.connection().await).await.unwrap();
    }

    /// Asks Redis beside the store.
    async fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.query_async(&mut self.connection().await).await.unwrap()
    }

    async fn keys(&self, pattern: &str) -> Vec<String> {
        let mut ask = redis::cmd("KEYS");
        ask.arg(pattern).query_async(&mut self.connection().await).await.unwrap()
    }
}

#[async_trait]
impl Harness for RedisHarness {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// Takes from each expiry and adds to each idle time: for the store that is as if time had
    /// passed.
    async fn shift_time(&self, by: Duration) -> Capability {
        let by_ms = u64::try_from(by.as_millis()).unwrap();
        self.store.0.pulse.shift(by);
        let mut connection = self.connection().await;
        for key in self.keys("*").await {
            let left: i64 =
                redis::cmd("PTTL").arg(&key).query_async(&mut connection).await.unwrap();
            if left > 0 {
                let left = left - i64::try_from(by_ms).unwrap();
                // What is left of nothing or less deletes the key.
                redis::cmd("PEXPIRE")
                    .arg(&key)
                    .arg(left)
                    .exec_async(&mut connection)
                    .await
                    .unwrap();
            }
        }
        for stream in self.keys("{s0}:ready:*").await {
            for (entry, consumer, idle, _) in self.pending(&stream).await {
                self.set_idle(&stream, &entry, &consumer, idle + by_ms).await;
            }
        }
        Capability::Done
    }

    async fn age_lease(&self, token: Token) -> Capability {
        let (queue, entry) = self.store.0.place(token).expect("a token of this store");
        let (stream, entry) = (names::ready(&queue), entry.to_string());
        let pending = self.pending(&stream).await;
        let held = pending.iter().find(|(held, ..)| *held == entry).expect("somebody holds it");
        let lease = u64::try_from(self.store.0.options.lease.as_millis()).unwrap();
        self.set_idle(&stream, &entry, &held.1, lease + 1).await;
        Capability::Done
    }

    async fn inject_garbage(&self, place: Garbage) -> Capability {
        let mut put = match place {
            Garbage::Ready => redis::cmd("XADD").arg("{s0}:ready:q").arg("*").to_owned(),
            Garbage::Inbox => redis::cmd("XADD").arg("{s0}:inbox:0").arg("*").to_owned(),
            Garbage::Timers => redis::cmd("ZADD").arg("{s0}:timers:0").arg(1).to_owned(),
        };
        match place {
            Garbage::Ready | Garbage::Inbox => put.arg("e").arg(&b"\xff\x00rubbish"[..]),
            Garbage::Timers => put.arg(&b"\xff\x00rubbish"[..]),
        };
        put.exec_async(&mut self.connection().await).await.unwrap();
        Capability::Done
    }

    fn max_open_runs(&self) -> Option<usize> {
        Some(MAX_OPEN_RUNS)
    }
}

mod contract {
    use super::*;

    crate::contract_suite!(
        #[tokio::test]
        fresh
    );
}
