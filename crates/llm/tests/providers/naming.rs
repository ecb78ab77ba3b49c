//! What a model is called if nobody said.

use sortie_llm::mock::{self, Reply, Seen, Server};

use super::*;

fn nameless(server: &Server) -> Arc<dyn ChatModel> {
    connect(ModelSpec { model: None, ..spec(Provider::OpenAi, server) }).unwrap()
}

fn list(names: &[&str]) -> Reply {
    let models: Vec<_> = names.iter().map(|name| json!({ "id": name })).collect();
    Reply::json(200, &json!({ "object": "list", "data": models }))
}

#[tokio::test]
async fn the_only_model_is_taken_and_asked_for_once() {
    let server = Server::answering(|seen: &Seen| match seen.path.as_str() {
        "/v1/models" => list(&["qwen3"]),
        _ => mock::answer(Provider::OpenAi, "hello", TOKENS),
    })
    .await;
    let model = nameless(&server);
    let url = server.base_url();
    assert_eq!(model.name().to_string(), format!("the model at {url}"));
    let (a, b, c) = tokio::join!(ask(&*model), ask(&*model), ask(&*model));
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(model.name().to_string(), format!("qwen3 at {url}"));
    let (lists, calls): (Vec<_>, Vec<_>) =
        server.requests().into_iter().partition(|seen| seen.method == "GET");
    assert_eq!((lists.len(), calls.len()), (1, 3));
    assert_eq!(lists[0].header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
    assert!(calls.iter().all(|seen| seen.json()["model"] == "qwen3"));
}

#[tokio::test]
async fn of_several_one_must_be_said() {
    let server = Server::start().await;
    let names: Vec<_> = (1..=12).map(|number| format!("m{number}")).collect();
    server.reply(list(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    let error = ask(&*nameless(&server)).await.unwrap_err();
    let words = ["has 12 models", "--model (m1, m2, ", "m10 and 2 more)"];
    assert_says(&error, ErrorKind::NotFound, &words);
    assert!(!error.message.contains("m11"), "{error}");
}

#[tokio::test]
async fn a_server_that_lists_none_is_asked_all_the_same() {
    for reply in [
        list(&[]),
        Reply::json(404, &json!({ "error": "not here" })),
        Reply::new(200, "text/html", "<html>"),
    ] {
        let server = Server::start().await;
        server.reply(reply);
        server.reply(mock::answer(Provider::OpenAi, "hello", TOKENS));
        ask(&*nameless(&server)).await.unwrap();
        assert_eq!(server.requests()[1].json()["model"], "default");
    }
}

#[tokio::test]
async fn a_list_that_fails_is_asked_for_again_by_the_next_call() {
    let server = Server::start().await;
    server.reply(mock::refusal(Provider::OpenAi, 503, "loading model"));
    server.reply(Reply::closed());
    server.reply(mock::refusal(Provider::OpenAi, 401, "who are you?"));
    server.reply(list(&["qwen3"]));
    server.reply(mock::answer(Provider::OpenAi, "hello", TOKENS));
    let model = nameless(&server);
    let mut kinds = Vec::new();
    for _ in 0..3 {
        kinds.push(ask(&*model).await.unwrap_err().kind);
    }
    assert_eq!(kinds, [ErrorKind::Overloaded, ErrorKind::CutOff, ErrorKind::Unauthorized]);
    ask(&*model).await.unwrap();
}

#[tokio::test]
async fn a_list_is_not_waited_for_without_end() {
    let server = Server::start().await;
    server.reply(Reply::silence());
    let mut spec = hurried(Provider::OpenAi, &server, |it| it.first = Duration::from_millis(50));
    spec.model = None;
    let error = ask(&*connect(spec).unwrap()).await.unwrap_err();
    assert_says(&error, ErrorKind::Timeout, &["the model at http://"]);
    server.left(1).await;
}
