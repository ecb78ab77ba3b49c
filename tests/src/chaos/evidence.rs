//! What the checker reads: what clients asked for and saw, what the system tells after it all, what
//! tools wrote down, and what was broken when. Nothing in it can ask the system anything.

use std::collections::BTreeMap;

use sortie_engine::{Recorded, RunId};

use super::graph::Graph;
use super::ledger::Entry;

/// Everything that is known of a cluster's life.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// How long a worker's hold on an attempt lasts.
    pub lease_ms: u64,
    /// Goals, with what came of them.
    pub goals: Vec<Told>,
    /// What tools did, by time.
    pub ledger: Vec<Entry>,
    /// What was broken when.
    pub faults: Vec<Hit>,
    /// Attempts that went from one worker to another, as Redis had it.
    pub handovers: Vec<Handover>,
}

/// An attempt that went from one worker to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// Its entry.
    pub entry: String,
    /// Who had it, and how often it had been handed out.
    pub from: (String, u64),
    /// Who has it, and how often it has been handed out.
    pub to: (String, u64),
}

/// A goal and everything that was seen of it.
#[derive(Debug, Clone)]
pub struct Told {
    /// What was asked.
    pub graph: Graph,
    /// The run that each acknowledgement named; the client asks again where none came.
    pub acknowledged: Vec<RunId>,
    /// What the client asked of the run.
    pub cancels: Vec<Cancel>,
    /// What each watcher saw, over all of its connections.
    pub watches: Vec<Watch>,
    /// What the system tells after it all; nothing if it does not know the run.
    pub end: Option<End>,
}

/// A cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancel {
    /// The client's name for it.
    pub command: String,
    /// Whether it was answered.
    pub answered: bool,
}

/// What one watcher saw.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// Items, in the order in which they came.
    pub seen: Vec<Seen>,
    /// How often it had to connect.
    pub connections: u32,
}

/// Something that a watcher saw.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// An event.
    Event(Box<Recorded>),
    /// That its place is gone.
    Reset,
}

/// What the system tells of a run after it all.
#[derive(Debug, Clone, Default)]
pub struct End {
    /// The history, up to the event that ends the run.
    pub history: Vec<Recorded>,
    /// For each step of the last plan that has a result its JSON, by label.
    pub results: BTreeMap<u32, String>,
}

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Harm {
    /// Kill -9 of a worker.
    WorkerKilled,
    /// Kill -9 of a coordinator.
    CoordinatorKilled,
    /// Kill -9 of a planner.
    PlannerKilled,
    /// Kill -9 of Redis, restarted on its files.
    RedisKilled,
    /// Everything at once.
    AllKilled,
    /// SIGSTOP for longer than a lease.
    WorkerFrozen,
    /// SIGSTOP for longer than a lease.
    CoordinatorFrozen,
    /// Every connection of one process to Redis is reset.
    Reset,
    /// Nothing passes between one process and Redis, in one direction or both.
    BlackHole,
    /// What one process asks of Redis arrives when others have taken over.
    RequestsLate,
    /// What one process asks of Redis is done, and it does not hear so.
    RepliesLost,
}

impl Harm {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::WorkerKilled,
        Self::CoordinatorKilled,
        Self::PlannerKilled,
        Self::RedisKilled,
        Self::AllKilled,
        Self::WorkerFrozen,
        Self::CoordinatorFrozen,
        Self::Reset,
        Self::BlackHole,
        Self::RequestsLate,
        Self::RepliesLost,
    ];
}

/// A fault that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// What it did.
    pub harm: Harm,
    /// The processes that it touched; all if there is none.
    pub pids: Vec<u32>,
    /// When it began, on the machine's clock.
    pub from_ms: u64,
    /// When it was over: the process goes on, or its successor or Redis answers.
    pub until_ms: u64,
    /// How much work it hit.
    pub work: u64,
}

impl Hit {
    /// Whether it touched this process at some time within these.
    #[must_use]
    pub fn touches(&self, pid: u32, from_ms: u64, until_ms: u64) -> bool {
        let near = self.from_ms <= until_ms && self.until_ms >= from_ms;
        near && (self.pids.is_empty() || self.pids.contains(&pid))
    }
}
