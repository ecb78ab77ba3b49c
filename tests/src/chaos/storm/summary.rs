//! A storm in a line.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use sortie_engine::Event;

use super::recovery::recoveries;
use crate::chaos::check::{Rule, Violation};
use crate::chaos::evidence::{Evidence, Harm, Seen};
use crate::chaos::ledger::Fact;

/// A storm in numbers.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The seed.
    pub seed: u64,
    /// How long all of it took.
    pub took: Duration,
    /// Goals that were acknowledged.
    pub runs: usize,
    /// How they ended.
    pub ends: BTreeMap<&'static str, usize>,
    /// Why those that failed did, and steps that failed without a result.
    pub failures: BTreeMap<&'static str, usize>,
    /// Executions of tools.
    pub executions: usize,
    /// Executions beyond the first of an attempt.
    pub repeated: usize,
    /// Events that watchers saw.
    pub seen: usize,
    /// Connections beyond the first of each watcher.
    pub reconnects: u32,
    /// For each harm how often it happened, and how much work it hit.
    pub faults: BTreeMap<Harm, (u64, u64)>,
    /// Violations, by rule.
    pub violations: BTreeMap<Rule, usize>,
    /// The longest recovery from each harm.
    pub recovery: BTreeMap<Harm, Duration>,
    /// From the last fault to the end of the last run.
    pub calm: Duration,
}

impl Summary {
    pub(super) fn of(
        evidence: &Evidence,
        violations: &[Violation],
        seed: u64,
        took: Duration,
        calm_since: u64,
    ) -> Self {
        let mut summary = Self { seed, took, ..Self::default() };
        for told in &evidence.goals {
            summary.runs += usize::from(!told.acknowledged.is_empty());
            for watch in &told.watches {
                let events = watch.seen.iter().filter(|seen| matches!(seen, Seen::Event(_)));
                summary.seen += events.count();
                summary.reconnects += watch.connections.saturating_sub(1);
            }
            for recorded in told.end.iter().flat_map(|end| &end.history) {
                if let Event::RunFailed { failure }
                | Event::StepFailed { failure, .. }
                | Event::StepUnknown { failure, .. } = &recorded.event
                {
                    *summary.failures.entry(failure.kind.as_str()).or_default() += 1;
                }
            }
            let last = told.end.as_ref().and_then(|end| end.history.last());
            let end = match last.map(|last| &last.event) {
                Some(Event::RunSucceeded { partial: false, .. }) => "succeeded",
                Some(Event::RunSucceeded { .. }) => "partial",
                Some(Event::RunFailed { .. }) => "failed",
                Some(Event::RunCancelled { .. }) => "cancelled",
                _ => "open",
            };
            *summary.ends.entry(end).or_default() += 1;
            let at = last.map_or(0, |last| last.at.as_millis());
            let late = Duration::from_millis(at.saturating_sub(calm_since));
            summary.calm = summary.calm.max(late);
        }
        let mut tries = BTreeMap::new();
        for began in evidence.ledger.iter().filter(|entry| entry.fact == Fact::Began) {
            summary.executions += 1;
            *tries.entry((&began.run, began.step, began.attempt)).or_insert(0) += 1;
        }
        summary.repeated = summary.executions - tries.len();
        for hit in &evidence.faults {
            let (count, work) = summary.faults.entry(hit.harm).or_default();
            *count += 1;
            *work += hit.work;
        }
        for violation in violations {
            *summary.violations.entry(violation.rule).or_default() += 1;
        }
        for recovery in recoveries(evidence) {
            let longest = summary.recovery.entry(recovery.harm).or_default();
            *longest = recovery.took.max(*longest);
        }
        summary
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let violations: usize = self.violations.values().sum();
        let faults: u64 = self.faults.values().map(|(count, _)| count).sum();
        write!(
            f,
            "seed {}: {} runs {:?}, failures {:?}, {} executions ({} repeated), {} events seen ({} reconnects), \
             {faults} faults {:?}, {violations} violations {:?}, longest recovery {:?}, all over \
             {:.1?} after the last fault, {:.0?}",
            self.seed,
            self.runs,
            self.ends,
            self.failures,
            self.executions,
            self.repeated,
            self.seen,
            self.reconnects,
            self.faults,
            self.violations,
            self.recovery,
            self.calm,
            self.took,
        )
    }
}
