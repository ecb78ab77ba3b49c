//! `cargo xtask chaos`: a storm over a cluster of real processes, for longer than a test run has
//! time for, or the one of a seed that failed.

use crate::failure::Failure;
use crate::numbers;
use crate::program::{self, cargo};
use crate::test::redis;

/// The storm itself knows what to do without a word.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let [minutes, seed] = numbers::read("chaos", ["--minutes", "--seed"], arguments)?;
    redis::prepare()?;
    // The same features as all tests have, so that nothing is built twice.
    let mut tests = cargo(&["test", "--workspace", "--all-features", "--test", "faults"]);
    tests.args(["--", "--nocapture", "no_storm_breaks_a_promise"]);
    for (name, value) in [("SORTIE_CHAOS_MINUTES", minutes), ("SORTIE_CHAOS_SEED", seed)] {
        if let Some(value) = value {
            tests.env(name, value.to_string());
        }
    }
    program::run(&mut tests)
}
