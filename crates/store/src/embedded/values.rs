//! Large results between the worker that stored them and the commit that keeps them.
//!
//! A value is dropped after an hour, for its worker may have died before it reported. The report
//! ends the hour: from then on the inbox item holds the value, and the commit that consumes the
//! item keeps the value under its step or drops it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde_json::Value;
use sortie_engine::{ResultId, RunId};
use tokio::time::Instant;

/// How long a value may wait for the report that names it: longer than any tool runs.
const RESULT_EXPIRY: Duration = Duration::from_secs(3600);

struct Loose {
    run: RunId,
    value: Arc<Value>,
    reported: bool,
}

#[derive(Default)]
pub(super) struct Values {
    loose: FxHashMap<ResultId, Loose>,
    /// Unreported ones by their end; some may have been reported or taken since.
    ends: VecDeque<(Instant, ResultId)>,
}

impl Values {
    pub(super) fn put(&mut self, run: RunId, id: ResultId, value: Arc<Value>, now: Instant) {
        self.loose.insert(id, Loose { run, value, reported: false });
        self.ends.push_back((now + RESULT_EXPIRY, id));
        self.expire(now);
    }

    /// A report names the value: it waits for its commit now, however long that takes.
    pub(super) fn report(&mut self, id: ResultId) {
        if let Some(loose) = self.loose.get_mut(&id) {
            loose.reported = true;
        }
    }

    /// The value, to be kept or dropped by a commit of its run.
    pub(super) fn take(&mut self, run: RunId, id: ResultId) -> Option<Arc<Value>> {
        (self.loose.get(&id)?.run == run).then_some(())?;
        self.loose.remove(&id).map(|loose| loose.value)
    }

    fn waits(loose: &FxHashMap<ResultId, Loose>, id: ResultId) -> bool {
        loose.get(&id).is_some_and(|loose| !loose.reported)
    }

    fn expire(&mut self, now: Instant) {
        let Self { loose, ends } = self;
        while let Some(&(end, id)) = ends.front()
            && (end <= now || !Self::waits(loose, id))
        {
            ends.pop_front();
            if Self::waits(loose, id) {
                loose.remove(&id);
            }
        }
        if ends.len() > 2 * loose.len() + 64 {
            ends.retain(|&(_, id)| Self::waits(loose, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_engine::Lane;

    const RUN: RunId = RunId::new(0, Lane(0), 1);
    const OTHER: RunId = RunId::new(0, Lane(0), 2);

    fn put(values: &mut Values, id: u128, now: Instant) -> ResultId {
        values.put(RUN, ResultId::new(id), Arc::new(Value::from(7)), now);
        ResultId::new(id)
    }

    #[tokio::test(start_paused = true)]
    async fn only_unreported_values_are_dropped_after_an_hour() {
        let (mut values, now) = (Values::default(), Instant::now());
        let (lost, reported) = (put(&mut values, 1, now), put(&mut values, 2, now));
        values.report(reported);
        let later = put(&mut values, 3, now + RESULT_EXPIRY);
        assert!(values.take(RUN, lost).is_none());
        assert!(values.take(RUN, reported).is_some());
        assert!(values.take(OTHER, later).is_none());
        assert!(values.take(RUN, later).is_some());
        assert!(values.take(RUN, later).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn taken_values_leave_nothing_behind() {
        let (mut values, now) = (Values::default(), Instant::now());
        let waiting = put(&mut values, 0, now);
        for id in 1..10_000 {
            let id = put(&mut values, id, now);
            values.take(RUN, id);
        }
        assert!(values.ends.len() < 100, "{} ends for one value", values.ends.len());
        assert!(values.take(RUN, waiting).is_some());
    }
}
