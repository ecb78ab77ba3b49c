//! The attempts that a worker holds, and the heartbeats that keep them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sortie_engine::WorkerName;
use sortie_store::{Extended, Store, Token};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The attempts that a worker holds.
#[derive(Default)]
pub(super) struct Held {
    attempts: Mutex<BTreeMap<Token, CancellationToken>>,
}

impl Held {
    /// Counts an attempt in; the answer is cancelled when it is to stop.
    pub(super) fn hold(&self, token: Token) -> CancellationToken {
        let stopped = CancellationToken::new();
        self.lock().insert(token, stopped.clone());
        stopped
    }

    pub(super) fn let_go(&self, token: Token) {
        self.lock().remove(&token);
    }

    pub(super) fn stop(&self, token: Token) {
        if let Some(stopped) = self.lock().get(&token) {
            stopped.cancel();
        }
    }

    pub(super) fn stop_all(&self) {
        self.lock().values().for_each(CancellationToken::cancel);
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn tokens(&self) -> Vec<Token> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Token, CancellationToken>> {
        // A map of tokens is whole between any two of its operations.
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Extends every lease four times in its length. What is lost or gone is stopped, and so is
/// everything when a whole lease has passed without an answer: someone else may have it by now.
pub(super) async fn beat(held: Arc<Held>, store: Arc<dyn Store>, worker: WorkerName) {
    let lease = store.lease();
    let mut beats = tokio::time::interval(lease / 4);
    let mut answered = Instant::now();
    loop {
        beats.tick().await;
        let tokens = held.tokens();
        if tokens.is_empty() {
            answered = Instant::now();
            continue;
        }
        match store.extend(&worker, &tokens).await {
            Ok(replies) => {
                answered = Instant::now();
                for (token, reply) in tokens.into_iter().zip(replies) {
                    if reply != Extended::Ok {
                        tracing::info!(?reply, "an attempt was taken from this worker");
                        held.stop(token);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(error = %error, "leases could not be extended");
                if answered.elapsed() >= lease {
                    held.stop_all();
                }
            }
        }
    }
}
