//! What each fault becomes.

use sortie_llm::StopReason;
use sortie_llm::mock::{self, Reply, Server};

use super::*;

#[tokio::test]
async fn a_status_becomes_a_kind() {
    for provider in Provider::ALL {
        for (status, said, kind, words) in [
            (
                401,
                "bad key",
                ErrorKind::Unauthorized,
                "refuses the key for test-model (401): check",
            ),
            (403, "not yours", ErrorKind::Unauthorized, "refuses the key"),
            (404, "no model", ErrorKind::NotFound, "has no model `test-model` (404): say another"),
            (404, "no page", ErrorKind::NotFound, "no such interface (404): check the base URL"),
            (400, "bad field", ErrorKind::BadRequest, "does not take the request"),
            (400, "prompt is too long", ErrorKind::TooLong, "the prompt is too long"),
            (402, "pay", ErrorKind::QuotaExhausted, "is used up (402)"),
            (429, "slow down", ErrorKind::RateLimited, "wants fewer calls of test-model (429)"),
            (500, "oops", ErrorKind::Overloaded, "has trouble with test-model (500)"),
            (503, "loading", ErrorKind::Overloaded, "has trouble"),
            (529, "overloaded", ErrorKind::Overloaded, "has trouble"),
        ] {
            let error = error_of(provider, mock::refusal(provider, status, said)).await;
            let quoted = format!("it says: {said}");
            assert_says(&error, kind, &[words, &quoted, "http://127.0.0.1:"]);
            assert_eq!(error.retry_after, None);
        }
    }
}

#[tokio::test]
async fn a_wish_for_a_pause_is_told() {
    for provider in Provider::ALL {
        for (name, value, millis) in
            [("retry-after", "7", 7_000), ("retry-after-ms", "1500", 1_500)]
        {
            let reply = mock::refusal(provider, 429, "slow down").header(name, value);
            let error = error_of(provider, reply).await;
            assert_eq!(error.kind, ErrorKind::RateLimited);
            assert_eq!(error.retry_after, Some(Duration::from_millis(millis)), "{provider}");
        }
    }
}

#[tokio::test]
async fn an_empty_account_is_not_asked_again() {
    let body = json!({ "error": { "message": "pay", "code": "insufficient_quota" } });
    let error = error_of(Provider::OpenAi, Reply::json(429, &body)).await;
    assert_says(&error, ErrorKind::QuotaExhausted, &["is used up (429)", "add credit"]);
    assert!(!error.kind.may_pass());
}

#[tokio::test]
async fn without_a_key_one_is_asked_for() {
    let server = Server::start().await;
    server.reply(mock::refusal(Provider::OpenAi, 401, "no key"));
    let spec = ModelSpec { key: None, ..spec(Provider::OpenAi, &server) };
    let error = ask(&*connect(spec).unwrap()).await.unwrap_err();
    assert_says(&error, ErrorKind::Unauthorized, &["wants a key", "set OPENAI_API_KEY"]);
}

