//! Plans as they are written: in pieces, in any dress, and their first steps at work before the
//! last is there.

use serde_json::json;
use sortie_llm::mock::{Reply, Server, begin, end, text, thought};
use sortie_llm::{Provider, StopReason};

use crate::kit::{
    MODEL, Program, Purpose, TOKENS, calculate, each, finish, good_plan, model, plan, purpose, run,
    says, step, used,
};
use crate::process::Finished;

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_done_before_the_rest_of_its_plan_is_written() {
    each(|provider| async move {
        let server = Server::start().await;
        let (reply, feed) = Reply::fed();
        server.reply(reply);
        server.reply(says(provider, "It is 42 [step 1], and twice that is 84 [step 2]."));
        let program = Program::start(run(&server, provider, &[]));
        server.requested(1).await;
        assert!(feed.send(begin(provider, TOKENS)).await);
        assert!(
            feed.send(text(provider, &format!("{{\"steps\": [{}", calculate(1, "6 * 7", &[]))))
                .await
        );
        let (program, lines) = program.until("step_succeeded").await;
        assert_eq!(lines.last().unwrap()["preview"], "6 * 7 = 42");
        assert!(lines.iter().all(|line| line["type"] != "plan_accepted"), "{lines:#?}");
        assert!(
            feed.send(text(provider, &format!(", {}]}}", calculate(2, "{{1.value}} * 2", &[1]))))
                .await,
            "the plan is still awaited"
        );
        feed.send(end(provider, StopReason::Complete, TOKENS)).await;
        feed.end().await;
        let done = program.finish().await;
        assert_eq!(done.answer(), "It is 42 [step 1], and twice that is 84 [step 2].");
        let result = done.result();
        assert_eq!(result["steps"][1]["result"]["value"], "84");
        assert_eq!(result["usage"], used(2));
        let roles = json!({ "planner": used(1), "executor": used(0), "synthesizer": used(1) });
        assert_eq!(result["usage_by_role"], roles);
        let seen = server.requests();
        assert_eq!(seen.iter().map(purpose).collect::<Vec<_>>(), [Purpose::Plan, Purpose::Answer]);
        assert!(seen.iter().all(|one| model(provider, one) == MODEL));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_in_single_letters_is_read_in_any_dress() {
    let steps = [calculate(1, "6 * 7", &[]), calculate(2, "{{1.value}} * 2", &[1])];
    let bare = serde_json::to_string_pretty(&steps).unwrap();
    // As the models write it that were told that an input is a string.
    let inputs = [r#"{"expression": "6 * 7"}"#, r#"{"expression": "{{1.value}} * 2"}"#];
    let in_quotes = [
        step(1, "calculate", &json!(inputs[0]), &[]),
        step(2, "calculate", &json!(inputs[1]), &[1]),
    ];
    let in_quotes = serde_json::to_string(&in_quotes).unwrap();
    // And as those who leave the braces out: each tool needs one thing only.
    let plain = [
        step(1, "calculate", &json!("6 * 7"), &[]),
        step(2, "calculate", &json!("{{1.value}} * 2"), &[1]),
    ];
    let dresses = [
        good_plan(),
        format!("<think>Is {{\"steps\": [1]}} a plan? [2] is none.</think>\n```json\n{bare}\n```"),
        format!("Here are the steps [as asked]:\n\n{in_quotes}\n\nI hope that helps {{a lot}}."),
        format!("```\n{{\"steps\":{in_quotes}}}\n```\nDone."),
        plan(&plain),
    ];
    for dress in &dresses {
        each(|provider| async move {
            let done = finish_with_plan(provider, letters(provider, dress)).await;
            assert_eq!(done.result()["steps"][1]["result"]["value"], "84", "{provider}: {dress}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_thinks_aloud_is_no_plan() {
    each(|provider| async move {
        let other = plan(&[calculate(1, "1 / 0", &[])]);
        let chunks = [
            begin(provider, TOKENS),
            thought(provider, &other),
            text(provider, &good_plan()),
            end(provider, StopReason::Complete, TOKENS),
        ];
        let done = finish_with_plan(provider, Reply::events(chunks)).await;
        assert_eq!(done.lines("step_planned").len(), 2, "{provider}");
    })
    .await;
}

/// A whole answer in which every letter is an event of its own.
fn letters(provider: Provider, all: &str) -> Reply {
    let mut chunks = vec![begin(provider, TOKENS)];
    chunks.extend(all.chars().map(|letter| text(provider, &letter.to_string())));
    chunks.push(end(provider, StopReason::Complete, TOKENS));
    Reply::events(chunks)
}

/// A run whose plan is this reply, sound at once.
async fn finish_with_plan(provider: Provider, reply: Reply) -> Finished {
    let server = Server::start().await;
    server.reply(reply);
    server.reply(says(provider, "84"));
    let done = finish(run(&server, provider, &[])).await;
    assert_eq!(done.answer(), "84");
    assert_eq!(server.requests().len(), 2, "{provider}");
    assert_eq!(done.result()["usage_by_role"]["planner"], used(1));
    done
}
