//! One cluster in the hands of a test that breaks one thing: goals are lived through beside it, and
//! in the end everything is held against what was promised.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::check::check;
use super::client::Client;
use super::cluster::{ClusterOptions, ProcessCluster, Service};
use super::evidence::{Evidence, Harm, Hit, Told};
use super::goal::{Manner, live};
use super::graph::{Graph, Node};
use super::ledger::{Entry, Fact};
use super::wait::{PATIENCE, now_ms};

/// Everything in a test of one fault is over by then.
const LIFE: Duration = Duration::from_secs(90);

/// A cluster, the goals in it, and what was broken.
#[derive(Debug)]
pub struct Stage {
    /// The cluster.
    pub cluster: ProcessCluster,
    /// A client of all its coordinators.
    pub client: Arc<Client>,
    lives: JoinSet<Told>,
    faults: Vec<Hit>,
    until: Instant,
}

impl Stage {
    /// A cluster that is ready.
    pub async fn open(options: ClusterOptions) -> Self {
        let cluster = ProcessCluster::start(options).await;
        let client = Arc::new(cluster.client());
        let until = Instant::now() + LIFE;
        Self { cluster, client, lives: JoinSet::new(), faults: Vec::new(), until }
    }

    /// Hands a goal in, and somebody watches it to its end.
    pub fn submit(&mut self, graph: Graph) {
        self.submit_in(graph, Manner::default());
    }

    /// The same by a client of this manner.
    pub fn submit_in(&mut self, graph: Graph, manner: Manner) {
        let (client, until) = (self.client.clone(), self.until);
        self.lives.spawn(async move { live(&client, graph, manner, until).await });
    }

    /// Hands in a goal of one step that takes so long, and waits until its tool has begun.
    pub async fn begin(&mut self, key: &str, node: Node) -> Entry {
        self.submit(Graph::new(key, vec![node]));
        self.began(key, None).await
    }

    /// Waits until a tool begins for this goal, in another process than this one.
    pub async fn began(&self, key: &str, other_than: Option<u32>) -> Entry {
        let said = format!("{key}/");
        let wanted = |entry: &Entry| {
            entry.fact == Fact::Began
                && entry.say.starts_with(&said)
                && Some(entry.pid) != other_than
        };
        self.cluster.written(&format!("a tool of {key} to begin"), wanted).await
    }

    /// Waits for the end of an execution.
    pub async fn ended(&self, began: &Entry) -> Entry {
        let wanted = |entry: &Entry| {
            entry.fact != Fact::Began
                && (entry.pid, entry.execution) == (began.pid, began.execution)
        };
        self.cluster.written("the tool's end", wanted).await
    }

    /// Which of the service's places this process has.
    ///
    /// # Panics
    /// If it has none.
    #[must_use]
    pub fn place_of(&self, service: Service, pid: u32) -> usize {
        let places = self.cluster.places_of(service);
        let has = |index: &usize| self.cluster.places[*index].process().pid() == pid;
        places.iter().position(has).expect("one of our processes")
    }

    /// Notes that something is broken from now on; the answer names it.
    pub fn strike(&mut self, harm: Harm, pids: &[u32]) -> usize {
        let hit = Hit { harm, pids: pids.to_vec(), from_ms: now_ms(), until_ms: u64::MAX, work: 1 };
        self.faults.push(hit);
        self.faults.len() - 1
    }

    /// Notes that it is whole again.
    pub fn healed(&mut self, fault: usize) {
        self.faults[fault].until_ms = now_ms();
    }

    /// When the fault began.
    #[must_use]
    pub fn since(&self, fault: usize) -> u64 {
        self.faults[fault].from_ms
    }

    /// Waits for the end of every goal and holds everything against what was promised.
    ///
    /// # Panics
    /// If something is not as it was promised.
    pub async fn verdict(mut self) -> (Evidence, ProcessCluster) {
        let mut goals = self.lives.join_all().await;
        for told in &mut goals {
            if let Some(run) = told.acknowledged.first() {
                told.end = self.client.end(*run, Instant::now() + PATIENCE).await.unwrap();
            }
        }
        for fault in &mut self.faults {
            fault.until_ms = fault.until_ms.min(now_ms());
        }
        let lease_ms = u64::try_from(self.cluster.lease().as_millis()).unwrap_or(u64::MAX);
        let ledger = self.cluster.ledger();
        let evidence =
            Evidence { lease_ms, goals, ledger, faults: self.faults, handovers: Vec::new() };
        let violations: Vec<_> = check(&evidence).iter().map(ToString::to_string).collect();
        assert!(violations.is_empty(), "{}", violations.join("\n"));
        (evidence, self.cluster)
    }
}
