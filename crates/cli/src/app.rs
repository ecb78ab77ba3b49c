//! From the command line to the end of one command.

use indicatif::{MultiProgress, ProgressDrawTarget};
use sortie_models::{Keys, configured};
use sortie_service::config::{Settings, Sources};
use sortie_service::process::environment;
use sortie_service::telemetry::{self, Loudness};

use crate::arguments::{Arguments, Command};
use crate::commands;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Output;
use crate::render::LogWriter;
use sortie_worker::AddTools;

/// What every command works with.
pub(crate) struct App {
    pub(crate) settings: Settings,
    /// The keys of models, from the environment alone.
    pub(crate) keys: Keys,
    pub(crate) out: Output,
    /// Draws on stderr; shared with the log, so that neither writes into the other's lines.
    pub(crate) progress: MultiProgress,
    pub(crate) add_tools: AddTools,
}

/// Does what the command line says and tells what went wrong.
pub(crate) async fn run(arguments: Arguments, add_tools: AddTools) -> Exit {
    let json = arguments.json();
    match execute(arguments, add_tools).await {
        Ok(exit) => exit,
        Err(error) => error.report(json),
    }
}

async fn execute(arguments: Arguments, add_tools: AddTools) -> Result<Exit, Error> {
    if let Command::Completions(args) = &arguments.command {
        return commands::completions::execute(args, &mut Output::stdout());
    }
    let keys = configured::keys();
    let file = arguments.shared.common.config.clone();
    let sources = Sources { flags: arguments.flags(), environment: environment(), file };
    let settings = match (sources.resolve(), arguments.label_faults()) {
        (Ok(settings), faults) if faults.is_empty() => settings,
        (settings, mut faults) => {
            faults.extend(settings.err().map(|mistakes| mistakes.to_string()));
            return Err(Error::Refused(faults.join("\n")));
        }
    };
    let progress = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
    let loudness = if arguments.serves() { Loudness::Server } else { Loudness::Quiet };
    let filter = settings.log.value.as_deref();
    let writer = LogWriter::new(progress.clone());
    // A program around this one may log already: then its own way stands.
    telemetry::init(settings.log_format.value, filter, loudness, writer).ok();
    let app = App { settings, keys, out: Output::stdout(), progress, add_tools };
    dispatch(arguments.command, app).await
}

async fn dispatch(command: Command, app: App) -> Result<Exit, Error> {
    match command {
        Command::Run(args) => Box::pin(commands::run::execute(args, app)).await,
        Command::Serve(_) => commands::serve::execute(app).await,
        Command::Coordinator(_) => commands::serve::coordinator(app).await,
        Command::Planner(_) => commands::serve::planner(app).await,
        Command::Worker(_) => commands::serve::worker(app).await,
        Command::Submit(args) => commands::submit::execute(args, app).await,
        Command::Watch(args) => Box::pin(commands::watch::execute(args, app)).await,
        Command::Get(args) => commands::get::execute(args, app).await,
        Command::List(args) => commands::list::execute(args, app).await,
        Command::Cancel(args) => commands::cancel::execute(args, app).await,
        Command::Tools(args) => commands::tools::execute(args, app).await,
        Command::Plan(args) => commands::plan::execute(args, app).await,
        Command::Doctor(args) => commands::doctor::execute(args, app).await,
        Command::Completions(args) => {
            let mut app = app;
            commands::completions::execute(&args, &mut app.out)
        }
    }
}
