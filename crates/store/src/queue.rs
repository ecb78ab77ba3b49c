//! Attempts that wait for workers or are with one. A worker holds an attempt by a lease that it
//! must extend; whoever completes an attempt with its token first is heard, and nobody after.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use sortie_engine::{
    AttemptNumber, AttemptReport, Generation, PlannedStep, QueueName, ResultId, RunId, StepId,
    StepNumber, Timestamp, ToolTerms, WorkerName,
};

use crate::error::StoreError;

/// An attempt for a worker: everything that it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadyEntry {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepId,
    /// Which try at it.
    pub attempt: AttemptNumber,
    /// Part of the idempotency key.
    pub generation: Generation,
    /// What to do.
    pub planned: Arc<PlannedStep>,
    /// What the tool needs.
    pub terms: Arc<ToolTerms>,
    /// For each label in the input, its value or where to get it.
    pub inputs: Vec<Input>,
    /// After this nobody waits for the result.
    pub deadline: Timestamp,
    /// Workers lost over earlier attempts.
    pub workers_lost: u32,
}

/// The result that one label in an input means.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The label.
    pub number: StepNumber,
    /// The result.
    pub value: InputValue,
}

/// A result, or where it is.
#[derive(Debug, Clone, PartialEq)]
pub enum InputValue {
    /// Here.
    Here(Arc<Value>),
    /// Recorded under this step of the same run: [`RunLog::results`](crate::RunLog::results).
    Recorded(StepId),
}

/// The right to report on one delivery-independent attempt. It names the entry; a fresh one is
/// given when an entry is released or queued anew, never when it is stolen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u128);

/// An attempt that a worker now holds.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// What to do.
    pub entry: Arc<ReadyEntry>,
    /// The right to report on it.
    pub token: Token,
    /// How often it was handed out, this time included.
    pub deliveries: u32,
}

/// What became of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extended {
    /// The lease runs anew.
    Ok,
    /// Another worker holds the attempt: stop the tool.
    Lost,
    /// The attempt is no more (cancelled, superseded, reported): stop the tool.
    Gone,
}

/// A report with the right to make it.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The run.
    pub run: RunId,
    /// From the claim.
    pub token: Token,
    /// What became of the attempt.
    pub report: AttemptReport,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completed {
    /// It is on its way to the engine; the entry is gone.
    Ok,
    /// The entry was gone before: nothing was written.
    Gone,
}

/// Attempts that wait for workers or are with one.
#[async_trait]
pub trait ReadyQueue: Send + Sync + 'static {
    /// Takes up to `slots` attempts from the queues, oldest first; waits up to `wait` for the
    /// first. Dropping the future loses nothing.
    async fn claim(
        &self,
        worker: &WorkerName,
        queues: &[QueueName],
        slots: usize,
        wait: Duration,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// Heartbeats. Only the holder can extend.
    async fn extend(
        &self,
        worker: &WorkerName,
        tokens: &[Token],
    ) -> Result<Vec<Extended>, StoreError>;

    /// Reports. The entry exists and the token fits: the report goes to the inbox of the run's
    /// lane, the entry is deleted, whoever holds it. Otherwise nothing is written.
    async fn complete(&self, batch: Vec<Completion>) -> Result<Vec<Completed>, StoreError>;

    /// Gives attempts back, unstarted, for others to claim: fresh entries with fresh tokens, no
    /// delivery counted. Entries that the worker does not hold are left alone.
    async fn release(&self, worker: &WorkerName, tokens: &[Token]) -> Result<(), StoreError>;

    /// Takes up to `slots` attempts whose lease has run out, counting a delivery.
    async fn steal(
        &self,
        worker: &WorkerName,
        queues: &[QueueName],
        slots: usize,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// Stores a result that is too large to travel with its report. It is dropped after an hour
    /// unless it was reported by then, and with the report unless a commit keeps it.
    async fn put_result(&self, run: RunId, value: Arc<Value>) -> Result<ResultId, StoreError>;

    /// For each run the attempts that wait for a worker or are with one, by step: those that can
    /// still be claimed, stolen or reported. None where there is no such run. A report that is on its
    /// way to the engine is in an inbox, and its attempt is not here.
    async fn custody(
        &self,
        runs: &[RunId],
    ) -> Result<Vec<Vec<(StepId, AttemptNumber)>>, StoreError>;

    /// Listens, from now on, for attempts that are taken back while a worker has them: tools stop at
    /// once instead of at the next heartbeat.
    async fn recalls(&self) -> Result<Box<dyn Recalls>, StoreError>;

    /// How long a claim or a heartbeat lasts.
    fn lease(&self) -> Duration;
}

/// A listener for attempts that are taken back.
#[async_trait]
pub trait Recalls: Send {
    /// The next attempt that was withdrawn while some worker had it. `Ok(None)` means that some
    /// were missed: the next heartbeat finds them.
    async fn next(&mut self) -> Result<Option<Token>, StoreError>;
}
