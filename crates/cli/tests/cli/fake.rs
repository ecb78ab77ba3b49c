//! A coordinator and planner that do what a test wrote down. Each `WatchRun` call plays the next
//! list of acts; every call is recorded.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use sortie_proto::v1;
use sortie_proto::v1::coordinator_server::{Coordinator, CoordinatorServer};
use sortie_proto::v1::planner_server::{Planner, PlannerServer};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

/// Long enough for one event to reach the program, short enough to send hundreds.
const MOMENT: Duration = Duration::from_millis(20);
/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// One thing that a watch does.
#[derive(Clone)]
pub(crate) enum Act {
    Send(Box<v1::WatchRunResponse>),
    /// Goes on when the test opens the gate.
    Wait(Arc<Notify>),
    /// Goes on when `CancelRun` was called.
    WaitForCancel,
    /// The stream ends with this status.
    Break(Status),
    /// Nothing comes any more.
    Hang,
}

/// What the fake answers.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) watches: VecDeque<Vec<Act>>,
    pub(crate) submit: Option<Status>,
    pub(crate) run: Option<v1::Run>,
    pub(crate) pages: VecDeque<v1::ListRunsResponse>,
    pub(crate) tools: Vec<v1::Tool>,
    pub(crate) plan: Vec<Result<v1::MakePlanResponse, Status>>,
    pub(crate) result_chunks: Vec<Vec<u8>>,
    /// `CancelRun` never answers.
    pub(crate) cancel_hangs: bool,
    pub(crate) cancel_state: v1::RunState,
}

/// What was asked.
#[derive(Default, Clone)]
pub(crate) struct Calls {
    pub(crate) submits: Vec<v1::SubmitGoalRequest>,
    pub(crate) watches: Vec<v1::WatchRunRequest>,
    pub(crate) cancels: Vec<v1::CancelRunRequest>,
    pub(crate) lists: Vec<v1::ListRunsRequest>,
    pub(crate) plans: Vec<v1::MakePlanRequest>,
}

struct Shared {
    script: Mutex<Script>,
    calls: Mutex<Calls>,
    called: Condvar,
    cancelled: Notify,
}

/// The running fake.
pub(crate) struct Fake {
    shared: Arc<Shared>,
    listener: TcpListener,
    runtime: Option<Runtime>,
    pub(crate) address: SocketAddr,
}

impl Fake {
    pub(crate) fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            calls: Mutex::default(),
            called: Condvar::new(),
            cancelled: Notify::new(),
        });
        let address = listener.local_addr().unwrap();
        let mut fake = Self { shared, listener, runtime: None, address };
        fake.serve();
        fake
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every connection breaks as if the process had been killed; a new one takes its place.
    pub(crate) fn crash_and_restart(&mut self) {
        self.stop();
        self.serve();
    }

    /// Every connection breaks as if the process had been killed, and nobody answers there any more.
    pub(crate) fn die(mut self) {
        self.stop();
    }

    /// What the next watches play, in place of what was written down.
    pub(crate) fn will_play(&self, watches: Vec<Vec<Act>>) {
        self.shared.script.lock().unwrap().watches = watches.into();
    }

    fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(PATIENCE);
        }
    }

    pub(crate) fn calls(&self) -> Calls {
        self.shared.calls.lock().unwrap().clone()
    }

    /// Waits until the calls are as wanted.
    pub(crate) fn wait_for(&self, wanted: impl Fn(&Calls) -> bool) {
        let calls = self.shared.calls.lock().unwrap();
        let (_calls, timeout) =
            self.shared.called.wait_timeout_while(calls, PATIENCE, |calls| !wanted(calls)).unwrap();
        assert!(!timeout.timed_out(), "the calls that the test waits for never came");
    }

    /// Whether the calls are as wanted now or in a moment.
    pub(crate) fn has_seen(&self, wanted: impl Fn(&Calls) -> bool) -> bool {
        let calls = self.shared.calls.lock().unwrap();
        let waited = self.shared.called.wait_timeout_while(calls, MOMENT, |calls| !wanted(calls));
        !waited.unwrap().1.timed_out()
    }

    fn serve(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = self.listener.try_clone().unwrap();
        let shared = self.shared.clone();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            tonic::transport::Server::builder()
                .add_service(CoordinatorServer::new(Service(shared.clone())))
                .add_service(PlannerServer::new(Service(shared)))
                .serve_with_incoming(TcpListenerStream::new(listener))
                .await
                .unwrap();
        });
        self.runtime = Some(runtime);
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Service(Arc<Shared>);

impl Service {
    fn record(&self, record: impl FnOnce(&mut Calls)) {
        record(&mut self.0.calls.lock().unwrap());
        self.0.called.notify_all();
    }

    fn script<T>(&self, read: impl FnOnce(&mut Script) -> T) -> T {
        read(&mut self.0.script.lock().unwrap())
    }
}

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

