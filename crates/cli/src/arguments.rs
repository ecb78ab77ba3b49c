//! The command line. Values stay text here: they are checked together with those of the
//! environment and the file, so that all mistakes are told at once.

pub(crate) mod goal;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use sortie_coordinator::process::CoordinatorArgs;
use sortie_engine::FailureKind;
use sortie_planner::process::PlannerArgs;
use sortie_service::arguments::{
    CommonArgs, ExecutorModelArgs, GeneralModelArgs, ModelFileArgs, PlannerModelArgs,
    SynthesizerModelArgs, list_value,
};
use sortie_service::config::FlagValue;
use sortie_worker::process::WorkerArgs;

use crate::commands;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::Output;

pub(crate) use goal::GoalArgs;
pub(crate) use sortie_service::arguments::flag_values;

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
    /// A coordinator to talk to; may be given more than once; without any, run, plan and tools use a cluster inside the process [env: SORTIE_ENDPOINT]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "URL")]
    endpoint: Vec<String>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Which models do what, for a cluster inside the process.
#[derive(Debug, Args)]
pub(crate) struct ModelArgs {
    #[command(flatten)]
    general: GeneralModelArgs,
    #[command(flatten)]
    planner: PlannerModelArgs,
    #[command(flatten)]
    executor: ExecutorModelArgs,
    #[command(flatten)]
    synthesizer: SynthesizerModelArgs,
    #[command(flatten)]
    files: ModelFileArgs,
}

impl ModelArgs {
    pub(crate) fn flags(&self) -> Vec<FlagValue> {
        let mut flags = self.general.flags();
        flags.extend(self.planner.flags());
        flags.extend(self.executor.flags());
        flags.extend(self.synthesizer.flags());
        flags.extend(self.files.flags());
        flags
    }
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
    /// Keep a cluster of one process up and offer it on a port
    Serve(commands::serve::ServeArgs),
    /// Be a coordinator of a cluster over Redis
    Coordinator(CoordinatorArgs),
    /// Be a planner of a cluster
    Planner(PlannerArgs),
    /// Be a worker of a cluster over Redis
    Worker(WorkerArgs),
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
    /// Check the models, their keys and prices, the prompts, and the Redis of a cluster
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
            Command::Serve(_)
            | Command::Coordinator(_)
            | Command::Planner(_)
            | Command::Worker(_)
            | Command::Completions(_) => false,
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
            Command::Coordinator(args) => flags.extend(args.flags()),
            Command::Planner(args) => flags.extend(args.flags()),
            Command::Worker(args) => flags.extend(args.flags()),
            Command::Submit(args) => flags.extend(args.goal.flags()),
            Command::Plan(args) => flags.extend(args.flags()),
            Command::Doctor(args) => flags.extend(args.flags()),
            _ => {}
        }
        flags
    }

    /// Whether the command is a service: its log is the story that people read.
    pub(crate) const fn serves(&self) -> bool {
        matches!(
            self.command,
            Command::Serve(_) | Command::Coordinator(_) | Command::Planner(_) | Command::Worker(_)
        )
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
        let mut flags = self.common.flags();
        flags.extend(list_value("endpoint", "--endpoint", &self.endpoint));
        flags
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
