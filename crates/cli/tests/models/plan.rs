//! `sortie plan` with a model: one call, and what came of it.

use std::process::Command;

use serde_json::json;
use sortie_llm::Provider;
use sortie_llm::mock::{Server, refusal};

use crate::kit::{GOAL, MODEL, beside, each, finish, good_plan, says, used};

fn plan(server: &Server, provider: Provider) -> Command {
    beside(server, provider, &["plan", "--json", GOAL])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_shown_with_its_author_and_its_usage() {
    each(|provider| async move {
        let server = Server::start().await;
        server.reply(says(provider, &good_plan()));
        let done = finish(plan(&server, provider)).await;
        assert_eq!(done.code, Some(0), "{done:?}");
        let plan = done.result();
        let told = plan["planner"].as_str().unwrap();
        assert!(told.ends_with(&format!("{MODEL} at {}", server.base_url())), "{told}");
        let interface = provider.as_str();
        assert_eq!(told.starts_with(interface), provider != Provider::OpenAi, "{told}");
        assert_eq!(plan["steps"][1]["tool_input"], json!({"expression": "{{1.value}} * 2"}));
        assert_eq!((&plan["problems"], &plan["usage"]), (&json!([]), &used(1)));
        assert_eq!(server.requests().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_is_none_is_shown_with_its_faults() {
    each(|provider| async move {
        let server = Server::start().await;
        server.reply(says(provider, "I would rather write a poem."));
        let done = finish(plan(&server, provider)).await;
        assert_eq!(done.code, Some(1), "{done:?}");
        let problem = done.result()["problems"][0]["message"].to_string();
        assert!(problem.contains("it begins with `I would rather write a poem.`"), "{problem}");
        assert_eq!(server.requests().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_model_is_told_in_its_words() {
    each(|provider| async move {
        for (status, wanted) in [(500, "try again later"), (401, "check SORTIE_MODEL_API_KEY")] {
            let server = Server::start().await;
            server.reply(refusal(provider, status, "no"));
            let done = finish(plan(&server, provider)).await;
            assert_eq!(done.code, Some(1), "{done:?}");
            assert!(done.stderr.contains(wanted), "{wanted} in {}", done.stderr);
            assert!(!done.stderr.contains("sortie serve"), "{}", done.stderr);
            assert_eq!(server.requests().len(), 1);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_told_apart_from_the_cluster() {
    each(|provider| async move {
        let server = Server::start().await;
        let (command, url) = (plan(&server, provider), server.base_url());
        server.stop().await;
        let done = finish(command).await;
        assert_eq!(done.code, Some(1), "{done:?}");
        let wanted = format!("cannot plan the goal: nobody answers at {url}");
        assert!(done.stderr.contains(&wanted), "{}", done.stderr);
    })
    .await;
}
