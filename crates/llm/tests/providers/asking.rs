//! What a server is asked.

use serde_json::Value;
use sortie_llm::mock::{self, Reply, Seen, Server};

use super::*;

/// The request that a call with this spec makes.
async fn seen(provider: Provider, change: impl Fn(&mut ModelSpec), request: Request) -> Seen {
    let server = Server::start().await;
    server.reply(mock::answer(provider, "{}", TOKENS));
    let mut spec = spec(provider, &server);
    change(&mut spec);
    complete(&*connect(spec).unwrap(), request, 1_000).await.unwrap();
    server.requests().remove(0)
}

#[tokio::test]
async fn each_interface_is_asked_in_its_own_way() {
    for (provider, path, key) in [
        (Provider::OpenAi, "/v1/chat/completions", "authorization"),
        (Provider::Anthropic, "/v1/messages", "x-api-key"),
        (Provider::Gemini, "/v1/models/test-model:streamGenerateContent?alt=sse", "x-goog-api-key"),
    ] {
        let request = Request { max_tokens: Some(99), ..request() };
        let seen = seen(provider, |_| (), request).await;
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", path));
        let said = seen.header(key).unwrap();
        assert_eq!(said.strip_prefix("Bearer ").unwrap_or(said), SECRET);
        let with_secret = seen.headers.iter().filter(|(_, value)| value.contains(SECRET)).count();
        assert_eq!(with_secret, 1, "{provider}");
        assert!(seen.header("user-agent").unwrap().starts_with("sortie/"));
        assert_eq!(seen.header("accept-encoding"), None, "{provider}");
        let body = seen.json();
        let (system, user, limit) = match provider {
            Provider::OpenAi => {
                assert_eq!(body["stream_options"]["include_usage"], true);
                assert_eq!((&body["stream"], &body["model"]), (&json!(true), &json!("test-model")));
                let messages = &body["messages"];
                (&messages[0]["content"], &messages[1]["content"], &body["max_tokens"])
            }
            Provider::Anthropic => {
                assert_eq!(seen.header("anthropic-version"), Some("2023-06-01"));
                assert_eq!((&body["stream"], &body["model"]), (&json!(true), &json!("test-model")));
                (&body["system"], &body["messages"][0]["content"], &body["max_tokens"])
            }
            Provider::Gemini => (
                &body["systemInstruction"]["parts"][0]["text"],
                &body["contents"][0]["parts"][0]["text"],
                &body["generationConfig"]["maxOutputTokens"],
            ),
        };
        assert_eq!((system, user), (&json!("You plan."), &json!("A trip.")), "{provider}");
        assert_eq!(limit, 99, "{provider}");
    }
}

#[tokio::test]
async fn a_server_at_home_gets_the_schema_as_it_is() {
    let seen = seen(Provider::OpenAi, |_| (), shaped()).await;
    let format = &seen.json()["response_format"];
    let schema = shaped().shape.unwrap().schema;
    assert_eq!(
        *format,
        json!({
            "type": "json_schema",
            "json_schema": { "name": "step", "strict": true, "schema": schema },
        })
    );
    let sent = String::from_utf8(seen.body).unwrap();
    let order = (sent.find("\"tool\":").unwrap(), sent.find("\"args\":").unwrap());
    assert!(order.0 < order.1, "properties keep their order: {sent}");
}

#[tokio::test]
async fn other_interfaces_get_the_schema_in_their_own_place() {
    let body = seen(Provider::Anthropic, |_| (), shaped()).await.json();
    let format = &body["output_config"]["format"];
    assert_eq!(format["type"], "json_schema");
    assert_eq!(format["schema"]["properties"]["tool"]["type"], "string");
    let body = seen(Provider::Gemini, |_| (), shaped()).await.json();
    let config = &body["generationConfig"];
    assert_eq!(config["responseMimeType"], "application/json");
    assert_eq!(config["responseJsonSchema"], shaped().shape.unwrap().schema);
}

#[tokio::test]
async fn without_structure_no_schema_is_sent() {
    for provider in Provider::ALL {
        let seen = seen(provider, |spec| spec.structured = false, shaped()).await;
        let sent = String::from_utf8(seen.body).unwrap();
        assert!(!sent.contains("args"), "{provider}: {sent}");
    }
}

