//! Ownership of lanes: sharing them with the coordinators that are there, keeping, losing and
//! regaining them.
//!
//! ```text
//!            due to us, free             due to somebody else
//!   (not ours) ──────────> owned ──────────────────────────────> leaving
//!        ^                 │  ^                                     │ no model call is open,
//!        │  taken by       │  │ regained: runs that nobody          │ or its time is over
//!        │  somebody else  │  │ changed go on with their calls      v
//!        ├─────────────────┤  │                                 (disowned)
//!        │                 v  │ no answer for a lease
//!        └───────────── parked    too long, or somebody took it: everything is dropped
//! ```
//!
//! - Nothing is decided, and no model call starts, for a run of a lane that is not owned. A commit
//!   that was sent before is sent to its end: the parent check is what keeps runs right.
//! - A lane that is leaving starts no model calls, and is given up with no commit under way: who
//!   gets it meets no conflict and buys nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::stream::StreamExt as _;
use sortie_engine::{Command, Lane, RunId, Seq};
use sortie_store::{InboxCursor, InboxId, Presence, Service, Store, StoreError};
use tokio::time::Instant;

use super::live::Mail;
use super::share::{Share, spare};
use super::{Driver, DriverOptions, of_lanes};

/// A call of the store within the loop takes no longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Runs whose end is asked for in one call.
const SEQS_AT_ONCE: usize = 4096;
/// In the list of those who are there, a coordinator has its owner's name behind this: a process
/// may be a worker of the same name.
const PRESENCE: &str = "coordinator/";

/// What a driver knows of its lanes, beside how far it has read their inboxes.
pub(super) struct Tenure {
    /// Its own name among those who are there.
    name: String,
    /// The coordinators that are there.
    live: BTreeSet<String>,
    /// Lanes that are due to somebody else, and since when.
    leaving: BTreeMap<Lane, Instant>,
    /// Whether somebody else still has lanes that are due to this one.
    is_short: bool,
    /// Lanes whose lease ran out while the store said nothing. What is in memory of their runs
    /// waits, and so does what their model calls say.
    parked: BTreeSet<Lane>,
    /// When the last renewal that was answered was asked for: leases run from then at the least.
    renewed: Instant,
    /// Until then whoever was there before the store's silence counts as there: all others have to
    /// come back as well.
    settled: Instant,
}

impl Tenure {
    pub(super) fn new(options: &DriverOptions) -> Self {
        let now = Instant::now();
        Self {
            name: format!("{PRESENCE}{}", options.owner.0),
            live: BTreeSet::new(),
            leaving: BTreeMap::new(),
            is_short: false,
            parked: BTreeSet::new(),
            renewed: now,
            settled: now,
        }
    }

    pub(super) fn is_parked(&self, lane: Lane) -> bool {
        self.parked.contains(&lane)
    }

    pub(super) fn is_leaving(&self, lane: Lane) -> bool {
        self.leaving.contains_key(&lane)
    }

    /// Whether lanes are on their way from one coordinator to another.
    pub(super) fn is_moving(&self) -> bool {
        self.is_short || !self.leaving.is_empty()
    }

    /// Takes in who is there.
    fn meet(&mut self, live: BTreeSet<String>, now: Instant) {
        if now < self.settled {
            self.live.extend(live);
        } else {
            self.live = live;
        }
    }
}

