//! Servers that refuse: asked again they would refuse again, so they are asked once.

use serde_json::json;
use sortie_llm::Provider;
use sortie_llm::mock::{Reply, Seen, Server, refusal};

use crate::kit::{KEY, MODEL, Purpose, each, finish, good_plan, purpose, run, says, told};
use crate::process::Finished;

/// What people and programs are told when the model refuses like this.
async fn refused(provider: Provider, reply: Reply) -> (String, Finished, String) {
    let server = Server::start().await;
    server.reply(reply);
    let done = finish(run(&server, provider, &[])).await;
    let message = done.message();
    assert_eq!(server.requests().len(), 1, "{provider}: {message}");
    assert!(!format!("{done:?}").contains(KEY), "{done:?}");
    (message, done, server.base_url())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_not_tried_again_and_its_variable_is_named() {
    each(|provider| async move {
        // Some say in their refusal which key they did not like.
        let reply = || refusal(provider, 401, &format!("no such key: {KEY}"));
        let (message, done, url) = refused(provider, reply()).await;
        for wanted in ["check SORTIE_MODEL_API_KEY", "(401)", MODEL, &url] {
            assert!(message.contains(wanted), "{wanted} in {message}");
        }
        assert_eq!(done.result()["error"]["kind"], "permission_denied");
        let server = Server::start().await;
        server.reply(reply());
        let people = finish(told(&server, provider)).await;
        assert_eq!((people.code, server.requests().len()), (Some(1), 1), "{people:?}");
        assert!(people.stderr.contains("check SORTIE_MODEL_API_KEY"), "{}", people.stderr);
        assert!(!format!("{people:?}").contains(KEY), "{people:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_a_key_is_told_apart_from_one_that_refuses_it() {
    each(|provider| async move {
        let server = Server::start().await;
        server.reply(refusal(provider, 401, "who are you?"));
        let mut command = run(&server, provider, &[]);
        command.env_remove("SORTIE_MODEL_API_KEY");
        let message = finish(command).await.message();
        for wanted in ["wants a key", "set SORTIE_MODEL_API_KEY"] {
            assert!(message.contains(wanted), "{wanted} in {message}");
        }
        assert_eq!(server.requests().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_provider_is_called_by_its_own_variable() {
    each(|provider| async move {
        let server = Server::start().await;
        server.reply(refusal(provider, 401, "no"));
        // Provider and address are named in one place: it is a gateway of the provider.
        let mut command = run(&server, provider, &["--model-base-url", &server.base_url()]);
        command.env_remove("SORTIE_MODEL_API_KEY").env(provider.key_variable(), KEY);
        let done = finish(command).await;
        let message = done.message();
        let wanted = format!("check {}", provider.key_variable());
        assert!(message.contains(&wanted), "{wanted} in {message}");
        assert!(!format!("{done:?}").contains(KEY), "{done:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_the_server_does_not_have_is_named_with_the_way_to_another() {
    each(|provider| async move {
        let reply = refusal(provider, 404, &format!("the model `{MODEL}` does not exist"));
        let (message, done, url) = refused(provider, reply).await;
        let wanted = format!("{url} has no model `{MODEL}` (404): say another with --model");
        assert!(message.contains(&wanted), "{wanted} in {message}");
        assert_eq!(done.result()["error"]["kind"], "not_found");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_credit_is_not_asked_again() {
    let openai = json!({"error": {
        "message": "You exceeded your current quota", "type": "insufficient_quota",
        "code": "insufficient_quota",
    }});
    let anthropic = json!({"type": "error", "error": {
        "type": "invalid_request_error", "message": "Your credit balance is too low",
    }});
    for (provider, status, body) in
        [(Provider::OpenAi, 429, openai), (Provider::Anthropic, 400, anthropic)]
    {
        let (message, done, _) = refused(provider, Reply::json(status, &body)).await;
        assert!(message.contains("add credit or raise its limit"), "{message}");
        assert_eq!(done.result()["error"]["kind"], "permission_denied");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_form_for_answers_is_asked_again_without() {
    let provider = Provider::OpenAi;
    let server = Server::answering(move |seen| match (purpose(seen), has_form(seen)) {
        (_, true) => refusal(provider, 400, "response_format is not supported"),
        (Purpose::Plan, false) => says(provider, &good_plan()),
        _ => says(provider, "84"),
    })
    .await;
    let done = finish(run(&server, provider, &[])).await;
    assert_eq!(done.answer(), "84");
    let seen = server.requests();
    assert_eq!(seen.iter().map(has_form).collect::<Vec<_>>(), [true, false, false]);
}

fn has_form(seen: &Seen) -> bool {
    !seen.json()["response_format"].is_null()
}
