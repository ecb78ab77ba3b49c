//! What workers ask.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustc_hash::FxHashMap;
use serde_json::Value;
use sortie_engine::{AttemptNumber, QueueName, ResultId, RunId, StepId, WorkerName};
use tokio::time::Instant;

use crate::embedded::Embedded;
use crate::embedded::bells::first;
use crate::error::StoreError;
use crate::queue::{Claimed, Completed, Completion, Extended, ReadyQueue, Recalls, Token};

impl Embedded {
    fn take(
        &self,
        worker: &WorkerName,
        queues: &[usize],
        slots: usize,
    ) -> Result<Option<Vec<Claimed>>, StoreError> {
        let until = Instant::now() + self.lease;
        let claimed = self.change("claim", |state, after| {
            state.attempts.take(worker, queues, slots, until, &mut after.rings)
        })?;
        Ok(Some(claimed).filter(|claimed| !claimed.is_empty()))
    }

    /// Makes the lease of an attempt run out now.
    #[cfg(test)]
    pub(in crate::embedded) fn age_lease(&self, token: Token) -> bool {
        let aged = self.change("age", |state, _| state.attempts.age_lease(token, Instant::now()));
        aged == Ok(true)
    }
}

#[async_trait]
impl ReadyQueue for Embedded {
    async fn claim(
        &self,
        worker: &WorkerName,
        queues: &[QueueName],
        slots: usize,
        wait: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        if slots == 0 {
            return Ok(Vec::new());
        }
        let until = Instant::now() + self.lease;
        let (claimed, places) = self.change("claim", |state, after| {
            let places = state.attempts.queues(queues);
            let rings = &mut after.rings;
            (state.attempts.take(worker, &places, slots, until, rings), places)
        })?;
        if !claimed.is_empty() || wait.is_zero() {
            return Ok(claimed);
        }
        let bells: Vec<_> = self.look("claim", |state| {
            places.iter().map(|place| state.attempts.bell(*place).clone()).collect()
        })?;
        let look = || self.take(worker, &places, slots);
        Ok(first(&bells, wait, look).await?.unwrap_or_default())
    }

    async fn extend(
        &self,
        worker: &WorkerName,
        tokens: &[Token],
    ) -> Result<Vec<Extended>, StoreError> {
        let until = Instant::now() + self.lease;
        self.change("extend", |state, _| {
            tokens.iter().map(|token| state.attempts.extend(worker, *token, until)).collect()
        })
    }

    async fn complete(&self, batch: Vec<Completion>) -> Result<Vec<Completed>, StoreError> {
        self.change("complete", |state, after| {
            batch.into_iter().map(|completion| state.complete(completion, after)).collect()
        })
    }

    async fn release(&self, worker: &WorkerName, tokens: &[Token]) -> Result<(), StoreError> {
        self.change("release", |state, after| {
            for token in tokens {
                state.attempts.release(worker, *token, &mut after.rings);
            }
        })
    }

    async fn steal(
        &self,
        worker: &WorkerName,
        queues: &[QueueName],
        slots: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let now = Instant::now();
        self.change("steal", |state, _| {
            let places = state.attempts.queues(queues);
            state.attempts.steal(worker, &places, slots, now, now + self.lease)
        })
    }

    async fn put_result(&self, run: RunId, value: Arc<Value>) -> Result<ResultId, StoreError> {
        let (id, now) = (ResultId::new(fastrand::u128(..)), Instant::now());
        self.change("put a result", |state, _| state.values.put(run, id, value, now))?;
        Ok(id)
    }

    async fn custody(
        &self,
        runs: &[RunId],
    ) -> Result<Vec<Vec<(StepId, AttemptNumber)>>, StoreError> {
        // One walk over the shelf, for all runs.
        let mut found: FxHashMap<RunId, Vec<_>> = runs.iter().map(|run| (*run, vec![])).collect();
        self.look("look at attempts", |state| {
            for entry in state.attempts.all() {
                if let Some(steps) = found.get_mut(&entry.run) {
                    steps.push((entry.step, entry.attempt));
                }
            }
        })?;
        found.values_mut().for_each(|steps| steps.sort_unstable());
        Ok(runs.iter().map(|run| found.get(run).cloned().unwrap_or_default()).collect())
    }

    async fn recalls(&self) -> Result<Box<dyn Recalls>, StoreError> {
        Ok(Box::new(self.recalls.subscribe()))
    }

    fn lease(&self) -> Duration {
        self.lease
    }
}
