//! What workers ask.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::from_redis_value;
use serde_json::Value as Json;
use sortie_engine::{
    AttemptNumber, Outcome, QueueName, ResultBody, ResultId, RunId, StepId, WorkerName,
};
use tokio::sync::oneshot;

use crate::error::StoreError;
use crate::queue::{Claimed, Completed, Completion, Extended, ReadyQueue, Recalls, Token};
use crate::redis::claim::{self, ClaimCall, Given};
use crate::redis::ear::Owner;
use crate::redis::names::EntryName;
use crate::redis::{Core, Redis, broken};
use crate::wire;

impl Core {
    pub(in crate::redis) fn owner(&self) -> Owner<'_> {
        Owner { tasks: &self.tasks, stop: &self.stop }
    }

    /// The queue and the entry that a token names, if it is of this store and this process knows
    /// the queue: nobody holds an attempt of a queue that he never asked.
    pub(in crate::redis) fn place(&self, token: Token) -> Option<(QueueName, EntryName)> {
        let (number, entry) = self.id.read(token)?;
        let queues = self.queues();
        let (name, _) = queues.iter().find(|(_, known)| **known == number)?;
        Some((name.clone(), entry))
    }

    fn places(&self, tokens: &[Token]) -> Vec<(usize, QueueName, EntryName)> {
        let place = |(at, token): (usize, &Token)| {
            self.place(*token).map(|(queue, entry)| (at, queue, entry))
        };
        tokens.iter().enumerate().filter_map(place).collect()
    }
}

#[async_trait]
impl ReadyQueue for Redis {
    async fn claim(
        &self,
        worker: &WorkerName,
        queues: &[QueueName],
        slots: usize,
        wait: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        if slots == 0 || queues.is_empty() {
            tokio::time::sleep(if slots == 0 { Duration::ZERO } else { wait }).await;
            return Ok(Vec::new());
        }
        let call = ClaimCall { worker: worker.clone(), queues: queues.to_vec(), slots, wait };
        let (reply, answer) = oneshot::channel();
        // A task of its own: a read that is dropped half-way would lose what it was given.
        self.0.tasks.spawn(claim::run(self.0.clone(), call, reply));
        Given::heard(answer, "claim").await
    }

    async fn extend(
        &self,
        worker: &WorkerName,
        tokens: &[Token],
    ) -> Result<Vec<Extended>, StoreError> {
        let mut replies = vec![Extended::Gone; tokens.len()];
        let places = self.0.places(tokens);
        if !places.is_empty() {
            let mut call = self.0.function("extend");
            call.arg(worker.as_str());
            for (_, queue, entry) in &places {
                call.arg(queue.as_str()).arg(entry.to_string());
            }
            let words: Vec<String> = self.0.ask("extend", &call).await?;
            for ((at, ..), word) in places.iter().zip(words) {
                replies[*at] = match word.as_str() {
                    "ok" => Extended::Ok,
                    "lost" => Extended::Lost,
                    _ => Extended::Gone,
                };
            }
        }
        let mut handed = self.0.handed();
        for (token, reply) in tokens.iter().zip(&replies) {
            if *reply != Extended::Ok {
                handed.remove(token);
            }
        }
        drop(handed);
        Ok(replies)
    }

    async fn complete(&self, batch: Vec<Completion>) -> Result<Vec<Completed>, StoreError> {
        let mut replies = vec![Completed::Gone; batch.len()];
        let tokens: Vec<_> = batch.iter().map(|completion| completion.token).collect();
        let places = self.0.places(&tokens);
        if !places.is_empty() {
            let mut call = self.0.function("complete");
            let mut ends = batch.into_iter().map(Some).collect::<Vec<_>>();
            for (at, queue, entry) in &places {
                let Some(Completion { run, report, .. }) = ends[*at].take() else { continue };
                call.arg(queue.as_str()).arg(entry.to_string()).arg(run.to_string());
                call.arg(report.step.get()).arg(report.attempt.get());
                let stored = match &report.outcome {
                    Outcome::Succeeded(result) => match result.body {
                        ResultBody::Stored(id) => id.to_string(),
                        ResultBody::Inline(_) | ResultBody::Recorded => String::new(),
                    },
                    Outcome::Failed(_) => String::new(),
                };
                let command = sortie_engine::Command::AttemptEnded(report);
                call.arg(wire::command::encode(&command)).arg(stored);
            }
            let words: Vec<String> = self.0.ask("complete", &call).await?;
            for ((at, ..), word) in places.iter().zip(words) {
                if word == "ok" {
                    replies[*at] = Completed::Ok;
                }
            }
        }
        self.0.forget(&tokens);
        Ok(replies)
    }

    async fn release(&self, worker: &WorkerName, tokens: &[Token]) -> Result<(), StoreError> {
        claim::release(&self.0, worker, tokens).await
    }

    async fn steal(
        &self,
        worker: &WorkerName,
        queues: &[QueueName],
        slots: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        if slots == 0 || queues.is_empty() {
            return Ok(Vec::new());
        }
        let (worker, queues, wait) = (worker.clone(), queues.to_vec(), Duration::ZERO);
        let call = ClaimCall { worker, queues, slots, wait };
        let (reply, answer) = oneshot::channel();
        self.0.tasks.spawn(claim::run_steal(self.0.clone(), call, reply));
        Given::heard(answer, "steal").await
    }

    async fn put_result(&self, run: RunId, value: Arc<Json>) -> Result<ResultId, StoreError> {
        let id = ResultId::new(fastrand::u128(..));
        let mut call = self.0.function("put_result");
        call.arg(run.to_string()).arg(id.to_string()).arg(sortie_proto::json::to_wire(&value));
        let answer = self.0.link.ask(&call, crate::redis::COMMIT_PATIENCE).await;
        let answer = answer.map_err(|fault| fault.into_error("put a result"))?;
        from_redis_value::<()>(answer).map_err(|error| broken("put a result", error))?;
        Ok(id)
    }

    async fn custody(
        &self,
        runs: &[RunId],
    ) -> Result<Vec<Vec<(StepId, AttemptNumber)>>, StoreError> {
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = self.0.function("custody");
        for run in runs {
            call.arg(run.to_string());
        }
        let found: Vec<Vec<u32>> = self.0.ask("look at custody", &call).await?;
        let pair = |pair: &[u32]| (StepId::new(pair[0]), AttemptNumber::new(pair[1]));
        let of_run = |numbers: Vec<u32>| {
            let mut held: Vec<_> = numbers.chunks_exact(2).map(pair).collect();
            held.sort_unstable();
            held
        };
        Ok(found.into_iter().map(of_run).collect())
    }

    async fn recalls(&self) -> Result<Box<dyn Recalls>, StoreError> {
        let (id, core) = (self.0.id.clone(), Arc::downgrade(&self.0));
        let read = move |bytes: &[u8]| {
            let (queue, entry) = std::str::from_utf8(bytes).ok()?.split_once(' ')?;
            let token = id.token(queue.parse().ok()?, EntryName::parse(entry)?);
            // Its entry is gone: nobody will say what became of it.
            core.upgrade()?.forget(&[token]);
            Some(token)
        };
        Ok(Box::new(self.0.recalls.listen("listen for recalls", self.0.owner(), read).await?))
    }

    fn lease(&self) -> Duration {
        self.0.options.lease
    }
}
