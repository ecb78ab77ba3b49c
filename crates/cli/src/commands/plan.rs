//! `sortie plan`: the graph of a goal, without running it.

use clap::Args;
use sortie_engine::{FailureKind, Goal, Usage};
use sortie_proto::v1::{self, make_plan_response::Part};
use sortie_service::config::FlagValue;
use tokio::time::timeout;
use tonic::{Code, Status};

use super::tools::list_tools;
use crate::app::App;
use crate::arguments::goal::{read_goal, refuse_faults};
use crate::arguments::{ModelArgs, flag_values};
use crate::cluster::Cluster;
use crate::error::Error;
use crate::exit::Exit;
use crate::json::{Object, problems_json, steps_json, usage_json};
use crate::output::say;
use crate::render::used;
use crate::text::{numbers, short};
use crate::view::{Timed, dependencies, levels};
use sortie_service::arguments::list_value;

/// Messages tell what to do; most of them fit.
const MESSAGE: usize = 400;

/// `sortie serve` offers a planner at its address, a coordinator of a cluster does not.
const NO_PLANNER: &str = "there is no planner at the coordinator's address: name one with --planner URL or \
                          SORTIE_PLANNER";

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// What you want to know; `-` reads it from stdin
    #[arg(value_name = "GOAL")]
    goal: String,
    /// Steps that the plan may have
    #[arg(long, value_name = "N")]
    steps: Option<String>,
    /// Who plans, where the coordinator's address has no planner; may be given more than once [env: SORTIE_PLANNER]
    #[arg(long, value_name = "URL")]
    planner: Vec<String>,
    #[command(flatten)]
    models: ModelArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl PlanArgs {
    pub(crate) fn flags(&self) -> Vec<FlagValue> {
        let mut flags = flag_values([("limits.steps", "--steps", &self.steps)]);
        flags.extend(list_value("planner", "--planner", &self.planner));
        flags.extend(self.models.flags());
        flags
    }
}

pub(crate) async fn execute(args: PlanArgs, mut app: App) -> Result<Exit, Error> {
    let goal = Goal::new(read_goal(&args.goal)?);
    refuse_faults(&goal)?;
    let max_steps = app.settings.limits.steps.value;
    let cluster = Cluster::open(&app.settings, &app.keys, app.add_tools).await?;
    let limit = app.settings.limits.run_timeout.value;
    let planned = timeout(limit, make_plan(&cluster, goal.text, max_steps)).await;
    let planned = planned.unwrap_or_else(|_| {
        let message = format!("the planner did not come to an end within {} s", limit.as_secs());
        Err(Error::Failed { kind: FailureKind::Timeout, message })
    });
    cluster.close().await;
    let plan = planned?;
    let text = if args.json { plan_json(&plan).line() } else { graph(&plan.planner, &plan.steps) };
    app.out.line(&text)?;
    if !args.json {
        plan.usage.iter().filter_map(used).for_each(|used| say(&used));
    }
    for problem in &plan.problems {
        say(&format!("error: {}", short(&problem_line(problem), MESSAGE)));
    }
    // A plan with faults is none: nothing would run it.
    Ok(if plan.problems.is_empty() { Exit::Done } else { Exit::Failed })
}

/// What a planner wrote.
#[derive(Default)]
struct Plan {
    planner: String,
    steps: Vec<v1::PlannedStep>,
    problems: Vec<v1::PlanProblem>,
    usage: Option<Usage>,
}

