//! When which run must be looked at. The store has the same for recovery; nothing here polls.

use std::collections::{BTreeMap, BTreeSet};

use sortie_engine::{Lane, RunId, Timestamp};

/// One timer for each run.
#[derive(Debug, Default)]
pub(super) struct Timers {
    by_time: BTreeSet<(Timestamp, RunId)>,
    by_run: BTreeMap<RunId, Timestamp>,
}

impl Timers {
    pub(super) fn set(&mut self, run: RunId, at: Option<Timestamp>) {
        let before = match at {
            Some(at) => self.by_run.insert(run, at),
            None => self.by_run.remove(&run),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, run));
        }
        if let Some(at) = at {
            self.by_time.insert((at, run));
        }
    }

    pub(super) fn first(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// A run whose time has come; its timer is gone until it is set again.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<RunId> {
        let (_, run) = *self.by_time.first().filter(|(at, _)| *at <= now)?;
        self.set(run, None);
        Some(run)
    }

    pub(super) fn at(&self, run: RunId) -> Option<Timestamp> {
        self.by_run.get(&run).copied()
    }

    /// Forgets the timers of some lanes: somebody else looks after them.
    pub(super) fn forget(&mut self, lanes: &BTreeSet<Lane>) {
        self.by_time.retain(|(_, run)| !lanes.contains(&run.lane()));
        self.by_run.retain(|run, _| !lanes.contains(&run.lane()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_has_one_timer_and_due_ones_come_in_order() {
        let run = |n| RunId::new(0, Lane(0), n);
        let at = Timestamp::from_millis;
        let mut timers = Timers::default();
        for (n, millis) in [(1, 50), (2, 20), (3, 90), (1, 30)] {
            timers.set(run(n), Some(at(millis)));
        }
        assert_eq!(timers.first(), Some(at(20)));
        assert_eq!(timers.pop_due(at(40)), Some(run(2)));
        assert_eq!(timers.pop_due(at(40)), Some(run(1)));
        assert_eq!(timers.pop_due(at(40)), None);
        timers.set(run(3), None);
        assert!(timers.first().is_none() && timers.at(run(3)).is_none());
    }
}
