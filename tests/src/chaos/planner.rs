//! A planner that plans what the goal says and answers with what the results are, as a process of
//! its own behind `sortie.v1.Planner`.

use std::pin::Pin;
use std::time::Duration;

use sortie_engine::{Failure, FailureKind};
use sortie_proto::failure::status;
use sortie_proto::v1;
use sortie_proto::v1::planner_server::{Planner, PlannerServer};
use sortie_proto::v1::step_report::Outcome;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status};

use super::graph::{Graph, said_of};

/// Who plans, as histories name it.
pub const NAME: &str = "a test's plan";

struct ScriptPlanner;

type Parts<T> = Pin<Box<dyn tokio_stream::Stream<Item = Result<T, Status>> + Send>>;

/// Serves until the process ends.
///
/// # Errors
/// If the server cannot go on.
pub async fn serve(listener: TcpListener) -> Result<(), tonic::transport::Error> {
    tonic::transport::Server::builder()
        .add_service(PlannerServer::new(ScriptPlanner))
        .serve_with_incoming(TcpListenerStream::new(listener))
        .await
}

#[tonic::async_trait]
impl Planner for ScriptPlanner {
    type MakePlanStream = Parts<v1::MakePlanResponse>;
    type SynthesizeStream = Parts<v1::SynthesizeResponse>;

    async fn make_plan(
        &self,
        request: Request<v1::MakePlanRequest>,
    ) -> Result<Response<Self::MakePlanStream>, Status> {
        use v1::make_plan_response::Part;
        let graph = graph(&request.into_inner().goal)?;
        let pause = Duration::from_millis(graph.plan_ms);
        Ok(Response::new(stream(move |words| async move {
            for node in &graph.steps {
                tokio::time::sleep(pause).await;
                let step = v1::PlannedStep {
                    step_number: node.number,
                    description: format!("does {}", node.number),
                    tool: node.kind.tool().to_owned(),
                    tool_input: graph.input(node).to_string(),
                    depends_on: node.after.clone(),
                };
                let part = v1::MakePlanResponse { part: Some(Part::Step(step)) };
                // Nobody listens any more: the call is over.
                words.send(Ok(part)).await.ok()?;
            }
            let end = v1::PlanEnd { usage: Some(one_call()), problems: Vec::new() };
            words.send(Ok(v1::MakePlanResponse { part: Some(Part::End(end)) })).await.ok()
        })))
    }

    async fn synthesize(
        &self,
        request: Request<v1::SynthesizeRequest>,
    ) -> Result<Response<Self::SynthesizeStream>, Status> {
        use v1::synthesize_response::Part;
        let request = request.into_inner();
        let graph = graph(&request.goal)?;
        Ok(Response::new(stream(move |words| async move {
            tokio::time::sleep(Duration::from_millis(graph.answer_ms)).await;
            for step in &request.steps {
                let json = match &step.outcome {
                    Some(Outcome::Result(preview)) => Some(preview.json.as_str()),
                    Some(Outcome::Failure(_)) | None => None,
                };
                let text = Part::Text(said_of(step.step_number, json));
                words.send(Ok(v1::SynthesizeResponse { part: Some(text) })).await.ok()?;
            }
            let end = Part::End(v1::AnswerEnd { usage: Some(one_call()) });
            words.send(Ok(v1::SynthesizeResponse { part: Some(end) })).await.ok()
        })))
    }

    async fn describe_planner(
        &self,
        _: Request<v1::DescribePlannerRequest>,
    ) -> Result<Response<v1::DescribePlannerResponse>, Status> {
        let (planner, synthesizer) = (NAME.to_owned(), NAME.to_owned());
        Ok(Response::new(v1::DescribePlannerResponse { planner, synthesizer }))
    }
}

fn graph(goal: &str) -> Result<Graph, Status> {
    let failure = || Failure::new(FailureKind::Unplannable, "the goal says no plan");
    Graph::of_goal(goal).ok_or_else(|| status(&failure()))
}

fn one_call() -> v1::Usage {
    v1::Usage { model_calls: 1, ..v1::Usage::default() }
}

/// What a task says, which ends with whoever listens.
fn stream<T: Send + 'static, F>(
    work: impl FnOnce(mpsc::Sender<Result<T, Status>>) -> F + Send + 'static,
) -> Parts<T>
where
    F: Future<Output = Option<()>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(work(sender));
    Box::pin(ReceiverStream::new(receiver))
}
