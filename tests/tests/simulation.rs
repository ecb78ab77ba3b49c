//! As many stories as fit into the time, at least two thousand. A seed that fails is printed with
//! the command that tells it again.

#![allow(clippy::print_stderr)]

use std::time::{Duration, Instant};

use sortie_tests::simulation::{Story, tell};

/// At least so many stories, however slow the machine is.
const LEAST: u64 = 2_000;
/// New stories are begun for so long.
const TIME: Duration = Duration::from_secs(60);

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
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
    let (mut told, mut faults, mut commits) = (0, 0, 0);
    let mut ended = std::collections::BTreeMap::<&str, u64>::new();
    while goes_on(told) {
        let seed = first + told;
        let ending = tell(Story::new(seed));
        assert!(
            ending.violations.is_empty(),
            "seed {seed}: {:#?}\ntell it again with: cargo xtask simulate --seed {seed} --seeds 1",
            ending.violations
        );
        told += 1;
        faults += ending.faults;
        commits += ending.commits;
        for state in ending.states {
            *ended.entry(state).or_default() += 1;
        }
    }
    eprintln!("{told} stories, {commits} commits, {faults} faults, runs ended: {ended:?}");
    assert!(told < 100 || (faults > told && ended.len() == 3), "the stories are too calm");
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in [3, 14, 159] {
        assert_eq!(tell(Story::new(seed)), tell(Story::new(seed)), "seed {seed}");
    }
}
