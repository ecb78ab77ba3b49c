//! What the worker takes from its queues: new attempts, and those that other workers lost.

use std::sync::Arc;
use std::time::Duration;

use sortie_engine::{QueueName, WorkerName};
use sortie_store::{Claimed, Contact, Extended, Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::attempt::release;
use super::held::Held;
use super::pulse::Pulse;

/// One claim waits at most so long; then it is looked for attempts whose worker is gone, and claimed
/// again. So work goes on within a lease and a second after its worker died. A look walks over all
/// attempts that are out, so it is not free.
const CLAIM_WAIT: Duration = Duration::from_millis(750);
/// An answer that took longer is late: the lease may have run for so long that the fence, which counts
/// from the last heartbeat, would fall too late.
const LATE: Duration = Duration::from_millis(1250);
/// Attempts claimed at once: enough to amortise a call, few enough to share with other workers.
const CLAIM_AT_ONCE: usize = 64;

/// Takes attempts while there are free slots.
pub(super) struct Claims {
    store: Arc<dyn Store>,
    worker: WorkerName,
    queues: Vec<QueueName>,
    pulse: Arc<Pulse>,
    slots: Arc<Semaphore>,
    /// When it is time to look for lost attempts.
    steal_at: Instant,
}

/// What a claim brought, and when it was asked.
pub(super) struct Batch {
    asked: Instant,
    taken: Vec<Taken>,
}

/// An attempt with the slot that it takes.
pub(super) struct Taken {
    pub(super) claimed: Claimed,
    pub(super) permit: Slot,
}

type Slot = Option<OwnedSemaphorePermit>;

impl Claims {
    pub(super) fn new(
        store: Arc<dyn Store>,
        worker: WorkerName,
        queues: Vec<QueueName>,
        pulse: Arc<Pulse>,
        slots: usize,
    ) -> Self {
        let (slots, steal_at) = (Arc::new(Semaphore::new(slots)), Instant::now() + CLAIM_WAIT);
        Self { store, worker, queues, pulse, slots, steal_at }
    }

    /// Waits for a free slot; then attempts of workers that are gone, when it is time to look for
    /// them, or new ones until then: a claim is not given up for a look. What was lost is older than
    /// what waits, so a worker that is never idle looks for it too, before it takes anything new.
    pub(super) async fn take(&mut self, held: &Held) -> Result<Batch, StoreError> {
        held.opened().await;
        let mut first = self.free_slot().await;
        if self.steal_at <= Instant::now() {
            self.steal_at = Instant::now() + CLAIM_WAIT.min(self.store.lease() / 2);
            let stolen;
            (stolen, first) = self.steal(first).await?;
            if !stolen.taken.is_empty() {
                return Ok(stolen);
            }
        }
        self.claim(first, self.steal_at - Instant::now()).await
    }

    async fn free_slot(&self) -> Slot {
        if let Ok(free) = self.slots.clone().try_acquire_owned() {
            return Some(free);
        }
        self.pulse.rests();
        // The semaphore is never closed.
        self.slots.clone().acquire_owned().await.ok()
    }

    /// How many attempts there is room for, beside the slot that is taken already.
    fn room(&self) -> usize {
        (self.slots.available_permits() + 1).min(CLAIM_AT_ONCE)
    }

    /// Waits for attempts to fill the free slots with.
    async fn claim(&self, mut first: Slot, wait: Duration) -> Result<Batch, StoreError> {
        let asked = Instant::now();
        let claim = self.store.claim(&self.worker, &self.queues, self.room(), wait);
        let silent = StoreError::Unavailable { action: "claim attempts" };
        let claimed = timeout_at(self.pulse.claims(), claim).await.unwrap_or(Err(silent))?;
        self.pulse.claimed();
        Ok(Batch { asked, taken: self.seat(claimed, &mut first) })
    }

    /// Takes what workers lost; with the slot, if nothing has taken it.
    async fn steal(&self, mut first: Slot) -> Result<(Batch, Slot), StoreError> {
        let asked = Instant::now();
        let stolen = self.store.steal(&self.worker, &self.queues, self.room());
        let silent = StoreError::Unavailable { action: "steal attempts" };
        let stolen = timeout(Contact::PATIENCE, stolen).await.unwrap_or(Err(silent))?;
        let taken = self.seat(stolen, &mut first);
        Ok((Batch { asked, taken }, first))
    }

    /// Gives each attempt a slot. Slots are counted before the claim, so there is one for each.
    fn seat(&self, claimed: Vec<Claimed>, first: &mut Slot) -> Vec<Taken> {
        let next = |claimed| {
            let permit = first.take().or_else(|| self.slots.clone().try_acquire_owned().ok());
            Taken { claimed, permit }
        };
        claimed.into_iter().map(next).collect()
    }

    /// Leases run from somewhere between the question and its answer. Where that took long, others
    /// may have stolen the attempts by now: only those that can be extended are ours.
    pub(super) async fn still_held(&self, batch: Batch) -> Vec<Taken> {
        let Batch { asked, taken } = batch;
        if taken.is_empty() || asked.elapsed() < LATE.min(self.store.lease() / 2) {
            return taken;
        }
        let tokens: Vec<_> = taken.iter().map(|one| one.claimed.token).collect();
        let extended = self.store.extend(&self.worker, &tokens);
        let Ok(Ok(replies)) = timeout(self.store.lease() / 4, extended).await else {
            tracing::warn!(attempts = tokens.len(), "attempts came too late and are let go");
            drop(taken);
            release(&*self.store, &self.worker, &tokens).await;
            return Vec::new();
        };
        let ours = taken.into_iter().zip(replies);
        ours.filter(|(_, reply)| *reply == Extended::Ok).map(|(one, _)| one).collect()
    }
}
