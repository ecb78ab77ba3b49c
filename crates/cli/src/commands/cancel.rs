//! `sortie cancel`: ends a run.

use clap::Args;
use sortie_proto::v1::{self, RunState};

use crate::app::App;
use crate::cluster::{Cluster, unary};
use crate::error::Error;
use crate::exit::Exit;
use crate::json::Object;
use crate::view::run_state_name;

/// Arguments of `cancel`.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The run's name
    #[arg(value_name = "RUN")]
    run: String,
    /// Why, for the run's history
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn execute(args: CancelArgs, mut app: App) -> Result<Exit, Error> {
    let cluster = Cluster::remote(&app.settings).await?;
    let action = format!("cancel run {}", args.run);
    let request = unary(v1::CancelRunRequest {
        run_id: args.run.clone(),
        command_id: String::new(),
        reason: args.reason,
    });
    let response = cluster.coordinator().cancel_run(request).await;
    let state = response.map_err(|status| cluster.error(&action, &status))?.into_inner().state();
    let line = if args.json {
        let state = run_state_name(state);
        Object::of_type("cancelled").put("run_id", &args.run).put("state", state).line()
    } else {
        run_state_name(state)
    };
    app.out.line(&line)?;
    // A run that had ended before keeps its end.
    let kept = matches!(state, RunState::Succeeded | RunState::Failed);
    Ok(if kept { Exit::Failed } else { Exit::Done })
}
