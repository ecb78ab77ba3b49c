//! `sortie plan`: the graph of a goal, without running it.

use clap::Args;
use sortie_engine::Goal;
use sortie_proto::v1::{self, make_plan_response::Part};
use sortie_service::config::FlagValue;
use tonic::Status;

use super::tools::list_tools;
use crate::app::App;
use crate::arguments::flag_values;
use crate::arguments::goal::{read_goal, refuse_faults};
use crate::cluster::Cluster;
use crate::error::Error;
use crate::exit::Exit;
use crate::json::{Object, steps_json};
use crate::text::{numbers, short};
use crate::view::{Timed, dependencies, levels};

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// What you want to know; `-` reads it from stdin
    #[arg(value_name = "GOAL")]
    goal: String,
    /// Steps that the plan may have
    #[arg(long, value_name = "N")]
    steps: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl PlanArgs {
    pub(crate) fn flags(&self) -> Vec<FlagValue> {
        flag_values([("limits.steps", "--steps", &self.steps)])
    }
}

pub(crate) async fn execute(args: PlanArgs, mut app: App) -> Result<Exit, Error> {
    let goal = Goal::new(read_goal(&args.goal)?);
    refuse_faults(&goal)?;
    let max_steps = app.settings.limits.steps.value;
    let cluster = Cluster::open(&app.settings, app.add_tools).await?;
    let planned = make_plan(&cluster, goal.text, max_steps).await;
    cluster.close().await;
    let Plan { planner, steps } = planned?;
    let text = if args.json {
        let planner = Some(planner).filter(|name| !name.is_empty());
        Object::default().put("planner", planner).put("steps", steps_json(&steps)).line()
    } else {
        graph(&planner, &steps)
    };
    app.out.line(&text)?;
    Ok(Exit::Done)
}

struct Plan {
    planner: String,
    steps: Vec<v1::PlannedStep>,
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
    let failed = |status: Status| cluster.error("plan the goal", &status);
    let mut parts = cluster.planner().make_plan(request).await.map_err(failed)?.into_inner();
    let mut plan = Plan { planner: String::new(), steps: Vec::new() };
    while let Some(part) = parts.message().await.map_err(failed)? {
        match part.part {
            Some(Part::Info(info)) => plan.planner = info.planner,
            Some(Part::Step(_)) if plan.steps.len() >= max_steps as usize => {
                let message = format!("the planner wrote more than {max_steps} steps");
                return Err(failed(Status::resource_exhausted(message)));
            }
            Some(Part::Step(step)) => plan.steps.push(step),
            Some(Part::End(end)) => return sound(plan, &end).map_err(failed),
            Some(Part::Beat(_)) | None => {}
        }
    }
    Err(failed(Status::internal("the planner broke off in the middle of its plan")))
}

/// A plan with faults is none: nothing would run it.
fn sound(plan: Plan, end: &v1::PlanEnd) -> Result<Plan, Status> {
    if end.problems.is_empty() {
        return Ok(plan);
    }
    let told = end.problems.iter().map(|problem| match problem.step_number {
        0 => problem.message.clone(),
        number => format!("step {number}: {}", problem.message),
    });
    let told: Vec<_> = told.collect();
    Err(Status::failed_precondition(format!("the plan is not sound: {}", told.join("; "))))
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
        lines.push(format!("planned by {}", short(planner, 60)));
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