impl Driver {
    /// Takes, keeps and gives up lanes. Whether the store answered.
    pub(super) async fn renew_lanes(&mut self) -> bool {
        // Who cannot read what arrives for its runs must not keep them: its lease runs out.
        if !self.reading.is_well() && !self.try_reading().await {
            self.miss_a_renewal();
            return false;
        }
        let asked = Instant::now();
        let lease = self.options.lane_lease;
        let mine: Vec<_> = self.owned.keys().chain(&self.tenure.parked).copied().collect();
        let held = match within(self.store.own(&self.options.owner, &mine, lease)).await {
            Ok(held) => held.into_iter().collect(),
            Err(error) => {
                self.contact.failed(&error);
                self.miss_a_renewal();
                return false;
            }
        };
        self.contact.answered();
        if asked - self.tenure.renewed >= lease {
            // Also where this process was the one that stood still.
            self.park_lanes();
            self.tenure.settled = asked + lease;
        }
        self.tenure.renewed = asked;
        // Presence ends with the lease, so what a dead coordinator had is free and due to others at
        // once; and who cannot own lanes does not count among those who share them.
        match within(meet(&*self.store, &self.tenure.name, lease)).await {
            Ok(live) => self.tenure.meet(live, asked),
            Err(error) => tracing::debug!(%error, "the other coordinators could not be seen"),
        }
        self.hold(held).await;
        self.tell_lanes();
        true
    }

    /// Whether inboxes can be read again.
    async fn try_reading(&mut self) -> bool {
        let Some(lane) = self.options.lanes.first() else { return true };
        let cursor = InboxCursor { lane: *lane, after: InboxId(0) };
        match within(self.store.read_inbox(&[cursor], 1, Duration::ZERO)).await {
            Ok(_) => self.reading.answered(),
            Err(error) => self.reading.failed(&error),
        }
        self.reading.is_well()
    }

    /// Makes of what is held what should be held.
    async fn hold(&mut self, held: BTreeSet<Lane>) {
        let share = Share::of(&self.options.lanes, &held, &self.tenure.live, &self.tenure.name);
        let (due, surplus) = (held.len() + share.missing, share.surplus);
        let held = self.take_more(held, share.wanted, due).await;
        self.tenure.is_short = held.len() < due;
        let had = self.owned.keys().chain(&self.tenure.parked);
        self.drop_lanes(&had.filter(|lane| !held.contains(lane)).copied().collect());
        self.regain().await;
        for lane in held {
            if self.owned.contains_key(&lane) || self.tenure.is_parked(lane) {
                continue;
            }
            if let Err(error) = self.adopt(lane).await {
                // It is not known here as owned, so the next renewal tries again.
                tracing::warn!(%lane, %error, "a lane could not be adopted");
            }
        }
        self.give_up(surplus).await;
    }

    /// Tries lanes until enough are held or all were tried.
    async fn take_more(
        &mut self,
        mut held: BTreeSet<Lane>,
        wanted: Vec<Lane>,
        due: usize,
    ) -> BTreeSet<Lane> {
        let mut wanted = wanted.into_iter();
        while held.len() < due {
            let next: Vec<_> = wanted.by_ref().take(due - held.len()).collect();
            if next.is_empty() {
                break;
            }
            let own = self.store.own(&self.options.owner, &next, self.options.lane_lease);
            match within(own).await {
                Ok(now) => held = now.into_iter().collect(),
                Err(error) => {
                    tracing::debug!(%error, "more lanes could not be taken");
                    break;
                }
            }
        }
        held
    }

    /// A lane's runs are loaded when something arrives or is due for them; those whose model call
    /// may be open at once. What is in memory already goes on.
    async fn adopt(&mut self, lane: Lane) -> Result<(), StoreError> {
        let timers = within(self.store.timers(lane)).await?;
        let calls = within(self.store.model_calls(lane)).await?;
        self.owned.insert(lane, InboxCursor { lane, after: InboxId(0) });
        for (run, at) in timers {
            if !self.runs.contains_key(&run) {
                self.timers.set(run, Some(at));
            }
        }
        for run in calls {
            if !self.runs.contains_key(&run) {
                self.deliver(run, Mail::local(Command::TimerDue));
            }
        }
        // Mail has waited, and a timer may have rung while nobody listened.
        for run in of_lanes(&self.runs, &BTreeSet::from([lane])) {
            self.deliver(run, Mail::local(Command::TimerDue));
        }
        tracing::debug!(%lane, "lane adopted");
        Ok(())
    }

