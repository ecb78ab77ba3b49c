//! The gRPC face of the planner: `sortie.v1.Planner`, whose plans and answers each come from a model
//! or from the built-in offline rules.
//!
//! A call keeps nothing and starts no task. Its parts leave one by one as the client takes them;
//! when the client goes away, the stream is dropped, and with it the model call that it owns.

mod answer;
mod call;
mod offline;
mod plan;
mod voice;

use std::time::Duration;

use sortie_engine::{Failure, FailureKind};
use sortie_models::{BadPrompt, Model, Models, Prompts};
use sortie_proto::failure::status;
use sortie_proto::v1::planner_server::{Planner, PlannerServer};
use sortie_proto::v1::step_report::Outcome;
use sortie_proto::{BadField, v1};
use tonic::{Request, Response, Status};

use crate::prompts::{AnswerPrompt, PlanPrompts};
use answer::AnswerCall;
use call::{Parts, parts};
use plan::PlanCall;

/// The largest message in both directions: a run's previews fit, and no client can fill the memory.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// Where no worker is there, the plan is asked for again after so long: they may be starting, or
/// coming back with their store.
const FOR_WORKERS: Duration = Duration::from_secs(2);
/// Nobody waits longer to hear who plans: the first call tells it as well.
const NAMING_PATIENCE: Duration = Duration::from_secs(2);
/// What an answer may have if the call does not say.
const DEFAULT_ANSWER_BYTES: usize = 256 * 1024;

/// Who makes something: plans, or answers.
#[derive(Debug, Clone)]
pub enum Author<P> {
    /// The built-in rules.
    Offline,
    /// A model, with what it is told.
    Model(Model, Box<P>),
}

/// Who makes plans.
pub type Plans = Author<PlanPrompts>;
/// Who makes answers.
pub type Answers = Author<AnswerPrompt>;

impl Plans {
    /// Plans by a model.
    ///
    /// # Errors
    /// If one of the prompts in force cannot be used.
    pub fn by(model: Model, prompts: &Prompts) -> Result<Self, BadPrompt> {
        Ok(Self::Model(model, Box::new(PlanPrompts::load(prompts)?)))
    }
}

impl Answers {
    /// Answers by a model.
    ///
    /// # Errors
    /// If the prompt in force cannot be used.
    pub fn by(model: Model, prompts: &Prompts) -> Result<Self, BadPrompt> {
        Ok(Self::Model(model, Box::new(AnswerPrompt::load(prompts)?)))
    }
}

impl<P> Author<P> {
    /// For people. A server may have to be asked for the name of its model.
    async fn name(&self) -> String {
        match self {
            Self::Offline => crate::offline::NAME.to_owned(),
            Self::Model(model, _) => {
                let name = tokio::time::timeout(NAMING_PATIENCE, model.look_up()).await;
                name.unwrap_or_else(|_| model.name()).to_string()
            }
        }
    }
}

/// Makes plans and answers.
#[derive(Debug, Clone)]
pub struct PlannerService {
    plans: Plans,
    answers: Answers,
}

/// The planner service by rules alone, ready to be added to a server.
#[must_use]
pub fn service() -> PlannerServer<PlannerService> {
    PlannerService::new(Plans::Offline, Answers::Offline).into_server()
}

impl PlannerService {
    /// A planner of two halves.
    #[must_use]
    pub fn new(plans: Plans, answers: Answers) -> Self {
        Self { plans, answers }
    }

    /// By the models of these roles; by the built-in rules where there is none.
    ///
    /// # Errors
    /// If one of the prompts in force cannot be used.
    pub fn of(models: &Models, prompts: &Prompts) -> Result<Self, BadPrompt> {
        let plans = match &models.planner {
            Some(model) => Plans::by(model.clone(), prompts)?,
            None => Plans::Offline,
        };
        let answers = match &models.synthesizer {
            Some(model) => Answers::by(model.clone(), prompts)?,
            None => Answers::Offline,
        };
        Ok(Self::new(plans, answers))
    }

