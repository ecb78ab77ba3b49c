//! What the keeper of the connection and the calls tell each other: the store's time, when there
//! was trouble last, how full the memory is.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sortie_engine::Timestamp;
use tokio::time::Instant;

/// No outage lasts longer; a reconnect ends it.
const OUTAGE_MOST: Duration = Duration::from_secs(365 * 86_400);

/// What is known of Redis beside its answers.
pub(super) struct Pulse(Mutex<State>);

struct State {
    /// The time that Redis told, and when that was on our own clock.
    told: (Timestamp, Instant),
    /// Nobody steals before.
    steals_from: Instant,
    /// When a claim ended without an answer: entries may be ours that we never saw.
    lost_claim: Option<Instant>,
    used_percent: Option<u64>,
    tidied: Instant,
    /// After a reconnect nobody steals for so long: whoever lives extends first.
    quiet: Duration,
    #[cfg(test)]
    shift: Duration,
}

impl Pulse {
    /// `quiet` is how long nobody steals after a reconnect or a restart of Redis, for idle times are
    /// of the wall clock: they count the outage in which nobody could extend.
    pub(super) fn new(now: Timestamp, uptime: Duration, quiet: Duration) -> Self {
        let moment = Instant::now();
        Self(Mutex::new(State {
            told: (now, moment),
            steals_from: moment + quiet.saturating_sub(uptime),
            lost_claim: None,
            used_percent: None,
            tidied: moment,
            quiet,
            #[cfg(test)]
            shift: Duration::ZERO,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Single values: whole between any two operations.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Redis told its time; what a test shifted it by is added.
    pub(super) fn told(&self, now: Timestamp) -> Timestamp {
        let mut state = self.lock();
        #[cfg(test)]
        let now = now + state.shift;
        state.told = (now, Instant::now());
        now
    }

    /// The store's time by our own clock since it was told.
    pub(super) fn now(&self) -> Timestamp {
        let state = self.lock();
        state.told.0 + state.told.1.elapsed()
    }

    #[cfg(test)]
    pub(super) fn shift(&self, by: Duration) {
        let mut state = self.lock();
        state.shift += by;
        state.told.0 = state.told.0 + by;
    }

    /// Nobody steals while there is no connection, however long that takes.
    pub(super) fn disconnected(&self) {
        let mut state = self.lock();
        state.steals_from = Instant::now() + OUTAGE_MOST;
    }

    pub(super) fn reconnected(&self) {
        let mut state = self.lock();
        state.steals_from = Instant::now() + state.quiet;
    }

    /// Redis is there for so long that everybody who lives has extended.
    #[cfg(test)]
    pub(super) fn settled(&self) {
        self.lock().steals_from = Instant::now();
    }

    pub(super) fn may_steal(&self) -> bool {
        self.lock().steals_from <= Instant::now()
    }

    pub(super) fn lost_a_claim(&self) {
        self.lock().lost_claim = Some(Instant::now());
    }

    pub(super) fn lost_a_claim_within(&self, time: Duration) -> bool {
        self.lock().lost_claim.is_some_and(|at| at.elapsed() < time)
    }

    /// Whether it is time to look for what dead workers left. Once for each time.
    pub(super) fn is_due_to_tidy(&self, every: Duration) -> bool {
        let mut state = self.lock();
        let is_due = state.tidied.elapsed() >= every;
        if is_due {
            state.tidied = Instant::now();
        }
        is_due
    }

    pub(super) fn memory(&self, used_percent: Option<u64>) {
        self.lock().used_percent = used_percent;
    }

    pub(super) fn used_percent(&self) -> Option<u64> {
        self.lock().used_percent
    }
}
