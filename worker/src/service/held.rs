//! The attempts that a worker holds, the heartbeats that keep them, and the fence that stops
//! everything when a whole lease has passed without an answer.
//!
//! ```text
//!                 an answer                        no answer for a lease
//!   open: tools run, ────────> (the lease runs anew)  ───────────────────> fenced: all are stopped,
//!   attempts may begin <────────────────────────────────────────────────── nothing begins
//!                                      an answer
//! ```
//!
//! Time is the worker's own clock, and a lease runs from before the question whose answer gave it:
//! nobody else can have stolen an attempt before the fence has stopped its tool.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use sortie_engine::WorkerName;
use sortie_store::{Extended, Recalls, Store, StoreError, Token};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::STORE_PAUSE;
use super::pulse::Pulse;

/// Why an attempt is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is no more, or somebody else has it.
    Taken,
    /// The store has not answered for a lease: somebody else may have it.
    Fenced,
    /// The worker ends and its grace is over.
    Ended,
}

/// Why an attempt is not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotHeld {
    /// It is held already.
    Already,
    /// Nothing may begin now.
    Fenced,
}

/// The attempts that a worker holds.
pub(super) struct Held {
    attempts: Mutex<BTreeMap<Token, Line>>,
    /// Changed under the lock of the attempts, so that none slips in beside the fence.
    is_open: watch::Sender<bool>,
}

/// The way to one attempt.
#[derive(Clone, Default)]
struct Line {
    stopped: CancellationToken,
    why: Arc<OnceLock<Stop>>,
}

impl Line {
    fn stop(&self, why: Stop) {
        // The first reason counts.
        let _ = self.why.set(why);
        self.stopped.cancel();
    }
}

/// An attempt that this worker holds: heartbeats keep it until this is dropped, however that comes
/// about.
pub(super) struct Hold {
    held: Arc<Held>,
    token: Token,
    line: Line,
}

impl Default for Held {
    fn default() -> Self {
        Self { attempts: Mutex::default(), is_open: watch::Sender::new(true) }
    }
}

impl Held {
    /// Counts an attempt in, unless it is here already or nothing may begin.
    ///
    /// A token comes twice when heartbeats did not get through and the worker then steals what was
    /// its own. What is here stays as it is: the steal has just renewed its lease, and its report
    /// counts as before. So a `once` tool never runs twice and no tool runs beside itself; a second
    /// copy could do nothing that the first does not. If the first was stopped but is not gone yet,
    /// nobody runs the attempt until that lease has run out too. As nothing is ever replaced, a hold
    /// that is dropped can only let go of itself.
    pub(super) fn hold(self: &Arc<Self>, token: Token) -> Result<Hold, NotHeld> {
        let mut attempts = self.lock();
        if !*self.is_open.borrow() {
            return Err(NotHeld::Fenced);
        }
        let Entry::Vacant(place) = attempts.entry(token) else { return Err(NotHeld::Already) };
        let line = place.insert(Line::default()).clone();
        Ok(Hold { held: self.clone(), token, line })
    }

    pub(super) fn stop(&self, token: Token, why: Stop) {
        if let Some(line) = self.lock().get(&token) {
            line.stop(why);
        }
    }

    pub(super) fn stop_all(&self, why: Stop) {
        self.lock().values().for_each(|line| line.stop(why));
    }

    /// Waits until attempts may begin.
    pub(super) async fn opened(&self) {
        // The sender is here.
        let _ = self.is_open.subscribe().wait_for(|is_open| *is_open).await;
    }

    pub(super) fn is_open(&self) -> bool {
        *self.is_open.borrow()
    }

    /// Stops everything, and lets nothing begin.
    fn fence(&self) {
        let attempts = self.lock();
        self.is_open.send_replace(false);
        attempts.values().for_each(|line| line.stop(Stop::Fenced));
        let attempts = attempts.len();
        tracing::error!(attempts, "no answer for a whole lease: all tools are stopped");
    }

    /// Lets attempts begin again.
    fn open(&self) {
        let _attempts = self.lock();
        self.is_open.send_if_modified(|is_open| !std::mem::replace(is_open, true));
    }

    fn tokens(&self) -> Vec<Token> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Token, Line>> {
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
        &self.line.stopped
    }

    /// Why it is to stop, if it is.
    pub(super) fn why(&self) -> Option<Stop> {
        self.line.why.get().copied()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.lock().remove(&self.token);
    }
}

/// Extends every lease four times in its length, and listens for attempts that are taken back.
/// What is lost or gone is stopped, and so is everything when a whole lease has passed without an
/// answer. A beat that fails is repeated soon: a store that answers again hears at once what this
/// worker still holds.
pub(super) async fn keep(
    held: Arc<Held>,
    store: Arc<dyn Store>,
    worker: WorkerName,
    pulse: Arc<Pulse>,
) {
    let lease = store.lease();
    let patience = lease / 4;
    let mut answered = Instant::now();
    let mut recalls = None;
    let beat_at = |at| Box::pin(beat(at, patience, &held, &*store, &worker));
    let mut beating = beat_at(answered);
    loop {
        tokio::select! {
            biased;
            () = sleep_until(answered + lease), if held.is_open() => held.fence(),
            (asked, answer) = &mut beating => {
                let next = match answer {
                    Ok(()) => {
                        answered = asked;
                        held.open();
                        pulse.held();
                        asked + patience
                    }
                    Err(error) => {
                        pulse.failed(&error);
                        Instant::now() + STORE_PAUSE.min(patience)
                    }
                };
                beating = beat_at(next);
            }
            recalled = hear(&mut recalls, &*store) => match recalled {
                Some(token) => held.stop(token, Stop::Taken),
                // Some were missed: a beat finds them.
                None => beating = beat_at(Instant::now()),
            },
        }
    }
}

/// One beat at its time; with the time when it was asked, for a lease runs from before its answer.
async fn beat(
    at: Instant,
    patience: Duration,
    held: &Held,
    store: &dyn Store,
    worker: &WorkerName,
) -> (Instant, Result<(), StoreError>) {
    sleep_until(at).await;
    let asked = Instant::now();
    let silent = StoreError::Unavailable { action: "extend leases" };
    let answer = timeout(patience, extend(held, store, worker)).await;
    (asked, answer.unwrap_or(Err(silent)))
}

async fn extend(held: &Held, store: &dyn Store, worker: &WorkerName) -> Result<(), StoreError> {
    let tokens = held.tokens();
    let replies = store.extend(worker, &tokens).await?;
    if tokens.is_empty() {
        // A store may have nothing to ask for nothing; but whether it answers must be known before
        // the next attempt begins.
        store.now().await?;
    }
    for (token, reply) in tokens.into_iter().zip(replies) {
        if reply != Extended::Ok {
            tracing::info!(?reply, "an attempt was taken from this worker");
            held.stop(token, Stop::Taken);
        }
    }
    Ok(())
}

/// The next attempt that is taken back; nothing where some may have been missed.
async fn hear(recalls: &mut Option<Box<dyn Recalls>>, store: &dyn Store) -> Option<Token> {
    loop {
        let Some(open) = recalls.as_mut() else {
            match store.recalls().await {
                Ok(opened) => {
                    *recalls = Some(opened);
                    return None;
                }
                Err(_) => tokio::time::sleep(STORE_PAUSE).await,
            }
            continue;
        };
        match open.next().await {
            Ok(recalled) => return recalled,
            Err(_) => {
                *recalls = None;
                tokio::time::sleep(STORE_PAUSE).await;
            }
        }
    }
}
