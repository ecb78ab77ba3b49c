//! A seeded simulation of a cluster: the coordinator's **real driver** on paused time over a store
//! that survives it, with a scripted planner, scripted workers, and a network that drops, delays
//! and repeats.
//!
//! One seed is one story: everything random in it comes from the seed, and time stands still while
//! anybody works. The store is the embedded one; the driver and the workers reach it through
//! [`FaultyStore`], which fails calls before or after they have happened. Drivers are killed and
//! replaced in the middle of whatever they do. After every commit the engine's invariants are held
//! against the run's history; after some time all faults end, and then every run must end, nothing
//! may be left over, and what clients and tools saw must be what was promised.

mod clients;
mod drivers;
mod faults;
mod judge;
mod ledger;
mod planner;
mod values;
mod watchdog;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use sortie_engine::{Catalogue, RunId, Timestamp};
use sortie_store::{Embedded, EmbeddedOptions};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use faults::{Bug, Faults, FaultyStore};
pub use ledger::Ledger;

/// How a story is told.
#[derive(Debug, Clone, Copy)]
pub struct Story {
    /// Everything random comes from it.
    pub seed: u64,
    /// Goals that are submitted.
    pub runs: usize,
    /// How long faults happen.
    pub trouble: Duration,
    /// Whether runs and steps have deadlines that they may reach. Most stories have none, for a
    /// deadline turns a run that hangs into one that failed.
    pub hurried: bool,
    /// What the store does wrong: then there must be violations.
    pub bug: Option<Bug>,
}

impl Story {
    /// The usual story of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (runs, trouble) = (rng.usize(2..6), Duration::from_secs(rng.u64(5..60)));
        Self { seed, runs, trouble, hurried: rng.u8(..10) == 0, bug: None }
    }
}

/// What a story came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Everything that should never have happened, in words.
    pub violations: Vec<String>,
    /// Faults that hit a call or a process.
    pub faults: u64,
    /// Commits that went through.
    pub commits: u64,
    /// Commits that drivers had refused.
    pub conflicts: u64,
    /// What sweeps repaired.
    pub repairs: u64,
    /// Plans that were asked for anew because their coordinator was gone.
    pub takeovers: u64,
    /// How each run ended, in the order of submission.
    pub states: Vec<&'static str>,
    /// Stands for everything that happened: the same seed gives the same number.
    pub fingerprint: u64,
}

/// Lanes of the simulated store: few, so that runs share them.
const LANES: u8 = 2;
/// Short enough that losing a worker is an everyday thing.
const LEASE: Duration = Duration::from_secs(4);
/// How long drivers own their lanes.
const LANE_LEASE: Duration = Duration::from_secs(3);
/// A model call that is silent for so long has failed; above every pause in the script.
const SILENCE: Duration = Duration::from_secs(5);
/// After the trouble, every run must have ended by then: the retries, silences and pauses of the
/// script, one after the other, take less. No deadline of a run that is not hurried comes to help.
const CALM: Duration = Duration::from_secs(120);

/// Tells a story on a runtime of its own and says what it came to.
#[must_use]
pub fn tell(story: Story) -> Ending {
    let _watchdog = watchdog::set(story.seed);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    match runtime.enable_time().start_paused(true).build() {
        Ok(runtime) => runtime.block_on(play(story)),
        Err(error) => panic!("a runtime for the simulation: {error}"),
    }
}

async fn play(story: Story) -> Ending {
    let mut rng = fastrand::Rng::with_seed(story.seed);
    let clock = Some(Timestamp::from_millis(1_800_000_000_000));
    let options =
        EmbeddedOptions { lanes: LANES, lease: LEASE, clock, ..EmbeddedOptions::default() };
    let store = Embedded::new(options);
    let ledger = Arc::new(Ledger::default());
    let world = World {
        faults: Arc::new(Faults::new(rng.u64(..), story.bug)),
        store,
        ledger,
        catalogue: Arc::new(workers::catalogue()),
    };
    let over = CancellationToken::new();
    let drivers = drivers::keep(&world, rng.fork(), &over);
    let crew = workers::keep(&world, &mut rng, &over);
    let runs = clients::submit_all(&world, &mut rng, story).await;
    world.faults.end();
    let ended = tokio::time::timeout(CALM, judge::all_ended(&world, &runs)).await.is_ok();
    if !ended {
        world.ledger.violation("runs are still open long after the trouble".to_owned());
    }
    judge::nothing_left(&world, &runs, ended).await;
    over.cancel();
    drivers.await;
    crew.await;
    judge::ending(&world, &runs).await
}

/// What everybody in a story shares.
#[derive(Clone)]
struct World {
    /// The store itself, without faults.
    store: Arc<Embedded>,
    faults: Arc<Faults>,
    ledger: Arc<Ledger>,
    catalogue: Arc<Catalogue>,
}

impl World {
    /// The store as one process sees it.
    fn faulty(&self, rng: fastrand::Rng) -> Arc<FaultyStore> {
        FaultyStore::new(self.store.clone(), self.faults.clone(), self.ledger.clone(), rng)
    }

    fn tools(&self) -> watch::Receiver<Arc<Catalogue>> {
        watch::channel(self.catalogue.clone()).1
    }
}

/// A run of the story, as its client knows it.
#[derive(Debug, Clone, Copy)]
struct Known {
    run: RunId,
}
