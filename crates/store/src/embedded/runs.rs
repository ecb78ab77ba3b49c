//! Histories of runs, the order in which lists show them, and the collector that forgets old ones.
//!
//! The collector runs at the moment a run ends and forgets the runs that ended first, beyond a
//! number and an age. Each run is looked at once when it ends and once when it goes.

mod record;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use sortie_engine::{Lane, RunId, Timestamp};
use tokio::time::Instant;

pub(super) use self::record::Record;
use crate::embedded::EmbeddedOptions;
use crate::log::{ListQuery, PageToken, RunSummary, SubmitRefusal, Submitted};

/// What an idempotency key stands for, as long as its run is known.
struct Pledge {
    run: RunId,
    hash: u128,
}

/// All runs that are open or not yet forgotten.
pub(super) struct Runs {
    records: FxHashMap<RunId, Box<Record>>,
    order: BTreeSet<PageToken>,
    /// By keys that clients choose: hashed with a random seed, unlike all else.
    pledges: HashMap<Arc<str>, Pledge>,
    /// Open runs, lane by lane.
    open: Vec<FxHashSet<RunId>>,
    open_count: usize,
    ended: VecDeque<(Instant, RunId)>,
    options: EmbeddedOptions,
}

impl Runs {
    pub(super) fn new(options: EmbeddedOptions) -> Self {
        Self {
            records: FxHashMap::default(),
            order: BTreeSet::new(),
            pledges: HashMap::new(),
            open: vec![FxHashSet::default(); usize::from(options.lanes)],
            open_count: 0,
            ended: VecDeque::new(),
            options,
        }
    }

    pub(super) fn get(&self, run: RunId) -> Option<&Record> {
        self.records.get(&run).map(AsRef::as_ref)
    }

    pub(super) fn get_mut(&mut self, run: RunId) -> Option<&mut Record> {
        self.records.get_mut(&run).map(AsMut::as_mut)
    }

    /// Accepts a run, given with its first record and the hash of its request; whether it is new is
    /// told beside the reply.
    pub(super) fn submit(
        &mut self,
        record: Box<Record>,
        hash: u128,
    ) -> (Result<Submitted, SubmitRefusal>, bool) {
        let run = record.run();
        if let Some(known) = self.records.get(&run) {
            let already = !known.began_as(&record);
            return (Ok(Submitted { run, already }), false);
        }
        if let Some(reply) = self.pledged(&record, hash) {
            return (reply, false);
        }
        let most = self.options.max_open_runs;
        if self.open_count >= most {
            return (Err(SubmitRefusal::Full { open: self.open_count, most }), false);
        }
        if let Some(key) = record.key() {
            self.pledges.insert(key.clone(), Pledge { run, hash });
        }
        self.open[usize::from(run.lane().0)].insert(run);
        self.open_count += 1;
        self.order.insert(record.place_in_lists());
        self.records.insert(run, record);
        (Ok(Submitted { run, already: false }), true)
    }

    fn pledged(&self, record: &Record, hash: u128) -> Option<Result<Submitted, SubmitRefusal>> {
        let key = record.key()?;
        let pledge = self.pledges.get(key)?;
        Some(if pledge.hash == hash {
            Ok(Submitted { run: pledge.run, already: true })
        } else {
            Err(SubmitRefusal::KeyTaken { key: key.to_string(), run: pledge.run })
        })
    }

    /// Notes that a run has ended.
    pub(super) fn end(&mut self, run: RunId, now: Instant) {
        if self.open[usize::from(run.lane().0)].remove(&run) {
            self.open_count -= 1;
            self.ended.push_back((now, run));
        }
    }

    /// Forgets the run that ended first if it is one too many or too old.
    pub(super) fn forget_one(&mut self, now: Instant) -> Option<Box<Record>> {
        let &(ended, run) = self.ended.front()?;
        let EmbeddedOptions { keep_runs, keep_for, .. } = self.options;
        let too_old = keep_for.is_some_and(|age| now.duration_since(ended) >= age);
        if self.ended.len() <= keep_runs && !too_old {
            return None;
        }
        self.ended.pop_front();
        let record = self.records.remove(&run)?;
        self.order.remove(&record.place_in_lists());
        if let Some(key) = record.key() {
            self.pledges.remove(key);
        }
        Some(record)
    }

    /// Open runs of a lane.
    pub(super) fn open(&self, lane: Lane) -> impl Iterator<Item = &Record> {
        let runs = self.open.get(usize::from(lane.0)).into_iter().flatten();
        runs.filter_map(|run| self.get(*run))
    }

    /// Open runs of a lane with their timers. One without a timer is to be looked at now.
    pub(super) fn timers(&self, lane: Lane) -> Vec<(RunId, Timestamp)> {
        let due = |record: &Record| record.timer.unwrap_or(record.summary.submitted_at);
        self.open(lane).map(|record| (record.run(), due(record))).collect()
    }

    /// Adds to a page what fits the query among the next `looks` runs; the place to go on at, or
    /// nothing once all was looked at.
    pub(super) fn list(
        &self,
        query: &ListQuery,
        after: Option<PageToken>,
        looks: usize,
        found: &mut Vec<RunSummary>,
    ) -> Option<PageToken> {
        let mut older = match after {
            Some(after) => self.order.range(..after),
            None => self.order.range(..),
        };
        let mut last = after;
        for _ in 0..looks {
            let token = older.next_back()?;
            last = Some(*token);
            found.extend(
                self.get(token.run)
                    .map(|record| &record.summary)
                    .filter(|summary| query.fits(summary))
                    .cloned(),
            );
        }
        last
    }
}

#[cfg(test)]
mod tests;
