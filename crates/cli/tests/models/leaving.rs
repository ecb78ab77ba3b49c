//! Ctrl-C: the run ends, and the models that were asked see it at once.

use sortie_llm::mock::{Reply, Server, begin, text};

use crate::kit::{Program, TOKENS, each, good_plan, run, says};

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
