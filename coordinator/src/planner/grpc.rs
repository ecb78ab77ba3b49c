//! Planners behind `sortie.v1.Planner`, in this process or others.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sortie_engine::{Failure, FailureKind, StepDraft, Usage};
use sortie_proto::v1::planner_client::PlannerClient;
use sortie_proto::{failure, v1};
use sortie_service::serving::dial;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::Status;
use tonic::transport::Channel;

use super::pool::Pool;
use super::{
    AnswerRequest, AnswerWord, Authors, CallFailed, PlanEnd, PlanRequest, PlanWord, Planner,
    StepReport,
};

/// A machine that does not answer by then is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a call waits for a planner that can be reached: longer than a restart takes. It has not
/// left by then, so waiting costs nothing but time.
const PATIENCE: Duration = Duration::from_secs(30);
/// Nobody waits longer to hear who plans: a planner may come after the coordinator.
const NAMING_PATIENCE: Duration = Duration::from_secs(3);

/// Planners behind channels.
#[derive(Debug, Clone)]
pub struct GrpcPlanner {
    pool: Arc<Pool>,
}

/// An address of a planner that is none.
#[derive(Debug, thiserror::Error)]
#[error("`{url}` is no address of a planner")]
pub struct BadPlanner {
    /// What stands there.
    pub url: String,
    /// What is wrong with it.
    pub source: tonic::transport::Error,
}

impl GrpcPlanner {
    /// The planner that answers on this channel.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { pool: Arc::new(Pool::new([(String::new(), channel)], Duration::ZERO)) }
    }

    /// The planners at these addresses, which take calls in turn. Each is dialled when its turn
    /// comes.
    ///
    /// # Errors
    /// If one of them is no address.
    pub fn dial(urls: &[String]) -> Result<Self, BadPlanner> {
        let member = |url: &String| match dial(url, CONNECT_TIMEOUT) {
            Ok(endpoint) => Ok((url.clone(), endpoint.connect_lazy())),
            Err(source) => Err(BadPlanner { url: url.clone(), source }),
        };
        let members: Vec<_> = urls.iter().map(member).collect::<Result<_, _>>()?;
        Ok(Self { pool: Arc::new(Pool::new(members, PATIENCE)) })
    }
}

#[async_trait]
impl Planner for GrpcPlanner {
    async fn describe(&self) -> Authors {
        let asked = self.pool.send(|mut client: PlannerClient<Channel>| async move {
            client.describe_planner(v1::DescribePlannerRequest {}).await
        });
        match timeout(NAMING_PATIENCE, asked).await {
            Ok(Ok(v1::DescribePlannerResponse { planner, synthesizer })) => {
                Authors { planner: Arc::from(planner), synthesizer: Arc::from(synthesizer) }
            }
            Ok(Err(_)) | Err(_) => {
                tracing::debug!("no planner says who it is");
                Authors::from("")
            }
        }
    }

    async fn make_plan(
        &self,
        request: PlanRequest,
        words: mpsc::Sender<PlanWord>,
    ) -> Result<PlanEnd, CallFailed> {
        use v1::make_plan_response::Part;
        let request = plan_request(request);
        let answer = self.pool.send(|mut client| {
            let request = request.clone();
            async move { client.make_plan(request).await }
        });
        let mut parts = answer.await.map_err(|status| broken(&status))?;
        loop {
            let message = parts.message().await.map_err(|status| broken(&status))?;
            match message.map(|message| message.part) {
                Some(Some(Part::Step(step))) => {
                    let draft = StepDraft::try_from(step).map_err(|field| not_a_step(&field))?;
                    hand_on(&words, PlanWord::Step(draft)).await?;
                }
                Some(Some(Part::End(end))) => {
                    let problems = end.problems.into_iter().map(Into::into).collect();
                    return Ok(PlanEnd { usage: usage(end.usage), problems });
                }
                Some(Some(Part::Info(_) | Part::Beat(_)) | None) => {
                    hand_on(&words, PlanWord::Beat).await?;
                }
                None => return Err(cut_off("plan").into()),
            }
        }
    }

    async fn synthesize(
        &self,
        request: AnswerRequest,
        words: mpsc::Sender<AnswerWord>,
    ) -> Result<Usage, CallFailed> {
        use v1::synthesize_response::Part;
        let request = answer_request(request);
        let answer = self.pool.send(|mut client| {
            let request = request.clone();
            async move { client.synthesize(request).await }
        });
        let mut parts = answer.await.map_err(|status| broken(&status))?;
        loop {
            let message = parts.message().await.map_err(|status| broken(&status))?;
            match message.map(|message| message.part) {
                Some(Some(Part::Text(piece))) => hand_on(&words, AnswerWord::Text(piece)).await?,
                Some(Some(Part::End(end))) => return Ok(usage(end.usage)),
                Some(Some(Part::Beat(_)) | None) => hand_on(&words, AnswerWord::Beat).await?,
                None => return Err(cut_off("answer").into()),
            }
        }
    }
}

fn plan_request(request: PlanRequest) -> v1::MakePlanRequest {
    let repair = request.repair.map(|broken| v1::Repair {
        steps: broken.steps.iter().cloned().map(Into::into).collect(),
        problems: broken.problems.iter().cloned().map(Into::into).collect(),
    });
    v1::MakePlanRequest {
        run_id: request.run.to_string(),
        version: request.version.get(),
        goal: request.goal,
        tools: request.tools.iter().map(|tool| tool.as_ref().into()).collect(),
        max_steps: request.max_steps,
        repair,
        replan: (!request.replan.is_empty())
            .then(|| v1::Replan { steps: request.replan.into_iter().map(report).collect() }),
    }
}

fn answer_request(request: AnswerRequest) -> v1::SynthesizeRequest {
    v1::SynthesizeRequest {
        run_id: request.run.to_string(),
        attempt: request.attempt.get(),
        goal: request.goal,
        steps: request.steps.into_iter().map(report).collect(),
        max_answer_bytes: u32::try_from(request.max_answer_bytes).unwrap_or(u32::MAX),
    }
}

fn report(report: StepReport) -> v1::StepReport {
    use v1::step_report::Outcome;
    let outcome = match report.outcome {
        Ok(preview) => Outcome::Result(v1::ResultPreview {
            json: preview.json,
            truncated: preview.truncated,
            total_bytes: preview.total_bytes,
            empty: preview.empty,
        }),
        Err(failure) => Outcome::Failure(failure.into()),
    };
    v1::StepReport {
        step_number: report.number.get(),
        description: report.description,
        tool: report.tool,
        tool_input: report.tool_input,
        depends_on: report.depends_on.iter().map(|number| number.get()).collect(),
        outcome: Some(outcome),
    }
}

fn usage(usage: Option<v1::Usage>) -> Usage {
    usage.map(Usage::from).unwrap_or_default()
}

fn broken(status: &Status) -> CallFailed {
    CallFailed { failure: failure::failure(status), usage: failure::usage(status) }
}

fn not_a_step(field: &sortie_proto::BadField) -> Failure {
    Failure::new(FailureKind::Internal, format!("the planner sent a step that is none: {field}"))
}

fn cut_off(what: &str) -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        format!("the planner broke off in the middle of its {what}"),
    )
}

/// A failure means that the call is being ended by its owner; nobody reads it.
async fn hand_on<T>(words: &mpsc::Sender<T>, word: T) -> Result<(), Failure> {
    let nobody = |_| Failure::new(FailureKind::Cancelled, "nobody listens to the planner any more");
    words.send(word).await.map_err(nobody)
}
