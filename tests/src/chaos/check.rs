//! The checker: evidence in, violations out. It knows the promises and nothing of how they are kept.
//!
//! | File | What it holds |
//! |---|---|
//! | `histories` | what was acknowledged is there and over; histories are what histories are |
//! | `executions` | tools ran as often as they may, and what is recorded was done |
//! | `pace` | nothing stands still for longer than something explains |
//! | `values` | results and answers are what must come of the goal, and nothing failed without a cause |
//! | `watches` | watchers saw the history, all of it, once |

mod executions;
mod histories;
pub(super) mod pace;
#[cfg(test)]
mod tests;
mod values;
mod watches;

use std::fmt;

use sortie_engine::RunId;

use super::evidence::Evidence;

/// What was promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Whoever asks long enough is answered.
    ClientsAreAnswered,
    /// A run that was acknowledged is there.
    NothingAcknowledgedIsLost,
    /// Every acknowledged run ends.
    EveryRunEnds,
    /// Work goes on in time after a fault, and always where there was none.
    WorkGoesOn,
    /// A goal that is submitted twice under one key is one run.
    OneRunForOneKey,
    /// The engine's invariants of runs and histories.
    Invariants,
    /// A command that was answered is in the history.
    CommandsAreCarriedOut,
    /// A step has one recorded result.
    OneResult,
    /// What is recorded was done, by whom it says and in the attempt that it says.
    RecordedWasDone,
    /// A tool runs only for a step that the history handed out.
    NoGhostRuns,
    /// An attempt runs again only where a fault hit its worker or its lease.
    OneExecution,
    /// A `once` tool never begins again.
    OnceIsOnce,
    /// No later step does again what changed the world.
    NoDeedTwice,
    /// A tool whose attempt went to another worker stops.
    LostMeansStopped,
    /// An attempt that goes to another worker is counted as handed out once more.
    HandedOnIsCounted,
    /// A result is what its tool makes of its inputs, and the one that was reported.
    ResultsAreRight,
    /// An answer is made of the recorded results.
    AnswersAreRight,
    /// Nothing fails without a cause.
    FailuresHaveACause,
    /// A watcher misses nothing.
    NoGap,
    /// A watcher sees nothing twice.
    NoRepeat,
    /// A watcher sees nothing that did not happen.
    NoGhostEvent,
    /// A watcher's place holds.
    PlacesHold,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// In which run, where it is one's.
    pub run: Option<RunId>,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.run {
            Some(run) => write!(f, "{:?}: run {run}: {}", self.rule, self.found),
            None => write!(f, "{:?}: {}", self.rule, self.found),
        }
    }
}

/// Everything that is not as it was promised.
#[must_use]
pub fn check(evidence: &Evidence) -> Vec<Violation> {
    let mut court = Court::default();
    let book = executions::Book::of(evidence);
    let lines = pace::Lines::of(evidence);
    for told in &evidence.goals {
        histories::hold(told, &mut court);
        watches::hold(told, &mut court);
        pace::hold(told, evidence, &lines, &mut court);
        values::hold(told, evidence, &book, &mut court);
        executions::hold(told, &book, &mut court);
    }
    executions::hold_all(evidence, &book, &mut court);
    court.violations
}

/// Collects violations.
#[derive(Debug, Default)]
struct Court {
    violations: Vec<Violation>,
}

impl Court {
    fn accuse(&mut self, rule: Rule, run: impl Into<Option<RunId>>, found: impl Into<String>) {
        self.violations.push(Violation { rule, run: run.into(), found: found.into() });
    }
}
