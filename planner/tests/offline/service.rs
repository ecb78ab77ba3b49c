//! The service over an in-memory connection.

use hyper_util::rt::TokioIo;
use sortie_engine::FailureKind;
use sortie_proto::failure::failure;
use sortie_proto::v1;
use sortie_proto::v1::planner_client::PlannerClient;
use tonic::transport::{Channel, Endpoint, Server};

async fn client() -> PlannerClient<Channel> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let incoming = tokio_stream::once(Ok::<_, std::io::Error>(far));
    tokio::spawn(
        Server::builder().add_service(sortie_planner::service()).serve_with_incoming(incoming),
    );
    let mut near = Some(near);
    let connect = tower::service_fn(move |_| {
        let near = near.take().map(TokioIo::new);
        async move { near.ok_or_else(|| std::io::Error::other("one connection only")) }
    });
    let endpoint = Endpoint::from_static("http://planner");
    PlannerClient::new(endpoint.connect_with_connector(connect).await.unwrap())
}

fn tools() -> Vec<v1::Tool> {
    let tool = |name: &str| v1::Tool { name: name.to_owned(), ..v1::Tool::default() };
    ["search", "calculate", "summarize", "now"].into_iter().map(tool).collect()
}

#[tokio::test]
async fn a_plan_comes_as_info_steps_and_end() {
    use v1::make_plan_response::Part;
    let goal = "Compare Rust and Python.".to_owned();
    let request = v1::MakePlanRequest {
        goal,
        tools: tools(),
        max_steps: 9,
        ..v1::MakePlanRequest::default()
    };
    let mut stream = client().await.make_plan(request).await.unwrap().into_inner();
    let mut kinds = Vec::new();
    while let Some(response) = stream.message().await.unwrap() {
        kinds.push(match response.part.unwrap() {
            Part::Info(info) => info.planner,
            Part::Step(step) => step.description,
            Part::Beat(_) => "beat".to_owned(),
            Part::End(end) => end.usage.unwrap().model_calls.to_string(),
        });
    }
    assert_eq!(kinds, ["built-in offline rules", "Look up Rust", "Look up Python", "0"]);
}

#[tokio::test]
async fn an_unplannable_goal_ends_with_its_kind() {
    let goal = "Write a poem.".to_owned();
    let request = v1::MakePlanRequest { goal, tools: tools(), ..v1::MakePlanRequest::default() };
    let status = client().await.make_plan(request).await.unwrap_err();
    let told = failure(&status);
    assert_eq!(told.kind, FailureKind::Unplannable);
    assert!(told.message.contains("`Write a poem`") && told.message.contains("model"));
}

#[tokio::test]
async fn an_answer_comes_in_lines_and_ends() {
    use v1::synthesize_response::Part;
    let json = r#"{"value":"4","text":"2 + 2 = 4"}"#.to_owned();
    let preview = v1::ResultPreview { json, truncated: false, total_bytes: 32, empty: false };
    let step = v1::StepReport {
        step_number: 1,
        description: "Calculate 2 + 2".to_owned(),
        tool: "calculate".to_owned(),
        tool_input: r#"{"expression":"2 + 2"}"#.to_owned(),
        outcome: Some(v1::step_report::Outcome::Result(preview)),
        ..v1::StepReport::default()
    };
    let request = v1::SynthesizeRequest { steps: vec![step], ..v1::SynthesizeRequest::default() };
    let mut stream = client().await.synthesize(request).await.unwrap().into_inner();
    let (mut chunks, mut ended) = (Vec::new(), false);
    while let Some(response) = stream.message().await.unwrap() {
        match response.part.unwrap() {
            Part::Text(text) => chunks.push(text),
            Part::End(_) => ended = true,
            Part::Beat(_) => {}
        }
    }
    assert!(ended);
    assert_eq!(chunks, ["**4** (2 + 2 = 4)\n", "\n", "Sources: step 1 (calculate: 2 + 2)"]);
}

#[tokio::test]
async fn reports_without_results_or_sense_are_refused() {
    let mut client = client().await;
    let empty = client.synthesize(v1::SynthesizeRequest::default()).await.unwrap_err();
    assert_eq!(failure(&empty).kind, FailureKind::NoResults);
    let steps = vec![v1::StepReport::default()];
    let request = v1::SynthesizeRequest { steps, ..v1::SynthesizeRequest::default() };
    let refused = failure(&client.synthesize(request).await.unwrap_err());
    assert_eq!(refused.kind, FailureKind::InvalidInput);
    assert!(refused.message.contains("`outcome`"));
}

#[tokio::test]
async fn the_planner_says_who_plans_before_it_plans() {
    let request = v1::DescribePlannerRequest {};
    let told = client().await.describe_planner(request).await.unwrap().into_inner();
    assert_eq!(told.planner, "built-in offline rules");
}
