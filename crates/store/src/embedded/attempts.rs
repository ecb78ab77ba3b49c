//! Attempts that wait for workers or are with one.
//!
//! ```text
//!  push ──> waiting ──take──> held ──complete, withdraw──> gone
//!              ^               │ ^ │
//!              └────release────┘ └─┘ extend, steal (once the lease has run out)
//! ```
//!
//! Each queue has two chains: what waits, oldest first, and what is held, by the end of the lease.
//! All leases last equally long, so whoever claims or extends goes to the end and the chain stays
//! sorted without work.

mod shelf;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use sortie_engine::{QueueName, RunId, StepId, WorkerName};
use tokio::time::Instant;

pub(super) use self::shelf::Place;
use self::shelf::{Chain, Shelf};
use crate::embedded::bells::{Bell, Rings};
use crate::queue::{Claimed, Extended, ReadyEntry, Token};

struct Attempt {
    entry: Arc<ReadyEntry>,
    token: Token,
    /// The order in which attempts came to wait, over all queues.
    age: u64,
    deliveries: u32,
    queue: usize,
    holder: Option<Holder>,
}

struct Holder {
    worker: WorkerName,
    until: Instant,
}

impl Attempt {
    fn is_held_by(&self, worker: &WorkerName) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.worker == *worker)
    }

    fn hand_to(&mut self, worker: &WorkerName, until: Instant) -> Claimed {
        self.holder = Some(Holder { worker: worker.clone(), until });
        self.deliveries += 1;
        Claimed { entry: self.entry.clone(), token: self.token, deliveries: self.deliveries }
    }
}

/// An attempt that was taken back, and its token if a worker had it.
pub(super) struct Withdrawn {
    pub(super) entry: Arc<ReadyEntry>,
    pub(super) held: Option<Token>,
}

#[derive(Default)]
struct Queue {
    waiting: Chain,
    held: Chain,
    bell: Bell,
}

/// All attempts of all queues.
#[derive(Default)]
pub(super) struct Attempts {
    names: FxHashMap<QueueName, usize>,
    queues: Vec<Queue>,
    shelf: Shelf<Attempt>,
    pushed: u64,
    random: fastrand::Rng,
}

impl Attempts {
    /// The numbers of queues, which exist from their first mention on.
    pub(super) fn queues(&mut self, names: &[QueueName]) -> Vec<usize> {
        names.iter().map(|name| self.queue(name)).collect()
    }

    fn queue(&mut self, name: &QueueName) -> usize {
        if let Some(&queue) = self.names.get(name) {
            return queue;
        }
        self.queues.push(Queue::default());
        self.names.insert(name.clone(), self.queues.len() - 1);
        self.queues.len() - 1
    }

    pub(super) fn bell(&self, queue: usize) -> &Bell {
        &self.queues[queue].bell
    }

    /// Puts an attempt at the end of its queue.
    pub(super) fn push(&mut self, entry: Arc<ReadyEntry>, rings: &mut Rings) -> Place {
        let queue = self.queue(&entry.terms.queue);
        self.pushed += 1;
        let (age, random) = (self.pushed, self.random.u64(..));
        let Queue { waiting, bell, .. } = &mut self.queues[queue];
        rings.wake_one(bell);
        self.shelf.insert(waiting, |place| {
            let token = token(random, place);
            Attempt { entry, token, age, deliveries: 0, queue, holder: None }
        })
    }

    /// Hands out what waits in the queues, the oldest over all of them first. Rings on if something
    /// is left.
    pub(super) fn take(
        &mut self,
        worker: &WorkerName,
        queues: &[usize],
        slots: usize,
        until: Instant,
        rings: &mut Rings,
    ) -> Vec<Claimed> {
        let mut claimed = Vec::new();
        while claimed.len() < slots {
            let Some((queue, place)) = self.oldest(queues) else { return claimed };
            let Queue { waiting, held, .. } = &mut self.queues[queue];
            self.shelf.shift(waiting, held, place);
            claimed.extend(self.shelf.get_mut(place).map(|attempt| attempt.hand_to(worker, until)));
        }
        for queue in queues.iter().map(|&queue| &self.queues[queue]) {
            if queue.waiting.first().is_some() {
                rings.wake_one(&queue.bell);
            }
        }
        claimed
    }

    fn oldest(&self, queues: &[usize]) -> Option<(usize, Place)> {
        let heads = queues.iter().filter_map(|&queue| {
            let place = self.queues[queue].waiting.first()?;
            Some((self.shelf.get(place)?.age, queue, place))
        });
        heads.min_by_key(|(age, ..)| *age).map(|(_, queue, place)| (queue, place))
    }

