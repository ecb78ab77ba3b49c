//! `cargo xtask simulate`: the simulation alone, for more seeds than a test run has time for, or
//! for the one that failed.
//!
//! It uses the build of the tests: that tells two thousand stories in well under a minute, and a
//! second, optimised build would take longer than it saves.

use crate::failure::Failure;
use crate::numbers;
use crate::program::{self, cargo};

/// The simulation itself knows what to do without a word.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let [seed, seeds] = numbers::read("simulate", ["--seed", "--seeds"], arguments)?;
    // The same features as all tests have, so that nothing is built twice.
    let mut tests = cargo(&["test", "--workspace", "--all-features", "--test", "simulation"]);
    tests.args(["--", "--nocapture", "no_story_breaks_a_promise"]);
    for (name, value) in [("SORTIE_SIMULATE_SEED", seed), ("SORTIE_SIMULATE_SEEDS", seeds)] {
        if let Some(value) = value {
            tests.env(name, value.to_string());
        }
    }
    program::run(&mut tests)
}
