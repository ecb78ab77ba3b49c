//! Which faults a story has, whether they happen now, and how many did.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Bug;

/// Whether faults happen, and how many did.
#[derive(Debug)]
pub struct Faults {
    on: AtomicBool,
    hits: AtomicU64,
    /// In a thousand calls.
    pub(super) rate: u64,
    /// Whether drivers cannot renew their lanes for some seconds now and then, and drive on.
    pub(super) zombies: bool,
    pub(super) bug: Option<Bug>,
}

impl Faults {
    /// Faults of a rate that the seed decides: some stories are calm, some are not.
    #[must_use]
    pub fn new(seed: u64, bug: Option<Bug>) -> Self {
        let rate = [0, 5, 20, 80, 200][(seed % 5) as usize];
        Self {
            on: AtomicBool::new(true),
            hits: AtomicU64::new(0),
            rate,
            zombies: !seed.is_multiple_of(3),
            bug,
        }
    }

    /// Whether calls of the store never fail and nobody drives on without a lane: coordinators and
    /// workers may die, but a sweep has nothing to repair.
    pub(in crate::simulation) fn is_the_store_sound(&self) -> bool {
        self.rate == 0 && !self.zombies
    }

    /// From now on everything works.
    pub fn end(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    pub(in crate::simulation) fn are_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    pub(in crate::simulation) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(in crate::simulation) fn count(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}
