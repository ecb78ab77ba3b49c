//! The cap of model calls is a cap on the bill: no fault goes past it.

use serde_json::json;
use sortie_llm::Provider;
use sortie_llm::mock::{Reply, Server, refusal};

use crate::kit::{Purpose, each, finish, good_plan, plan, purpose, run, says, step};

/// The run's requests, and what it says of them; the server answers by this.
async fn capped(
    provider: Provider,
    cap: &str,
    answer: impl Fn(Purpose) -> Reply + Send + Sync + 'static,
) -> (Vec<Purpose>, serde_json::Value) {
    let server = Server::answering(move |seen| answer(purpose(seen))).await;
    let more = ["--model-calls", cap, "--replan", "on-failure"];
    let done = finish(run(&server, provider, &more)).await;
    let result = done.result();
    let purposes: Vec<_> = server.requests().iter().map(purpose).collect();
    assert!(purposes.len() <= cap.parse().unwrap(), "{cap}: {purposes:?}");
    (purposes, result)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_the_cap_holds() {
    for cap in ["2", "3"] {
        each(|provider| async move {
            let broken = move |_| refusal(provider, 500, "down");
            let rubbish = move |_| says(provider, "no plan");
            let no_answer = move |purpose| match purpose {
                Purpose::Answer => Reply::closed(),
                _ => says(provider, &good_plan()),
            };
            let nothing_found = move |_| says(provider, &lost());
            let stories = [
                capped(provider, cap, broken).await,
                capped(provider, cap, rubbish).await,
                capped(provider, cap, no_answer).await,
                capped(provider, cap, nothing_found).await,
            ];
            for (purposes, result) in stories {
                assert_eq!(result["state"], "failed", "{cap} {purposes:?}: {result}");
                assert!(result["usage"]["model_calls"].as_u64().unwrap() <= cap.parse().unwrap());
            }
        })
        .await;
    }
}

/// A plan that finds nothing.
fn lost() -> String {
    plan(&[step(1, "search", &json!({"query": "Atlantis", "subject": "Atlantis"}), &[])])
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_is_always_left_for_the_answer() {
    each(|provider| async move {
        let text = |number| step(number, "summarize", &json!({"text": "Seven is a number."}), &[]);
        let many = plan(&(1..=6).map(text).collect::<Vec<_>>());
        let (purposes, result) = capped(provider, "4", move |purpose| match purpose {
            Purpose::Summarize => says(provider, "Seven."),
            Purpose::Answer => says(provider, "It is a number."),
            _ => says(provider, &many),
        })
        .await;
        assert_eq!(
            purposes,
            [Purpose::Plan, Purpose::Summarize, Purpose::Summarize, Purpose::Answer]
        );
        assert_eq!((&result["state"], &result["partial"]), (&json!("succeeded"), &json!(true)));
        assert_eq!(result["usage"]["model_calls"], 4);
        let states = result["steps"].as_array().unwrap().iter().map(|step| &step["state"]);
        assert_eq!(states.filter(|state| *state == "succeeded").count(), 2);
        let beyond = result["steps"].as_array().unwrap().iter().map(|step| &step["error"]["kind"]);
        assert_eq!(beyond.filter(|kind| *kind == "budget_exhausted").count(), 4);
    })
    .await;
}
