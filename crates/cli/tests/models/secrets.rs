//! What no log may hold, however loud it is: keys, prompts, and what models say.

use std::path::Path;
use std::process::Command;

use sortie_llm::mock::{Reply, Server, begin, end, refusal, text, thought};
use sortie_llm::{Provider, StopReason};

use crate::kit::{KEY, TOKENS, beside, each, finish, good_plan};

const IN_GOAL: &str = "marker-of-the-goal-5d1c";
const IN_PROMPT: &str = "marker-of-the-prompt-77aa";
const IN_THOUGHT: &str = "marker-of-a-thought-e09b";
const IN_ANSWER: &str = "marker-of-the-answer-31f4";

/// A run that tells its log everything, in a form that can be told apart from what people see.
fn loud(mut command: Command, filter: &str) -> Command {
    command.args(["--log", filter, "--log-format", "json", "--timeout", "60s"]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loudest_log_holds_no_key_no_prompt_and_no_words_of_a_model() {
    let prompts = tempfile::tempdir().unwrap();
    let own = format!("You plan. {IN_PROMPT}\n[[tools]]\n\n=== user ===\n[[goal]]\n");
    std::fs::write(prompts.path().join("plan.md"), own).unwrap();
    for filter in ["trace", "debug,genai=trace,reqwest=trace,hyper=trace,hyper_util=trace,h2=trace"]
    {
        each(|provider| nothing_slips(provider, filter, prompts.path())).await;
    }
}

async fn nothing_slips(provider: Provider, filter: &str, prompts: &Path) {
    let server = Server::start().await;
    // A fault quotes what was asked, too.
    server.reply(refusal(provider, 503, &format!("busy, and your key is {KEY}")));
    server.reply(Reply::events([
        begin(provider, TOKENS),
        thought(provider, IN_THOUGHT),
        text(provider, &good_plan()),
        end(provider, StopReason::Complete, TOKENS),
    ]));
    server.reply(Reply::events([
        begin(provider, TOKENS),
        text(provider, IN_ANSWER),
        end(provider, StopReason::Complete, TOKENS),
    ]));
    let goal = format!("What is six times seven? {IN_GOAL}");
    let mut command = loud(beside(&server, provider, &["run", "--json", &goal]), filter);
    command.arg("--prompts").arg(prompts);
    let done = finish(command).await;
    assert_eq!(done.answer(), IN_ANSWER);
    let asked = String::from_utf8(server.requests().remove(1).body).unwrap();
    assert!(asked.contains(IN_PROMPT) && asked.contains(IN_GOAL), "{asked}");
    assert!(done.stderr.contains("a model has written"), "the log is loud: {}", done.stderr);
    assert!(!done.stdout.contains(KEY));
    for secret in [KEY, IN_PROMPT, IN_THOUGHT, IN_ANSWER, IN_GOAL] {
        let line = done.stderr.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} of {provider}");
    }
}
