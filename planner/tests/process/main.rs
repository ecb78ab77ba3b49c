//! The program of the planner: it plans over gRPC, tells its health, and ends in order.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests")]

#[path = "../kit/mod.rs"]
mod kit;
#[path = "../../../crates/cli/tests/cli/process.rs"]
mod process;

use process::{Server, finish, program};
use sortie_proto::v1;
use sortie_proto::v1::make_plan_response::Part;
use sortie_proto::v1::planner_client::PlannerClient;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const PLANNER: &str = env!("CARGO_BIN_EXE_sortie-planner");

fn start() -> Server {
    Server::with(&mut program(PLANNER, &[]))
}

// With a thread of its own, the connection hears that the server ends while the test waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn it_makes_plans_and_ends_when_told() {
    let server = start();
    let mut client = PlannerClient::connect(server.url.clone()).await.unwrap();
    let request = v1::MakePlanRequest {
        goal: "What is 15% of 240?".to_owned(),
        tools: kit::tools(),
        max_steps: 9,
        ..Default::default()
    };
    let mut parts = client.make_plan(request).await.unwrap().into_inner();
    let mut tools = Vec::new();
    while let Some(part) = parts.message().await.unwrap() {
        if let Some(Part::Step(step)) = part.part {
            tools.push(step.tool);
        }
    }
    assert_eq!(tools, ["calculate"]);
    server.running.terminate();
    assert_eq!(server.running.finish().code, Some(0));
}

#[tokio::test]
async fn it_is_alive_and_ready_as_long_as_it_answers() {
    let server = start();
    let channel = Endpoint::from_shared(server.url.clone()).unwrap().connect_lazy();
    let mut health = HealthClient::new(channel);
    for service in ["liveness", "readiness", "", "sortie.v1.Planner"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let status = health.check(request).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{service:?}");
    }
}

#[test]
fn what_it_cannot_use_is_refused_with_all_mistakes() {
    let done = finish(&mut program(PLANNER, &["--listen", "everywhere", "--grace", "soon"]));
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("--listen: is `everywhere`"), "{}", done.stderr);
    assert!(done.stderr.contains("--grace: is `soon`"), "{}", done.stderr);
    let server = start();
    let address = server.url.strip_prefix("http://").unwrap();
    let done = finish(&mut program(PLANNER, &["--listen", address]));
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains(&format!("error: cannot listen on {address}: ")), "{done:?}");
}
