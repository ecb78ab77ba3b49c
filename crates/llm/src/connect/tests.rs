//! What a provider's own address is asked: nothing is sent.

use genai::chat::ChatResponseFormat;

use super::*;

fn own(provider: Provider) -> Remote {
    let (key, model) = (Some(Key::new("x")), Some("gpt-5".to_owned()));
    Remote::new(ModelSpec { key, model, ..ModelSpec::new(provider) }).unwrap()
}

#[test]
fn openai_itself_gets_the_schema_in_its_strict_form() {
    let shape = Shape { name: "step".to_owned(), schema: json!({ "type": "object" }) };
    let remote = own(Provider::OpenAi);
    let options = remote.options("gpt-5", Some(shape), Some(9), Purpose::Plan, Arc::default());
    assert!(matches!(options.response_format, Some(ChatResponseFormat::JsonSpec(_))));
    assert_eq!(options.extra_body, Some(json!({ "model": "gpt-5" })));
    assert_eq!(options.max_tokens, Some(9));
}

#[test]
fn the_own_address_of_each_provider_is_used() {
    for (provider, url) in [
        (Provider::OpenAi, "https://api.openai.com/v1/chat/completions"),
        (Provider::Anthropic, "https://api.anthropic.com/v1/messages"),
        (
            Provider::Gemini,
            "https://generativelanguage.googleapis.com/v1beta/models/gpt-5:streamGenerateContent?alt=sse",
        ),
    ] {
        match own(provider).target("gpt-5").auth {
            AuthData::RequestOverride { url: asked, .. } => assert_eq!(asked, url),
            other => panic!("{other:?}"),
        }
    }
}