#[tokio::test]
async fn a_name_is_sent_as_it_is() {
    for name in ["qwen3-high", "org::model-low", "gpt-5-medium"] {
        let named = |spec: &mut ModelSpec| spec.model = Some(name.to_owned());
        let body = seen(Provider::OpenAi, named, request()).await.json();
        assert_eq!(body["model"], name);
        assert_eq!(body.get("reasoning_effort"), None, "{name}");
    }
    let named = |spec: &mut ModelSpec| spec.model = Some("gemini-3-low".to_owned());
    let seen = seen(Provider::Gemini, named, request()).await;
    assert!(seen.path.contains("/gemini-3-low:"), "{}", seen.path);
    assert_eq!(seen.json()["generationConfig"].get("thinkingConfig"), None);
}

#[tokio::test]
async fn newer_models_get_their_own_limit() {
    let named = |spec: &mut ModelSpec| spec.model = Some("gpt-5-mini".to_owned());
    let request = Request { max_tokens: Some(7), ..request() };
    let body = seen(Provider::OpenAi, named, request).await.json();
    assert_eq!(body["max_completion_tokens"], 7);
    assert_eq!(body["max_tokens"], Value::Null);
}

#[tokio::test]
async fn without_a_key_no_header_is_sent() {
    for provider in Provider::ALL {
        let seen = seen(provider, |spec| spec.key = Some(Key::new(" ")), request()).await;
        for name in ["authorization", "x-api-key", "x-goog-api-key"] {
            assert_eq!(seen.header(name), None, "{provider}");
        }
    }
}

#[tokio::test]
async fn a_refused_shape_is_left_out_from_the_next_call_on() {
    for (status, message) in [
        (400, "Unsupported parameter: 'response_format'"),
        (422, "unknown field json_schema"),
        (500, "failed to parse grammar"),
    ] {
        let provider = Provider::OpenAi;
        let server = Server::start().await;
        server.reply(mock::refusal(provider, status, message));
        server.reply(mock::answer(provider, "{}", TOKENS));
        server.reply(mock::refusal(provider, 400, message));
        let model = client(provider, &server);
        let ask = || complete(&*model, shaped(), 1_000);
        let error = ask().await.unwrap_err();
        assert_says(&error, ErrorKind::Protocol, &["the next call goes without", message]);
        assert!(error.kind.may_pass());
        ask().await.unwrap();
        // The same words again are not about a shape: there was none.
        assert_eq!(ask().await.unwrap_err().kind, ErrorKind::BadRequest);
        let sent: Vec<_> = server.requests().iter().map(Seen::json).collect();
        let shapes: Vec<_> = sent.iter().map(|it| it.get("response_format").is_some()).collect();
        assert_eq!(shapes, [true, false, false]);
    }
}

#[tokio::test]
async fn a_shape_that_is_refused_inside_the_stream_is_left_out_too() {
    let server = Server::start().await;
    server.reply(Reply::events([mock::fault(Provider::OpenAi, "failed to parse grammar")]));
    server.reply(mock::answer(Provider::OpenAi, "{}", TOKENS));
    let model = client(Provider::OpenAi, &server);
    let error = complete(&*model, shaped(), 1_000).await.unwrap_err();
    assert_says(&error, ErrorKind::Protocol, &["the next call goes without; it says: failed to"]);
    complete(&*model, shaped(), 1_000).await.unwrap();
    assert_eq!(server.requests()[1].json().get("response_format"), None);
}

#[tokio::test]
async fn other_refusals_leave_the_shape_alone() {
    let server = Server::start().await;
    server.reply(mock::refusal(Provider::OpenAi, 400, "temperature is out of range"));
    server.reply(mock::answer(Provider::OpenAi, "{}", TOKENS));
    let model = client(Provider::OpenAi, &server);
    let error = complete(&*model, shaped(), 1_000).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadRequest);
    complete(&*model, shaped(), 1_000).await.unwrap();
    assert!(server.requests()[1].json().get("response_format").is_some());
}
