//! What goes wrong, one thing after the other, each healed in its time. Killed processes are started
//! again as a supervisor would; nothing is mended by hand.
//!
//! ```text
//!   deck of harms ── every two seconds ──> wound a place that is sound ──> heal it when it is time
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::StormOptions;
use crate::chaos::cluster::{ProcessCluster, Service};
use crate::chaos::evidence::{Harm, Hit};
use crate::chaos::ledger::{Entry, Fact};
use crate::chaos::proxy::Fault;
use crate::chaos::wait::now_ms;

/// Beyond a lease, so that others certainly take over.
const BEYOND: Duration = Duration::from_millis(1_500);
/// A wire is bad for so long at most.
const BAD_WIRE_MS: u64 = 6_000;
/// Redis is down for so long at most.
const REDIS_DOWN_MS: u64 = 1_500;
/// A supervisor needs so long at most to start a process again.
const DOWN_MS: u64 = 600;

pub(super) struct Weather {
    rng: fastrand::Rng,
    harms: Vec<Harm>,
    wires: Vec<Service>,
    deck: Vec<Harm>,
    pace: Duration,
    length: Duration,
    /// Goals that are open now.
    open: Arc<AtomicU64>,
    hits: Vec<Hit>,
    wounds: Vec<Wound>,
}

/// Something that is broken now.
struct Wound {
    until: Instant,
    /// The place; nothing for Redis and for everything at once.
    place: Option<usize>,
    /// Its fault among the hits.
    hit: usize,
    /// What the wire had hit before.
    hits_before: u64,
}

impl Weather {
    pub(super) fn new(options: &StormOptions, rng: fastrand::Rng, open: Arc<AtomicU64>) -> Self {
        Self {
            rng,
            harms: options.harms.clone(),
            wires: options.wires.clone(),
            deck: Vec::new(),
            pace: options.pace,
            length: options.length,
            open,
            hits: Vec::new(),
            wounds: Vec::new(),
        }
    }

    /// Breaks things for as long as the storm lasts; everything is healed when this returns.
    pub(super) async fn rage(mut self, cluster: &mut ProcessCluster) -> Vec<Hit> {
        let over = Instant::now() + self.length;
        let mut next = Instant::now() + self.pace;
        loop {
            let now = Instant::now();
            self.heal(cluster, now).await;
            if now >= over {
                break;
            }
            if now >= next && !self.harms.is_empty() {
                next += self.pace;
                self.strike(cluster);
            }
            let heal = self.wounds.iter().map(|wound| wound.until).min();
            let wake = [Some(next), Some(over), heal].into_iter().flatten().min();
            tokio::time::sleep_until(wake.unwrap_or(over).into()).await;
        }
        let never = over + self.length + Duration::from_secs(3_600);
        self.heal(cluster, never).await;
        self.hits
    }

    /// The next harm for which there is a sound place; one that finds none keeps its turn.
    fn strike(&mut self, cluster: &mut ProcessCluster) {
        if self.deck.is_empty() {
            self.deck.clone_from(&self.harms);
            self.rng.shuffle(&mut self.deck);
        }
        for turn in 0..self.deck.len() {
            if self.wound(self.deck[turn], cluster) {
                self.deck.remove(turn);
                return;
            }
        }
    }

    fn wound(&mut self, harm: Harm, cluster: &mut ProcessCluster) -> bool {
        match harm {
            Harm::WorkerKilled => self.kill(harm, Service::Worker, cluster),
            Harm::CoordinatorKilled => self.kill(harm, Service::Coordinator, cluster),
            Harm::PlannerKilled => self.kill(harm, Service::Planner, cluster),
            Harm::WorkerFrozen => self.freeze(harm, Service::Worker, cluster),
            Harm::CoordinatorFrozen => self.freeze(harm, Service::Coordinator, cluster),
            Harm::RedisKilled => self.kill_redis(cluster),
            Harm::AllKilled => self.kill_all(cluster),
            Harm::Reset => self.spoil_wire(harm, Fault::Reset, cluster),
            Harm::BlackHole => {
                let holes = [Fault::HoldBoth, Fault::HoldRequests, Fault::HoldReplies];
                let hole = holes[self.rng.usize(..holes.len())];
                self.spoil_wire(harm, hole, cluster)
            }
            Harm::RequestsLate => self.spoil_wire(harm, Fault::HoldRequests, cluster),
            Harm::RepliesLost => self.spoil_wire(harm, Fault::LoseReplies, cluster),
        }
    }

    fn kill(&mut self, harm: Harm, service: Service, cluster: &mut ProcessCluster) -> bool {
        let Some((index, work)) = self.at_work(service, cluster) else { return false };
        let place = &mut cluster.places[index];
        let pid = place.process().pid();
        let from_ms = now_ms();
        place.kill();
        let down = Duration::from_millis(self.rng.u64(..DOWN_MS));
        self.note(harm, vec![pid], from_ms, work, Some(index), down);
        true
    }

    fn freeze(&mut self, harm: Harm, service: Service, cluster: &ProcessCluster) -> bool {
        let Some((index, work)) = self.at_work(service, cluster) else { return false };
        let process = cluster.places[index].process();
        let from_ms = now_ms();
        process.freeze();
        let lease = cluster.lease() + BEYOND;
        self.note(harm, vec![process.pid()], from_ms, work, Some(index), lease);
        true
    }

