//! The commands that stay: `sortie serve`, the cluster of one process, kept up and offered on a port;
//! and the services of a cluster over Redis, one process each.

use clap::Args;
use sortie_service::config::FlagValue;
use sortie_service::process::Fault;
use sortie_service::shutdown::{Signals, until_told};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::arguments::{EmbeddedArgs, flag_values};
use crate::cluster::options;
use crate::embedded;
use crate::error::Error;
use crate::exit::Exit;

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    embedded: EmbeddedArgs,
    /// The address to listen on; 127.0.0.1:7420 if nothing is said [env: SORTIE_LISTEN]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Whether clients may ask for a description of the interfaces: true or false
    #[arg(long, value_name = "BOOL")]
    reflection: Option<String>,
}

impl ServeArgs {
    pub(crate) fn flags(&self) -> Vec<FlagValue> {
        let mut flags = self.embedded.flags();
        flags.extend(flag_values([
            ("listen", "--listen", &self.listen),
            ("reflection", "--reflection", &self.reflection),
        ]));
        flags
    }
}

/// The cluster of one process.
pub(crate) async fn execute(app: App) -> Result<Exit, Error> {
    let settings = &app.settings;
    let listen = settings.listen.value;
    let options = options(settings, &app.keys, app.add_tools)?;
    until_signalled(async move |stop| Ok(embedded::serve(options, listen, stop).await?)).await
}

/// A coordinator of a cluster over Redis: what `sortie-coordinator` is.
pub(crate) async fn coordinator(app: App) -> Result<Exit, Error> {
    until_signalled(|stop| sortie_coordinator::process::start(app.settings, stop)).await
}

/// A planner of a cluster: what `sortie-planner` is.
pub(crate) async fn planner(app: App) -> Result<Exit, Error> {
    until_signalled(|stop| sortie_planner::process::start(app.settings, stop)).await
}

/// A worker of a cluster over Redis: what `sortie-worker` is, with this program's own tools.
pub(crate) async fn worker(app: App) -> Result<Exit, Error> {
    until_signalled(|stop| sortie_worker::process::start(app.settings, app.add_tools, stop)).await
}

/// Until the first signal, then to an orderly end; a second Ctrl-C does not wait for it.
async fn until_signalled<F>(serve: impl FnOnce(CancellationToken) -> F) -> Result<Exit, Error>
where
    F: Future<Output = Result<(), Fault>>,
{
    match until_told(Signals::listen()?, |stop| Box::pin(serve(stop))).await {
        Ok(Ok(())) => Ok(Exit::Done),
        Ok(Err(fault)) => Err(fault.into()),
        Err(_hurried) => Ok(Exit::Interrupted),
    }
}
