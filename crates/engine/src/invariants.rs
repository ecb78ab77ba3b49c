//! What is always true of a run, a commit and a history: pure predicates, each with an id that
//! tests, the simulation, the fault checker and metrics share.

mod commit;
mod history;
mod state;

use std::fmt;

pub use commit::check_commit;
pub use history::check_history;
pub use state::check_run;

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The invariant's id: a letter for run, commit or history, and a number.
    pub id: &'static str,
    /// What is always true.
    pub rule: &'static str,
    /// What was found instead.
    pub found: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.id, self.rule, self.found)
    }
}

/// Collects breaches.
struct Checker {
    breaches: Vec<Breach>,
}

impl Checker {
    const fn new() -> Self {
        Self { breaches: Vec::new() }
    }

    fn hold(
        &mut self,
        id: &'static str,
        rule: &'static str,
        holds: bool,
        found: impl FnOnce() -> String,
    ) {
        if !holds {
            self.breaches.push(Breach { id, rule, found: found() });
        }
    }
}
