//! The driver of the lanes: the one loop that turns what arrives for runs into commits.
//!
//! ```text
//!   inboxes ──┐                                              ┌──> ready steps, withdrawals (store)
//!   timers  ──┼──> mailbox of a run ──> advance ──> commit ──┼──> events (store, watchers)
//!   calls   ──┘     (one commit in flight for a run)         └──> model calls start and stop
//! ```
//!
//! Everything here is plumbing: what a command means is decided by the engine, and nothing leaves
//! before the commit that justifies it is durable. The loop owns all its state; tasks exist only
//! for model calls. Runs that are committed at the same time share one call of the store.

mod commit;
mod lanes;
mod live;
mod loads;
mod share;
mod story;
mod sweep;
mod timers;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use sortie_engine::{Catalogue, Command, CommitBudget, Lane, RetryPolicy, RunId};
use sortie_store::{Clock, Contact, InboxCursor, InboxItem, LaneOwner, Store, StoreError, Working};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::calls::{Calls, Texts, Word};
use crate::planner::{Authors, Naming, Planner};
use commit::CommitsDone;
use lanes::Tenure;
use live::{Mail, Slot};
use loads::Loads;
use sweep::Search;
use timers::Timers;

/// How a driver works.
#[derive(Debug, Clone)]
pub struct DriverOptions {
    /// Its name as an owner of lanes, unique for each start.
    pub owner: LaneOwner,
    /// The lanes that it shares with the other coordinators that are there.
    pub lanes: Vec<Lane>,
    /// How long ownership of a lane lasts; renewed at a third of it.
    pub lane_lease: Duration,
    /// How long what is known of the runs, with their model calls, outlasts a lease that ran out
    /// because the store did not answer.
    pub park: Duration,
    /// How long a lane that is due to another coordinator is kept for model calls to end.
    pub handover: Duration,
    /// How often inboxes and timers are compared with what is known.
    pub sweep: Duration,
    /// Commits that may be under way at once.
    pub commits: usize,
    /// Model calls that may be open at once.
    pub model_calls: usize,
    /// What one run may put into one commit.
    pub budget: CommitBudget,
    /// How failures are retried.
    pub retry: RetryPolicy,
    /// A model call that says nothing for so long has failed.
    pub call_silence: Duration,
    /// Where commit ids and jitter come from.
    pub seed: u64,
}

impl DriverOptions {
    /// The usual values for a driver of these lanes.
    #[must_use]
    pub fn new(owner: LaneOwner, lanes: Vec<Lane>) -> Self {
        Self {
            owner,
            lanes,
            lane_lease: Duration::from_secs(3),
            park: Duration::from_secs(10),
            handover: Duration::from_secs(15),
            sweep: Duration::from_secs(15),
            commits: 8,
            model_calls: 32,
            budget: CommitBudget::RUN,
            retry: RetryPolicy::default(),
            call_silence: Duration::from_secs(300),
            seed: fastrand::u64(..),
        }
    }
}

/// A call of the store takes at most so many runs.
const RUNS_PER_COMMIT: usize = 64;
/// Above so many bytes no further run joins a call; each of them adds at most its own budget.
const BYTES_PER_COMMIT: usize = 3 << 20;
/// Inbox items read at once from each lane.
const READ_AT_ONCE: usize = 512;
/// Words of model calls heard at once: a plan's steps come in bursts.
const WORDS_AT_ONCE: usize = 256;
/// One read of the inboxes waits at most so long; then it is asked again.
const READ_WAIT: Duration = Duration::from_secs(2);
/// Runs that wait for a commit; above it nothing more is read until the store has caught up.
const BACKLOG: usize = 4096;
/// The pause before a store that did not answer is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(100);
/// The pause before lanes are renewed again where the store did not answer.
const RENEWAL_PAUSE: Duration = Duration::from_millis(250);
/// The pause before lanes are looked at again while they go from one coordinator to another: runs
/// that want a model call wait for it.
const HANDOVER_PAUSE: Duration = Duration::from_millis(100);

/// What a driver has seen and repaired; all but `commits` stay 0 without faults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DriverCounts {
    /// Commits that went through.
    pub commits: u64,
    /// Commits that were refused because someone else had changed the run.
    pub conflicts: u64,
    /// Runs whose timer only the sweep found.
    pub repairs: u64,
}