    fn kill_redis(&mut self, cluster: &mut ProcessCluster) -> bool {
        if self.wounds.iter().any(|wound| wound.place.is_none()) {
            return false;
        }
        let from_ms = now_ms();
        cluster.redis.kill();
        let down = Duration::from_millis(self.rng.u64(..REDIS_DOWN_MS));
        let work = self.open.load(Ordering::Relaxed);
        self.note(Harm::RedisKilled, Vec::new(), from_ms, work, None, down);
        true
    }

    fn kill_all(&mut self, cluster: &mut ProcessCluster) -> bool {
        if !self.wounds.is_empty() {
            return false;
        }
        let from_ms = now_ms();
        cluster.redis.kill();
        cluster.places.iter_mut().for_each(|place| place.kill());
        let down = Duration::from_millis(self.rng.u64(..DOWN_MS));
        let work = self.open.load(Ordering::Relaxed);
        self.note(Harm::AllKilled, Vec::new(), from_ms, work, None, down);
        true
    }

    fn spoil_wire(&mut self, harm: Harm, fault: Fault, cluster: &ProcessCluster) -> bool {
        let service = self.wires[self.rng.usize(..self.wires.len())];
        let Some(index) = self.sound(service, cluster) else { return false };
        let place = &cluster.places[index];
        let before = place.redis().hits();
        let from_ms = now_ms();
        let bad = match fault {
            // Now and then only once, and everybody may come back at once.
            Fault::Reset if self.rng.bool() => {
                place.redis().cut();
                Duration::ZERO
            }
            _ if harm == Harm::RequestsLate => {
                place.redis().set(fault);
                cluster.lease() + BEYOND
            }
            _ => {
                place.redis().set(fault);
                Duration::from_millis(self.rng.u64(500..BAD_WIRE_MS))
            }
        };
        let pids = vec![place.process().pid()];
        self.note(harm, pids, from_ms, 0, Some(index), bad);
        self.wounds.iter_mut().for_each(|wound| {
            if wound.hit + 1 == self.hits.len() {
                wound.hits_before = before;
            }
        });
        true
    }

    fn note(
        &mut self,
        harm: Harm,
        pids: Vec<u32>,
        from_ms: u64,
        work: u64,
        place: Option<usize>,
        lasts: Duration,
    ) {
        let until = Instant::now() + lasts;
        self.wounds.push(Wound { until, place, hit: self.hits.len(), hits_before: 0 });
        self.hits.push(Hit { harm, pids, from_ms, until_ms: u64::MAX, work });
    }

    /// A sound place of the service that has work, and how much a fault there hits: tools that run,
    /// or goals that somebody waits for.
    fn at_work(&mut self, service: Service, cluster: &ProcessCluster) -> Option<(usize, u64)> {
        let mut sound = self.sound_places(service, cluster);
        self.rng.shuffle(&mut sound);
        if service != Service::Worker {
            return Some((*sound.first()?, self.open.load(Ordering::Relaxed)));
        }
        let ledger = cluster.ledger();
        let work = |index: usize| open_tools(&ledger, cluster.places[index].process().pid());
        let mut busy = sound.into_iter().map(|index| (index, work(index)));
        busy.find(|(_, work)| *work > 0)
    }

    /// A place of the service that nothing is wrong with.
    fn sound(&mut self, service: Service, cluster: &ProcessCluster) -> Option<usize> {
        let sound = self.sound_places(service, cluster);
        (!sound.is_empty()).then(|| sound[self.rng.usize(..sound.len())])
    }

    /// The places of the service that nothing is wrong with. One sound place is left to each service,
    /// as far as it has more than one.
    fn sound_places(&self, service: Service, cluster: &ProcessCluster) -> Vec<usize> {
        let all = cluster.places_of(service);
        let is_sound = |index: &usize| !self.wounds.iter().any(|w| w.place == Some(*index));
        let sound: Vec<_> = all.iter().copied().filter(is_sound).collect();
        let everything = self.wounds.iter().any(|wound| wound.place.is_none());
        let least = if all.len() > 1 { 2 } else { 1 };
        if everything || sound.len() < least { Vec::new() } else { sound }
    }

    /// Heals what is due by then.
    async fn heal(&mut self, cluster: &mut ProcessCluster, now: Instant) {
        let (due, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.wounds).into_iter().partition(|wound| wound.until <= now);
        self.wounds = left;
        for wound in due {
            let harm = self.hits[wound.hit].harm;
            match (harm, wound.place) {
                (Harm::AllKilled, _) => cluster.restart_all().await,
                (_, None) => cluster.redis.restart().await,
                (Harm::WorkerFrozen | Harm::CoordinatorFrozen, Some(index)) => {
                    cluster.places[index].process().thaw();
                }
                (
                    Harm::Reset | Harm::BlackHole | Harm::RequestsLate | Harm::RepliesLost,
                    Some(index),
                ) => {
                    let wire = cluster.places[index].redis();
                    wire.set(Fault::None);
                    self.hits[wound.hit].work = wire.hits() - wound.hits_before;
                }
                (_, Some(index)) => cluster.places[index].start().await,
            }
            self.hits[wound.hit].until_ms = now_ms();
        }
    }
}

/// Executions of this process that have no end yet.
fn open_tools(ledger: &[Entry], pid: u32) -> u64 {
    let own = ledger.iter().filter(|entry| entry.pid == pid);
    let (began, ended) = own.fold((0, 0), |(began, ended), entry| match entry.fact {
        Fact::Began => (began + 1, ended),
        _ => (began, ended + 1),
    });
    u64::saturating_sub(began, ended)
}
