//! Another plan after steps that failed, through the whole program.

use serde_json::{Value, json};
use sortie_llm::mock::Server;
use tokio::task::spawn_blocking;

use crate::kit::{
    GOAL, Purpose, beside, calculate, each, finish, plan, purpose, run, said, says, sortie, step,
    told, used,
};
use crate::process;

const REPLAN: [&str; 2] = ["--replan", "on-failure"];

/// A search for something that no document tells of.
fn lost(number: u32, place: &str) -> Value {
    step(number, "search", &json!({"query": place, "subject": place}), &[])
}

fn first() -> String {
    plan(&[lost(1, "Atlantis"), calculate(2, "6 * 7", &[])])
}

fn second() -> String {
    plan(&[calculate(3, "{{2.value}} * 2", &[2])])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_plan_goes_on_from_what_the_first_found() {
    each(|provider| async move {
        let server = Server::start().await;
        for reply in [&first(), &second(), "84"] {
            server.reply(says(provider, reply));
        }
        let done = finish(run(&server, provider, &REPLAN)).await;
        assert_eq!(done.answer(), "84");
        let seen = server.requests();
        let purposes: Vec<_> = seen.iter().map(purpose).collect();
        assert_eq!(purposes, [Purpose::Plan, Purpose::Replan, Purpose::Answer]);
        let told = said(&seen[1]);
        for wanted in ["Atlantis", "not_found", "Number your steps from 3", "6 * 7 = 42"] {
            assert!(told.contains(wanted), "{wanted} in {told}");
        }
        let versions = done.lines("plan_version_started");
        let causes: Vec<_> = versions.iter().map(|it| (&it["version"], &it["cause"])).collect();
        assert_eq!(causes, [(&json!(1), &json!("first")), (&json!(2), &json!("replan"))]);
        let result = done.result();
        let steps = result["steps"].as_array().unwrap();
        let numbers: Vec<_> = steps.iter().map(|step| step["step_number"].clone()).collect();
        assert_eq!((numbers, &result["partial"]), (vec![json!(2), json!(3)], &json!(false)));
        assert_eq!(result["usage_by_role"]["planner"], used(2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_a_later_look_are_told_of_the_second_plan() {
    each(|provider| async move {
        let server = Server::answering(move |seen| {
            says(
                provider,
                match purpose(seen) {
                    Purpose::Plan => first(),
                    Purpose::Replan => second(),
                    _ => "84".to_owned(),
                }
                .as_str(),
            )
        })
        .await;
        let mut command = told(&server, provider);
        command.args(REPLAN);
        let done = finish(command).await;
        assert_eq!((done.code, done.stdout.as_str()), (Some(0), "84\n"), "{done:?}");
        let wanted = "plan version 2 (replan): because step 1 failed";
        assert!(done.stderr.contains(wanted), "{}", done.stderr);
        let mut serve = beside(&server, provider, &["serve"]);
        let serve = spawn_blocking(move || process::Server::with(&mut serve)).await.unwrap();
        let there = |arguments: &[&str]| {
            let mut command = sortie(arguments);
            command.env("SORTIE_ENDPOINT", &serve.url);
            command
        };
        let run = finish(there(&["run", "--json", GOAL, REPLAN[0], REPLAN[1]])).await;
        assert_eq!(run.answer(), "84");
        let run_id = run.result()["run_id"].as_str().unwrap().to_owned();
        let got = finish(there(&["get", "--json", &run_id])).await.json().remove(0);
        assert_eq!((&got["plan_version"], &got["state"]), (&json!(2), &json!("succeeded")));
        let people = finish(there(&["get", &run_id])).await;
        assert!(people.stdout.contains("3 model calls, 300 tokens in, 60 out"), "{people:?}");
        let watched = finish(there(&["watch", "--json", "--from-start", &run_id])).await;
        assert_eq!(watched.lines("plan_version_started")[1]["cause"], "replan");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_three_more_plans_that_fail_nobody_asks_again() {
    each(|provider| async move {
        let server = Server::start().await;
        for (number, place) in (1..).zip(["Atlantis", "Utopia", "Narnia", "Lilliput", "Oz"]) {
            server.reply(says(provider, &plan(&[lost(number, place)])));
        }
        let done = finish(run(&server, provider, &REPLAN)).await;
        let message = done.message();
        assert!(message.contains("nothing about `Lilliput`"), "{message}");
        assert_eq!(done.result()["error"]["kind"], "no_results");
        assert_eq!(server.requests().len(), 4, "{provider}");
        assert_eq!(done.result()["usage"], used(4));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_word_nobody_asks_for_another_plan() {
    each(|provider| async move {
        let server = Server::start().await;
        server.reply(says(provider, &first()));
        server.reply(says(provider, "42, and there is no Atlantis."));
        let done = finish(run(&server, provider, &[])).await;
        assert_eq!(done.answer(), "42, and there is no Atlantis.");
        assert_eq!((server.requests().len(), &done.result()["partial"]), (2, &json!(true)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_plan_that_cannot_be_had_leaves_what_there_is() {
    each(|provider| async move {
        let server = Server::answering(move |seen| match purpose(seen) {
            Purpose::Plan => says(provider, &first()),
            Purpose::Answer => says(provider, "42, and there is no Atlantis."),
            _ => says(provider, "I give up."),
        })
        .await;
        let done = finish(run(&server, provider, &REPLAN)).await;
        assert_eq!(done.answer(), "42, and there is no Atlantis.");
        assert_eq!((done.lines("plan_restored").len(), done.lines("plan_rejected").len()), (1, 3));
        let purposes: Vec<_> = server.requests().iter().map(purpose).collect();
        assert_eq!(
            purposes,
            [Purpose::Plan, Purpose::Replan, Purpose::Repair, Purpose::Repair, Purpose::Answer]
        );
    })
    .await;
}
