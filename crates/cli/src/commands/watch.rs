//! `sortie watch`: looks on. The run is not this command's: leaving leaves it alone.

use clap::Args;
use sortie_proto::v1::{self, watch_run_response::Item};
use sortie_service::shutdown::Signals;

use super::follow::{Follow, get_run};
use super::run::complete;
use crate::app::App;
use crate::cluster::Cluster;
use crate::error::Error;
use crate::exit::Exit;
use crate::render::{Screen, exit_of};
use crate::view::View;
use crate::watch::Watch;

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The run's name
    #[arg(value_name = "RUN")]
    run: String,
    /// Show everything from the first event on, instead of the run as it is now and what follows
    #[arg(long, conflicts_with = "cursor")]
    from_start: bool,
    /// Go on after this place, as a line of `--json` gave it
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Print events as they come and a result at the end, one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn execute(args: WatchArgs, app: App) -> Result<Exit, Error> {
    let mut signals = Signals::listen()?;
    let cluster = Cluster::remote(&app.settings)?;
    let screen = Screen::new(app.out, app.progress, args.json);
    let view = View::new(&args.run);
    // What was folded onto a later snapshot is not the end: only a snapshot is.
    let take_snapshot = args.json || args.cursor.is_some();
    let mut follow = if let Some(cursor) = args.cursor {
        // What lies before the cursor is needed to name steps, but not shown.
        let run = get_run(&cluster, &args.run).await?;
        let watch = Watch::from_cursor(&cluster, &run, cursor);
        Follow { watch, view: View::from(&run), screen }
    } else if args.from_start {
        Follow { watch: Watch::from_start(&cluster, args.run), view, screen }
    } else {
        let run = get_run(&cluster, &args.run).await?;
        let watch = Watch::from_snapshot(&cluster, &run);
        let mut follow = Follow { watch, view, screen };
        let cursor = run.cursor.clone();
        let item = Item::Reset(v1::Reset { run: Some(run) });
        follow.view.apply(&item);
        follow.screen.show(&follow.view, &item, &cursor)?;
        follow
    };
    let followed = tokio::select! {
        followed = follow.until_end() => followed,
        _ = signals.next() => return Ok(Exit::Interrupted),
    };
    match followed {
        Ok(()) => {}
        Err(Error::PipeClosed) => return Err(Error::PipeClosed),
        Err(error) => return Ok(follow.give_up(&error)),
    }
    if take_snapshot {
        complete(&cluster, &mut follow.view).await;
    }
    follow.screen.finish(&follow.view)?;
    Ok(exit_of(&follow.view))
}
