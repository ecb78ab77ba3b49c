//! `cargo xtask simulate`: the simulation alone, for more seeds than a test run has time for, or
//! for the one that failed.
//!
//! It uses the build of the tests: that tells two thousand stories in well under a minute, and a
//! second, optimised build would take longer than it saves.

use crate::failure::Failure;
use crate::program::{self, cargo};

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let Asked { seed, seeds } = Asked::read(arguments)?;
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

/// What the person asked for; the simulation itself knows what to do without a word.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    seed: Option<u64>,
    seeds: Option<u64>,
}

impl Asked {
    fn read(arguments: &[String]) -> Result<Self, Failure> {
        let mut asked = Self::default();
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let (flag, joined) = match word.split_once('=') {
                Some((flag, value)) => (flag, Some(value)),
                None => (word, None),
            };
            let place = match flag {
                "--seed" => &mut asked.seed,
                "--seeds" => &mut asked.seeds,
                _ => return Err(Failure::Usage(format!("`simulate` does not know `{word}`"))),
            };
            let value = joined.or_else(|| words.next()).unwrap_or_default();
            let number = value.parse();
            *place = Some(number.map_err(|_| {
                Failure::Usage(format!("`{flag}` needs a whole number, not `{value}`"))
            })?);
        }
        Ok(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Asked, Failure> {
        Asked::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn seeds_are_read_in_any_order_and_form() {
        assert_eq!(read("").unwrap(), Asked::default());
        let both = Asked { seed: Some(7), seeds: Some(1) };
        assert_eq!(read("--seed 7 --seeds 1").unwrap(), both);
        assert_eq!(read("--seeds=1 --seed=7").unwrap(), both);
    }

    #[test]
    fn what_is_no_number_or_not_known_is_refused() {
        for line in ["--seed", "--seeds many", "--sead 1", "7"] {
            assert!(matches!(read(line), Err(Failure::Usage(_))), "{line}");
        }
    }
}
