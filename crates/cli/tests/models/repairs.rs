//! Plans that are none: the model is told what is wrong, so often and not more.

use serde_json::json;
use sortie_llm::mock::Server;

use crate::kit::{
    GOAL, MODEL, Purpose, calculate, each, finish, good_plan, plan, purpose, run, said, says, told,
};

const RUBBISH: &str = "I would rather write a poem about seven.";

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_writes_no_plan_is_told_so_and_asked_again() {
    each(|provider| async move {
        let server = Server::start().await;
        for reply in [RUBBISH, &good_plan(), "84"] {
            server.reply(says(provider, reply));
        }
        let done = finish(run(&server, provider, &[])).await;
        assert_eq!(done.answer(), "84");
        let seen = server.requests();
        let purposes: Vec<_> = seen.iter().map(purpose).collect();
        assert_eq!(purposes, [Purpose::Plan, Purpose::Repair, Purpose::Answer]);
        let repair = said(&seen[1]);
        for wanted in [GOAL, "the text holds no plan, it begins with `I would rather write"] {
            assert!(repair.contains(wanted), "{wanted} in {repair}");
        }
        let causes: Vec<_> =
            done.lines("plan_version_started").iter().map(|line| line["cause"].clone()).collect();
        assert_eq!(causes, ["first", "repair"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_does_not_hold_is_shown_with_its_fault() {
    each(|provider| async move {
        let server = Server::start().await;
        let broken = plan(&[calculate(1, "6 * 7", &[]), calculate(2, "{{7.value}} * 2", &[7])]);
        for reply in [&broken, &good_plan(), "84"] {
            server.reply(says(provider, reply));
        }
        let done = finish(run(&server, provider, &[])).await;
        assert_eq!(done.answer(), "84");
        let seen = server.requests();
        assert_eq!(seen.len(), 3);
        let repair = said(&seen[1]);
        let problems = repair.split("<problems>").nth(1).unwrap();
        assert!(problems.contains("step 2") && problems.contains('7'), "{problems}");
        assert!(repair.contains("{{7.value}} * 2"), "{repair}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_never_writes_a_plan_is_asked_as_often_as_repairs_are_allowed() {
    for (repairs, requests) in [("0", 1), ("2", 3)] {
        each(|provider| async move {
            let server = Server::answering(move |_| says(provider, RUBBISH)).await;
            let mut command = run(&server, provider, &[]);
            command.env("SORTIE_LIMITS_PLAN_REPAIRS", repairs);
            let done = finish(command).await;
            let message = done.message();
            assert!(message.contains("it begins with `I would rather write"), "{message}");
            assert_eq!(done.result()["error"]["kind"], "invalid_plan");
            assert_eq!(done.result()["usage"]["model_calls"], json!(requests), "{provider}");
            assert_eq!(server.requests().len(), requests, "{provider}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_who_wrote_what_instead_of_a_plan() {
    each(|provider| async move {
        let server = Server::answering(move |_| says(provider, RUBBISH)).await;
        let done = finish(told(&server, provider)).await;
        assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{done:?}");

        let name = format!("{MODEL} at {}", server.base_url());
        let why = format!("{name} is not sound: the text holds no plan, it begins with `I would");
        for wanted in [
            name.as_str(),
            &why,
            "planned by",
            "plan version 3 by",
            "plan version 2 (repair): because of the faults",
        ] {
            assert!(done.stderr.contains(wanted), "{wanted} in\n{}", done.stderr);
        }
    })
    .await;
}
