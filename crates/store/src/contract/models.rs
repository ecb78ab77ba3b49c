//! Long random stories, told to the store and to a naive model beside it.

use std::collections::BTreeMap;

use fastrand::Rng;
use sortie_engine::{CommitId, StepId};

use super::Harness;
use super::scene::{Known, Scene, fresh_commit, steps, worker};
use crate::{Claimed, Commit, CommitReply, Completed, Extended, Token};

/// The first of the seeds; any does, and a failing one is named in the message.
const SEED: u64 = 20_260_701;
const TURNS: usize = 1_000;
/// Few enough that the same step comes again and again.
const STEPS: std::ops::Range<u32> = 1..40;

/// Where a step's attempt is, by the naive model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Waiting { order: usize, deliveries: u32 },
    Held { by: usize, token: Token, deliveries: u32 },
}

/// The queue as a table of steps, with all tokens that were ever given out.
#[derive(Default)]
struct Model {
    places: BTreeMap<u32, Place>,
    given: Vec<(u32, Token, Claimed)>,
    pushed: usize,
}

impl Model {
    fn push(&mut self, step: u32, deliveries: u32) {
        self.pushed += 1;
        self.places.insert(step, Place::Waiting { order: self.pushed, deliveries });
    }

    fn waiting(&self) -> Vec<(usize, u32, u32)> {
        let mut waiting: Vec<_> = (self.places.iter())
            .filter_map(|(step, place)| match *place {
                Place::Waiting { order, deliveries } => Some((order, *step, deliveries)),
                Place::Held { .. } => None,
            })
            .collect();
        waiting.sort_unstable();
        waiting
    }

    fn holder(&self, token: Token) -> Option<(u32, usize, u32)> {
        self.places.iter().find_map(|(step, place)| match *place {
            Place::Held { by, token: held, deliveries } if held == token => {
                Some((*step, by, deliveries))
            }
            _ => None,
        })
    }

    fn hand_out(&mut self, claimed: Claimed, by: usize) {
        let (step, token) = (claimed.entry.step.get(), claimed.token);
        self.places.insert(step, Place::Held { by, token, deliveries: claimed.deliveries });
        self.given.push((step, token, claimed));
    }

    fn any_given(&self, rng: &mut Rng) -> Option<Claimed> {
        rng.choice(&self.given).map(|(_, _, claimed)| claimed.clone())
    }
}

/// The store and the model, and the run that all is about.
struct Story {
    scene: Scene,
    known: Known,
    model: Model,
    rng: Rng,
    seed: u64,
}

impl Story {
    async fn queue(&mut self) {
        let step = self.rng.u32(STEPS);
        if !self.model.places.contains_key(&step) {
            self.known.queue(&[step]).await;
            self.model.push(step, 0);
        }
    }

    async fn withdraw(&mut self) {
        let step = self.rng.u32(STEPS);
        self.known.withdraw(step).await;
        self.model.places.remove(&step);
    }

    async fn claim(&mut self, by: usize) {
        let slots = self.rng.usize(0..4);
        let claimed = self.scene.claim(&by.to_string(), slots).await;
        let due = self.model.waiting();
        let due = &due[..slots.min(due.len())];
        let due_steps: Vec<_> = due.iter().map(|(_, step, _)| *step).collect();
        assert_eq!(steps(&claimed), due_steps, "seed {}", self.seed);
        for (claimed, (.., deliveries)) in claimed.into_iter().zip(due) {
            assert_eq!(claimed.deliveries, deliveries + 1);
            self.model.hand_out(claimed, by);
        }
    }

    async fn extend(&mut self, by: usize) {
        let Some(given) = self.model.any_given(&mut self.rng) else { return };
        let due = match self.model.holder(given.token) {
            None => Extended::Gone,
            Some((_, holder, _)) if holder == by => Extended::Ok,
            Some(_) => Extended::Lost,
        };
        let by = worker(&by.to_string());
        let reply = self.scene.store.extend(&by, &[given.token]).await;
        assert_eq!(reply, Ok(vec![due]), "seed {}", self.seed);
    }

    async fn complete(&mut self, by: usize) {
        let Some(given) = self.model.any_given(&mut self.rng) else { return };
        let due = self.model.holder(given.token);
        let reply = self.scene.complete(&given, &by.to_string()).await;
        assert_eq!(reply == Completed::Ok, due.is_some(), "seed {}", self.seed);
        due.and_then(|(step, ..)| self.model.places.remove(&step));
    }

    async fn release(&mut self, by: usize) {
        let Some(given) = self.model.any_given(&mut self.rng) else { return };
        let name = worker(&by.to_string());
        self.scene.store.release(&name, &[given.token]).await.expect("release");
        if let Some((step, holder, deliveries)) = self.model.holder(given.token)
            && holder == by
        {
            self.model.push(step, deliveries - 1);
        }
    }