    /// Hands out what is held by a lease that has run out, queue by queue, each from the lease that
    /// ran out first.
    pub(super) fn steal(
        &mut self,
        worker: &WorkerName,
        queues: &[usize],
        slots: usize,
        now: Instant,
        until: Instant,
    ) -> Vec<Claimed> {
        let mut stolen = Vec::new();
        for &queue in queues {
            let held = &mut self.queues[queue].held;
            while stolen.len() < slots {
                let Some(place) = held.first() else { break };
                let Some(attempt) = self.shelf.get_mut(place) else { break };
                if attempt.holder.as_ref().is_some_and(|holder| holder.until > now) {
                    break;
                }
                stolen.push(attempt.hand_to(worker, until));
                self.shelf.move_to_end(held, place);
            }
        }
        stolen
    }

    pub(super) fn extend(&mut self, worker: &WorkerName, token: Token, until: Instant) -> Extended {
        let Some((place, attempt)) = self.find(token) else { return Extended::Gone };
        match &mut attempt.holder {
            Some(holder) if holder.worker == *worker => holder.until = until,
            _ => return Extended::Lost,
        }
        let queue = attempt.queue;
        self.shelf.move_to_end(&mut self.queues[queue].held, place);
        Extended::Ok
    }

    /// Takes an attempt away because it was reported on; nothing if it is gone or of another run.
    pub(super) fn complete(&mut self, run: RunId, token: Token) -> Option<Arc<ReadyEntry>> {
        let (place, attempt) = self.find(token)?;
        (attempt.entry.run == run).then_some(())?;
        self.remove(place)
    }

    /// Takes an attempt away, whoever holds it, if that step's attempt still lies at this place.
    pub(super) fn withdraw(&mut self, place: Place, run: RunId, step: StepId) -> Option<Withdrawn> {
        let attempt = self.shelf.get(place)?;
        let is_meant = attempt.entry.run == run && attempt.entry.step == step;
        let held = attempt.holder.as_ref().map(|_| attempt.token);
        let entry = is_meant.then(|| self.remove(place))??;
        Some(Withdrawn { entry, held })
    }

    /// Puts an attempt back at the end of its queue, under a new token, if the worker holds it.
    pub(super) fn release(&mut self, worker: &WorkerName, token: Token, rings: &mut Rings) {
        let (age, random) = (self.pushed + 1, self.random.u64(..));
        let Some((place, attempt)) = self.find(token) else { return };
        if !attempt.is_held_by(worker) {
            return;
        }
        attempt.holder = None;
        attempt.deliveries -= 1;
        attempt.age = age;
        attempt.token = self::token(random, place);
        let queue = attempt.queue;
        self.pushed = age;
        let Queue { waiting, held, bell } = &mut self.queues[queue];
        self.shelf.shift(held, waiting, place);
        rings.wake_one(bell);
    }

    /// Makes the lease of an attempt run out now.
    #[cfg(test)]
    pub(super) fn age_lease(&mut self, token: Token, now: Instant) -> bool {
        let Some((place, attempt)) = self.find(token) else { return false };
        let Some(holder) = &mut attempt.holder else { return false };
        holder.until = now;
        let queue = attempt.queue;
        self.shelf.move_to_start(&mut self.queues[queue].held, place);
        true
    }

    /// Every attempt, waiting or held.
    pub(super) fn all(&self) -> impl Iterator<Item = &ReadyEntry> {
        self.shelf.items().map(|attempt| &*attempt.entry)
    }

    fn remove(&mut self, place: Place) -> Option<Arc<ReadyEntry>> {
        let attempt = self.shelf.get(place)?;
        let queue = &mut self.queues[attempt.queue];
        let chain = match attempt.holder {
            Some(_) => &mut queue.held,
            None => &mut queue.waiting,
        };
        self.shelf.remove(chain, place).map(|attempt| attempt.entry)
    }

    /// A token's lower half is the place of its attempt: finding it needs no table.
    fn find(&mut self, token: Token) -> Option<(Place, &mut Attempt)> {
        let place = Place(u32::try_from(token.0 & u128::from(u64::MAX)).ok()?);
        let attempt = self.shelf.get_mut(place).filter(|attempt| attempt.token == token)?;
        Some((place, attempt))
    }
}

/// The upper half is random: a place that is used again does not answer to an old token.
fn token(random: u64, place: Place) -> Token {
    Token(u128::from(random) << 64 | u128::from(place.0))
}

#[cfg(test)]
mod tests;
