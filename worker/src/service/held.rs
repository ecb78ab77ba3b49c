//! The attempts that a worker holds, and the heartbeats that keep them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sortie_engine::WorkerName;
use sortie_store::{Extended, Recalls, Store, StoreError, Token};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// The attempts that a worker holds.
#[derive(Default)]
pub(super) struct Held {
    attempts: Mutex<BTreeMap<Token, CancellationToken>>,
}

/// An attempt that this worker holds: heartbeats keep it until this is dropped, however that comes
/// about.
pub(super) struct Hold {
    held: Arc<Held>,
    token: Token,
    stopped: CancellationToken,
}

impl Held {
    /// Counts an attempt in, unless it is here already.
    ///
    /// A token comes twice when heartbeats did not get through and the worker then steals what was
    /// its own. What is here stays as it is: the steal has just renewed its lease, and its report
    /// counts as before. So a `once` tool never runs twice and no tool runs beside itself; a second
    /// copy could do nothing that the first does not. If the first was stopped but is not gone yet,
    /// nobody runs the attempt until that lease has run out too. As nothing is ever replaced, a hold
    /// that is dropped can only let go of itself.
    pub(super) fn hold(self: &Arc<Self>, token: Token) -> Option<Hold> {
        let mut attempts = self.lock();
        let Entry::Vacant(place) = attempts.entry(token) else { return None };
        let stopped = place.insert(CancellationToken::new()).clone();
        Some(Hold { held: self.clone(), token, stopped })
    }

    pub(super) fn stop(&self, token: Token) {
        if let Some(stopped) = self.lock().get(&token) {
            stopped.cancel();
        }
    }

    pub(super) fn stop_all(&self) {
        self.lock().values().for_each(CancellationToken::cancel);
    }

    fn tokens(&self) -> Vec<Token> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Token, CancellationToken>> {
        // A map of tokens is whole between any two of its operations.
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    pub(super) fn token(&self) -> Token {
        self.token
    }

    /// Cancelled when the attempt is to stop.
    pub(super) fn stopped(&self) -> &CancellationToken {
        &self.stopped
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.lock().remove(&self.token);
    }
}

/// Extends every lease four times in its length, and listens for attempts that are taken back.
/// What is lost or gone is stopped, and so is everything when a whole lease has passed without an
/// answer: someone else may have it by now. No answer at all is a failure too, at the latest when
/// the next beat is due, so that a store that hangs cannot keep anything from being stopped.
pub(super) async fn keep(held: Arc<Held>, store: Arc<dyn Store>, worker: WorkerName) {
    let lease = store.lease();
    let patience = lease / 4;
    let mut beats = tokio::time::interval(patience);
    let mut answered = Instant::now();
    let mut recalls = None;
    loop {
        tokio::select! {
            _ = beats.tick() => {
                // A lease runs from before its answer.
                let asked = Instant::now();
                match timeout(patience, beat(&held, &*store, &worker)).await.unwrap_or_else(silent) {
                    Ok(()) => answered = asked,
                    Err(error) => {
                        tracing::warn!(error = %error, "leases could not be extended");
                        if answered.elapsed() >= lease {
                            held.stop_all();
                        }
                    }
                }
                if recalls.is_none() {
                    recalls = timeout(patience, store.recalls()).await.unwrap_or_else(silent).ok();
                }
            }
            recalled = next(recalls.as_mut()) => match recalled {
                Ok(Some(token)) => held.stop(token),
                // Some were missed: the next beat finds them.
                Ok(None) => beats.reset_immediately(),
                Err(_) => recalls = None,
            },
        }
    }
}

async fn beat(held: &Held, store: &dyn Store, worker: &WorkerName) -> Result<(), StoreError> {
    let tokens = held.tokens();
    if tokens.is_empty() {
        return Ok(());
    }
    let replies = store.extend(worker, &tokens).await?;
    for (token, reply) in tokens.into_iter().zip(replies) {
        if reply != Extended::Ok {
            tracing::info!(?reply, "an attempt was taken from this worker");
            held.stop(token);
        }
    }
    Ok(())
}

fn silent<T>(_: Elapsed) -> Result<T, StoreError> {
    Err(StoreError::Unavailable { action: "extend leases" })
}

async fn next(recalls: Option<&mut Box<dyn Recalls>>) -> Result<Option<Token>, StoreError> {
    match recalls {
        Some(recalls) => recalls.next().await,
        None => std::future::pending().await,
    }
}
