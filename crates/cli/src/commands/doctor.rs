//! `sortie doctor`: which model takes which role and why, whether it answers, and whether prompts
//! and prices can be used; and whether the Redis of a cluster is fit, if one is named. Nothing here
//! shows a key or a password.

mod check;
mod redis;
mod show;

use clap::Args;
use sortie_service::arguments::RedisArgs;
use sortie_service::config::{FlagValue, Origin};
use sortie_service::shutdown::Signals;

use crate::app::App;
use crate::arguments::ModelArgs;
use crate::error::Error;
use crate::exit::Exit;
use check::{Report, call_all};
use redis::RedisCheck;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    redis: RedisArgs,
    /// Ask no model anything
    #[arg(long)]
    no_calls: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl DoctorArgs {
    pub(crate) fn flags(&self) -> Vec<FlagValue> {
        let mut flags = self.models.flags();
        flags.extend(self.redis.flags());
        flags
    }
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
    if app.settings.cluster.redis.is_set() {
        report.redis = Some(RedisCheck::of(&app.settings.cluster).await);
    }
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