async fn play(
    acts: Vec<Act>,
    shared: Arc<Shared>,
    to: mpsc::Sender<Result<v1::WatchRunResponse, Status>>,
) {
    for act in acts {
        match act {
            Act::Send(response) => {
                if to.send(Ok(*response)).await.is_err() {
                    return;
                }
            }
            Act::Wait(gate) => gate.notified().await,
            Act::WaitForCancel => shared.cancelled.notified().await,
            Act::Break(status) => {
                to.send(Err(status)).await.ok();
                return;
            }
            Act::Hang => to.closed().await,
        }
    }
}

#[tonic::async_trait]
impl Coordinator for Service {
    type WatchRunStream = Streamed<v1::WatchRunResponse>;
    type GetResultStream = Streamed<v1::GetResultResponse>;

    async fn submit_goal(
        &self,
        request: Request<v1::SubmitGoalRequest>,
    ) -> Result<Response<v1::SubmitGoalResponse>, Status> {
        self.record(|calls| calls.submits.push(request.into_inner()));
        match self.script(|script| script.submit.clone()) {
            Some(status) => Err(status),
            None => Ok(Response::new(v1::SubmitGoalResponse {
                run_id: "r1".to_owned(),
                already_submitted: false,
            })),
        }
    }

    async fn get_run(
        &self,
        request: Request<v1::GetRunRequest>,
    ) -> Result<Response<v1::GetRunResponse>, Status> {
        let run_id = request.into_inner().run_id;
        let run = self.script(|script| script.run.clone());
        let run = run.ok_or_else(|| Status::not_found(format!("there is no run {run_id}")))?;
        Ok(Response::new(v1::GetRunResponse { run: Some(run) }))
    }

    async fn watch_run(
        &self,
        request: Request<v1::WatchRunRequest>,
    ) -> Result<Response<Self::WatchRunStream>, Status> {
        self.record(|calls| calls.watches.push(request.into_inner()));
        let acts = self.script(|script| script.watches.pop_front());
        let acts = acts.ok_or_else(|| Status::not_found("no more watches in the script"))?;
        let (to, from) = mpsc::channel(1);
        tokio::spawn(play(acts, self.0.clone(), to));
        Ok(Response::new(Box::pin(ReceiverStream::new(from))))
    }

    async fn list_runs(
        &self,
        request: Request<v1::ListRunsRequest>,
    ) -> Result<Response<v1::ListRunsResponse>, Status> {
        self.record(|calls| calls.lists.push(request.into_inner()));
        Ok(Response::new(self.script(|script| script.pages.pop_front()).unwrap_or_default()))
    }

    async fn cancel_run(
        &self,
        request: Request<v1::CancelRunRequest>,
    ) -> Result<Response<v1::CancelRunResponse>, Status> {
        self.record(|calls| calls.cancels.push(request.into_inner()));
        self.0.cancelled.notify_one();
        let (hangs, state) = self.script(|script| (script.cancel_hangs, script.cancel_state));
        if hangs {
            std::future::pending::<()>().await;
        }
        Ok(Response::new(v1::CancelRunResponse { state: state.into() }))
    }

    async fn list_tools(
        &self,
        _: Request<v1::ListToolsRequest>,
    ) -> Result<Response<v1::ListToolsResponse>, Status> {
        let tools = self.script(|script| script.tools.clone());
        Ok(Response::new(v1::ListToolsResponse { tools }))
    }

    async fn get_result(
        &self,
        _: Request<v1::GetResultRequest>,
    ) -> Result<Response<Self::GetResultStream>, Status> {
        let chunks = self.script(|script| std::mem::take(&mut script.result_chunks));
        let chunks = tokio_stream::iter(chunks).map(|json| Ok(v1::GetResultResponse { json }));
        Ok(Response::new(Box::pin(chunks)))
    }
}

#[tonic::async_trait]
impl Planner for Service {
    type MakePlanStream = Streamed<v1::MakePlanResponse>;
    type SynthesizeStream = Streamed<v1::SynthesizeResponse>;

    async fn make_plan(
        &self,
        request: Request<v1::MakePlanRequest>,
    ) -> Result<Response<Self::MakePlanStream>, Status> {
        self.record(|calls| calls.plans.push(request.into_inner()));
        let parts = self.script(|script| std::mem::take(&mut script.plan));
        Ok(Response::new(Box::pin(tokio_stream::iter(parts))))
    }

    async fn synthesize(
        &self,
        _: Request<v1::SynthesizeRequest>,
    ) -> Result<Response<Self::SynthesizeStream>, Status> {
        Err(Status::unimplemented("nobody asks for it"))
    }
    async fn describe_planner(
        &self,
        _: Request<v1::DescribePlannerRequest>,
    ) -> Result<Response<v1::DescribePlannerResponse>, Status> {
        Err(Status::unimplemented("nobody asks for it"))
    }
}
