//! How long it took until work went on, counted from the last fault that touched its path.
//!
//! | Fault | From | To |
//! |---|---|---|
//! | a worker was killed | the last fault of a worker or of Redis | the lost tool begins at another worker |
//! | a coordinator was killed | the kill | the next event of a run that was open |
//! | Redis was killed | its answer | the next event of a run that was open |
//!
//! Of the last two only those are told where nothing else was broken in the meantime.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::chaos::check::pace::natural_ms;
use crate::chaos::evidence::{Evidence, Harm, Hit};
use crate::chaos::ledger::{Entry, Fact};

/// Work that went on after a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The fault.
    pub harm: Harm,
    /// How long it took.
    pub took: Duration,
    /// Of what, for people.
    pub what: String,
}

/// Everything that can be measured.
#[must_use]
pub fn recoveries(evidence: &Evidence) -> Vec<Recovery> {
    let mut found = Vec::new();
    workers(evidence, &mut found);
    for hit in &evidence.faults {
        if matches!(hit.harm, Harm::CoordinatorKilled | Harm::RedisKilled) {
            events(evidence, hit, &mut found);
        }
    }
    found
}

/// Tools whose process was killed, and when they began again.
fn workers(evidence: &Evidence, found: &mut Vec<Recovery>) {
    let mut tries: BTreeMap<_, Vec<&Entry>> = BTreeMap::new();
    let mut ended = std::collections::BTreeSet::new();
    for entry in &evidence.ledger {
        if entry.fact == Fact::Began {
            tries.entry((&entry.run, entry.step, entry.attempt)).or_default().push(entry);
        } else {
            ended.insert((entry.pid, entry.execution));
        }
    }
    for pair in tries.values().flat_map(|began| began.windows(2)) {
        let (lost, next) = (pair[0], pair[1]);
        let killed = evidence.faults.iter().find(|hit| {
            hit.harm == Harm::WorkerKilled
                && hit.pids.contains(&lost.pid)
                && (lost.at_ms..next.at_ms).contains(&hit.from_ms)
        });
        let Some(killed) = killed.filter(|_| !ended.contains(&(lost.pid, lost.execution))) else {
            continue;
        };
        // Whatever else kept a worker from taking over.
        let touching = evidence.faults.iter().filter(|hit| {
            let others = matches!(
                hit.harm,
                Harm::CoordinatorKilled | Harm::CoordinatorFrozen | Harm::PlannerKilled
            );
            !others && *hit != killed && hit.until_ms > killed.from_ms && hit.from_ms < next.at_ms
        });
        let last = touching.map(|hit| hit.until_ms.min(next.at_ms)).max().unwrap_or(0);
        let from = last.max(killed.from_ms);
        found.push(Recovery {
            harm: Harm::WorkerKilled,
            took: Duration::from_millis(next.at_ms - from),
            what: format!("step {} of {}", lost.step, lost.run),
        });
    }
}

/// The first sign of life of every run that was open.
fn events(evidence: &Evidence, hit: &Hit, found: &mut Vec<Recovery>) {
    let since = if hit.harm == Harm::RedisKilled { hit.until_ms } else { hit.from_ms };
    for told in &evidence.goals {
        let Some(end) = &told.end else { continue };
        let times: Vec<_> = end.history.iter().map(|recorded| recorded.at.as_millis()).collect();
        let around = times.windows(2).find(|pair| pair[0] <= hit.from_ms && pair[1] > hit.from_ms);
        let Some([before, next]) = around else { continue };
        let mut others = evidence.faults.iter().filter(|other| *other != hit);
        if others.any(|other| other.from_ms <= *next && other.until_ms >= *before) {
            continue;
        }
        // A tool, the planner or a pause may have kept the run busy; what is beyond is the fault's.
        let due = since.max(before + natural_ms(told));
        found.push(Recovery {
            harm: hit.harm,
            took: Duration::from_millis(next.saturating_sub(due)),
            what: format!("goal {}", told.graph.key),
        });
    }
}
