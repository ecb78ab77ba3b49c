//! Ctrl-C: the run ends, and the models that were asked see it at once.

use serde_json::json;
use sortie_llm::mock::{Reply, Server, begin, text};

use crate::kit::{
    GOAL, Program, Purpose, TOKENS, beside, each, finish, good_plan, plan, purpose, run, says, step,
};

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_closes_the_connection_of_a_plan_that_hangs() {
    each(|provider| async move {
        let server = Server::start().await;
        server.reply(Reply::silence());
        let program = Program::start(run(&server, provider, &[]));
        server.requested(1).await;
        program.interrupt();
        server.left(1).await;
        let done = program.finish().await;
        assert_eq!(done.code, Some(130), "{done:?}");
        assert_eq!(done.result()["state"], "cancelled");
        assert_eq!(server.requests().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_closes_the_connection_of_an_answer_in_the_middle() {
    each(|provider| async move {
        let server = Server::start().await;
        server.reply(says(provider, &good_plan()));
        let (reply, mut feed) = Reply::fed();
        server.reply(reply);
        let program = Program::start(run(&server, provider, &[]));
        server.requested(2).await;
        assert!(feed.send(begin(provider, TOKENS)).await);
        assert!(feed.send(text(provider, "Half an ")).await);
        program.interrupt();
        feed.left().await;
        let done = program.finish().await;
        assert_eq!(done.code, Some(130), "{done:?}");
        let result = done.result();
        assert_eq!((&result["state"], result["answer"].is_null()), (&"cancelled".into(), true));
        assert_eq!(server.requests().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_closes_the_connections_of_steps_that_read_with_a_model() {
    each(|provider| async move {
        let text = |number| step(number, "summarize", &json!({"text": "Seven is a number."}), &[]);
        let steps = plan(&[text(1), text(2)]);
        let server = Server::answering(move |seen| match purpose(seen) {
            Purpose::Plan => says(provider, &steps),
            _ => Reply::silence(),
        })
        .await;
        let program = Program::start(run(&server, provider, &[]));
        server.requested(3).await;
        program.interrupt();
        server.left(2).await;
        let done = program.finish().await;
        assert_eq!(done.code, Some(130), "{done:?}");
        assert_eq!(server.requests().len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_time_is_up_leaves_the_model_that_it_waits_for() {
    each(|provider| async move {
        let server = Server::answering(|_| Reply::silence()).await;
        let mut command = beside(&server, provider, &["run", "--json", GOAL]);
        command.args(["--timeout", "1s"]);
        let done = finish(command).await;
        assert!(done.message().contains("the run did not end within 1 s"), "{done:?}");
        server.left(1).await;
        assert_eq!(server.requests().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_the_look_at_a_plan_that_hangs() {
    each(|provider| async move {
        let server = Server::start().await;
        server.reply(Reply::silence());
        let program = Program::start(beside(&server, provider, &["plan", GOAL]));
        server.requested(1).await;
        program.interrupt();
        server.left(1).await;
        let done = program.finish().await;
        // Ended by the signal itself, which shells show as 130 as well.
        assert!(matches!(done.code, Some(130) | None), "{done:?}");
        assert_eq!(done.stdout, "");
    })
    .await;
}
