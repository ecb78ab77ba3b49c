//! The store for one machine: structures in memory, behind one lock.
//!
//! ```text
//!   calls/log  calls/queue  calls/lanes  calls/notices      the four traits
//!        \          |           /             |
//!         +---- lock, change ---+             |
//!                   |                         |
//!                 state  (one change at a time, over all four)
//!        /        |        |       \          |
//!     runs    attempts   inbox   values    owners, attendance, signals
//! ```
//!
//! A change is small and synchronous; a batch takes the lock once. After the lock is released come,
//! in this order: bells for calls that wait, signals for watchers, the reply. Nothing polls, and no
//! task runs in the background: what time ends (leases, values, presence) is found out of date by
//! whoever looks at it next.
//!
//! **Where the journal goes.** A store with a data directory will write each batch to disk before
//! anybody hears of it. `Embedded::change` is the one place through which every durable change
//! goes: between releasing the lock and ringing the first bell it will hand the batch to the
//! journal's writer and wait for the group commit; calls that only read will wait for the same
//! mark. Ownership of lanes, presence and signals are never written: they end with the process.

mod attempts;
mod attendance;
mod bells;
mod calls;
mod clock;
mod inbox;
mod owners;
mod runs;
mod state;
mod values;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use self::attendance::Attendance;
use self::clock::Clock;
use self::owners::Owners;
use self::state::{Aftermath, State};
use crate::broadcast::Broadcast;
use crate::error::StoreError;
use crate::notices::Signal;
use crate::queue::Token;
use sortie_engine::Timestamp;

/// How large an embedded store may grow, and how patient it is.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedOptions {
    /// Shares of the runs.
    pub lanes: u8,
    /// How long a claim or a heartbeat lasts: a dead worker's attempts wait so long.
    pub lease: Duration,
    /// Open runs; more are refused, for each takes memory until it ends.
    pub max_open_runs: usize,
    /// Ended runs that are kept; the one that ended first is forgotten first.
    pub keep_runs: usize,
    /// How long ended runs are kept at most, found out when another one ends.
    pub keep_for: Option<Duration>,
    /// What its clock shows at the start; the machine's time of day if nothing is said.
    pub clock: Option<Timestamp>,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            lanes: 16,
            lease: Duration::from_secs(10),
            max_open_runs: 100_000,
            keep_runs: 10_000,
            keep_for: None,
            clock: None,
        }
    }
}

/// The store for one machine. It forgets everything when it is dropped.
pub struct Embedded {
    lanes: u8,
    lease: Duration,
    clock: Clock,
    state: Mutex<State>,
    owners: Mutex<Owners>,
    attendance: Mutex<Attendance>,
    signals: Broadcast<Signal>,
    recalls: Broadcast<Token>,
}

impl Embedded {
    /// An empty store.
    #[must_use]
    pub fn new(options: EmbeddedOptions) -> Arc<Self> {
        let EmbeddedOptions { lanes, lease, .. } = options;
        Arc::new(Self {
            lanes,
            lease,
            clock: Clock::start(options.clock.unwrap_or_else(Clock::time_of_day)),
            state: Mutex::new(State::new(options)),
            owners: Mutex::new(Owners::new(lanes)),
            attendance: Mutex::default(),
            signals: Broadcast::new(),
            recalls: Broadcast::new(),
        })
    }

    /// Carries a batch out, then rings its bells. The journal's place: see the top of this file.
    fn change<T>(
        &self,
        action: &'static str,
        batch: impl FnOnce(&mut State, &mut Aftermath) -> T,
    ) -> Result<T, StoreError> {
        let mut after = Aftermath::default();
        let reply = batch(&mut *hold(&self.state, action)?, &mut after);
        self.recalls.publish(after.settle());
        Ok(reply)
    }

    /// Looks without changing anything.
    fn look<T>(
        &self,
        action: &'static str,
        look: impl FnOnce(&State) -> T,
    ) -> Result<T, StoreError> {
        Ok(look(&*hold(&self.state, action)?))
    }
}

/// Takes a lock. A change that panicked half-way left things in a state that nobody foresaw: then
/// the store gives up rather than going on with it.
fn hold<'a, T>(lock: &'a Mutex<T>, action: &'static str) -> Result<MutexGuard<'a, T>, StoreError> {
    let half_way = "that an earlier change stopped half-way";
    lock.lock().map_err(|_| StoreError::Broken { action, problem: half_way.to_owned() })
}

#[cfg(test)]
mod tests;
