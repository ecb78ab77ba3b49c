//! As many stories as fit into the time, at least two thousand. A seed that fails is printed with
//! the command that tells it again.

#![allow(clippy::print_stderr)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sortie_tests::simulation::{Bug, Ending, Story, tell};

/// At least so many stories, however slow the machine is.
const LEAST: u64 = 2_000;
/// New stories are begun for so long.
const TIME: Duration = Duration::from_secs(60);
/// After so many broken stories the others are not told.
const ENOUGH: u64 = 10;

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What many stories came to.
#[derive(Debug, Default)]
struct Tally {
    told: u64,
    broken: u64,
    commits: u64,
    faults: u64,
    conflicts: u64,
    repairs: u64,
    takeovers: u64,
    ended: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn add(&mut self, seed: u64, ending: &Ending) {
        self.told += 1;
        self.commits += ending.commits;
        self.faults += ending.faults;
        self.conflicts += ending.conflicts;
        self.repairs += ending.repairs;
        self.takeovers += ending.takeovers;
        for state in &ending.states {
            *self.ended.entry(state).or_default() += 1;
        }
        if !ending.violations.is_empty() {
            self.broken += 1;
            eprintln!("seed {seed}: {:#?}", ending.violations);
            eprintln!("tell it again with: cargo xtask simulate --seed {seed} --seeds 1");
        }
    }

    /// What a simulation in which nothing ever happens would not see.
    fn missing(&self) -> Vec<&'static str> {
        let rare = [
            ("conflicts", self.conflicts > 0),
            ("repairs of the sweep", self.repairs > 0),
            ("takeovers", self.takeovers > 0),
            ("faults", self.faults > self.told),
            ("every end of a run", self.ended.len() == 3),
        ];
        rare.iter().filter(|(_, seen)| !seen).map(|(what, _)| *what).collect()
    }
}

#[test]
fn no_story_breaks_a_promise() {
    let first = from_env("SORTIE_SIMULATE_SEED").unwrap_or(1);
    let wanted = from_env("SORTIE_SIMULATE_SEEDS");
    let begun = Instant::now();
    let goes_on = |told| match wanted {
        Some(wanted) => told < wanted,
        None => told < LEAST || begun.elapsed() < TIME,
    };
    let mut tally = Tally::default();
    while goes_on(tally.told) && tally.broken < ENOUGH {
        let seed = first + tally.told;
        tally.add(seed, &tell(Story::new(seed)));
    }
    eprintln!("{tally:?}");
    assert_eq!(tally.broken, 0, "broken stories, see above");
    let missing = tally.missing();
    assert!(tally.told < LEAST || missing.is_empty(), "never seen: {missing:?}");
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in [3, 14, 159] {
        assert_eq!(tell(Story::new(seed)), tell(Story::new(seed)), "seed {seed}");
    }
}

/// A judge that needs more stories than this to find a bug will not find its like.
const CHANCES: u64 = 200;

#[track_caller]
fn is_caught(bug: Bug) {
    let tells = |seed| tell(Story { bug: Some(bug), ..Story::new(seed) }).violations.pop();
    let caught = (1..=CHANCES).find_map(|seed| Some((seed, tells(seed)?)));
    let (seed, violation) = caught.unwrap_or_else(|| panic!("nobody saw {bug:?}"));
    eprintln!("{bug:?} is seen with seed {seed}: {violation}");
}

#[test]
fn the_judge_catches_a_parent_that_is_not_checked() {
    is_caught(Bug::ParentUnchecked);
}

#[test]
fn the_judge_catches_a_commit_that_is_only_acknowledged() {
    is_caught(Bug::AcknowledgedOnly);
}

#[test]
fn the_judge_catches_attempts_that_are_never_withdrawn() {
    is_caught(Bug::NeverWithdrawn);
}

#[test]
fn the_judge_catches_attempts_that_are_lost() {
    is_caught(Bug::ReadyLost);
}

#[test]
fn the_judge_catches_timers_that_are_late() {
    is_caught(Bug::TimerLate);
}

#[test]
fn the_judge_catches_commands_consumed_by_a_refused_commit() {
    is_caught(Bug::ConsumedThoughRefused);
}

#[test]
fn the_judge_catches_a_result_that_was_altered() {
    is_caught(Bug::ResultAltered);
}

#[test]
fn the_judge_catches_a_result_that_was_lost() {
    is_caught(Bug::ResultLost);
}

#[test]
fn the_judge_catches_a_token_that_is_not_checked() {
    is_caught(Bug::TokenUnchecked);
}