#[tokio::test]
async fn the_variable_that_the_key_came_from_is_named() {
    for provider in Provider::ALL {
        let key_variable = "GATEWAY_KEY";
        let server = Server::start().await;
        server.reply(mock::refusal(provider, 401, "no"));
        let spec = ModelSpec { key_variable, ..spec(provider, &server) };
        let error = complete(&*connect(spec.clone()).unwrap(), request(), 1000).await.unwrap_err();
        assert_says(&error, ErrorKind::Unauthorized, &["refuses the key", "check GATEWAY_KEY"]);
        let spec = ModelSpec { key: Some(Key::new("a\nb")), ..spec };
        let error = connect(spec).err().unwrap();
        assert_says(&error, ErrorKind::Unauthorized, &["letters", "check GATEWAY_KEY"]);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let reply = Reply::new(308, "text/plain", "").header("location", "http://127.0.0.1:1/");
    let error = error_of(Provider::OpenAi, reply).await;
    assert_says(&error, ErrorKind::NotFound, &["(308)", "check the base URL"]);
}

#[tokio::test]
async fn an_error_inside_the_stream_is_heard() {
    for provider in Provider::ALL {
        let error = error_of(
            provider,
            Reply::events([
                mock::begin(provider, TOKENS),
                mock::text(provider, "half"),
                mock::fault(provider, "too busy"),
            ]),
        )
        .await;
        assert_says(&error, ErrorKind::Overloaded, &["test-model", "it says: too busy"]);
    }
    for (inside, kind) in [
        (r#"{"type":"rate_limit_error","message":"x"}"#, ErrorKind::RateLimited),
        (r#"{"type":"invalid_request_error","message":"x"}"#, ErrorKind::BadRequest),
        (r#"{"code":401,"message":"x"}"#, ErrorKind::Unauthorized),
        (r#"{"type":"exceed_context_size_error","code":400}"#, ErrorKind::TooLong),
    ] {
        let stream = format!("data: {{\"error\":{inside}}}\n\n");
        let error = error_of(Provider::OpenAi, Reply::events([stream])).await;
        assert_eq!(error.kind, kind, "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    for provider in Provider::ALL {
        let chunks =
            || [mock::begin(provider, TOKENS), mock::text(provider, "half"), ": ok\n\n".to_owned()];
        let half_a_frame = mock::text(provider, "more")[..30].to_owned();
        let mut cut_in_frame = chunks();
        cut_in_frame[2] = half_a_frame;
        for reply in [
            Reply::events(chunks()).cut(),
            Reply::events(chunks()),
            Reply::events(cut_in_frame.clone()).cut(),
            Reply::events(cut_in_frame),
        ] {
            let error = error_of(provider, reply).await;
            assert_says(&error, ErrorKind::CutOff, &["test-model at http://", "broke off"]);
        }
    }
}

#[tokio::test]
async fn a_server_that_closes_at_once_is_named() {
    for provider in Provider::ALL {
        let error = error_of(provider, Reply::closed()).await;
        assert_says(
            &error,
            ErrorKind::CutOff,
            &["closed the connection without an answer: try again"],
        );
        let nothing = Reply::events(Vec::<String>::new());
        let error = error_of(provider, nothing).await;
        assert_says(
            &error,
            ErrorKind::CutOff,
            &["closed the connection before it said a word: try again"],
        );
    }
}

#[tokio::test]
async fn nobody_there_is_said_with_the_address() {
    for provider in Provider::ALL {
        let server = Server::start().await;
        let spec = spec(provider, &server);
        let url = server.base_url();
        server.stop().await;
        let error = ask(&*connect(spec).unwrap()).await.unwrap_err();
        let words = format!("nobody answers at {url}: is the server running? (Connection refused");
        assert_says(&error, ErrorKind::Unreachable, &[&words]);
    }
}

#[tokio::test]
async fn a_connection_that_is_not_secure_is_none() {
    let server = Server::start().await;
    let mut spec = spec(Provider::OpenAi, &server);
    spec.base_url = Some(server.base_url().replace("http:", "https:"));
    let error = ask(&*connect(spec).unwrap()).await.unwrap_err();
    assert_says(&error, ErrorKind::Unreachable, &["no secure connection to https://127.0.0.1:"]);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_name_that_is_not_known_is_nobody() {
    let server = Server::start().await;
    let mut spec = spec(Provider::OpenAi, &server);
    spec.base_url = Some("http://nobody.invalid/v1".to_owned());
    let error = ask(&*connect(spec).unwrap()).await.unwrap_err();
    // A machine behind a proxy hears the proxy's refusal instead.
    assert!(matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Overloaded), "{error}");
}

#[tokio::test]
async fn a_page_is_no_stream_of_events() {
    for provider in Provider::ALL {
        let page = Reply::new(200, "text/html", "<html>\n\n<body>Welcome</body>\n\n</html>\n");
        let error = error_of(provider, page).await;
        assert_says(&error, ErrorKind::Protocol, &["no stream of events", "the address"]);
        let page = Reply::new(502, "text/html", "<html><body>Bad Gateway</body></html>");
        let error = error_of(provider, page).await;
        assert_says(&error, ErrorKind::Overloaded, &["(502)", "a page of HTML"]);
    }
}

#[tokio::test]
async fn garbage_in_the_stream_is_no_answer() {
    for provider in Provider::ALL {
        let garbage = match provider {
            Provider::Anthropic => "event: content_block_delta\ndata: {nonsense}\n\n",
            Provider::OpenAi | Provider::Gemini => "data: {nonsense}\n\n",
        };
        let error = error_of(provider, Reply::events([garbage])).await;
        assert_says(&error, ErrorKind::Protocol, &["no JSON"]);
        let error = error_of(provider, Reply::events([&b"data: \xff\xff\n\n"[..]])).await;
        assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
    }
}

#[tokio::test]
async fn a_call_after_a_fault_is_a_new_call() {
    let server = Server::start().await;
    server.reply(Reply::closed());
    server.reply(Reply::events([mock::text(Provider::OpenAi, "half")]).cut());
    server.reply(mock::answer(Provider::OpenAi, "whole", TOKENS));
    let model = client(Provider::OpenAi, &server);
    ask(&*model).await.unwrap_err();
    ask(&*model).await.unwrap_err();
    let (text, ending) = ask(&*model).await.unwrap();
    assert_eq!((text.as_str(), ending.stop), ("whole", StopReason::Complete));
    assert_eq!(server.requests().len(), 3, "nothing is tried again here");
}

#[test]
fn a_spec_that_cannot_be_right_is_refused() {
    for provider in Provider::ALL {
        let spec = ModelSpec::new(provider);
        let error = connect(spec.clone()).err().unwrap();
        assert_says(&error, ErrorKind::Unauthorized, &["wants a key: set", "_API_KEY"]);
        let error = connect(ModelSpec { key: Some(Key::new("x")), ..spec.clone() }).err().unwrap();
        assert_says(&error, ErrorKind::BadRequest, &["say which with --model"]);
        let base_url = Some("localhost".to_owned());
        let error = connect(ModelSpec { base_url, ..spec.clone() }).err().unwrap();
        assert_says(&error, ErrorKind::BadRequest, &["\"localhost\" is no base URL"]);
        let model = Some("gpt-5".to_owned());
        let spec = ModelSpec { key: Some(Key::new("x")), model, ..spec };
        let name = connect(spec).unwrap().name().to_string();
        assert_eq!(name, format!("{provider} gpt-5"));
    }
}
