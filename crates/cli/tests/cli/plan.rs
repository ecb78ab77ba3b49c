//! `plan`: the planner's words as a graph, without a run.

use sortie_proto::v1::{self, make_plan_response::Part};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::fake::{Fake, Script};
use crate::program::against;
use crate::script::draft;

fn part(part: Part) -> Result<v1::MakePlanResponse, Status> {
    Ok(v1::MakePlanResponse { part: Some(part) })
}

fn plan() -> Vec<Result<v1::MakePlanResponse, Status>> {
    vec![
        part(Part::Info(v1::PlannerInfo { planner: "rules".to_owned() })),
        part(Part::Step(draft(1, "{\"expression\":\"6*7\"}", &[]))),
        part(Part::Step(draft(2, "{\"expression\":\"{{1}}+1\"}", &[1]))),
        part(Part::End(v1::PlanEnd::default())),
    ]
}

#[test]
fn the_graph_is_printed_and_nothing_is_run() {
    let tools = vec![v1::Tool { name: "calculate".to_owned(), ..Default::default() }];
    let fake = Fake::start(Script { plan: plan(), tools, ..Script::default() });
    let done = against(&fake, &["plan", "goal"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.starts_with("planned by rules\n1  calculate  does 1\n"), "{}", done.stdout);
    assert!(done.stdout.contains("\n  2  calculate  does 2  (after 1)\n"), "{}", done.stdout);
    let calls = fake.calls();
    assert_eq!(calls.plans[0].tools[0].name, "calculate");
    assert!(calls.submits.is_empty());
}

#[test]
fn json_holds_the_steps() {
    let fake = Fake::start(Script { plan: plan(), ..Script::default() });
    let planned = against(&fake, &["plan", "goal", "--json"]).json().remove(0);
    assert_eq!(planned["steps"][1]["depends_on"], serde_json::json!([1]));
    assert_eq!(planned["steps"][1]["tool_input"]["expression"], "{{1}}+1");
}

#[test]
fn a_goal_that_cannot_be_planned_says_why() {
    let details = ErrorDetails::with_error_info("unplannable", "sortie", []);
    let status = Status::with_error_details(Code::FailedPrecondition, "no rule fits", details);
    let fake = Fake::start(Script { plan: vec![Err(status)], ..Script::default() });
    let done = against(&fake, &["plan", "goal", "--json"]);
    assert_eq!(done.code, Some(1));
    assert_eq!(done.stderr, "error: cannot plan the goal: no rule fits\n");
    assert_eq!(done.json()[0]["error"]["kind"], "unplannable");
}

#[test]
fn a_plan_that_breaks_off_is_no_plan() {
    let mut cut = plan();
    cut.pop();
    let done = against(&Fake::start(Script { plan: cut, ..Script::default() }), &["plan", "goal"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""));
}

#[test]
fn a_plan_with_problems_is_shown_with_them_and_is_no_success() {
    let mut faulty = plan();
    let problem = v1::PlanProblem { step_number: 2, message: "has no tool".to_owned() };
    let usage = v1::Usage { model_calls: 1, unpriced_calls: 1, ..Default::default() };
    let end = v1::PlanEnd { usage: Some(usage), problems: vec![problem] };
    *faulty.last_mut().unwrap() = part(Part::End(end));
    let script = || {
        let parts = faulty.iter().map(|part| part.clone().map_err(|_| unreachable!()));
        Script { plan: parts.collect(), ..Script::default() }
    };
    let done = against(&Fake::start(script()), &["plan", "goal"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stdout.contains("does 2  (after 1)"), "{}", done.stdout);
    let wanted = "1 model call, 0 tokens in, 0 out, price not known\n\
                  error: the plan is not sound: step 2: has no tool\n";
    assert_eq!(done.stderr, wanted);
    let planned = against(&Fake::start(script()), &["plan", "goal", "--json"]).json().remove(0);
    assert_eq!(planned["problems"][0]["message"], "has no tool");
    assert_eq!(planned["usage"]["unpriced_calls"], 1);
}
