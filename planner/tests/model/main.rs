//! The service over an in-memory connection, with a model that says what the test says.
#![allow(
    clippy::unwrap_used,
    reason = "the helpers of tests, which clippy takes for ordinary code"
)]

#[path = "../kit/mod.rs"]
mod kit;

mod answers;
mod fake;
mod plans;

use hyper_util::rt::TokioIo;
use sortie_models::{Model, Prompts};
use sortie_planner::{Answers, PlannerService, Plans};
use sortie_proto::v1;
use sortie_proto::v1::planner_client::PlannerClient;
use tonic::transport::{Channel, Endpoint, Server};

use fake::Fake;

/// A client of a planner whose plans and answers come from the model.
async fn client(fake: &Fake) -> PlannerClient<Channel> {
    let model = Model::unpriced(fake.model());
    let plans = Plans::by(model.clone(), &Prompts::default()).unwrap();
    let answers = Answers::by(model, &Prompts::default()).unwrap();
    connect(PlannerService::new(plans, answers)).await
}

async fn connect(service: PlannerService) -> PlannerClient<Channel> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let incoming = tokio_stream::once(Ok::<_, std::io::Error>(far));
    let server = Server::builder().add_service(service.into_server());
    tokio::spawn(server.serve_with_incoming(incoming));
    let mut near = Some(near);
    let connect = tower::service_fn(move |_| {
        let near = near.take().map(TokioIo::new);
        async move { near.ok_or_else(|| std::io::Error::other("one connection only")) }
    });
    let endpoint = Endpoint::from_static("http://planner");
    PlannerClient::new(endpoint.connect_with_connector(connect).await.unwrap())
}

#[tokio::test]
async fn the_planner_names_both_halves() {
    let model = Model::unpriced(Fake::new().model());
    let plans = Plans::by(model, &Prompts::default()).unwrap();
    let service = PlannerService::new(plans, Answers::Offline);
    let request = v1::DescribePlannerRequest {};
    let told = connect(service).await.describe_planner(request).await.unwrap().into_inner();
    assert_eq!(told.planner, "script fake");
    assert_eq!(told.synthesizer, "built-in offline rules");
}
