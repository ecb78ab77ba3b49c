//! `sortie submit`: hands a goal in and prints the run's name.

use std::time::Duration;

use clap::Args;
use sortie_proto::v1;
use tokio::time::{Instant, sleep};
use tonic::{Response, Status};

use crate::app::App;
use crate::arguments::GoalArgs;
use crate::cluster::{Client, Cluster, drawn_name, unary};
use crate::error::{Error, is_transport, reason};
use crate::exit::Exit;
use crate::json::Object;
use crate::output::say;

/// Arguments of `submit`.
#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    #[command(flatten)]
    pub(crate) goal: GoalArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn execute(args: SubmitArgs, mut app: App) -> Result<Exit, Error> {
    let request = args.goal.request(&app.settings)?;
    let cluster = Cluster::remote(&app.settings)?;
    let submitted = submit(&cluster, request).await?;
    if args.json {
        let object = Object::of_type("submitted")
            .put("run_id", &submitted.run_id)
            .put("already_submitted", submitted.already_submitted);
        app.out.line(&object.line())?;
    } else {
        app.out.line(&submitted.run_id)?;
    }
    Ok(Exit::Done)
}

/// A cluster that is just being started has so long to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause before it is asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// Hands a goal in. What the cluster refuses here never becomes a run. It always has a key, so that
/// sent again, and to another coordinator, it is the same run.
pub(super) async fn submit(
    cluster: &Cluster,
    mut request: v1::SubmitGoalRequest,
) -> Result<v1::SubmitGoalResponse, Error> {
    let is_ours = request.idempotency_key.is_empty();
    if is_ours {
        request.idempotency_key = drawn_name();
    }
    match hand_in(cluster, &request).await {
        Ok(response) => {
            let submitted = response.into_inner();
            // Under a name that was drawn here, nobody has submitted it before.
            let already_submitted = submitted.already_submitted && !is_ours;
            Ok(v1::SubmitGoalResponse { already_submitted, ..submitted })
        }
        Err(status) => Err(cluster.error("submit the goal", &status).before_a_run()),
    }
}

/// Asks again for a while where nobody takes goals.
async fn hand_in(
    cluster: &Cluster,
    request: &v1::SubmitGoalRequest,
) -> Result<Response<v1::SubmitGoalResponse>, Status> {
    let asked = async |mut client: Client| client.submit_goal(unary(request.clone())).await;
    let until = Instant::now() + PATIENCE;
    let mut is_told = false;
    loop {
        let status = match cluster.ask(asked).await {
            Err(status) if is_transport(&status) && Instant::now() + PAUSE < until => status,
            answer => return answer,
        };
        if !std::mem::replace(&mut is_told, true) {
            let (name, why, most) = (cluster.name(), reason(&status), PATIENCE.as_secs());
            say(&format!("{name} takes no goals yet ({why}): trying for {most} s"));
        }
        sleep(PAUSE).await;
    }
}
