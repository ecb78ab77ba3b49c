//! Watchers saw the history: all of it, once, and nothing else.

use super::{Court, Rule};
use crate::chaos::evidence::{Seen, Told};

pub(super) fn hold(told: &Told, court: &mut Court) {
    let (Some(run), Some(end)) = (told.acknowledged.first().copied(), &told.end) else { return };
    for watch in &told.watches {
        let mut last = 0;
        for seen in &watch.seen {
            let Seen::Event(event) = seen else {
                court.accuse(Rule::PlacesHold, run, format!("a watcher's place {last} is gone"));
                // Where it goes on is told by the snapshot, which has no place in the history.
                last = u64::MAX;
                continue;
            };
            let seq = event.seq.get();
            if last == u64::MAX {
                last = seq;
            } else if seq <= last {
                court.accuse(Rule::NoRepeat, run, format!("event {seq} was seen after {last}"));
            } else if seq > last + 1 {
                court.accuse(Rule::NoGap, run, format!("event {seq} was seen after {last}"));
            }
            last = last.max(seq);
            let told = usize::try_from(seq - 1).ok().and_then(|place| end.history.get(place));
            if told.is_none_or(|told| told.event != event.event) {
                let found = format!("a watcher saw {event:?}, the history has {told:?}");
                court.accuse(Rule::NoGhostEvent, run, found);
            }
        }
        if last < end.history.len() as u64 {
            let found = format!("a watcher saw {last} of {} events", end.history.len());
            court.accuse(Rule::NoGap, run, found);
        }
    }
}
