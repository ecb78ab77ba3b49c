//! The command line. Values stay text here: they are checked together with those of the
//! environment and the file, so that all mistakes are told at once.

pub(crate) mod goal;
mod models;

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use sortie_engine::FailureKind;
use sortie_service::config::FlagValue;

use crate::commands;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Output;

pub(crate) use goal::GoalArgs;
pub(crate) use models::ModelArgs;

/// Plan once, act many times: a goal becomes a plan of steps, workers run them, an answer comes out.
#[derive(Debug, Parser)]
#[command(name = "sortie", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Every setting can also stand in the environment (SORTIE_ENDPOINT, SORTIE_LIMITS_STEPS, ...) or in \
a TOML file (--config, SORTIE_CONFIG, or sortie/sortie.toml in your configuration folder); flags \
win over the environment, the environment over the file. Keys of models stand in the environment \
only: OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, and SORTIE_MODEL_API_KEY for a server behind \
a base URL.

Exit codes: 0 answered, 1 failed or cancelled, 2 refused before a run existed, 3 endpoint \
unreachable, 130 interrupted, 141 nobody reads stdout any more.";

const EVERYWHERE: &str = "Options of every command";

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Shared {
    /// The coordinator to talk to; without it, run, plan and tools use a cluster inside the process [env: SORTIE_ENDPOINT]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "URL")]
    endpoint: Option<String>,
    /// The configuration file [env: SORTIE_CONFIG]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What to log, on stderr: a level, or directives like sortie=debug [env: SORTIE_LOG]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILTER")]
    log: Option<String>,
    /// How log lines look: text or json [env: SORTIE_LOG_FORMAT]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FORMAT")]
    log_format: Option<String>,
}

/// Flags of the cluster inside the process.
#[derive(Debug, Args)]
pub(crate) struct EmbeddedArgs {
    /// A folder of documents for the search tool, instead of those inside the program
    #[arg(long, value_name = "DIR")]
    docs: Option<String>,
    /// Steps that may run at the same time
    #[arg(long, value_name = "N")]
    concurrency: Option<String>,
    /// Ended runs that are kept in memory
    #[arg(long, value_name = "N")]
    retention: Option<String>,
    #[command(flatten)]
    models: ModelArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Turn a goal into an answer and watch it happen
    Run(commands::run::RunArgs),
    /// Keep a cluster up and offer it on a port
    Serve(commands::serve::ServeArgs),
    /// Submit a goal and print the run's name
    Submit(commands::submit::SubmitArgs),
    /// Watch a run until it ends
    Watch(commands::watch::WatchArgs),
    /// Show a run, its steps and its answer
    Get(commands::get::GetArgs),
    /// List runs, the newest first
    List(commands::list::ListArgs),
    /// End a run
    Cancel(commands::cancel::CancelArgs),
    /// List the tools that plans may use
    Tools(commands::tools::ToolsArgs),
    /// Plan a goal and print the graph, without running it
    Plan(commands::plan::PlanArgs),
    /// Check the models, their keys and prices, and the prompts
    Doctor(commands::doctor::DoctorArgs),
    /// Print completions for a shell
    Completions(commands::completions::CompletionsArgs),
}

impl Arguments {
    /// Reads the command line of the process.
    pub(crate) fn read() -> Result<Self, Usage> {
        Self::try_parse().map_err(Usage)
    }

    /// Whether stdout is to hold lines of JSON.
    pub(crate) const fn json(&self) -> bool {
        match &self.command {
            Command::Run(args) => args.json,
            Command::Watch(args) => args.json,
            Command::Submit(args) => args.json,
            Command::Get(args) => args.json,
            Command::List(args) => args.json,
            Command::Cancel(args) => args.json,
            Command::Tools(args) => args.json,
            Command::Plan(args) => args.json,
            Command::Doctor(args) => args.json,
            Command::Serve(_) | Command::Completions(_) => false,
        }
    }

    /// The settings that the command line gives.
    pub(crate) fn flags(&self) -> Vec<FlagValue> {
        let mut flags = self.shared.flags();
        match &self.command {
            Command::Run(args) => {
                flags.extend(args.goal.flags());
                flags.extend(args.embedded.flags());
            }
            Command::Serve(args) => flags.extend(args.flags()),
            Command::Submit(args) => flags.extend(args.goal.flags()),
            Command::Plan(args) => flags.extend(args.flags()),
            Command::Doctor(args) => flags.extend(args.models.flags()),
            _ => {}
        }
        flags
    }

    /// What is wrong with the labels, which are no settings.
    pub(crate) fn label_faults(&self) -> Vec<String> {
        match &self.command {
            Command::Run(args) => args.goal.label_faults(),
            Command::Submit(args) => args.goal.label_faults(),
            Command::List(args) => args.label_faults(),
            _ => Vec::new(),
        }
    }
}

impl Shared {
    fn flags(&self) -> Vec<FlagValue> {
        flag_values([
            ("endpoint", "--endpoint", &self.endpoint),
            ("log", "--log", &self.log),
            ("log_format", "--log-format", &self.log_format),
        ])
    }
}

impl EmbeddedArgs {
    pub(crate) fn flags(&self) -> Vec<FlagValue> {
        let mut flags = flag_values([
            ("docs", "--docs", &self.docs),
            ("concurrency", "--concurrency", &self.concurrency),
            ("retention", "--retention", &self.retention),
        ]);
        flags.extend(self.models.flags());
        flags
    }
}

/// The flags that were given: key of the setting, flag, text.
pub(crate) fn flag_values<const N: usize>(
    flags: [(&'static str, &'static str, &Option<String>); N],
) -> Vec<FlagValue> {
    let given = flags.into_iter().filter_map(|(key, flag, text)| {
        text.as_ref().map(|text| FlagValue { key, flag, text: text.clone() })
    });
    given.collect()
}

/// Splits `k=v` labels; each that is none is a fault.
pub(crate) fn labels(list: &[String]) -> (Vec<(String, String)>, Vec<String>) {
    let mut labels = Vec::new();
    let mut faults = Vec::new();
    for text in list {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                labels.push((key.to_owned(), value.to_owned()));
            }
            _ => faults.push(format!("--label: `{text}` must look like key=value")),
        }
    }
    (labels, faults)
}

/// A command line that asks for help, or that cannot be understood.
pub(crate) struct Usage(clap::Error);

impl Usage {
    /// Prints the help, or what is wrong.
    pub(crate) fn report(self) -> Exit {
        // Nobody is left to be told if the stream is closed.
        self.0.print().ok();
        if matches!(self.0.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            return Exit::Done;
        }
        if std::env::args_os().any(|argument| argument == "--json") {
            let text = self.0.render().to_string();
            let first = text.lines().next().unwrap_or_default();
            let message = first.strip_prefix("error: ").unwrap_or(first).to_owned();
            let error = Error::Failed { kind: FailureKind::InvalidInput, message };
            let line = crate::json::Object::refused(&error).line();
            Output::stdout().line(&line).ok();
        }
        Exit::Refused
    }
}