    /// Lanes that were out of reach and that nobody has taken: runs that nobody has changed go on as
    /// if nothing had happened, with their model calls; the others are dropped and come back from
    /// the store like those of any adopted lane.
    async fn regain(&mut self) {
        if self.tenure.parked.is_empty() {
            return;
        }
        let idle = of_lanes(&self.runs, &self.tenure.parked).into_iter().filter_map(|run| {
            let live = self.runs.get(&run)?.live.as_ref()?;
            live.flight.is_none().then(|| (run, live.run.seq()))
        });
        let (runs, known): (Vec<_>, Vec<_>) = idle.unzip();
        let seqs = match last_seqs(&*self.store, &runs).await {
            Ok(seqs) => seqs,
            Err(error) => {
                tracing::warn!(%error, "regained lanes could not be looked at");
                return;
            }
        };
        for ((run, known), seq) in runs.into_iter().zip(known).zip(seqs) {
            if seq != Some(known) {
                tracing::info!(%run, "a run has changed while its lane was out of reach");
                self.forget(run);
            }
        }
        for lane in self.tenure.parked.clone() {
            match self.adopt(lane).await {
                Ok(()) => {
                    self.tenure.parked.remove(&lane);
                    tracing::info!(%lane, "lane regained");
                }
                Err(error) => tracing::warn!(%lane, %error, "a lane could not be regained"),
            }
        }
    }

    /// No answer. After a whole lease others may own the lanes: everything waits, so that a store
    /// that comes back soon does not make every model call be bought again.
    fn miss_a_renewal(&mut self) {
        let silent = self.tenure.renewed.elapsed();
        if silent >= self.options.lane_lease + self.options.park {
            self.drop_lanes(&self.tenure.parked.clone());
        }
        if silent >= self.options.lane_lease {
            self.park_lanes();
            self.tell_lanes();
        }
    }

    fn park_lanes(&mut self) {
        if self.owned.is_empty() {
            return;
        }
        tracing::warn!(lanes = self.owned.len(), "the lease of the lanes has run out");
        self.tenure.parked.extend(self.owned.keys());
        self.owned.clear();
        self.tenure.leaving.clear();
    }

    /// Gives lanes up that are due to others, at once where no model call is open, and otherwise
    /// when the calls have ended or have taken too long.
    async fn give_up(&mut self, surplus: usize) {
        let before = std::mem::take(&mut self.tenure.leaving);
        if surplus > 0 {
            let chosen = spare(&self.open_calls(), &before.keys().copied().collect(), surplus);
            let since = |lane| before.get(&lane).copied().unwrap_or_else(Instant::now);
            self.tenure.leaving = chosen.into_iter().map(|lane| (lane, since(lane))).collect();
        }
        // Whatever was held back there goes on.
        let stay = before.into_keys().filter(|lane| !self.tenure.is_leaving(*lane)).collect();
        for run in of_lanes(&self.runs, &stay) {
            self.deliver(run, Mail::local(Command::TimerDue));
        }
        if self.free_to_go().is_empty() || !self.land_commits(PATIENCE).await {
            return;
        }
        // A commit that has landed may have opened a call.
        let lanes = self.free_to_go();
        let list: Vec<_> = lanes.iter().copied().collect();
        match within(self.store.disown(&self.options.owner, &list)).await {
            Ok(()) => {
                tracing::info!(lanes = list.len(), "lanes given up to other coordinators");
                self.drop_lanes(&lanes);
            }
            Err(error) => tracing::warn!(%error, "lanes could not be given up"),
        }
    }

    fn free_to_go(&self) -> BTreeSet<Lane> {
        let (calls, patience) = (self.open_calls(), self.options.handover);
        let is_free = |lane: &Lane, since: &Instant| {
            since.elapsed() >= patience || calls.get(lane).is_none_or(|calls| *calls == 0)
        };
        let leaving = self.tenure.leaving.iter();
        leaving.filter(|(lane, since)| is_free(lane, since)).map(|(lane, _)| *lane).collect()
    }

