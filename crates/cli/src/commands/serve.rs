//! `sortie serve`: the cluster of one process, kept up and offered on a port.

use clap::Args;
use sortie_service::config::FlagValue;
use sortie_service::shutdown::{Signals, until_told};

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

/// Until the first signal, then to an orderly end; a second Ctrl-C does not wait for it.
pub(crate) async fn execute(app: App) -> Result<Exit, Error> {
    let settings = &app.settings;
    let listen = settings.listen.value;
    let options = options(settings, &app.keys, app.add_tools)?;
    let signals = Signals::listen()?;
    let served = until_told(signals, |stop| embedded::serve(options, listen, stop)).await;
    match served {
        Ok(Ok(())) => Ok(Exit::Done),
        Ok(Err(error)) => Err(error.into()),
        Err(_hurried) => Ok(Exit::Interrupted),
    }
}
