//! The contract suite over the embedded store, and what only it promises.

mod wakeups;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use sortie_engine::{
    AttemptNumber, Effect, Generation, PlannedStep, QueueName, RunId, StepId, StepNumber, Template,
    Timestamp, ToolName, ToolTerms,
};

use super::{Embedded, EmbeddedOptions};
use crate::contract::{Capability, Garbage, Harness};
use crate::{ReadyEntry, Store, Token};

const MAX_OPEN_RUNS: usize = 64;

struct EmbeddedHarness(Arc<Embedded>);

async fn fresh() -> EmbeddedHarness {
    let options = EmbeddedOptions { max_open_runs: MAX_OPEN_RUNS, ..EmbeddedOptions::default() };
    EmbeddedHarness(Embedded::new(options))
}

#[async_trait]
impl Harness for EmbeddedHarness {
    fn store(&self) -> Arc<dyn Store> {
        self.0.clone()
    }

    async fn shift_time(&self, by: Duration) -> Capability {
        tokio::time::advance(by).await;
        Capability::Done
    }

    async fn age_lease(&self, token: Token) -> Capability {
        assert!(self.0.age_lease(token), "nobody holds {token:?}");
        Capability::Done
    }

    async fn inject_garbage(&self, _: Garbage) -> Capability {
        // Everything in memory has its type: there is nothing to decode.
        Capability::Unsupported
    }

    fn max_open_runs(&self) -> Option<usize> {
        Some(MAX_OPEN_RUNS)
    }
}

mod contract {
    use super::*;

    crate::contract_suite!(
        #[tokio::test(start_paused = true)]
        fresh
    );
}

/// An attempt at a step, in a queue.
pub(super) fn entry(run: RunId, step: u32, queue: &str) -> Arc<ReadyEntry> {
    let planned = PlannedStep {
        number: StepNumber::new(step),
        description: String::new(),
        tool: ToolName::new("look"),
        input: Template::parse(&Value::Null).unwrap(),
        depends_on: Vec::new(),
    };
    let terms = ToolTerms {
        queue: QueueName::new(queue),
        effect: Effect::Pure,
        timeout: Duration::from_secs(1),
        calls_model: false,
    };
    Arc::new(ReadyEntry {
        run,
        step: StepId::new(step),
        attempt: AttemptNumber::FIRST,
        generation: Generation::FIRST,
        planned: Arc::new(planned),
        terms: Arc::new(terms),
        inputs: Vec::new(),
        deadline: Timestamp::from_millis(u64::MAX),
        workers_lost: 0,
    })
}
