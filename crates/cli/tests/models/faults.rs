//! Servers that break down: the engine asks three times in a row, and says what happened.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sortie_llm::Provider;
use sortie_llm::mock::{Reply, Server, begin, fault, refusal, text};

use crate::kit::{
    MODEL, Program, Purpose, TOKENS, calculate, each, finish, good_plan, purpose, run, says, told,
    used,
};

/// How a server breaks down.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Cut,
    InTheStream,
    Status500,
    Status529,
    ClosedAtOnce,
}

const ALL: [Trouble; 5] = [
    Trouble::Cut,
    Trouble::InTheStream,
    Trouble::Status500,
    Trouble::Status529,
    Trouble::ClosedAtOnce,
];

impl Trouble {
    /// What stands before it, if anything can.
    fn after(self, provider: Provider, said: &str) -> Reply {
        let words = || vec![begin(provider, TOKENS), text(provider, said)];
        match self {
            Self::Cut => Reply::events(words()).cut(),
            Self::InTheStream => {
                let last = fault(provider, "the engine room is on fire");
                Reply::events(words().into_iter().chain([last]))
            }
            Self::Status500 => refusal(provider, 500, "the engine room is on fire"),
            Self::Status529 => refusal(provider, 529, "the engine room is full"),
            Self::ClosedAtOnce => Reply::closed(),
        }
    }

    /// What people are told beside the model and its address.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Cut => &["broke off in the middle", "look into the log of its server"],
            Self::InTheStream => &["on fire", "try again later"],
            Self::Status500 => &["(500)", "on fire", "try again later"],
            Self::Status529 => &["(529)", "room is full", "try again later"],
            Self::ClosedAtOnce => &["closed the connection without an answer", "log of its server"],
        }
    }
}

/// Every trouble with every interface, all at once.
async fn each_trouble<F: Future<Output = ()>>(story: impl Fn(Trouble, Provider) -> F) {
    let pairs = ALL.into_iter().flat_map(|trouble| Provider::ALL.map(|it| (trouble, it)));
    join_all(pairs.map(|(trouble, provider)| story(trouble, provider))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_breaks_off_once_is_asked_for_again() {
    each_trouble(|trouble, provider| async move {
        let server = Server::start().await;
        server.reply(trouble.after(provider, "{\"steps\": [{\"step_number\": 1, "));
        server.reply(says(provider, &good_plan()));
        server.reply(says(provider, "84"));
        let done = finish(run(&server, provider, &[])).await;
        assert_eq!(done.answer(), "84");
        let purposes: Vec<_> = server.requests().iter().map(purpose).collect();
        assert_eq!(
            purposes,
            [Purpose::Plan, Purpose::Plan, Purpose::Answer],
            "{trouble:?} {provider}"
        );
        let failed = done.lines("plan_call_failed");
        assert_eq!(failed.len(), 1, "{trouble:?} {provider}");
        assert!(failed[0]["retry_at"].is_string(), "{failed:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_of_a_plan_that_broke_off_is_not_done_again() {
    each(|provider| async move {
        let server = Server::start().await;
        let (reply, feed) = Reply::fed();
        server.reply(reply);
        server.reply(says(provider, &good_plan()));
        server.reply(says(provider, "84"));
        let program = Program::start(run(&server, provider, &[]));
        server.requested(1).await;
        let first = format!("{{\"steps\": [{},", calculate(1, "6 * 7", &[]));
        assert!(feed.send(begin(provider, TOKENS) + &text(provider, &first)).await);
        let (program, mut lines) = program.until("step_succeeded").await;
        drop(feed);
        let done = program.finish().await;
        assert_eq!(done.answer(), "84");
        lines.extend(done.json());
        let count = |wanted: &str| lines.iter().filter(|line| line["type"] == wanted).count();
        assert_eq!((count("plan_call_failed"), count("step_adopted")), (1, 1), "{provider}");
        assert_eq!((count("step_planned"), count("step_queued")), (2, 2), "{provider}");
        assert_eq!(server.requests().len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_always_breaks_off_is_asked_for_three_times_and_then_explained() {
    each_trouble(|trouble, provider| async move {
        let server = Server::answering(move |_| trouble.after(provider, "{\"steps\": [")).await;
        let done = finish(run(&server, provider, &[])).await;
        let message = done.message();
        let url = server.base_url();
        for wanted in trouble.words().iter().chain(&[MODEL, url.as_str()]) {
            assert!(message.contains(wanted), "{wanted} in {message}");
        }
        assert_eq!(done.result()["error"]["kind"], "unavailable", "{message}");
        assert_eq!(server.requests().len(), 3, "{trouble:?} {provider}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_is_written_anew_and_not_continued() {
    each_trouble(|trouble, provider| async move {
        let server = Server::start().await;
        server.reply(says(provider, &good_plan()));
        server.reply(trouble.after(provider, "Half an "));
        server.reply(says(provider, "A whole answer."));
        let done = finish(run(&server, provider, &[])).await;
        assert_eq!(done.answer(), "A whole answer.");
        let purposes: Vec<_> = server.requests().iter().map(purpose).collect();
        assert_eq!(
            purposes,
            [Purpose::Plan, Purpose::Answer, Purpose::Answer],
            "{trouble:?} {provider}"
        );
        assert_eq!(done.lines("answer_attempt_failed").len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_comes_fails_the_run_and_keeps_its_results() {
    each(|provider| async move {
        let server = Server::answering(move |seen| match purpose(seen) {
            Purpose::Answer => Reply::closed(),
            _ => says(provider, &good_plan()),
        })
        .await;
        let done = finish(run(&server, provider, &[])).await;
        let message = done.message();
        assert!(message.contains("closed the connection without an answer"), "{message}");
        assert_eq!(server.requests().len(), 4, "{provider}");
        let result = done.result();
        assert_eq!(result["steps"][1]["result"]["value"], "84", "{result}");
        assert_eq!(result["usage_by_role"]["planner"], used(1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_named_with_its_address() {
    each(|provider| async move {
        let server = Server::start().await;
        let (command, people) = (run(&server, provider, &[]), told(&server, provider));
        let url = server.base_url();
        server.stop().await;
        let (done, people) = (finish(command).await, finish(people).await);
        let wanted = format!("nobody answers at {url}: is the server running?");
        assert!(done.message().contains(&wanted), "{done:?}");
        assert_eq!((people.code, people.stdout.as_str()), (Some(1), ""));
        assert!(people.stderr.contains(&wanted), "{}", people.stderr);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_a_pause_is_left_alone_for_so_long() {
    each(|provider| async move {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let times = asked.clone();
        let server = Server::answering(move |seen| {
            let mut times = times.lock().unwrap();
            times.push(Instant::now());
            match (times.len(), purpose(seen)) {
                (1, _) => refusal(provider, 429, "slow down").header("retry-after", "1"),
                (_, Purpose::Plan) => says(provider, &good_plan()),
                _ => says(provider, "84"),
            }
        })
        .await;
        let done = finish(run(&server, provider, &[])).await;
        assert_eq!(done.answer(), "84");
        let pause = {
            let asked = asked.lock().unwrap();
            assert_eq!(asked.len(), 3);
            asked[1] - asked[0]
        };
        // The program reckons in whole milliseconds.
        assert!(pause >= Duration::from_millis(999), "{provider}: {pause:?}");
        let failed = &done.lines("plan_call_failed")[0];
        assert_eq!(failed["error"]["kind"], "rate_limited");
        assert!(failed["error"]["message"].as_str().unwrap().contains("slow down"), "{failed}");
    })
    .await;
}
