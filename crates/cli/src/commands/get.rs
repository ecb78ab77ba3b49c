//! `sortie get`: a run as it is now; or the whole result of one of its steps.

use clap::Args;
use sortie_proto::v1;

use super::follow::get_run;
use crate::app::App;
use crate::cluster::{Client, Cluster};
use crate::error::Error;
use crate::exit::Exit;
use crate::json::run_object;
use crate::output::Output;
use crate::render::describe;
use crate::view::View;

/// Arguments of `get`.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The run's name
    #[arg(value_name = "RUN")]
    run: String,
    /// Print the whole result of this step, as JSON
    #[arg(long, value_name = "NUMBER")]
    step: Option<u32>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn execute(args: GetArgs, mut app: App) -> Result<Exit, Error> {
    let cluster = Cluster::remote(&app.settings)?;
    if let Some(step_number) = args.step {
        return get_result(&cluster, args.run, step_number, &mut app.out).await;
    }
    let view = View::from(&get_run(&cluster, &args.run).await?);
    let text = if args.json { run_object(&view).line() } else { describe(&view) };
    app.out.line(&text)?;
    Ok(Exit::Done)
}

/// Chunks may end inside a character: they are put together before anything is written. The
/// server's own limit on results bounds them.
async fn get_result(
    cluster: &Cluster,
    run_id: String,
    step_number: u32,
    out: &mut Output,
) -> Result<Exit, Error> {
    // The refusal names step and run.
    let action = "get the result";
    let request = v1::GetResultRequest { run_id, step_number };
    let read = async |mut client: Client| {
        let mut chunks = client.get_result(request.clone()).await?.into_inner();
        let mut json = Vec::new();
        while let Some(chunk) = chunks.message().await? {
            json.extend_from_slice(&chunk.json);
        }
        Ok(json)
    };
    let json = cluster.ask(read).await.map_err(|status| cluster.error(action, &status))?;
    out.foreign(&String::from_utf8_lossy(&json))?;
    out.line("")?;
    Ok(Exit::Done)
}
