//! Claims: taking attempts from the queues, and giving back what nobody took.
//!
//! A claim of one queue is a plain read that waits inside Redis, on a connection of its own:
//! functions cannot wait. Of several queues it first takes a fair share from each without waiting,
//! for a read takes as many from each as from one; only then it waits, for a few of each, and gives
//! back what is too much.
//!
//! A read whose answer is lost may have been given something, even later: a Redis that stood still
//! reads what was sent before. Nobody knows of it. So for a while after a claim was lost, whatever is
//! under the worker's name and unknown here is put back, and does not count as a delivery. That is
//! done while nothing is being taken, for what is on its way here is not known either.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Value, from_redis_value};
use sortie_engine::{
    AttemptNumber, AttemptReport, Command, Failure, FailureKind, Outcome, QueueName, RunId, StepId,
    Usage, WorkerName,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::calls::Fields;
use super::fault::{Fault, lacks_group};
use super::names::{self, EntryName};
use super::{Core, PATIENCE, broken};
use crate::error::StoreError;
use crate::queue::{Claimed, Token};
use crate::wire;

const CLAIM: &str = "claim";
/// A read waits no longer inside Redis: a connection that swallows everything is noticed by then.
const BLOCK_MOST: Duration = Duration::from_secs(5);
/// Workers that hold nothing and have not asked for so long do not come back: a worker asks every
/// few seconds, and each start has a name of its own.
const GONE_FOR_GOOD: Duration = Duration::from_secs(600);
/// How often it is looked for them.
const TIDY_EVERY: Duration = Duration::from_secs(300);
/// So long after a claim was lost it is looked for what it was given.
const LOOK_FOR_LOST: Duration = Duration::from_secs(15);

/// A claim as it was asked for.
pub(super) struct ClaimCall {
    pub(super) worker: WorkerName,
    pub(super) queues: Vec<QueueName>,
    pub(super) slots: usize,
    pub(super) wait: Duration,
}

/// What a read gives of one stream: its key, and entries with their fields.
type Stream = (String, Vec<(String, Fields)>);
type Answer = Result<Vec<Claimed>, StoreError>;

/// Claims and answers. If nobody listens any more, what was claimed is given back.
pub(super) async fn run(core: Arc<Core>, call: ClaimCall, mut reply: oneshot::Sender<Given>) {
    let answer = core.claim(&call, &mut reply).await;
    tell(core, call.worker, reply, answer);
}

/// Gives attempts back, unstarted.
pub(super) async fn release(
    core: &Core,
    worker: &WorkerName,
    tokens: &[Token],
) -> Result<(), StoreError> {
    // Whatever becomes of this, they are in nobody's hands any more: if it does not get through, they
    // are found like those of a lost claim.
    core.forget(tokens);
    let places: Vec<_> = tokens.iter().filter_map(|token| core.place(*token)).collect();
    if places.is_empty() {
        return Ok(());
    }
    let mut call = core.function("release");
    call.arg(worker.as_str());
    for (queue, entry) in places {
        call.arg(queue.as_str()).arg(entry.to_string());
    }
    core.ask::<()>("release", &call).await.inspect_err(|_| core.pulse.lost_a_claim())
}

/// Steals and answers. If nobody listens any more, what was stolen is given back.
pub(super) async fn run_steal(core: Arc<Core>, call: ClaimCall, reply: oneshot::Sender<Given>) {
    let answer = core.steal(&call).await;
    tell(core, call.worker, reply, answer);
}

/// Whether nobody listens any more or does not look at what he was sent: then it is dropped.
fn tell(core: Arc<Core>, worker: WorkerName, reply: oneshot::Sender<Given>, answer: Answer) {
    if answer.is_err() {
        core.pulse.lost_a_claim();
    }
    drop(reply.send(Given { core, worker, answer: Some(answer) }));
}

/// An answer on its way. What it holds is given back if nobody takes it out.
pub(super) struct Given {
    core: Arc<Core>,
    worker: WorkerName,
    answer: Option<Answer>,
}

impl Given {
    /// Waits for an answer and takes out what it holds.
    pub(super) async fn heard(given: oneshot::Receiver<Self>, action: &'static str) -> Answer {
        let answer = given.await.ok().and_then(|mut given| given.answer.take());
        answer.unwrap_or(Err(StoreError::Unavailable { action }))
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        let Some(Ok(unheard)) = self.answer.take() else { return };
        let tokens: Vec<_> = unheard.iter().map(|claimed| claimed.token).collect();
        let (core, worker) = (self.core.clone(), self.worker.clone());
        self.core.tasks.spawn(async move {
            if let Err(error) = release(&core, &worker, &tokens).await {
                tracing::debug!(%error, "attempts that nobody took could not be given back");
            }
        });
    }
}

impl Core {
    async fn claim(&self, call: &ClaimCall, reply: &mut oneshot::Sender<Given>) -> Answer {
        self.know(&call.queues).await?;
        if self.pulse.lost_a_claim_within(LOOK_FOR_LOST) {
            self.recover(&call.worker, &call.queues).await?;
        }
        let _taking = self.taking.read().await;
        let until = Instant::now() + call.wait;
        loop {
            if call.queues.len() > 1 {
                let taken = self.take_shares(call).await?;
                if !taken.is_empty() {
                    return Ok(taken);
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            let taken = self.wait_for(call, left.min(BLOCK_MOST), reply).await?;
            if !taken.is_empty() || left.is_zero() || reply.is_closed() || self.stop.is_cancelled()
            {
                return Ok(taken);
            }
        }
    }

    /// Takes attempts whose lease has run out.
    async fn steal(&self, call: &ClaimCall) -> Answer {
        self.know(&call.queues).await?;
        if self.pulse.is_due_to_tidy(TIDY_EVERY) {
            self.tidy(&call.queues).await?;
        }
        let (lease, every) = (self.options.lease, self.options.steal_every);
        let mut ask = self.function("steal");
        ask.arg(call.worker.as_str()).arg(lease.as_millis().to_string());
        ask.arg(every.as_millis().to_string()).arg(call.slots.min(1 << 20));
        for queue in &call.queues {
            ask.arg(queue.as_str());
        }
        let _taking = self.taking.read().await;
        // After an outage everybody's lease looks as if it had run out.
        if !self.pulse.may_steal() {
            return Ok(Vec::new());
        }
        let answer = self.link.ask_at_once(&ask, PATIENCE).await;
        let answer = answer.map_err(|fault| fault.into_error("steal"))?;
        let taken = from_redis_value(answer).map_err(|error| broken("steal", error))?;
        self.take(&call.worker, taken).await
    }

    /// Deletes the consumers of workers that died.
    async fn tidy(&self, queues: &[QueueName]) -> Result<(), StoreError> {
        let mut call = self.function("tidy");
        call.arg(GONE_FOR_GOOD.as_millis().to_string());
        for queue in queues {
            call.arg(queue.as_str());
        }
        let deleted: u64 = self.ask("tidy up after dead workers", &call).await?;
        if deleted > 0 {
            tracing::debug!(deleted, "names of dead workers were deleted");
        }
        Ok(())
    }

    /// Makes queues known to Redis and here.
    async fn know(&self, names: &[QueueName]) -> Result<(), StoreError> {
        if names.iter().all(|name| self.queues().contains_key(name)) {
            return Ok(());
        }
        self.make_known(names).await
    }

    /// The same whatever is known here: a group may be gone. Numbers that are known stay, for tokens
    /// carry them, and who holds an attempt of this store must be able to say so.
    async fn make_known(&self, names: &[QueueName]) -> Result<(), StoreError> {
        let mut call = self.function("queues");
        for name in names {
            call.arg(name.as_str());
        }
        let numbers: Vec<u16> = self.ask("make queues known", &call).await?;
        self.queues().extend(names.iter().cloned().zip(numbers));
        Ok(())
    }

    async fn take_shares(&self, call: &ClaimCall) -> Answer {
        let mut ask = self.function("claim");
        ask.arg(call.worker.as_str()).arg(call.slots.min(1 << 20)).arg(fastrand::u16(..));
        for queue in &call.queues {
            ask.arg(queue.as_str());
        }
        let taken = match self.try_ask(CLAIM, &ask).await {
            Err(Fault::Broken(problem)) if problem.contains("NOGROUP") => {
                // The queues before the one without a group may have given something.
                self.pulse.lost_a_claim();
                return self.make_known(&call.queues).await.map(|()| Vec::new());
            }
            taken => taken.map_err(|fault| fault.into_error(CLAIM))?,
        };
        self.take(&call.worker, taken).await
    }

    /// One read that waits. It is woken when nobody listens any more, and heard to its end: what it
    /// was given must not be lost.
    async fn wait_for(
        &self,
        call: &ClaimCall,
        wait: Duration,
        reply: &mut oneshot::Sender<Given>,
    ) -> Answer {
        let ask = self.read_command(call, wait);
        let mut reader =
            self.readers.take(self.link.number()).await.map_err(|fault| fault.into_error(CLAIM))?;
        let client = reader.client;
        let answer = {
            let mut read = std::pin::pin!(reader.ask(&ask, wait));
            tokio::select! {
                biased;
                answer = &mut read => answer,
                () = reply.closed() => { self.wake(client).await; read.await }
                () = self.stop.cancelled() => { self.wake(client).await; read.await }
            }
        };
        match answer {
            Ok(answer) => {
                self.readers.give_back(reader);
                self.keep(call, answer).await
            }
            Err(error) if lacks_group(&error) => {
                // Redis was emptied, or the group deleted: which of them, the next call finds out.
                self.make_known(&call.queues).await.map(|()| Vec::new())
            }
            Err(error) => Err(Fault::of(&error).into_error(CLAIM)),
        }
    }

    fn read_command(&self, call: &ClaimCall, wait: Duration) -> Cmd {
        let each = (call.slots / call.queues.len()).clamp(1, 1 << 20);
        let mut ask = redis::cmd("XREADGROUP");
        ask.arg("GROUP").arg(self.id.as_str()).arg(call.worker.as_str()).arg("COUNT").arg(each);
        if !wait.is_zero() {
            ask.arg("BLOCK").arg(wait.as_millis().max(1).to_string());
        }
        ask.arg("STREAMS");
        for queue in &call.queues {
            ask.arg(names::ready(queue));
        }
        for _ in &call.queues {
            ask.arg(">");
        }
        ask
    }

    async fn wake(&self, client: u64) {
        let mut unblock = redis::cmd("CLIENT");
        unblock.arg("UNBLOCK").arg(client);
        // If it does not get there, the read ends by itself.
        let _ = self.try_ask::<Value>("wake a claim", &unblock).await;
    }

    /// Takes what a read was given, and gives back what is too much, the newest.
    async fn keep(&self, call: &ClaimCall, answer: Value) -> Answer {
        let read: Option<Vec<Stream>> =
            from_redis_value(answer).map_err(|error| broken(CLAIM, error))?;
        let mut taken = Vec::new();
        for (key, entries) in read.unwrap_or_default() {
            let Some(queue) = call.queues.iter().find(|queue| names::ready(queue) == key) else {
                continue;
            };
            let queue = queue.as_str();
            taken.extend(entries.into_iter().map(|(id, fields)| (queue.to_owned(), id, 1, fields)));
        }
        let mut claimed = self.take(&call.worker, taken).await?;
        claimed.sort_by_key(|claimed| self.id.read(claimed.token).map(|(_, entry)| entry));
        if claimed.len() > call.slots {
            let surplus: Vec<_> =
                claimed.drain(call.slots..).map(|claimed| claimed.token).collect();
            // Those within the slots are there all the same; the others are found again.
            if let Err(error) = release(self, &call.worker, &surplus).await {
                tracing::debug!(%error, "attempts that are too many could not be given back");
            }
        }
        Ok(claimed)
    }

    /// Reads entries that are the worker's now. One that nobody can read is put aside, and its step,
    /// where that is known, fails with the reason.
    async fn take(
        &self,
        worker: &WorkerName,
        entries: Vec<(String, String, u32, Fields)>,
    ) -> Answer {
        let mut claimed = Vec::with_capacity(entries.len());
        for (queue, id, deliveries, fields) in entries {
            match self.attempt(&queue, &id, deliveries, &fields) {
                Ok(attempt) => claimed.push(attempt),
                Err(problem) => {
                    let command = unreadable(worker, &fields, &problem);
                    self.bury("ready", &queue, id.as_bytes(), &problem, command.as_ref()).await?;
                }
            }
        }
        self.handed().extend(claimed.iter().map(|claimed| claimed.token));
        Ok(claimed)
    }

    fn attempt(
        &self,
        queue: &str,
        id: &str,
        deliveries: u32,
        fields: &Fields,
    ) -> Result<Claimed, String> {
        let field =
            |key: &str| fields.get(key.as_bytes()).ok_or(format!("field `{key}` is missing"));
        let before: u32 = number(field("d")?).ok_or("its deliveries are no number")?;
        let entry = wire::entry::decode(field("e")?).map_err(|error| error.to_string())?;
        let name = EntryName::parse(id).ok_or("its name is out of range")?;
        let number = self.queues().get(queue).copied().ok_or("its queue is not known")?;
        let deliveries = before.saturating_add(deliveries);
        Ok(Claimed { entry: Arc::new(entry), token: self.id.token(number, name), deliveries })
    }

    /// Puts back what this worker was given by answers that were lost, unless something is being
    /// taken just now.
    pub(super) async fn recover(
        &self,
        worker: &WorkerName,
        queues: &[QueueName],
    ) -> Result<(), StoreError> {
        let Ok(_nobody_takes) = self.taking.try_write() else { return Ok(()) };
        for queue in queues {
            let mut call = self.function("recover");
            call.arg(worker.as_str()).arg(queue.as_str());
            // Entries of two queues may have the same name.
            let number = self.queues().get(queue).copied();
            let known: Vec<_> =
                self.handed().iter().filter_map(|token| self.id.read(*token)).collect();
            for (_, entry) in known.into_iter().filter(|(of, _)| Some(*of) == number) {
                call.arg(entry.to_string());
            }
            let found: u64 = self.ask("look for lost claims", &call).await?;
            if found > 0 {
                tracing::info!(%queue, found, "attempts whose claim had no answer were put back");
            }
        }
        Ok(())
    }
}

fn number<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// The end of an attempt that nobody can read, for its run to know.
fn unreadable(worker: &WorkerName, fields: &Fields, problem: &str) -> Option<Command> {
    let field = |key: &str| fields.get(key.as_bytes());
    let _: RunId = number(field("r")?)?;
    let message = format!("the attempt could not be read by its worker: {problem}");
    Some(Command::AttemptEnded(AttemptReport {
        step: StepId::new(number(field("s")?)?),
        attempt: AttemptNumber::new(number(field("a")?)?),
        outcome: Outcome::Failed(Failure::new(FailureKind::Internal, message)),
        worker: worker.clone(),
        started_at: sortie_engine::Timestamp::from_millis(0),
        workers_lost: 0,
        usage: Usage::default(),
    }))
}
