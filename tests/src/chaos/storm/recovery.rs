//! How long it took until work went on after a fault, where no other fault came between.
//!
//! | Fault | From | To |
//! |---|---|---|
//! | a worker was killed | the kill | the tool begins at another worker |
//! | a coordinator was killed | the kill | the next event of a run that was open |
//! | Redis was killed | its answer | the next event of a run that was open |

use std::time::Duration;

use crate::chaos::check::pace::natural_ms;
use crate::chaos::evidence::{Evidence, Harm, Hit};
use crate::chaos::ledger::Fact;

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
    for hit in &evidence.faults {
        match hit.harm {
            Harm::WorkerKilled => workers(evidence, hit, &mut found),
            Harm::CoordinatorKilled | Harm::RedisKilled => events(evidence, hit, &mut found),
            _ => {}
        }
    }
    found
}

/// Whether another fault was under way or began between these times.
fn is_disturbed(evidence: &Evidence, hit: &Hit, until_ms: u64) -> bool {
    // A lease that ran out just before may still show.
    let from_ms = hit.from_ms.saturating_sub(evidence.lease_ms + 1_000);
    let others = evidence.faults.iter().filter(|other| *other != hit);
    others.into_iter().any(|other| other.from_ms <= until_ms && other.until_ms >= from_ms)
}

fn workers(evidence: &Evidence, hit: &Hit, found: &mut Vec<Recovery>) {
    let ended = |pid: u32, execution: u64| {
        evidence.ledger.iter().any(|entry| {
            entry.pid == pid && entry.execution == execution && entry.fact != Fact::Began
        })
    };
    let lost = evidence.ledger.iter().filter(|entry| {
        entry.fact == Fact::Began
            && hit.pids.contains(&entry.pid)
            && entry.at_ms <= hit.from_ms
            && !ended(entry.pid, entry.execution)
    });
    for lost in lost {
        let next = evidence.ledger.iter().find(|entry| {
            entry.fact == Fact::Began
                && entry.at_ms > hit.from_ms
                && (&entry.run, entry.step, entry.attempt) == (&lost.run, lost.step, lost.attempt)
        });
        let Some(next) = next else { continue };
        if !is_disturbed(evidence, hit, next.at_ms) {
            found.push(Recovery {
                harm: hit.harm,
                took: Duration::from_millis(next.at_ms - hit.from_ms),
                what: format!("step {} of {}", lost.step, lost.run),
            });
        }
    }
}

fn events(evidence: &Evidence, hit: &Hit, found: &mut Vec<Recovery>) {
    let since = if hit.harm == Harm::RedisKilled { hit.until_ms } else { hit.from_ms };
    for told in &evidence.goals {
        let Some(end) = &told.end else { continue };
        let times: Vec<_> = end.history.iter().map(|recorded| recorded.at.as_millis()).collect();
        let around = times.windows(2).find(|pair| pair[0] <= hit.from_ms && pair[1] > hit.from_ms);
        let Some([_, next]) = around else { continue };
        // The tool, the planner or a pause may have kept the run busy; what is beyond is the fault's.
        let natural = natural_ms(told);
        if !is_disturbed(evidence, hit, *next) {
            found.push(Recovery {
                harm: hit.harm,
                took: Duration::from_millis(next.saturating_sub(since + natural)),
                what: format!("goal {}", told.graph.key),
            });
        }
    }
}
