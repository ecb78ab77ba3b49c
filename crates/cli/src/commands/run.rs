//! `sortie run`: a goal becomes an answer while you look on. The run belongs to this command: if
//! the command is interrupted, or nobody reads its output any more, the run is cancelled.

use std::time::Duration;

use clap::Args;
use sortie_proto::v1;
use sortie_service::shutdown::Signals;

use super::follow::{Follow, get_run};
use super::submit::submit;
use crate::app::App;
use crate::arguments::{EmbeddedArgs, GoalArgs};
use crate::cluster::Cluster;
use crate::error::Error;
use crate::exit::Exit;
use crate::render::{Screen, exit_of};
use crate::view::View;
use crate::watch::Watch;

/// How long an interrupted command waits for the run's end: a commit, not a step.
const GRACE: Duration = Duration::from_secs(5);

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) goal: GoalArgs,
    #[command(flatten)]
    pub(crate) embedded: EmbeddedArgs,
    /// Print events as they come and a result at the end, one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn execute(args: RunArgs, app: App) -> Result<Exit, Error> {
    let request = args.goal.request(&app.settings)?;
    let mut signals = Signals::listen()?;
    let cluster = Cluster::open(&app.settings, &app.keys, app.add_tools).await?;
    let screen = Screen::new(app.out, app.progress, args.json);
    let (submitted, is_interrupted) = submit_or_leave(&cluster, request, &mut signals).await?;
    let mut follow = Follow {
        watch: Watch::from_start(&cluster, submitted.run_id.clone()),
        view: View::new(&submitted.run_id),
        screen,
    };
    let followed = tokio::select! {
        biased;
        () = std::future::ready(()), if is_interrupted => Err(Error::Interrupted),
        followed = follow.until_end() => followed,
        _ = signals.next() => Err(Error::Interrupted),
    };
    let exit = match followed {
        Ok(()) => {
            if args.json {
                complete(&cluster, &mut follow.view).await;
            }
            follow.screen.finish(&follow.view).map(|()| exit_of(&follow.view))
        }
        Err(Error::Interrupted) => interrupt(&cluster, &mut follow, &mut signals).await,
        Err(Error::PipeClosed) => {
            tokio::time::timeout(GRACE, cancel(&cluster, &follow.view.run_id)).await.ok();
            Err(Error::PipeClosed)
        }
        Err(error) => Ok(follow.give_up(&error)),
    };
    drop(follow);
    cluster.close().await;
    exit
}

/// The run, and whether Ctrl-C came while the goal was under way: then the answer is awaited
/// shortly, so that no run is left behind.
async fn submit_or_leave(
    cluster: &Cluster,
    request: v1::SubmitGoalRequest,
    signals: &mut Signals,
) -> Result<(v1::SubmitGoalResponse, bool), Error> {
    let mut submitting = std::pin::pin!(submit(cluster, request));
    tokio::select! {
        submitted = &mut submitting => return submitted.map(|submitted| (submitted, false)),
        _ = signals.next() => {}
    }
    let late = tokio::select! {
        late = tokio::time::timeout(GRACE, submitting) => late,
        () = signals.interrupt() => return Err(Error::Interrupted),
    };
    match late {
        Ok(Ok(submitted)) => Ok((submitted, true)),
        Ok(Err(_)) | Err(_) => Err(Error::Interrupted),
    }
}

/// Cancels the run and shows its end, if it comes soon.
async fn interrupt(
    cluster: &Cluster,
    follow: &mut Follow<'_>,
    signals: &mut Signals,
) -> Result<Exit, Error> {
    follow.screen.note("cancelling the run; Ctrl-C again leaves at once");
    let run_id = follow.view.run_id.clone();
    let orderly = async {
        match cancel(cluster, &run_id).await {
            // Whatever the cluster says, the run's end will tell: it may have ended before.
            Ok(()) | Err(Error::Failed { .. } | Error::Refused(_)) => follow.until_end().await,
            Err(error) => Err(error),
        }
    };
    let ended = tokio::select! {
        ended = tokio::time::timeout(GRACE, orderly) => ended,
        () = signals.interrupt() => return Ok(Exit::Interrupted),
    };
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(Error::PipeClosed)) => return Ok(Exit::Interrupted),
        Ok(Err(error)) => follow.screen.note(&format!("run {run_id} may go on: {error}")),
        Err(_) => follow.screen.note(&format!("run {run_id} has not ended yet")),
    }
    follow.screen.finish(&follow.view)?;
    Ok(Exit::Interrupted)
}

async fn cancel(cluster: &Cluster, run_id: &str) -> Result<(), Error> {
    let reason = "interrupted by the one who asked".to_owned();
    match super::cancel::cancel(cluster, run_id, reason).await {
        Ok(_) => Ok(()),
        Err(status) => Err(cluster.error(&format!("cancel run {run_id}"), &status)),
    }
}

/// The snapshot has the results as they are kept; if it cannot be had, the previews of the events
/// stand.
pub(super) async fn complete(cluster: &Cluster, view: &mut View) {
    match get_run(cluster, &view.run_id).await {
        Ok(run) => *view = View::from(&run),
        Err(error) => tracing::debug!(error = %error, "no snapshot of the ended run"),
    }
}