    /// The same, ready to be added to a server.
    #[must_use]
    pub fn into_server(self) -> PlannerServer<Self> {
        PlannerServer::new(self)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    fn plan(&self, request: &v1::MakePlanRequest) -> Result<Parts<v1::MakePlanResponse>, Failure> {
        let max_steps = match request.max_steps {
            0 => sortie_engine::MAX_STEPS as usize,
            most => most as usize,
        };
        if request.tools.is_empty() {
            let message = "no worker offers a tool, so nothing can be planned: start a worker";
            let retry_after = Some(FOR_WORKERS);
            return Err(Failure { retry_after, ..Failure::new(FailureKind::Unavailable, message) });
        }
        match &self.plans {
            Plans::Offline => offline::plan_parts(request, max_steps).map(ready),
            Plans::Model(model, prompts) => {
                Ok(parts(PlanCall::new(model, prompts, request, max_steps)))
            }
        }
    }

    fn answer(
        &self,
        request: v1::SynthesizeRequest,
    ) -> Result<Parts<v1::SynthesizeResponse>, Failure> {
        check(&request)?;
        let max_bytes = match request.max_answer_bytes {
            0 => DEFAULT_ANSWER_BYTES,
            most => most as usize,
        };
        match &self.answers {
            Answers::Offline => offline::answer_parts(request, max_bytes).map(ready),
            Answers::Model(model, prompt) => {
                Ok(parts(AnswerCall::new(model, prompt, &request, max_bytes)))
            }
        }
    }
}

#[tonic::async_trait]
impl Planner for PlannerService {
    type MakePlanStream = Parts<v1::MakePlanResponse>;
    type SynthesizeStream = Parts<v1::SynthesizeResponse>;

    async fn make_plan(
        &self,
        request: Request<v1::MakePlanRequest>,
    ) -> Result<Response<Self::MakePlanStream>, Status> {
        let request = request.into_inner();
        let (run, version) = (request.run_id.as_str(), request.version);
        let _entered = tracing::info_span!("make_plan", run, version).entered();
        let parts = self.plan(&request).map_err(|failure| {
            tracing::info!(kind = failure.kind.as_str(), "goal is not plannable");
            status(&failure)
        })?;
        Ok(Response::new(parts))
    }

    async fn synthesize(
        &self,
        request: Request<v1::SynthesizeRequest>,
    ) -> Result<Response<Self::SynthesizeStream>, Status> {
        let request = request.into_inner();
        let (run, attempt) = (request.run_id.clone(), request.attempt);
        let _entered = tracing::info_span!("synthesize", run, attempt).entered();
        let parts = self.answer(request).map_err(|failure| {
            tracing::info!(kind = failure.kind.as_str(), "results give no answer");
            status(&failure)
        })?;
        Ok(Response::new(parts))
    }

    async fn describe_planner(
        &self,
        _: Request<v1::DescribePlannerRequest>,
    ) -> Result<Response<v1::DescribePlannerResponse>, Status> {
        let (planner, synthesizer) = tokio::join!(self.plans.name(), self.answers.name());
        Ok(Response::new(v1::DescribePlannerResponse { planner, synthesizer }))
    }
}

fn ready<T: Send + 'static>(parts: Vec<T>) -> Parts<T> {
    Box::pin(tokio_stream::iter(parts.into_iter().map(Ok)))
}

/// Whether there is something to answer from.
fn check(request: &v1::SynthesizeRequest) -> Result<(), Failure> {
    if request.steps.iter().any(|step| step.outcome.is_none()) {
        return Err(BadField::new("outcome", "is not set").into());
    }
    if !request.steps.iter().any(|step| matches!(step.outcome, Some(Outcome::Result(_)))) {
        let message = "no step has a result, so there is nothing to answer from";
        return Err(Failure::new(FailureKind::NoResults, message));
    }
    Ok(())
}
