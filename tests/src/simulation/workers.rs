//! Workers that do as their seed says: slow, quick, wrong, forgetful, dying with a step in hand,
//! reporting twice or too late. What their tools do to the world is written into a ledger.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sortie_engine::{
    AttemptReport, Catalogue, Delivery, Effect, Failure, FailureKind, Outcome, QueueName,
    ResultBody, RunId, Schema, StepResult, ToolSpec, Usage, WorkerName, render,
};
use sortie_store::{
    Claimed, Completion, Extended, InputValue, Lanes as _, ReadyQueue as _, RunLog as _,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::planner::{MODEL, TOOLS};
use super::{World, values};

const EFFECTS: [Effect; 6] =
    [Effect::Pure, Effect::Read, Effect::Idempotent, Effect::Once, Effect::Pure, Effect::Read];

/// The tools of the story.
pub(super) fn catalogue() -> Catalogue {
    let tool = |(name, effect): (&&str, Effect)| {
        let input =
            json!({"type": "object", "required": ["q"], "properties": {"q": {"type": "string"}}});
        let output = json!({"type": "object", "properties": {"text": {"type": "string"}}});
        let schema = |source| Schema::parse(source).unwrap_or_else(|error| panic!("{error}"));
        Arc::new(ToolSpec {
            name: (*name).into(),
            description: String::new(),
            input: schema(input),
            output: Some(schema(output)),
            effect,
            queue: queue(),
            timeout: Duration::from_secs(30),
            max_result_bytes: 1 << 20,
            calls_model: *name == MODEL,
        })
    };
    TOOLS.iter().zip(EFFECTS).map(tool).collect()
}

fn queue() -> QueueName {
    "builtin".into()
}

/// Keeps some workers at work until `over`.
pub(super) fn keep(
    world: &World,
    rng: &mut fastrand::Rng,
    over: &CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let crew = TaskTracker::new();
    for number in 0..rng.usize(1..4) {
        let hand = Hand {
            world: world.clone(),
            store: world.faulty(rng.fork()),
            name: WorkerName::new(&format!("w{number}")),
        };
        let (rng, over) = (rng.fork(), over.clone());
        crew.spawn(async move {
            tokio::select! {
                biased;
                () = over.cancelled() => {}
                () = hand.work(rng) => {}
            }
        });
    }
    crew.close();
    async move { crew.wait().await }
}

struct Hand {
    world: World,
    store: Arc<super::FaultyStore>,
    name: WorkerName,
}

impl Hand {
    async fn work(&self, mut rng: fastrand::Rng) {
        let wait = Duration::from_secs(1);
        loop {
            let slots = rng.usize(1..5);
            let claimed = match rng.u8(..6) {
                0 => self.store.steal(&self.name, &[queue()], slots).await,
                _ => self.store.claim(&self.name, &[queue()], slots, wait).await,
            };
            let Ok(claimed) = claimed else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            if claimed.is_empty() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            for one in claimed {
                self.attempt(one, &mut rng).await;
            }
        }
    }

    async fn attempt(&self, claimed: Claimed, rng: &mut fastrand::Rng) {
        let trouble = self.world.faults.are_on();
        let started_at = self.store.now().await.unwrap_or(claimed.entry.deadline);
        if trouble && rng.u8(..20) == 0 {
            self.world.faults.hit();
            return; // the worker died before the tool began
        }
        let entry = &claimed.entry;
        let (outcome, workers_lost) =
            match Delivery::judge(entry.terms.effect, entry.workers_lost, claimed.deliveries) {
                Delivery::Refuse { failure, workers_lost } => {
                    (Outcome::Failed(failure), workers_lost)
                }
                Delivery::Run { workers_lost } => {
                    (self.run_tool(&claimed, rng).await, workers_lost)
                }
            };
        if trouble && rng.u8(..20) == 0 {
            self.world.faults.hit();
            return; // the worker died with the outcome in its hand
        }
        let slow = trouble && rng.u8(..20) == 0;
        if slow {
            self.world.faults.hit();
            tokio::time::sleep(super::LEASE * 2).await;
        }
        let report = AttemptReport {
            step: entry.step,
            attempt: entry.attempt,
            outcome,
            worker: self.name.clone(),
            started_at,
            workers_lost,
            usage: Usage::default(),
        };
        let completion = Completion { run: entry.run, token: claimed.token, report };
        let mut again = if trouble && rng.u8(..10) == 0 { 2 } else { 1 };
        while again > 0 {
            match self.store.complete(vec![completion.clone()]).await {
                Ok(_) => again -= 1,
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn run_tool(&self, claimed: &Claimed, rng: &mut fastrand::Rng) -> Outcome {
        let entry = &claimed.entry;
        self.world.ledger.tool_began(claimed);
        let mut left = Duration::from_millis(rng.u64(..3_000));
        while !left.is_zero() {
            let nap = left.min(super::LEASE / 4);
            tokio::time::sleep(nap).await;
            left -= nap;
            if let Ok(replies) = self.store.extend(&self.name, &[claimed.token]).await
                && replies.first() != Some(&Extended::Ok)
            {
                break; // taken from us; a report will find the entry gone or with another
            }
        }
        match rng.u8(..20) {
            0 => return fail(FailureKind::NotFound),
            1 | 2 => return fail(FailureKind::Unavailable),
            _ => {}
        }
        let mut values = Vec::new();
        for input in &entry.inputs {
            let value = match &input.value {
                InputValue::Here(value) => Some(value.clone()),
                InputValue::Recorded(step) => {
                    let found = self.world.store.results(entry.run, &[*step]).await;
                    found.ok().and_then(|mut values| values.pop().flatten())
                }
            };
            values.push((input.number, value));
        }
        let find = |number| {
            let found = values.iter().find(|(label, _)| *label == number);
            found.and_then(|(_, value)| value.as_deref())
        };
        match render(&entry.planned.input, find, 1 << 20) {
            Ok(input) => {
                let value = values::made(entry.planned.tool.as_str(), &input);
                Outcome::Succeeded(self.result(entry.run, value).await)
            }
            Err(failure) => Outcome::Failed(failure),
        }
    }

    /// A result as it travels: large ones are stored before.
    async fn result(&self, run: RunId, value: Value) -> StepResult {
        let result = StepResult::inline(value);
        let ResultBody::Inline(value) = &result.body else { return result };
        if result.fits_inline() {
            return result;
        }
        loop {
            match self.store.put_result(run, value.clone()).await {
                Ok(id) => return StepResult { body: ResultBody::Stored(id), ..result },
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

fn fail(kind: FailureKind) -> Outcome {
    Outcome::Failed(Failure::new(kind, format!("{kind}, as the script says")))
}
