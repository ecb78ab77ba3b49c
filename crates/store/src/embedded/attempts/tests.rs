//! Attempts by themselves: order, places and tokens.

use std::time::Duration;

use super::*;
use crate::embedded::tests::entry;
use sortie_engine::Lane;

const RUN: RunId = RunId::new(0, Lane(0), 1);

struct Table {
    attempts: Attempts,
    worker: WorkerName,
    now: Instant,
}

impl Table {
    fn new() -> Self {
        Self { attempts: Attempts::default(), worker: WorkerName::new("w"), now: Instant::now() }
    }

    fn push(&mut self, step: u32, queue: &str) -> Place {
        self.attempts.push(entry(RUN, step, queue), &mut Rings::default())
    }

    fn take(&mut self, queues: &[&str], slots: usize) -> Vec<Claimed> {
        let places: Vec<_> =
            queues.iter().map(|name| self.attempts.queue(&QueueName::new(name))).collect();
        let until = self.now + Duration::from_secs(10);
        self.attempts.take(&self.worker, &places, slots, until, &mut Rings::default())
    }
}

fn steps(claimed: &[Claimed]) -> Vec<u32> {
    claimed.iter().map(|claimed| claimed.entry.step.get()).collect()
}

#[tokio::test(start_paused = true)]
async fn claims_over_several_queues_follow_the_order_of_the_pushes() {
    let mut table = Table::new();
    for (step, queue) in [(1, "p"), (2, "q"), (3, "q"), (4, "p"), (5, "o")] {
        table.push(step, queue);
    }
    assert_eq!(steps(&table.take(&["q", "p"], 3)), [1, 2, 3]);
    assert_eq!(steps(&table.take(&["q", "p"], 3)), [4]);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_used_again_answers_to_neither_its_old_token_nor_its_old_step() {
    let mut table = Table::new();
    let place = table.push(1, "q");
    let old = table.take(&["q"], 1).remove(0);
    assert!(table.attempts.complete(RUN, old.token).is_some());
    assert_eq!(table.push(2, "q"), place);
    assert!(table.attempts.complete(RUN, old.token).is_none());
    assert!(table.attempts.withdraw(place, RUN, StepId::new(1)).is_none());
    assert_eq!(steps(&table.take(&["q"], 1)), [2]);
}

#[tokio::test(start_paused = true)]
async fn tokens_that_were_never_given_are_gone() {
    let mut table = Table::new();
    table.push(1, "q");
    let worker = table.worker.clone();
    for token in [0, 1 << 64, u128::MAX, u128::from(u64::MAX)].map(Token) {
        assert_eq!(table.attempts.extend(&worker, token, table.now), Extended::Gone);
    }
}

#[tokio::test(start_paused = true)]
async fn the_lease_that_ran_out_first_is_stolen_first() {
    let mut table = Table::new();
    for step in 1..=3 {
        table.push(step, "q");
    }
    let held = table.take(&["q"], 3);
    let (worker, thief) = (table.worker.clone(), WorkerName::new("thief"));
    let later = table.now + Duration::from_secs(15);
    table.attempts.extend(&worker, held[0].token, later);
    let now = table.now + Duration::from_secs(10);
    let mut steal = |now| table.attempts.steal(&thief, &[0], 9, now, now + Duration::from_secs(99));
    assert_eq!(steps(&steal(now)), [2, 3]);
    assert_eq!(steps(&steal(later)), [1]);
}
