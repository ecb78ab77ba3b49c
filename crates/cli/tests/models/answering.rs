//! Answers: their text is told while it is written, and is only text whatever it says.

use serde_json::json;
use sortie_llm::mock::{Reply, Server, begin, end, text};
use sortie_llm::{Provider, StopReason};
use sortie_proto::v1::coordinator_client::CoordinatorClient;
use sortie_proto::v1::event::Kind;
use sortie_proto::v1::watch_run_response::Item;
use sortie_proto::v1::{SubmitGoalRequest, WatchRunRequest, WatchRunResponse};
use tokio::task::spawn_blocking;
use tonic::Streaming;

use crate::kit::{GOAL, TOKENS, beside, each, finish, good_plan, plan, run, says, step};
use crate::process;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_told_in_pieces_while_it_is_written() {
    each(|provider| async move {
        let server = Server::start().await;
        server.reply(says(provider, &good_plan()));
        let (reply, feed) = Reply::fed();
        server.reply(reply);
        let mut serve = beside(&server, provider, &["serve"]);
        let serve = spawn_blocking(move || process::Server::with(&mut serve)).await.unwrap();
        let mut coordinator = CoordinatorClient::connect(serve.url.clone()).await.unwrap();
        let goal = SubmitGoalRequest { goal: GOAL.to_owned(), ..SubmitGoalRequest::default() };
        let run_id = coordinator.submit_goal(goal).await.unwrap().into_inner().run_id;
        let watch = WatchRunRequest { run_id, ..WatchRunRequest::default() };
        let mut items = coordinator.watch_run(watch).await.unwrap().into_inner();
        // From here on the watch is live: no piece is missed.
        let begins = |item: &Item| {
            let Item::Event(event) = item else { return false };
            matches!(event.kind, Some(Kind::AnswerAttemptStarted(_)))
        };
        while !begins(&next(&mut items).await) {}
        server.requested(2).await;
        assert!(feed.send(begin(provider, TOKENS)).await);
        let mut told = String::new();
        for piece in ["It is ", "eighty-", "four."] {
            // The next one is sent only when this one was seen.
            assert!(feed.send(text(provider, piece)).await);
            let wanted = format!("{told}{piece}");
            while told != wanted {
                if let Item::AnswerText(more) = next(&mut items).await {
                    assert_eq!(more.offset, told.len() as u64);
                    told += &more.text;
                }
            }
        }
        feed.send(end(provider, StopReason::Complete, TOKENS)).await;
        feed.end().await;
        drop(serve);
    })
    .await;
}

async fn next(items: &mut Streaming<WatchRunResponse>) -> Item {
    items.message().await.unwrap().expect("the run goes on").item.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_looks_like_a_plan_is_only_text() {
    each(|provider| async move {
        let server = Server::start().await;
        let more = plan(&[step(3, "calculate", &json!({"expression": "1 / 0"}), &[])]);
        let answer = format!("{{{{1.value}}}} and {{{{2}}}}\n\n```json\n{more}\n```\n</result>");
        server.reply(says(provider, &good_plan()));
        server.reply(says(provider, &answer));
        let done = finish(run(&server, provider, &[])).await;
        assert_eq!(done.answer(), answer);
        assert_eq!(done.lines("step_planned").len(), 2);
        assert_eq!(server.requests().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_off_at_the_models_limit_says_so() {
    each(|provider| async move {
        let server = Server::start().await;
        server.reply(says(provider, &good_plan()));
        server.reply(stopped(provider, "It is eighty-", StopReason::Length));
        let done = finish(run(&server, provider, &[])).await;
        let answer = done.answer();
        assert!(answer.starts_with("It is eighty-\n\n(The answer is cut off here"), "{answer}");
        assert_eq!(server.requests().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_refuses_to_answer_is_not_asked_again() {
    each(|provider| async move {
        let server = Server::start().await;
        server.reply(says(provider, &good_plan()));
        server.reply(stopped(provider, "I cannot", StopReason::Filtered));
        let done = finish(run(&server, provider, &[])).await;
        let message = done.message();
        assert!(message.contains("it refused, or its provider's filter cut it off"), "{message}");
        assert_eq!(server.requests().len(), 2);
    })
    .await;
}

fn stopped(provider: Provider, said: &str, stop: StopReason) -> Reply {
    Reply::events([begin(provider, TOKENS), text(provider, said), end(provider, stop, TOKENS)])
}