async fn make_plan(cluster: &Cluster, goal: String, max_steps: u32) -> Result<Plan, Error> {
    let request = v1::MakePlanRequest {
        run_id: String::new(),
        version: 1,
        goal,
        tools: list_tools(cluster).await?,
        max_steps,
        repair: None,
        replan: None,
    };
    let failed = |status: Status| match status.code() {
        Code::Unimplemented => Error::Refused(NO_PLANNER.to_owned()),
        _ => Error::from_planner("plan the goal", &cluster.name(), &status),
    };
    let mut parts = cluster.planner().await?.make_plan(request).await.map_err(failed)?.into_inner();
    let mut plan = Plan::default();
    while let Some(part) = parts.message().await.map_err(failed)? {
        match part.part {
            Some(Part::Info(info)) => plan.planner = info.planner,
            Some(Part::Step(_)) if plan.steps.len() >= max_steps as usize => {
                let message = format!("the planner wrote more than {max_steps} steps");
                return Err(failed(Status::resource_exhausted(message)));
            }
            Some(Part::Step(step)) => plan.steps.push(step),
            Some(Part::End(end)) => {
                plan.usage = end.usage.map(Usage::from);
                plan.problems = end.problems;
                return Ok(plan);
            }
            Some(Part::Beat(_)) | None => {}
        }
    }
    Err(failed(Status::internal("the planner broke off in the middle of its plan")))
}

fn problem_line(problem: &v1::PlanProblem) -> String {
    match problem.step_number {
        0 => format!("the plan is not sound: {}", problem.message),
        number => format!("the plan is not sound: step {number}: {}", problem.message),
    }
}

fn plan_json(plan: &Plan) -> Object {
    Object::default()
        .put("planner", Some(&plan.planner).filter(|name| !name.is_empty()))
        .put("steps", steps_json(&plan.steps))
        .put("problems", problems_json(&plan.problems))
        .put("usage", plan.usage.as_ref().map(usage_json))
}

/// The steps, each as far to the right as it lies deep.
fn graph(planner: &str, steps: &[v1::PlannedStep]) -> String {
    let timed: Vec<_> = steps
        .iter()
        .map(|step| Timed { number: step.step_number, depends_on: dependencies(step), span: None })
        .collect();
    let levels = levels(&timed);
    let mut lines = Vec::new();
    if !planner.is_empty() {
        lines.push(format!("planned by {}", short(planner, 100)));
    }
    for step in steps {
        let level = levels.get(&step.step_number);
        let indent = "  ".repeat(level.copied().unwrap_or(0));
        let after = match dependencies(step).as_slice() {
            [] => String::new(),
            some => format!("  (after {})", numbers(some)),
        };
        // Neither a level nor a way to run it: a cycle, or behind one.
        let fault = if level.is_none() { "  (on or behind a cycle)" } else { "" };
        let (tool, description) = (short(&step.tool, 32), short(&step.description, 160));
        let number = step.step_number;
        lines.push(format!("{indent}{number}  {tool:<9}  {description}{after}{fault}"));
        lines.push(format!("{indent}     {}", short(&step.tool_input, 160)));
    }
    if let Some(deepest) = levels.values().max() {
        let noun = if steps.len() == 1 { "step" } else { "steps" };
        lines.push(format!("{} {noun}, at most {} after each other", steps.len(), deepest + 1));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step_number: u32, depends_on: &[u32]) -> v1::PlannedStep {
        v1::PlannedStep {
            step_number,
            description: format!("does {step_number}"),
            tool: "search".to_owned(),
            tool_input: "{\"query\":\"q\"}".to_owned(),
            depends_on: depends_on.to_vec(),
        }
    }

    #[test]
    fn steps_stand_as_deep_as_they_lie() {
        let text = graph("rules", &[step(1, &[]), step(2, &[1]), step(3, &[1, 2])]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "planned by rules");
        assert_eq!(lines[1], "1  search     does 1");
        assert_eq!(lines[3], "  2  search     does 2  (after 1)");
        assert_eq!(lines[5], "    3  search     does 3  (after 1, 2)");
    }

    #[test]
    fn a_cycle_is_shown_for_what_it_is() {
        let text = graph("", &[step(1, &[2]), step(2, &[1])]);
        assert!(text.contains("1  search     does 1  (after 2)  (on or behind a cycle)"), "{text}");
    }
}
