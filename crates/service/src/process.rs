//! A service as a whole process: command line, settings, log, signals, exit code. The programs of the
//! services and the subcommands of `sortie` differ in nothing but this wrapping.

use std::io;
use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use crate::arguments::CommonArgs;
use crate::config::{FlagValue, Settings, Sources};
use crate::serving::HostError;
use crate::shutdown::{Signals, until_told};
use crate::telemetry::{self, Loudness};

/// What a supervisor sees of a process that Ctrl-C has killed.
const INTERRUPTED: u8 = 130;

/// Why a process ends before it was told to, in words for whoever started it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// What they gave cannot be used: each line one mistake. The same again is refused again.
    #[error("{0}")]
    Refused(String),
    /// It went wrong; the same again may go well.
    #[error("{0}")]
    Failed(String),
}

impl From<HostError> for Fault {
    fn from(error: HostError) -> Self {
        let why = std::error::Error::source(&error).map(root).unwrap_or_default();
        match error {
            HostError::Listen { .. } => {
                let hint = "choose another address with --listen";
                Self::Refused(format!("cannot {error}: {why}: {hint}"))
            }
            HostError::Describe(_) | HostError::Serve(_) => {
                Self::Failed(format!("cannot {error}: {why}"))
            }
            HostError::PartDied => Self::Failed(error.to_string()),
        }
    }
}

impl From<Fault> for ExitCode {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(_) => Self::from(2),
            Fault::Failed(_) => Self::FAILURE,
        }
    }
}

/// Serves until a signal asks for the end, and exits as `sortie` does: 0 in order, 1 after a failure,
/// 2 for what cannot be used.
pub fn run<F>(
    common: &CommonArgs,
    mut flags: Vec<FlagValue>,
    serve: impl FnOnce(Settings, CancellationToken) -> F,
) -> ExitCode
where
    F: Future<Output = Result<(), Fault>>,
{
    flags.extend(common.flags());
    let sources = Sources { flags, environment: environment(), file: common.config.clone() };
    let ended = sources
        .resolve()
        .map_err(|mistakes| Fault::Refused(mistakes.to_string()))
        .and_then(|settings| until_signalled(settings, serve));
    match ended {
        Ok(exit) => exit,
        Err(fault) => {
            for line in fault.to_string().lines() {
                // If stderr is gone, there is nobody to tell.
                io::Write::write_all(&mut io::stderr(), format!("error: {line}\n").as_bytes()).ok();
            }
            fault.into()
        }
    }
}

fn until_signalled<F>(
    settings: Settings,
    serve: impl FnOnce(Settings, CancellationToken) -> F,
) -> Result<ExitCode, Fault>
where
    F: Future<Output = Result<(), Fault>>,
{
    let (format, filter) = (settings.log_format.value, settings.log.value.clone());
    // A program around this one may log already: then its own way stands.
    telemetry::init(format, filter.as_deref(), Loudness::Server, io::stderr).ok();
    let failed = |error: io::Error| Fault::Failed(error.to_string());
    let runtime = tokio::runtime::Runtime::new().map_err(failed)?;
    let ended = runtime.block_on(async {
        let signals = Signals::listen().map_err(failed)?;
        match until_told(signals, |stop| serve(settings, stop)).await {
            Ok(served) => served.map(|()| ExitCode::SUCCESS),
            Err(_hurried) => Ok(ExitCode::from(INTERRUPTED)),
        }
    });
    runtime.shutdown_background();
    ended
}

/// The variables of the process. Those that are not Unicode are not ours.
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// A name for this process, unique for each start: what it is, where it runs if that is known, and
/// a number drawn at random.
#[must_use]
pub fn unique_name(service: &str) -> String {
    let host = std::env::var("HOSTNAME").ok().filter(|host| !host.is_empty());
    let host = host.map(|host| format!("-{host}")).unwrap_or_default();
    format!("{service}{host}-{:08x}", fastrand::u32(..))
}

/// The words of an error and its deepest cause.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let why = error.source().map(|source| format!(": {}", root(source)));
    format!("{error}{}", why.unwrap_or_default())
}

/// The deepest cause, without the system's error number.
#[must_use]
pub fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(beneath) = deepest.source() {
        deepest = beneath;
    }
    let text = deepest.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}