    /// Without a harness that ages leases nothing is stolen, in the model as in the store.
    async fn steal(&mut self, harness: &dyn Harness, by: usize) {
        let Some(given) = self.model.any_given(&mut self.rng) else { return };
        let Some((_, _, deliveries)) = self.model.holder(given.token) else { return };
        if harness.age_lease(given.token).await == super::Capability::Unsupported {
            return;
        }
        for stolen in self.scene.steal(&by.to_string(), 1).await {
            assert_eq!((stolen.token, stolen.deliveries), (given.token, deliveries + 1));
            self.model.hand_out(stolen, by);
        }
    }

    async fn turn(&mut self, harness: &dyn Harness) {
        let by = self.rng.usize(0..3);
        match self.rng.u8(0..10) {
            0..=2 => self.queue().await,
            3 => self.withdraw().await,
            4 | 5 => self.claim(by).await,
            6 => self.extend(by).await,
            7 => self.complete(by).await,
            8 => self.release(by).await,
            _ => self.steal(harness, by).await,
        }
    }
}

pub async fn the_queue_does_what_a_naive_model_of_it_does(harness: &dyn Harness) {
    for seed in SEED..SEED + 4 {
        let scene = Scene::of(harness);
        let known = scene.run().await;
        let rng = Rng::with_seed(seed);
        let mut story = Story { scene, known, model: Model::default(), rng, seed };
        for _ in 0..TURNS {
            story.turn(harness).await;
        }
        let left = story.model.waiting().len();
        assert_eq!(story.scene.claim("last", usize::MAX).await.len(), left);
        assert!(story.model.given.len() > TURNS / 20, "seed {seed} tells a dull story");
        let withdrawn = STEPS.map(StepId::new).collect();
        story.known.commit(Commit { withdrawn, ..story.known.next(1) }).await;
    }
}

/// A coordinator that may be behind: it commits on the head that it knows, and reads it anew only
/// after a conflict.
struct Coordinator {
    known: Known,
    sent: Vec<(Commit, CommitReply)>,
}

pub async fn commits_on_random_parents_never_fork_a_history(harness: &dyn Harness) {
    let (scene, mut rng) = (Scene::of(harness), Rng::with_seed(SEED));
    let first = scene.run().await;
    let mut coordinators = Vec::new();
    for _ in 0..3 {
        let known = scene.know(first.run, first.head).await;
        coordinators.push(Coordinator { known, sent: Vec::new() });
    }
    let mut line: Vec<CommitId> = vec![first.head];
    for _ in 0..TURNS / 2 {
        let coordinator = &mut coordinators[rng.usize(0..3)];
        let commit = match rng.choice(&coordinator.sent).filter(|_| rng.u8(0..4) == 0) {
            Some((old, _)) => old.clone(),
            None => next(&coordinator.known, &mut rng),
        };
        let head = line.last().copied();
        let due = match (Some(commit.id) == head, Some(commit.parent) == head) {
            (true, _) => CommitReply::Already,
            (false, true) => CommitReply::Ok,
            (false, false) => CommitReply::Conflict,
        };
        assert_eq!(coordinator.known.commit(commit.clone()).await, due, "seed {SEED}");
        match due {
            CommitReply::Ok => line.push(commit.id),
            CommitReply::Conflict => catch_up(&scene, &mut coordinator.known).await,
            CommitReply::Already | CommitReply::NoRun => {}
        }
        coordinator.sent.push((commit, due));
    }
    check(&scene, &first, &line).await;
}

fn next(known: &Known, rng: &mut Rng) -> Commit {
    let mut commit = known.next(rng.u64(0..4));
    commit.withdrawn = vec![StepId::new(1)];
    if rng.u8(0..8) == 0 {
        commit.parent = fresh_commit();
    }
    commit
}

async fn catch_up(scene: &Scene, known: &mut Known) {
    let history = scene.store.load(known.run, known.seq).await.expect("load").expect("a run");
    let last = history.commits.iter().flat_map(|(_, events)| events.iter()).last();
    known.seq = last.map_or(known.seq, |last| last.seq);
    known.head = history.head;
}

/// The history is the line of those commits that were told `Ok`, without a gap.
async fn check(scene: &Scene, known: &Known, line: &[CommitId]) {
    let start = sortie_engine::Seq::ZERO;
    let history = scene.store.load(known.run, start).await.expect("load").expect("a run");
    assert_eq!(Some(&history.head), line.last());
    let mut due = 1..;
    let mut place = 0;
    for (id, events) in &history.commits {
        let step = line[place..].iter().position(|known| known == id);
        place += step.unwrap_or_else(|| panic!("commit {id} is not in the line")) + 1;
        for recorded in events.iter() {
            assert_eq!(Some(recorded.seq.get()), due.next());
        }
    }
    assert!(line.len() > 50, "seed {SEED} tells a dull story");
}
