//! Model calls of runs: each a task that talks to the planner and tells the driver what it says.
//!
//! A call holds one of a limited number of places; whoever drops its handle ends it and frees the
//! place. Words go to the driver over a bounded channel, so a fast planner waits for the driver.

mod answer;
mod places;
mod plan;
mod previews;
mod reports;
mod texts;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sortie_engine::{Catalogue, Command, Failure, FailureKind, Lane, ModelCall, Run, RunId, Usage};
use sortie_store::Store;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::driver::DriverOptions;
use crate::planner::{CallFailed, Planner};
pub(crate) use places::{Place, Places};
use reports::Reports;
pub use texts::Texts;

/// Words on their way to the driver; a plan's steps come in bursts of a few.
const WORDS: usize = 1024;

/// What a model call says.
#[derive(Debug)]
pub(crate) struct Word {
    pub(crate) run: RunId,
    pub(crate) call: ModelCall,
    pub(crate) command: Command,
    /// Whether the call ends with it.
    pub(crate) is_last: bool,
}

/// An open model call; dropping it ends the call.
pub(crate) struct CallHandle(AbortHandle);

impl Drop for CallHandle {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts model calls.
pub(crate) struct Calls {
    planner: Arc<dyn Planner>,
    store: Arc<dyn Store>,
    silence: Duration,
    words: mpsc::Sender<Word>,
    tasks: TaskTracker,
    places: Arc<Places>,
    texts: Texts,
    /// The lanes whose calls may speak in public.
    lanes: watch::Sender<BTreeSet<Lane>>,
}

/// What the task of one call needs.
#[derive(Clone)]
struct Caller {
    planner: Arc<dyn Planner>,
    store: Arc<dyn Store>,
    silence: Duration,
    words: mpsc::Sender<Word>,
    texts: Texts,
    lanes: watch::Receiver<BTreeSet<Lane>>,
    run: RunId,
    call: ModelCall,
}

impl Calls {
    pub(crate) fn new(
        planner: Arc<dyn Planner>,
        store: Arc<dyn Store>,
        options: &DriverOptions,
    ) -> (Self, mpsc::Receiver<Word>) {
        let (words, heard) = mpsc::channel(WORDS);
        let calls = Self {
            planner,
            store,
            silence: options.call_silence,
            words,
            tasks: TaskTracker::new(),
            places: Arc::new(Places::new(options.model_calls)),
            texts: Texts::default(),
            lanes: watch::channel(BTreeSet::new()).0,
        };
        (calls, heard)
    }

    /// The texts that answer calls write at the moment.
    pub(crate) fn texts(&self) -> Texts {
        self.texts.clone()
    }

    /// Calls for runs of these lanes may speak in public; the others only to the driver.
    pub(crate) fn speak_for(&self, lanes: BTreeSet<Lane>) {
        self.lanes.send_if_modified(|told| {
            let differs = *told != lanes;
            *told = lanes;
            differs
        });
    }

    pub(crate) fn places(&self) -> &Arc<Places> {
        &self.places
    }

    /// Starts the call that a run waits for. Its commit is durable.
    pub(crate) fn start(
        &self,
        run: &Run,
        call: ModelCall,
        catalogue: &Catalogue,
        place: Place,
    ) -> CallHandle {
        let caller = Caller {
            planner: self.planner.clone(),
            store: self.store.clone(),
            silence: self.silence,
            words: self.words.clone(),
            texts: self.texts.clone(),
            lanes: self.lanes.subscribe(),
            run: run.id(),
            call,
        };
        let id = run.id();
        let (span, work): (_, BoxFuture<'static, ()>) = match call {
            ModelCall::Plan(version) => {
                let request = plan::request(run, version, catalogue);
                let span = tracing::info_span!("plan_call", run = %id, version = %version);
                (span, Box::pin(plan::make(caller.clone(), request, Reports::of_replaced(run))))
            }
            ModelCall::Answer(attempt) => {
                let (goal, reports) = (run.goal().text.clone(), Reports::of_plan(run));
                let span = tracing::info_span!("answer_call", run = %id, attempt = %attempt);
                (span, Box::pin(answer::make(caller.clone(), goal, reports)))
            }
        };
        let task = self.tasks.spawn(hold(place, caller, work).instrument(span));
        CallHandle(task.abort_handle())
    }

    /// Runs something small beside the driver's loop.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Waits until every task has ended; the handles of the calls are dropped already.
    pub(crate) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A call that panics ends like any other that fails: otherwise its run would wait for it for ever.
async fn hold(place: Place, caller: Caller, work: BoxFuture<'static, ()>) {
    if AssertUnwindSafe(work).catch_unwind().await.is_err() {
        caller.crashed().await;
    }
    drop(place);
}

impl Caller {
    async fn say(&self, command: Command) {
        self.tell(command, false).await;
    }

    async fn end(&self, command: Command) {
        self.tell(command, true).await;
    }

    async fn tell(&self, command: Command, is_last: bool) {
        let word = Word { run: self.run, call: self.call, command, is_last };
        // The driver is gone: whoever adopts the run asks again.
        let _ = self.words.send(word).await;
    }

    async fn crashed(&self) {
        tracing::error!("a model call panicked");
        let failure = Failure::new(FailureKind::Internal, "the call of the planner crashed");
        let usage = Usage::default();
        self.end(match self.call {
            ModelCall::Plan(version) => Command::PlanFailed { version, failure, usage },
            ModelCall::Answer(attempt) => Command::AnswerFailed { attempt, failure, usage },
        })
        .await;
    }

    /// A call and what takes in its words, both to their end; a failure of either ends both. Once
    /// nothing more can come, the call has as long to return as it may be silent.
    async fn both<E, T>(
        &self,
        call: impl Future<Output = Result<E, CallFailed>>,
        intake: impl Future<Output = Result<T, Failure>>,
    ) -> Result<(E, T), CallFailed> {
        let (mut call, mut intake) = (pin!(call), pin!(intake));
        tokio::select! {
            biased;
            end = &mut call => {
                let end = end?;
                Ok((end, intake.await?))
            }
            taken = &mut intake => {
                let taken = taken?;
                let returned = timeout(self.silence, call).await;
                Ok((returned.map_err(|_| self.fell_silent())??, taken))
            }
        }
    }

    fn fell_silent(&self) -> Failure {
        let seconds = self.silence.as_secs();
        let message = format!("the planner said nothing for {seconds} s");
        Failure::new(FailureKind::Timeout, message)
    }
}
