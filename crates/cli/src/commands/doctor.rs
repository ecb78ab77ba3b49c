//! `sortie doctor`: which model takes which role and why, whether it answers, and whether prompts
//! and prices can be used. Nothing here shows a key.

mod check;
mod show;

use clap::Args;
use sortie_service::config::Origin;
use sortie_service::shutdown::Signals;

use crate::app::App;
use crate::arguments::ModelArgs;
use crate::error::Error;
use crate::exit::Exit;
use check::{Report, call_all};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) models: ModelArgs,
    /// Ask no model anything
    #[arg(long)]
    no_calls: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn execute(args: DoctorArgs, mut app: App) -> Result<Exit, Error> {
    if let Origin::Flag(flag) = &app.settings.endpoint.origin {
        let message = format!(
            "{flag}: the models of a remote cluster are checked where it runs: `sortie doctor` there"
        );
        return Err(Error::Refused(message));
    }
    let mut signals = Signals::listen()?;
    let mut report = Report::of(&app.settings, &app.keys)?;
    if !args.no_calls {
        report.is_asked = true;
        // The timeouts of models hold; Ctrl-C does not wait for them.
        report.calls = tokio::select! {
            calls = call_all(&report.roles) => calls,
            _ = signals.next() => return Ok(Exit::Interrupted),
        };
    }
    let text = if args.json { show::json(&report).line() } else { show::text(&report) };
    app.out.line(&text)?;
    Ok(if report.is_fine() { Exit::Done } else { Exit::Failed })
}