    /// For each owned lane how many of its runs have a model call open, as the engine sees it: one
    /// whose last word waits for its commit is open.
    fn open_calls(&self) -> BTreeMap<Lane, usize> {
        let mut calls: BTreeMap<_, _> = self.owned.keys().map(|lane| (*lane, 0)).collect();
        for (run, slot) in &self.runs {
            let is_open = slot.live.as_ref().is_some_and(|live| live.run.open_call().is_some());
            if let Some(count) = calls.get_mut(&run.lane()).filter(|_| is_open) {
                *count += 1;
            }
        }
        calls
    }

    /// Forgets lanes with everything that is known of their runs; their model calls end.
    pub(super) fn drop_lanes(&mut self, lanes: &BTreeSet<Lane>) {
        if lanes.is_empty() {
            return;
        }
        for lane in lanes {
            self.owned.remove(lane);
            self.tenure.parked.remove(lane);
            self.tenure.leaving.remove(lane);
            tracing::info!(%lane, "lane left");
        }
        for run in of_lanes(&self.runs, lanes) {
            self.runs.remove(&run);
        }
        self.timers.forget(lanes);
        self.dirty.retain(|run| !lanes.contains(&run.lane()));
    }

    /// Says which lanes are owned: all of them to model calls, and to whoever names new runs those
    /// that are here to stay.
    fn tell_lanes(&self) {
        let owned: BTreeSet<_> = self.owned.keys().copied().collect();
        let stay = owned.iter().filter(|lane| !self.tenure.is_leaving(**lane));
        let stay: Vec<_> = stay.copied().collect();
        let differs = |told: &mut Vec<Lane>| {
            let differs = *told != stay;
            *told = stay;
            differs
        };
        self.owned_tx.send_if_modified(differs);
        self.calls.speak_for(owned);
    }

    /// Waits until no commit is under way; whether that came about in time.
    async fn land_commits(&mut self, patience: Duration) -> bool {
        let land = async {
            while let Some(done) = self.commits.next().await {
                self.committed(done);
            }
        };
        tokio::time::timeout(patience, land).await.is_ok()
    }

    /// The end: what is under way is finished, the lanes are free at once.
    pub(super) async fn leave(mut self) {
        if !self.land_commits(PATIENCE * 2).await {
            tracing::warn!("commits are still without an answer: whoever adopts the runs goes on");
        }
        self.runs.clear();
        self.calls.finish().await;
        let lanes: Vec<_> = self.owned.keys().chain(&self.tenure.parked).copied().collect();
        // First the presence: what is free then is due to those who stay.
        let gone = async {
            self.store.retire(&self.tenure.name).await?;
            self.store.disown(&self.options.owner, &lanes).await
        };
        if let Err(error) = within(gone).await {
            tracing::warn!(%error, "lanes could not be given up");
        }
    }
}

/// The ends of these runs' histories.
pub(super) async fn last_seqs(
    store: &dyn Store,
    runs: &[RunId],
) -> Result<Vec<Option<Seq>>, StoreError> {
    let mut seqs = Vec::with_capacity(runs.len());
    for some in runs.chunks(SEQS_AT_ONCE) {
        seqs.extend(within(store.last_seqs(some)).await?);
    }
    Ok(seqs)
}

/// Says that a coordinator is there, and hears which ones are.
async fn meet(
    store: &dyn Store,
    name: &str,
    ttl: Duration,
) -> Result<BTreeSet<String>, StoreError> {
    let service = Service::Coordinator;
    let (queues, tools) = (Vec::new(), Vec::new());
    store.announce(Presence { name: name.to_owned(), service, queues, tools }, ttl).await?;
    let present = store.present(service).await?.into_iter();
    Ok(present.map(|one| one.name).collect())
}

/// A call of the store within the loop, which must not stand still for one that hangs.
pub(super) async fn within<T>(
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let silent = StoreError::Unavailable { action: "look after the lanes" };
    tokio::time::timeout(PATIENCE, call).await.map_err(|_| silent)?
}
