//! The embedded cluster without its gRPC face: store, driver and worker, with a planner that has
//! one plan and is told when a run is done.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use sortie_coordinator::{
    AnswerRequest, AnswerWord, Authors, CallFailed, CatalogueWatch, Driver, DriverOptions, PlanEnd,
    PlanRequest, PlanWord, Planner,
};
use sortie_engine::{
    BadSchema, CommitId, Effect, Failure, Goal, Lane, RunId, Schema, StepDraft, ToolSpec, Usage,
    WorkerName,
};
use sortie_store::{Embedded, EmbeddedOptions, LaneOwner, Store, Submission};
use sortie_worker::{Call, Registry, Tool, Worker, WorkerOptions};
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::shape::Shape;

pub(crate) struct Cluster {
    store: Arc<dyn Store>,
    goal: Arc<Goal>,
    ends: Mutex<mpsc::UnboundedReceiver<()>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Cluster {
    pub(crate) async fn start(shape: Shape) -> anyhow::Result<Self> {
        let options = EmbeddedOptions { keep_runs: 500, ..EmbeddedOptions::default() };
        let store: Arc<dyn Store> = Embedded::new(options);
        let mut registry = Registry::new();
        registry.register(Echo::new()?)?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let options = WorkerOptions {
            name: WorkerName::new("bench"),
            queues: vec!["builtin".into()],
            concurrency: 256,
            grace: Duration::from_secs(1),
        };
        let worker = Worker::new(store.clone(), Arc::new(registry), options).await?;
        tasks.spawn(worker.run(stop.clone()));
        let (watch, catalogue) = CatalogueWatch::open(store.clone()).await?;
        tasks.spawn(watch.run(stop.clone()));
        let (ended, ends) = mpsc::unbounded_channel();
        let planner = Arc::new(OnePlan { plan: shape.plan(), ended });
        let lanes = (0..store.lane_count()).map(Lane).collect();
        let mut options = DriverOptions::new(LaneOwner("bench".to_owned()), lanes);
        options.model_calls = 10_000;
        let (driver, _) = Driver::new(store.clone(), planner, catalogue.changes(), options).await?;
        tasks.spawn(driver.run(stop.clone()));
        let mut goal = Goal::new("measure");
        goal.limits.steps = 1024;
        Ok(Self { store, goal: Arc::new(goal), ends: Mutex::new(ends), tasks, stop })
    }

    /// Runs the graph `runs` times, `in_flight` at once, each until its answer call.
    pub(crate) async fn run_many(&self, runs: usize, in_flight: usize) -> anyhow::Result<()> {
        let places = Semaphore::new(in_flight);
        let count = async {
            let mut ends = self.ends.lock().await;
            for _ in 0..runs {
                ends.recv().await;
                places.add_permits(1);
            }
            anyhow::Ok(())
        };
        let submit = async {
            for _ in 0..runs {
                places.acquire().await?.forget();
                self.submit().await?;
            }
            anyhow::Ok(())
        };
        tokio::try_join!(count, submit)?;
        Ok(())
    }

    async fn submit(&self) -> anyhow::Result<()> {
        let lane = Lane(fastrand::u8(..self.store.lane_count()));
        let submission = Submission {
            run: RunId::new(0, lane, fastrand::u128(..)),
            commit: CommitId::new(fastrand::u128(..)),
            goal: self.goal.clone(),
            idempotency: None,
        };
        for reply in self.store.submit(vec![submission]).await? {
            reply?;
        }
        Ok(())
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        Ok(())
    }
}

struct OnePlan {
    plan: Vec<StepDraft>,
    ended: mpsc::UnboundedSender<()>,
}

#[async_trait]
impl Planner for OnePlan {
    async fn describe(&self) -> Authors {
        Authors::from("a script")
    }

    async fn make_plan(
        &self,
        _: PlanRequest,
        words: mpsc::Sender<PlanWord>,
    ) -> Result<PlanEnd, CallFailed> {
        for step in &self.plan {
            if words.send(PlanWord::Step(step.clone())).await.is_err() {
                break;
            }
        }
        Ok(PlanEnd::default())
    }

    async fn synthesize(
        &self,
        _: AnswerRequest,
        words: mpsc::Sender<AnswerWord>,
    ) -> Result<Usage, CallFailed> {
        // Nobody counts any more when the benchmark is over.
        let _ = words.send(AnswerWord::Text("done".to_owned())).await;
        let _ = self.ended.send(());
        Ok(Usage::default())
    }
}

/// Returns what it was given.
struct Echo {
    input: Schema,
}

impl Echo {
    fn new() -> Result<Self, BadSchema> {
        let input = json!({"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}});
        Ok(Self { input: Schema::parse(input)? })
    }
}

#[async_trait]
impl Tool for Echo {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "echo".into(),
            description: "Returns its text.".to_owned(),
            input: self.input.clone(),
            output: None,
            effect: Effect::Pure,
            queue: "builtin".into(),
            timeout: Duration::from_secs(10),
            max_result_bytes: 1 << 20,
            calls_model: false,
        }
    }

    async fn call(&self, mut input: Value, _: &Call) -> Result<Value, Failure> {
        Ok(input["text"].take())
    }
}
