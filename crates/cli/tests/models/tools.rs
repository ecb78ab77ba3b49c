//! Tools that read texts with a model: who wrote their results, and what they used.

use serde_json::{Value, json};
use sortie_llm::mock::{Server, refusal};

use crate::kit::{
    MODEL, Purpose, calculate, each, finish, plan, purpose, run, said, says, step, used,
};

#[tokio::test(flavor = "multi_thread")]
async fn results_that_a_model_wrote_say_so_and_are_counted() {
    each(|provider| async move {
        let schema = json!({"type": "object", "properties": {"price": {"type": "number"}}});
        let steps = plan(&[
            step(1, "search", &json!({"query": "Austin", "subject": "Austin"}), &[]),
            step(2, "summarize", &json!({"text": "{{1.text}}"}), &[1]),
            step(3, "ask", &json!({"text": "{{1.text}}", "question": "Where is it?"}), &[1]),
            step(4, "extract", &json!({"text": "{{1.text}}", "schema": schema}), &[1]),
            step(5, "calculate", &json!({"expression": "{{4.value.price}} * 2"}), &[4]),
        ]);
        let server = Server::answering(move |seen| {
            says(
                provider,
                match purpose(seen) {
                    Purpose::Summarize => "A town in short.",
                    Purpose::Ask => r#"{"found": true, "answer": "In Texas."}"#,
                    Purpose::Extract => r#"{"price": 1200.5}"#,
                    Purpose::Answer => "All of it.",
                    _ => &steps,
                },
            )
        })
        .await;
        let done = finish(run(&server, provider, &[])).await;
        assert_eq!(done.answer(), "All of it.");
        let result = done.result();
        let results: Vec<&Value> =
            result["steps"].as_array().unwrap().iter().map(|step| &step["result"]).collect();
        assert_eq!(results[1], &json!({"text": "A town in short.", "by_model": MODEL}));
        assert_eq!(results[2], &json!({"text": "In Texas.", "by_model": MODEL}));
        assert_eq!(results[3]["value"], json!({"price": 1200.5}));
        assert_eq!(results[3]["by_model"], MODEL);
        assert_eq!(results[4]["value"], "2401");
        assert!(results[0]["by_model"].is_null() && results[4]["by_model"].is_null());
        assert_eq!(result["usage_by_role"]["executor"], used(3));
        assert_eq!(result["usage"], used(5));
        let each_step = result["steps"].as_array().unwrap().iter().map(|step| &step["usage"]);
        let calls: Vec<_> = each_step.map(|usage| usage["model_calls"].as_u64().unwrap()).collect();
        assert_eq!(calls, [0, 1, 1, 1, 0]);
        assert_eq!(server.requests().len(), 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_the_text_does_not_answer_fails_its_step_and_still_costs() {
    each(|provider| async move {
        let question = json!({"text": "Seven is a number.", "question": "Who is Ann?"});
        let steps = plan(&[
            step(1, "ask", &question, &[]),
            step(2, "calculate", &json!({"expression": "6 * 7"}), &[]),
        ]);
        let server = Server::answering(move |seen| {
            says(
                provider,
                match purpose(seen) {
                    Purpose::Ask => r#"{"found": false, "answer": "nothing about Ann"}"#,
                    Purpose::Answer => "42, and nothing about Ann.",
                    _ => &steps,
                },
            )
        })
        .await;
        let done = finish(run(&server, provider, &[])).await;
        assert_eq!(done.answer(), "42, and nothing about Ann.");
        let result = done.result();
        assert_eq!(result["partial"], true);
        assert_eq!(result["steps"][0]["error"]["kind"], "not_found");
        assert_eq!(result["usage_by_role"]["executor"], used(1));
        let answer = server.requests().pop().unwrap();
        assert!(said(&answer).contains("nothing about Ann"), "the answer is told why");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_model_breaks_down_is_tried_so_often_and_no_more() {
    each(|provider| async move {
        let text = json!({"text": "Seven is a number."});
        let steps = plan(&[step(1, "summarize", &text, &[]), calculate(2, "6 * 7", &[])]);
        let server = Server::answering(move |seen| match purpose(seen) {
            Purpose::Summarize => refusal(provider, 500, "down"),
            Purpose::Answer => says(provider, "42, and no summary."),
            _ => says(provider, &steps),
        })
        .await;
        let done = finish(run(&server, provider, &["--attempts", "2"])).await;
        assert_eq!(done.answer(), "42, and no summary.");
        let result = done.result();
        let failed = &result["steps"][0];
        assert_eq!((&failed["state"], &result["partial"]), (&json!("failed"), &json!(true)));
        let message = failed["error"]["message"].as_str().unwrap();
        assert!(message.contains("has trouble with") && message.contains(MODEL), "{message}");
        let used = &result["usage_by_role"]["executor"];
        assert_eq!((&used["model_calls"], &used["unpriced_calls"]), (&json!(2), &json!(2)));
        assert_eq!(server.requests().len(), 4, "{provider}");
    })
    .await;
}