/// The loop over the runs of some lanes.
pub struct Driver {
    store: Arc<dyn Store>,
    catalogue: watch::Receiver<Arc<Catalogue>>,
    options: DriverOptions,
    clock: Clock,
    rng: fastrand::Rng,
    authors: Authors,
    naming: Naming,
    calls: Calls,
    words: mpsc::Receiver<Word>,
    runs: BTreeMap<RunId, Slot>,
    /// Runs with mail and no commit under way.
    dirty: VecDeque<RunId>,
    timers: Timers,
    /// Runs that wait for a place among the model calls, in order of arrival.
    waiting: VecDeque<RunId>,
    tenure: Tenure,
    /// The lanes that are owned, with how far their inboxes were read.
    owned: BTreeMap<Lane, InboxCursor>,
    owned_tx: watch::Sender<Vec<Lane>>,
    commits: FuturesUnordered<BoxFuture<'static, CommitsDone>>,
    loads: Loads,
    counts: watch::Sender<DriverCounts>,
    contact: Contact,
    reading: Contact,
    search: Search,
}

/// What the rest of the process sees of a driver.
#[derive(Debug, Clone)]
pub struct DriverHandle {
    /// The lanes that it owns now and is not about to give up: those for new runs.
    pub lanes: watch::Receiver<Vec<Lane>>,
    /// What it has seen and repaired.
    pub counts: watch::Receiver<DriverCounts>,
    /// Whether the store answers when it renews its lanes, for readiness.
    pub working: watch::Receiver<Working>,
    /// Whether it can read what arrives for its runs, for readiness.
    pub reading: watch::Receiver<Working>,
    /// The answers that it has written at the moment, for the watch hub.
    pub texts: Texts,
}

impl Driver {
    /// A driver that owns nothing yet.
    ///
    /// # Errors
    /// If the store does not tell the time.
    pub async fn new(
        store: Arc<dyn Store>,
        planner: Arc<dyn Planner>,
        catalogue: watch::Receiver<Arc<Catalogue>>,
        options: DriverOptions,
    ) -> Result<(Self, DriverHandle), StoreError> {
        let clock = Clock::read(&*store).await?;
        let (calls, words) = Calls::new(planner.clone(), store.clone(), &options);
        let texts = calls.texts();
        let (owned_tx, lanes) = watch::channel(Vec::new());
        let (counts_tx, counts) = watch::channel(DriverCounts::default());
        let (contact, working) = Contact::new("driver of the lanes");
        let (reading_contact, reading) = Contact::new("reader of the inboxes");
        let (authors, naming) = Naming::begin(planner).await;
        let driver = Self {
            store,
            catalogue,
            clock,
            rng: fastrand::Rng::with_seed(options.seed),
            authors,
            naming,
            tenure: Tenure::new(&options),
            options,
            calls,
            words,
            runs: BTreeMap::new(),
            dirty: VecDeque::new(),
            timers: Timers::default(),
            waiting: VecDeque::new(),
            owned: BTreeMap::new(),
            owned_tx,
            commits: FuturesUnordered::new(),
            loads: Loads::default(),
            counts: counts_tx,
            contact,
            reading: reading_contact,
            search: Search::default(),
        };
        Ok((driver, DriverHandle { lanes, counts, working, reading, texts }))
    }

