//! Servers that hang: patience ends, and with it the connection.

use std::process::Command;

use sortie_llm::Provider;
use sortie_llm::mock::{Reply, Server, begin, text};

use crate::kit::{MODEL, TOKENS, each, finish, run};
use crate::process::Finished;

/// Only for servers that hang anyway: on a busy machine a good answer may take as long.
const PATIENCE: &str = "200ms";

fn impatient(server: &Server, provider: Provider, variable: &str) -> Command {
    let mut command = run(server, provider, &[]);
    command.env(variable, PATIENCE);
    command
}

/// Three calls, each of them closed by the program; one in a hurry may be closed before the server
/// has read what it wants.
async fn left_three_times(server: &Server, done: &Finished) {
    assert_eq!(done.lines("plan_call_failed").len(), 3, "{done:?}");
    server.left(3).await;
    assert!(server.requests().len() <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_left_after_the_time_that_was_set() {
    each(|provider| async move {
        let server = Server::answering(|_| Reply::silence()).await;
        let done = finish(impatient(&server, provider, "SORTIE_MODEL_TIMEOUTS_FIRST")).await;
        let message = done.message();
        let name = format!("{MODEL} at {}", server.base_url());
        for wanted in [name.as_str(), "said nothing for 200ms (model_timeouts.first)"] {
            assert!(message.contains(wanted), "{wanted} in {message}");
        }
        assert_eq!(done.result()["error"]["kind"], "timeout");
        left_three_times(&server, &done).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_in_the_middle_is_left_after_the_time_that_was_set() {
    each(|provider| async move {
        let stops = move || Reply::events([begin(provider, TOKENS), text(provider, "{\"st")]);
        let server = Server::answering(move |_| stops().hang()).await;
        let done = finish(impatient(&server, provider, "SORTIE_MODEL_TIMEOUTS_IDLE")).await;
        let message = done.message();
        let wanted = "stopped in the middle and said nothing more for 200ms (model_timeouts.idle)";
        assert!(message.contains(wanted), "{wanted} in {message}");
        left_three_times(&server, &done).await;
    })
    .await;
}
