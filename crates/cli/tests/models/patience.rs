//! Servers that hang: patience ends, and with it the connection.

use std::process::Command;

use sortie_llm::Provider;
use sortie_llm::mock::{Reply, Server, begin, text};

use crate::kit::{MODEL, TOKENS, each, finish, run};

/// Only for servers that hang anyway: a busy machine may take as long for a good answer.
const PATIENCE: &str = "200ms";

fn impatient(server: &Server, provider: Provider) -> Command {
    let mut command = run(server, provider, &[]);
    command.env("SORTIE_MODEL_TIMEOUTS_FIRST", PATIENCE);
    command.env("SORTIE_MODEL_TIMEOUTS_IDLE", PATIENCE);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_left_after_the_time_that_was_set() {
    each(|provider| async move {
        let server = Server::answering(|_| Reply::silence()).await;
        let done = finish(impatient(&server, provider)).await;
        let message = done.message();
        let name = format!("{MODEL} at {}", server.base_url());
        for wanted in [name.as_str(), "said nothing for 200ms (model_timeouts.first)"] {
            assert!(message.contains(wanted), "{wanted} in {message}");
        }
        assert_eq!(done.result()["error"]["kind"], "timeout");
        server.left(3).await;
        assert_eq!(server.requests().len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_in_the_middle_is_left_after_the_time_that_was_set() {
    each(|provider| async move {
        let stops = move || Reply::events([begin(provider, TOKENS), text(provider, "{\"st")]);
        let server = Server::answering(move |_| stops().hang()).await;
        let done = finish(impatient(&server, provider)).await;
        let message = done.message();
        let wanted = "stopped in the middle and said nothing more for 200ms (model_timeouts.idle)";
        assert!(message.contains(wanted), "{wanted} in {message}");
        server.left(3).await;
        assert_eq!(server.requests().len(), 3);
    })
    .await;
}