    /// Drives until `shutdown`; then finishes the commits under way and gives its lanes up.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut renewal = tokio::time::interval(self.options.lane_lease / 3);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.look_after_lanes(&mut renewal).await;
        let places = self.calls.places().clone();
        let mut reading = self.read_inboxes();
        let mut heard = Vec::with_capacity(WORDS_AT_ONCE);
        let mut sweep = tokio::time::interval(self.options.sweep);
        sweep.reset();
        loop {
            self.commit_dirty();
            // Where no commit can be sent, whoever was admitted could not take a place.
            while self.commits.len() < self.options.commits && self.admit_waiting() {
                self.commit_dirty();
            }
            let has_room = self.dirty.len() < BACKLOG;
            let due = self.timers.first().map(|at| self.clock.instant(at));
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                // What is rare comes first, so that a flood of what is frequent cannot starve it.
                _ = renewal.tick() => {
                    if self.look_after_lanes(&mut renewal).await {
                        reading = self.read_inboxes();
                    }
                }
                _ = sweep.tick() => {
                    self.sweep().await;
                    reading = self.read_inboxes();
                }
                () = sleep_until(self.search.due()) => self.search_on().await,
                authors = self.naming.heard() => self.authors = authors,
                () = sleep_until(due) => self.ring(),
                () = places.freed() => {} // the loop's head admits who waits
                Some(loaded) = self.loads.next() => self.loaded(loaded),
                Some(done) = self.commits.next() => self.committed(done),
                _ = self.words.recv_many(&mut heard, WORDS_AT_ONCE), if has_room => {
                    heard.drain(..).for_each(|word| self.hear(word));
                }
                items = &mut reading, if has_room => {
                    self.receive(items);
                    reading = self.read_inboxes();
                }
            }
        }
        self.leave().await;
    }

    /// Renews the lanes and sets the time for the next renewal; whether other lanes are owned now.
    async fn look_after_lanes(&mut self, renewal: &mut Interval) -> bool {
        let lanes = |driver: &Self| driver.owned.keys().copied().collect::<Vec<_>>();
        let before = lanes(self);
        match self.renew_lanes().await {
            true if self.tenure.is_moving() => renewal.reset_after(HANDOVER_PAUSE),
            true => renewal.reset(),
            false => renewal.reset_after(RENEWAL_PAUSE),
        }
        lanes(self) != before
    }

    /// One read of all inboxes, as a future of its own: it holds nothing of the driver.
    fn read_inboxes(&self) -> BoxFuture<'static, Result<Vec<InboxItem>, StoreError>> {
        let store = self.store.clone();
        let cursors: Vec<_> = self.owned.values().copied().collect();
        Box::pin(async move {
            if cursors.is_empty() {
                std::future::pending::<()>().await;
            }
            let items = store.read_inbox(&cursors, READ_AT_ONCE, READ_WAIT).await;
            if items.is_err() {
                tokio::time::sleep(STORE_PAUSE).await;
            }
            items
        })
    }

    fn receive(&mut self, items: Result<Vec<InboxItem>, StoreError>) {
        match items {
            Ok(items) => {
                self.reading.answered();
                for item in items {
                    if let Some(cursor) = self.owned.get_mut(&item.run.lane()) {
                        cursor.after = cursor.after.max(item.id);
                        self.deliver(item.run, Mail::from_inbox(item));
                    }
                }
            }
            Err(error) => self.reading.failed(&error),
        }
    }

    fn owns(&self, run: RunId) -> bool {
        self.owned.contains_key(&run.lane())
    }

    /// Puts mail into a run's mailbox, and sees to it that the run is loaded. Mail for a run of
    /// somebody else's lane is theirs to find; for one of a lane that may come back it waits.
    fn deliver(&mut self, run: RunId, mail: Mail) {
        let is_owned = self.owns(run);
        if !is_owned && !self.tenure.is_parked(run.lane()) {
            return;
        }
        if let Entry::Vacant(place) = self.runs.entry(run)
            && is_owned
        {
            place.insert(Slot::loading());
            self.load(run, Duration::ZERO);
        }
        let Some(slot) = self.runs.get_mut(&run) else { return };
        if slot.mailbox.push(mail) && is_owned && slot.wants_commit() {
            self.dirty.push_back(run);
            slot.is_dirty = true;
        }
    }

    /// What a model call says, if the run still listens to it.
    fn hear(&mut self, word: Word) {
        let listens = self
            .runs
            .get_mut(&word.run)
            .and_then(|slot| slot.live.as_mut())
            .is_some_and(|live| live.hears(&word));
        if listens {
            self.deliver(word.run, Mail::local(word.command));
        }
    }

    /// Where places among the model calls are free, those that have waited longest may look again;
    /// whether there were any. One that does not want a call any more lets the next one in.
    fn admit_waiting(&mut self) -> bool {
        let now = self.clock.now();
        let mut free = self.calls.places().free();
        let mut any = false;
        while free > 0 {
            let Some(run) = self.waiting.pop_front() else { break };
            let Some(slot) = self.runs.get_mut(&run) else { continue };
            slot.is_waiting = false;
            let may_call =
                self.owned.contains_key(&run.lane()) && !self.tenure.is_leaving(run.lane());
            if may_call && slot.live.as_ref().is_some_and(|live| live.run.wants_call(now)) {
                slot.is_admitted = true;
                free -= 1;
                any = true;
                self.deliver(run, Mail::local(Command::TimerDue));
            }
        }
        any
    }

    fn ring(&mut self) {
        let now = self.clock.now();
        while let Some(run) = self.timers.pop_due(now) {
            self.deliver(run, Mail::local(Command::TimerDue));
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Runs that have no place any more, because their lane went to someone else.
fn of_lanes(runs: &BTreeMap<RunId, Slot>, lanes: &BTreeSet<Lane>) -> Vec<RunId> {
    runs.keys().copied().filter(|run| lanes.contains(&run.lane())).collect()
}
