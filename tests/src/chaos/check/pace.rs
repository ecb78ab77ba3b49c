//! Work goes on in time: in no history is there a silence that neither the goal nor a fault explains.
//! What only a sweep brings back comes too late.
//!
//! Model calls have a limited number of places, for which runs stand in line. A run that waits for one
//! while those before it get theirs is not silent, it is not its turn yet.

use std::collections::BTreeMap;

use sortie_engine::{Event, Lane, Recorded, RunId};

use super::{Court, Rule};
use crate::chaos::evidence::{Evidence, Harm, Hit, Told};

/// How long a lane belongs to a coordinator that says nothing.
const LANE_LEASE_MS: u64 = 3_000;
/// What a takeover may take beyond its lease.
const BEYOND_MS: u64 = 1_000;
/// Work goes on so soon after Redis answers again.
const REDIS_MS: u64 = 2_000;
/// A planner's calls are made again after a pause, which doubles.
const PLANNER_MS: u64 = 4_000;
/// A machine that is busy with other things.
const BUSY_MS: u64 = 2_000;

/// The runs of each lane that waited for a model call.
pub(super) struct Lines(BTreeMap<Lane, Vec<Wait>>);

struct Wait {
    run: RunId,
    since_ms: u64,
    until_ms: u64,
}

impl Lines {
    pub(super) fn of(evidence: &Evidence) -> Self {
        let mut lines: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for told in &evidence.goals {
            let (Some(run), Some(end)) = (told.acknowledged.first(), &told.end) else { continue };
            for pair in end.history.windows(2).filter(|pair| begins_call(&pair[1].event)) {
                let (since_ms, until_ms) = (pair[0].at.as_millis(), pair[1].at.as_millis());
                lines.entry(run.lane()).or_default().push(Wait { run: *run, since_ms, until_ms });
            }
        }
        Self(lines)
    }

    /// When the last one that stood before this run in the line of its lane got its place. Who came
    /// at the same time stands in some order, for two must not excuse each other.
    fn moved_ms(&self, run: RunId, since_ms: u64, until_ms: u64) -> u64 {
        let line = self.0.get(&run.lane()).into_iter().flatten();
        let before = line.filter(|wait| {
            (wait.since_ms, wait.run) < (since_ms, run) && wait.until_ms <= until_ms
        });
        before.map(|wait| wait.until_ms).max().unwrap_or(0)
    }
}

fn begins_call(event: &Event) -> bool {
    matches!(event, Event::PlanVersionStarted { .. } | Event::AnswerAttemptStarted { .. })
}

pub(super) fn hold(told: &Told, evidence: &Evidence, lines: &Lines, court: &mut Court) {
    let (Some(run), Some(end)) = (told.acknowledged.first().copied(), &told.end) else { return };
    let natural = natural_ms(told) + BUSY_MS;
    for pair in end.history.windows(2) {
        let (before, after) = (pair[0].at.as_millis(), pair[1].at.as_millis());
        if after <= before + natural {
            continue;
        }
        let near =
            |hit: &&Hit| hit.from_ms <= after && due_ms(hit, evidence.lease_ms) + natural >= before;
        let faults = evidence.faults.iter().filter(near);
        let due = faults.map(|hit| due_ms(hit, evidence.lease_ms)).max().unwrap_or(before);
        let is_call = begins_call(&pair[1].event);
        let due = due.max(if is_call { lines.moved_ms(run, before, after) } else { 0 });
        if after > due.max(before) + natural {
            let late = after - (due.max(before) + natural);
            let found = format!(
                "nothing happened between {} and {} for {} ms, {late} ms longer than anything \
                 explains",
                name(&pair[0]),
                name(&pair[1]),
                after - before
            );
            court.accuse(Rule::WorkGoesOn, run, found);
        }
    }
}

/// An event by its number and kind.
fn name(record: &Recorded) -> String {
    let told = format!("{:?}", record.event);
    let kind = told.split([' ', '{']).next().unwrap_or_default();
    format!("event {} ({kind})", record.seq)
}

/// When everything that a fault held up must go on.
pub(super) const fn due_ms(hit: &Hit, lease_ms: u64) -> u64 {
    let lease_ms = lease_ms + BEYOND_MS;
    match hit.harm {
        // Others take over, whether or not it comes back.
        Harm::WorkerKilled | Harm::WorkerFrozen => hit.from_ms + lease_ms,
        Harm::CoordinatorKilled | Harm::CoordinatorFrozen => {
            hit.from_ms + LANE_LEASE_MS + BEYOND_MS
        }
        Harm::PlannerKilled => hit.until_ms + PLANNER_MS,
        Harm::RedisKilled => hit.until_ms + REDIS_MS,
        // Whoever lost a reply or a connection asks again, or others take over.
        Harm::AllKilled
        | Harm::Reset
        | Harm::BlackHole
        | Harm::RequestsLate
        | Harm::RepliesLost => hit.until_ms + lease_ms,
    }
}

/// The longest time in which nothing needs to happen in a run.
pub(in crate::chaos) fn natural_ms(told: &Told) -> u64 {
    let graph = &told.graph;
    // Pauses before another try double from half a second.
    let failures = graph.steps.iter().map(|node| node.failures).max().unwrap_or(0);
    let pause = if failures == 0 { 0 } else { 500 << (failures - 1) };
    graph.slowest_ms().max(graph.plan_ms).max(graph.answer_ms) + pause
}
