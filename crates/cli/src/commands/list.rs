//! `sortie list`: runs, the newest first, page after page up to a limit.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use sortie_engine::Timestamp;
use sortie_proto::v1::{self, RunState};

use crate::app::App;
use crate::arguments::labels;
use crate::cluster::{Client, Cluster, unary};
use crate::error::Error;
use crate::exit::Exit;
use crate::json::Object;
use crate::output::say;
use crate::render::{Last, goal_line, table};
use crate::text::{age, short};
use crate::view::{moment, run_state_name};

/// Enough of a goal to know the run by; a terminal shows what fits.
const GOAL: usize = 160;
/// The largest page that the server gives.
const MAX_PAGE: u32 = 500;

/// Arguments of `list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only runs in this state; may be given more than once
    #[arg(long = "state", value_name = "STATE", value_parser = parse_state)]
    states: Vec<RunState>,
    /// Only runs that carry this mark; may be given more than once
    #[arg(long = "label", value_name = "KEY=VALUE")]
    labels: Vec<String>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

impl ListArgs {
    pub(crate) fn label_faults(&self) -> Vec<String> {
        labels(&self.labels).1
    }
}

pub(crate) async fn execute(args: ListArgs, mut app: App) -> Result<Exit, Error> {
    let cluster = Cluster::remote(&app.settings)?;
    let runs = fetch(&cluster, &args).await?;
    if args.json {
        for run in &runs {
            app.out.line(&run_json(run).line())?;
        }
        return Ok(Exit::Done);
    }
    if runs.is_empty() {
        say("no runs");
        return Ok(Exit::Done);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp::from_millis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    let rows: Vec<_> = runs.iter().map(|run| row(run, now)).collect();
    let header = ["RUN", "STATE", "AGE", "STEPS", "GOAL"];
    app.out.line(&table(header, &rows, Last::Cut(app.out.width())))?;
    Ok(Exit::Done)
}

async fn fetch(cluster: &Cluster, args: &ListArgs) -> Result<Vec<v1::RunSummary>, Error> {
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut runs: Vec<v1::RunSummary> = Vec::new();
    let mut page_token = String::new();
    while runs.len() < limit {
        let missing = u32::try_from(limit - runs.len()).unwrap_or(MAX_PAGE);
        let request = v1::ListRunsRequest {
            page_size: missing.min(MAX_PAGE),
            page_token: page_token.clone(),
            states: args.states.iter().map(|state| (*state).into()).collect(),
            labels: labels(&args.labels).0.into_iter().collect(),
        };
        let asked = async |mut client: Client| client.list_runs(unary(request.clone())).await;
        let page = cluster.ask(asked).await;
        let page = page.map_err(|status| cluster.error("list runs", &status))?.into_inner();
        runs.extend(page.runs);
        // A server that hands out the same page again would be asked for ever.
        if page.next_page_token.is_empty() || page.next_page_token == page_token {
            break;
        }
        page_token = page.next_page_token;
    }
    runs.truncate(limit);
    Ok(runs)
}

fn row(run: &v1::RunSummary, now: Timestamp) -> [String; 5] {
    let age = run.submitted_at.as_ref().map(|at| age(now.since(moment(at))));
    let partial = if run.partial { " (partial)" } else { "" };
    [
        short(&run.run_id, 64),
        format!("{}{partial}", run_state_name(run.state())),
        age.unwrap_or_default(),
        format!("{}/{}", run.steps_ended, run.steps),
        goal_line(&run.goal, GOAL),
    ]
}

fn run_json(run: &v1::RunSummary) -> Object {
    let labels: std::collections::BTreeMap<_, _> = run.labels.iter().collect();
    Object::default()
        .put("run_id", &run.run_id)
        .put("state", run_state_name(run.state()))
        .put("partial", run.partial)
        .put("goal", &run.goal)
        .put("submitted_at", run.submitted_at.as_ref().map(ToString::to_string))
        .put("ended_at", run.ended_at.as_ref().map(ToString::to_string))
        .put("steps", run.steps)
        .put("steps_ended", run.steps_ended)
        .put("labels", labels)
}

const STATES: [RunState; 7] = [
    RunState::Planning,
    RunState::Executing,
    RunState::Synthesizing,
    RunState::Stopping,
    RunState::Succeeded,
    RunState::Failed,
    RunState::Cancelled,
];

fn parse_state(text: &str) -> Result<RunState, String> {
    let found = STATES.into_iter().find(|state| run_state_name(*state) == text);
    found.ok_or_else(|| {
        let names: Vec<_> = STATES.into_iter().map(run_state_name).collect();
        format!("must be one of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_age_and_progress_and_tames_the_goal() {
        let run = v1::RunSummary {
            run_id: "r1".to_owned(),
            goal: "what\nis \x1b[2J?".to_owned(),
            state: RunState::Executing.into(),
            submitted_at: Some(prost_types::Timestamp { seconds: 100, nanos: 0 }),
            steps: 4,
            steps_ended: 1,
            ..v1::RunSummary::default()
        };
        let row = row(&run, Timestamp::from_millis(190_000));
        assert_eq!(row, ["r1", "executing", "1m", "1/4", "what is ␛[2J?"]);
    }

    #[test]
    fn states_are_read_by_the_names_that_are_shown() {
        assert_eq!(parse_state("failed"), Ok(RunState::Failed));
        assert!(parse_state("FAILED").unwrap_err().contains("succeeded"));
    }
}
