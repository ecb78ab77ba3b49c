//! The key is where it belongs and nowhere else.

use sortie_llm::mock::{self, Reply, Server};

use super::*;

#[tokio::test]
async fn no_error_shows_the_key() {
    let said = format!("the key {SECRET} (or {}***) is wrong", &SECRET[..9]);
    for provider in Provider::ALL {
        for reply in [
            mock::refusal(provider, 401, &said),
            mock::refusal(provider, 400, &said),
            mock::refusal(provider, 500, &format!("{}{said}", "x".repeat(280))),
            Reply::new(403, "text/plain", said.clone()),
            Reply::events([mock::fault(provider, &said)]),
            Reply::events([format!("data: {said}\n\n")]),
            Reply::closed(),
        ] {
            let error = error_of(provider, reply).await;
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("topsecret"), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_key_with_a_line_break_is_refused_without_being_shown() {
    let server = Server::start().await;
    let spec = ModelSpec { key: Some(Key::new("top\nsecret")), ..spec(Provider::OpenAi, &server) };
    let error = connect(spec).err().unwrap();
    assert_says(&error, ErrorKind::Unauthorized, &["check OPENAI_API_KEY"]);
    assert!(!format!("{error:?}").contains("secret"));
}
