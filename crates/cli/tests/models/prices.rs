//! What calls cost, where a list of one's own says it.

use std::process::Command;

use serde_json::json;
use sortie_llm::mock::{self, Server};
use sortie_llm::{Provider, Tokens};
use tempfile::NamedTempFile;

use crate::kit::{MODEL, calculate, each, finish, good_plan, plan, run, says, sortie, told};

/// Dollars for a million tokens.
fn prices(provider: Provider) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    let list = format!(
        "date = \"2026-01-01\"\ncurrency = \"USD\"\n[{provider}]\n\
         \"{MODEL}\" = {{ input = 10, output = 50 }}\n"
    );
    std::fs::write(file.path(), list).unwrap();
    file
}

async fn two_calls(provider: Provider) -> Server {
    let server = Server::start().await;
    server.reply(says(provider, &good_plan()));
    server.reply(says(provider, "84"));
    server
}

fn with(mut command: Command, prices: &NamedTempFile) -> Command {
    command.arg("--prices").arg(prices.path());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_prices_gives_every_call_its_cost() {
    each(|provider| async move {
        let prices = prices(provider);
        let server = two_calls(provider).await;
        let done = finish(with(run(&server, provider, &[]), &prices)).await;
        assert_eq!(done.answer(), "84");
        let result = done.result();
        // 100 tokens in and 20 out are 0.002 dollars.
        let cost = |calls: u64| {
            json!({
                "model_calls": calls,
                "input_tokens": calls * 100,
                "output_tokens": calls * 20,
                "cost_nanodollars": calls * 2_000_000,
                "cost_usd": format!("0.00{}", 2 * calls),
                "unpriced_calls": 0,
            })
        };
        assert_eq!(result["usage"], cost(2));
        assert_eq!(result["usage_by_role"]["planner"], cost(1));
        assert_eq!(result["usage_by_role"]["synthesizer"], cost(1));
        let server = two_calls(provider).await;
        let people = finish(with(told(&server, provider), &prices)).await;
        let wanted = "2 model calls, 200 tokens in, 40 out, $0.004";
        assert!(people.stderr.contains(wanted), "{}", people.stderr);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_list_nobody_guesses_what_a_server_costs() {
    each(|provider| async move {
        let server = two_calls(provider).await;
        let mut command = told(&server, provider);
        // The program knows what this one costs at its provider.
        let known = match provider {
            Provider::OpenAi => "gpt-5",
            Provider::Anthropic => "claude-opus-5",
            Provider::Gemini => "gemini-3.5-flash",
        };
        command.env("SORTIE_MODEL", known);
        let people = finish(command).await;
        let wanted = "2 model calls, 200 tokens in, 40 out, price not known";
        assert!(people.stderr.contains(wanted), "{}", people.stderr);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_none_is_refused_before_anything_is_asked() {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "date = 7\n").unwrap();
    let server = two_calls(Provider::OpenAi).await;
    let done = finish(with(run(&server, Provider::OpenAi, &[]), &file)).await;
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("--prices: the prices "), "{}", done.stderr);
    assert!(server.requests().is_empty());
    let doctor = finish(with(sortie(&["doctor", "--no-calls", "--json"]), &file)).await;
    assert_eq!(doctor.code, Some(2), "{doctor:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_tells_no_tokens_is_not_free() {
    each(|provider| async move {
        let prices = prices(provider);
        let server = Server::start().await;
        // It is left where the second plan begins: what it used nobody says.
        let two = format!("{} or else {}", good_plan(), plan(&[calculate(1, "1 + 1", &[])]));
        server.reply(says(provider, &two));
        server.reply(says(provider, &good_plan()));
        server.reply(mock::answer(provider, "84", Tokens::default()));
        let done = finish(with(run(&server, provider, &[]), &prices)).await;
        assert_eq!(done.answer(), "84");
        let roles = &done.result()["usage_by_role"];
        let told = |role: &str| {
            let usage = &roles[role];
            [&usage["model_calls"], &usage["unpriced_calls"], &usage["cost_usd"]].map(Clone::clone)
        };
        assert_eq!(told("planner"), [json!(2), json!(1), json!("0.002")], "{provider}");
        assert_eq!(told("synthesizer"), [json!(1), json!(1), json!("0")], "{provider}");
    })
    .await;
}
