//! A storm: goals without end on a cluster in which every moment something is killed, frozen or cut
//! off, and afterwards a calm in which everything must come to its end.
//!
//! One seed draws the same goals and the same faults in the same order; when they meet is the
//! machine's doing. What came of it is held against what was promised by [`check`].

mod recovery;
mod summary;
mod weather;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::bugs::Bug;
use super::check::{Violation, check};
use super::client::Client;
use super::cluster::{ClusterOptions, ProcessCluster, Service};
use super::custody::Custody;
use super::evidence::{Evidence, Harm, Hit, Told};
use super::goal::{Manner, live};
use super::graph::{Graph, Mix};
use super::wait::now_ms;

pub use recovery::{Recovery, recoveries};
pub use summary::Summary;
use weather::Weather;

/// How a storm is made.
#[derive(Debug, Clone)]
pub struct StormOptions {
    /// The cluster that it falls upon.
    pub cluster: ClusterOptions,
    /// Everything random comes from it.
    pub seed: u64,
    /// How long faults happen.
    pub length: Duration,
    /// From one fault to the next.
    pub pace: Duration,
    /// What happens; nothing in a calm.
    pub harms: Vec<Harm>,
    /// Whose wires to Redis go bad.
    pub wires: Vec<Service>,
    /// What goals are like.
    pub mix: Mix,
    /// Goals that are open at once.
    pub open: usize,
    /// What the store does wrong: then there must be violations.
    pub bug: Option<Bug>,
    /// After the storm, everything must be over by then.
    pub calm: Duration,
}

impl StormOptions {
    /// Every harm, one each two seconds.
    #[must_use]
    pub fn new(cluster: ClusterOptions, seed: u64, length: Duration) -> Self {
        Self {
            cluster,
            seed,
            length,
            pace: Duration::from_secs(2),
            harms: Harm::ALL.to_vec(),
            wires: vec![Service::Coordinator, Service::Worker],
            mix: Mix::default(),
            open: 24,
            bug: None,
            calm: Duration::from_secs(60),
        }
    }
}

/// What came of a storm.
#[derive(Debug)]
pub struct Outcome {
    /// Everything that is not as it was promised.
    pub violations: Vec<Violation>,
    /// In numbers.
    pub summary: Summary,
    /// What the checker read.
    pub evidence: Evidence,
}

/// Tells a storm and holds it against what was promised.
pub async fn storm(options: StormOptions) -> Outcome {
    let begun = Instant::now();
    let mut rng = fastrand::Rng::with_seed(options.seed);
    let mut cluster = ProcessCluster::start(options.cluster.clone()).await;
    if let Some(bug) = options.bug {
        bug.plant(&cluster.redis);
    }
    let client = Arc::new(cluster.client());
    let over = watch::Sender::new(false);
    let until = Instant::now() + options.length + options.calm;
    let open = Arc::new(AtomicU64::new(0));
    let crowd = Crowd {
        client: client.clone(),
        open: open.clone(),
        rng: rng.fork(),
        mix: options.mix,
        most: options.open,
        until,
    };
    let crowd = tokio::spawn(crowd.live(over.subscribe()));
    let weather = Weather::new(&options, rng.fork(), open);
    let custody = Custody::watch(cluster.redis.url());
    let faults = weather.rage(&mut cluster).await;
    let calm_since = now_ms();
    over.send_replace(true);
    let goals = crowd.await.unwrap();
    let goals = ends(&client, goals, until + options.calm / 2).await;
    let lease_ms = u64::try_from(options.cluster.lease.as_millis()).unwrap_or(u64::MAX);
    let (ledger, handovers) = (cluster.ledger(), custody.end());
    let evidence = Evidence { lease_ms, goals, ledger, faults, handovers };
    let violations = check(&evidence);
    let summary = Summary::of(&evidence, &violations, options.seed, begun.elapsed(), calm_since);
    Outcome { violations, summary, evidence }
}

/// Clients with goals, as many as may be open at once.
struct Crowd {
    client: Arc<Client>,
    /// Goals that are open now.
    open: Arc<AtomicU64>,
    rng: fastrand::Rng,
    mix: Mix,
    most: usize,
    until: Instant,
}

impl Crowd {
    /// Submits goals until the storm is over, and sees all of them through.
    async fn live(mut self, mut over: watch::Receiver<bool>) -> Vec<Told> {
        let places = Arc::new(Semaphore::new(self.most));
        let mut lives = JoinSet::new();
        let mut told = Vec::new();
        let story = self.rng.u64(..);
        for number in 0_u64.. {
            let place = tokio::select! {
                biased;
                _ = over.wait_for(|over| *over) => break,
                place = places.clone().acquire_owned() => place,
            };
            let graph = Graph::draw(&format!("{story:016x}-{number}"), self.mix, &mut self.rng);
            let manner = Manner::draw(&mut self.rng);
            let (client, open, until) = (self.client.clone(), self.open.clone(), self.until);
            lives.spawn(async move {
                open.fetch_add(1, Ordering::Relaxed);
                let told = live(&client, graph, manner, until).await;
                open.fetch_sub(1, Ordering::Relaxed);
                drop(place);
                told
            });
            while let Some(ended) = lives.try_join_next() {
                told.push(ended.unwrap());
            }
        }
        while let Some(ended) = lives.join_next().await {
            told.push(ended.unwrap());
        }
        told
    }
}

/// Reads at how many runs' ends at once.
const READERS: usize = 16;

/// Asks the system what became of every run.
async fn ends(client: &Arc<Client>, goals: Vec<Told>, until: Instant) -> Vec<Told> {
    let places = Arc::new(Semaphore::new(READERS));
    let mut reading = JoinSet::new();
    for mut told in goals {
        let (client, places) = (client.clone(), places.clone());
        reading.spawn(async move {
            let _place = places.acquire().await;
            if let Some(run) = told.acknowledged.first() {
                told.end = client.end(*run, until).await.unwrap_or_default();
            }
            told
        });
    }
    reading.join_all().await
}

/// The harms that a storm must have done and that hit nothing.
#[must_use]
pub fn idle(harms: &[Harm], faults: &[Hit]) -> BTreeSet<Harm> {
    let hit: BTreeSet<_> = faults.iter().filter(|f| f.work > 0).map(|fault| fault.harm).collect();
    harms.iter().copied().filter(|harm| !hit.contains(harm)).collect()
}
