//! `sortie cancel`: ends a run.

use clap::Args;
use sortie_proto::v1::{self, RunState};
use tonic::Status;

use crate::app::App;
use crate::cluster::{Client, Cluster, drawn_name, unary};
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
    let cluster = Cluster::remote(&app.settings)?;
    let action = format!("cancel run {}", args.run);
    let cancelled = cancel(&cluster, &args.run, args.reason).await;
    let state = cancelled.map_err(|status| cluster.error(&action, &status))?;
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

/// Ends a run; the answer is how it stands then. The command has a name of its own, so that sent
/// again to another coordinator it is the same command.
pub(super) async fn cancel(
    cluster: &Cluster,
    run_id: &str,
    reason: String,
) -> Result<RunState, Status> {
    let request =
        v1::CancelRunRequest { run_id: run_id.to_owned(), command_id: drawn_name(), reason };
    let asked = async |mut client: Client| client.cancel_run(unary(request.clone())).await;
    Ok(cluster.ask(asked).await?.into_inner().state())
}
