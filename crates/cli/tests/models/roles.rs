//! Roles: each model is asked at its own address, under its own name, with its own key and no
//! other.

use serde_json::json;
use sortie_llm::Provider;
use sortie_llm::mock::{Reply, Seen, Server};

use crate::kit::{GOAL, Purpose, finish, model, plan, purpose, says, sortie, step};

/// The keys of everybody, as one who has many accounts has them.
const KEYS: [(&str, &str); 3] = [
    ("OPENAI_API_KEY", "sk-of-openai"),
    ("ANTHROPIC_API_KEY", "sk-of-anthropic"),
    ("GEMINI_API_KEY", "sk-of-gemini"),
];

fn steps() -> String {
    plan(&[step(1, "summarize", &json!({"text": "Seven is a number."}), &[])])
}

/// The key that a request carries, and that it carries no other.
fn key(provider: Provider, seen: &Seen) -> Option<String> {
    let name = match provider {
        Provider::OpenAi => "authorization",
        Provider::Anthropic => "x-api-key",
        Provider::Gemini => "x-goog-api-key",
    };
    let key = seen.header(name).map(|key| key.trim_start_matches("Bearer ").to_owned());
    let mut all = format!("{} {:?}", seen.path, seen.headers);
    all.push_str(&String::from_utf8_lossy(&seen.body));
    let keys = KEYS.iter().map(|(_, key)| *key).chain(["sk-of-the-server"]);
    let carried: Vec<_> = keys.filter(|key| all.contains(key)).map(str::to_owned).collect();
    assert_eq!(carried, key.clone().into_iter().collect::<Vec<_>>(), "{all}");
    key
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_has_its_own_server_model_and_key() {
    let planner = Server::answering(|_| says(Provider::OpenAi, &steps())).await;
    let executor = Server::answering(|_| says(Provider::Anthropic, "Seven.")).await;
    let synthesizer = Server::answering(|_| says(Provider::Gemini, "It is a number.")).await;
    let mut command = sortie(&["run", "--json", GOAL]);
    command.envs(KEYS);
    let roles = [
        ("planner", Provider::OpenAi, &planner),
        ("executor", Provider::Anthropic, &executor),
        ("synthesizer", Provider::Gemini, &synthesizer),
    ];
    for (role, provider, server) in roles {
        command.args([format!("--{role}-model"), format!("the-{role}")]);
        command.args([format!("--{role}-provider"), provider.to_string()]);
        command.args([format!("--{role}-base-url"), server.base_url()]);
    }
    let done = finish(command).await;
    assert_eq!(done.answer(), "It is a number.");
    let wanted = [Purpose::Plan, Purpose::Summarize, Purpose::Answer];
    for ((role, provider, server), purposes) in roles.into_iter().zip(wanted) {
        let seen = server.requests();
        assert_eq!(seen.iter().map(purpose).collect::<Vec<_>>(), [purposes]);
        assert_eq!(model(provider, &seen[0]), format!("the-{role}"));
        let own = format!("sk-of-{provider}");
        assert_eq!(key(provider, &seen[0]), Some(own), "provider and address are named together");
    }
    assert_eq!(done.result()["steps"][0]["result"]["by_model"], "the-executor");
    let planner = &done.lines("plan_version_started")[0]["planner"];
    assert!(planner.as_str().unwrap().contains("the-planner"), "{planner}");
    let answer = &done.lines("answer_attempt_started")[0]["synthesizer"];
    assert!(answer.as_str().unwrap().contains("the-synthesizer"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_says_what_it_wants_otherwise_and_keeps_the_rest() {
    let home = Server::answering(|seen| match purpose(seen) {
        Purpose::Plan => says(Provider::OpenAi, &steps()),
        _ => says(Provider::OpenAi, "Seven."),
    })
    .await;
    let other = Server::answering(|_| says(Provider::OpenAi, "It is a number.")).await;
    let mut command = sortie(&["run", "--json", GOAL, "--model", "house-model"]);
    command.args(["--planner-model", "house-planner"]);
    command.args(["--model-base-url", &home.base_url()]);
    command.args(["--synthesizer-base-url", &other.base_url()]);
    let done = finish(command).await;
    assert_eq!(done.answer(), "It is a number.");
    let names = |server: &Server| {
        let seen = server.requests();
        seen.iter().map(|one| model(Provider::OpenAi, one)).collect::<Vec<_>>()
    };
    assert_eq!(names(&home), ["house-planner", "house-model"]);
    assert_eq!(names(&other), ["house-model"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stays_at_home_where_nobody_named_its_provider_beside_the_address() {
    for provider in Provider::ALL {
        let server = Server::answering(move |seen| match purpose(seen) {
            Purpose::Plan => says(provider, &steps()),
            _ => says(provider, "Seven."),
        })
        .await;
        let url = server.base_url();
        // The name alone says whose interface it is.
        let name = match provider {
            Provider::OpenAi => "gpt-of-the-house",
            Provider::Anthropic => "claude-of-the-house",
            Provider::Gemini => "gemini-of-the-house",
        };
        let command = || {
            let mut command = sortie(&["run", "--json", GOAL, "--model", name]);
            command.env("SORTIE_MODEL_BASE_URL", &url).envs(KEYS);
            command
        };
        let done = finish(command()).await;
        assert_eq!(done.answer(), "Seven.");
        let mut with_its_own = command();
        with_its_own.env("SORTIE_MODEL_API_KEY", "sk-of-the-server");
        with_its_own.args(["--model-provider", provider.as_str()]);
        finish(with_its_own).await.answer();
        let seen = server.requests();
        assert_eq!(seen.len(), 6);
        let keys: Vec<_> = seen.iter().map(|one| key(provider, one)).collect();
        assert!(keys[..3].iter().all(Option::is_none), "{keys:?}");
        assert!(keys[3..].iter().all(|key| key.as_deref() == Some("sk-of-the-server")), "{keys:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_model_of_a_server_need_not_be_named() {
    let provider = Provider::OpenAi;
    let server = Server::answering(move |seen| match seen.path.as_str() {
        "/v1/models" => Reply::json(200, &json!({"data": [{"id": "the-only-one"}]})),
        _ if purpose(seen) == Purpose::Plan => says(provider, &steps()),
        _ => says(provider, "Seven."),
    })
    .await;
    let mut command = sortie(&["run", "--json", GOAL]);
    command.env("SORTIE_MODEL_BASE_URL", server.base_url());
    let done = finish(command).await;
    assert_eq!(done.answer(), "Seven.");
    let seen = server.requests();
    assert_eq!((seen[0].method.as_str(), seen.len()), ("GET", 4), "the list is read once");
    assert!(seen[1..].iter().all(|one| model(provider, one) == "the-only-one"));
    assert_eq!(done.result()["usage"]["model_calls"], 3, "reading a list is no model call");
    assert_eq!(done.result()["steps"][0]["result"]["by_model"], "the-only-one");
}
