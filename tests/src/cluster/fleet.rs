//! Several coordinators over one store, which come, go, die and are cut off; one worker for all.

use std::sync::Arc;

use sortie_coordinator::{
    CatalogueHandle, CatalogueWatch, Driver, DriverHandle, DriverOptions, News, Place, Planner,
    WatchHub, WatchOptions, Watches,
};
use sortie_engine::{CommitId, Event, Goal, Lane, RunId};
use sortie_store::{Embedded, EmbeddedOptions, LaneOwner, Store, Submission};
use sortie_worker::Registry;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::trouble::Troubled;
use super::{Story, Trouble, start_worker, sure};

/// A store with a worker and whatever coordinators the test starts.
pub struct Fleet {
    store: Arc<dyn Store>,
    planner: Arc<dyn Planner>,
    catalogue: CatalogueHandle,
    stop: CancellationToken,
}

/// One coordinator of a fleet.
pub struct Member {
    /// What is seen of its driver.
    pub handle: DriverHandle,
    /// Its watch hub.
    pub watches: Watches,
    /// What goes wrong between it and the store.
    pub trouble: Trouble,
    stop: CancellationToken,
    driver: JoinHandle<()>,
}

impl Fleet {
    /// A fleet without coordinators over a store of this kind.
    pub async fn new(
        planner: Arc<dyn Planner>,
        registry: Registry,
        options: EmbeddedOptions,
    ) -> Self {
        let store: Arc<dyn Store> = Embedded::new(options);
        let stop = CancellationToken::new();
        let worker = start_worker(store.clone(), Arc::new(registry), 64, std::time::Duration::ZERO);
        tokio::spawn(worker.await.run(stop.clone()));
        let (watch, catalogue) = sure(CatalogueWatch::open(store.clone()).await);
        tokio::spawn(watch.run(stop.clone()));
        Self { store, planner, catalogue, stop }
    }

    /// Its store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Starts a coordinator of this name.
    pub async fn coordinator(&self, name: &str) -> Member {
        self.coordinator_with(name, |_| {}).await
    }

    /// Starts a coordinator of this name with other options.
    pub async fn coordinator_with(
        &self,
        name: &str,
        change: impl FnOnce(&mut DriverOptions),
    ) -> Member {
        let trouble = Trouble::default();
        let store: Arc<dyn Store> =
            Arc::new(Troubled { store: self.store.clone(), trouble: trouble.clone() });
        let lanes = (0..store.lane_count()).map(Lane).collect();
        let mut options = DriverOptions::new(LaneOwner(name.to_owned()), lanes);
        // Two with the same seed would give their commits the same names.
        options.seed = name.bytes().fold(7, |seed, byte| seed * 31 + u64::from(byte));
        change(&mut options);
        let (planner, tools) = (self.planner.clone(), self.catalogue.changes());
        let (driver, handle) = sure(Driver::new(store.clone(), planner, tools, options).await);
        let (hub, watches) = WatchHub::new(store, WatchOptions::default());
        let stop = self.stop.child_token();
        tokio::spawn(hub.with_texts(handle.texts.clone()).run(stop.clone()));
        let driver = tokio::spawn(driver.run(stop.clone()));
        Member { handle, watches, trouble, stop, driver }
    }

    /// Hands a goal in, into this lane.
    pub async fn submit(&self, lane: u8, number: u64) -> RunId {
        let (number, goal) = (u128::from(number), Arc::new(Goal::new("go")));
        let (run, commit) = (RunId::new(0, Lane(lane), number), CommitId::new(number));
        let submission = Submission { run, commit, goal, idempotency: None };
        sure(sure(self.store.submit(vec![submission]).await).remove(0)).run
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Member {
    /// How many lanes it owns to stay.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.handle.lanes.borrow().len()
    }

    /// Waits until it owns so many lanes.
    pub async fn owns(&self, count: usize) {
        let mut lanes = self.handle.lanes.clone();
        sure(lanes.wait_for(|owned| owned.len() == count).await);
    }

    /// Ends it in the middle of whatever it does.
    pub async fn kill(self) {
        self.driver.abort();
        let _ = self.driver.await;
        self.stop.cancel();
    }

    /// Asks it to end, and waits for that.
    pub async fn leave(self) {
        self.stop.cancel();
        sure(self.driver.await);
    }

    /// Watches a run here until something happens in it, or has happened.
    pub async fn until(&self, run: RunId, wanted: impl Fn(&Event) -> bool) -> Story {
        let mut watcher = sure(self.watches.join(run, Place::START).await);
        let mut events = Vec::new();
        while !events.iter().any(|recorded: &sortie_engine::Recorded| wanted(&recorded.event)) {
            if let News::Events(batch) = sure(watcher.next().await) {
                events.extend_from_slice(batch.events());
            }
        }
        Story::new(run, events)
    }

    /// Watches a run here to its end.
    pub async fn ended(&self, run: RunId) -> Story {
        self.until(run, Event::ends_run).await
    }
}
