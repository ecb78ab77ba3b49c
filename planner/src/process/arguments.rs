//! The command line of the planner: as a program of its own, and as a subcommand.

use clap::{Args, Parser};
use sortie_service::arguments::{
    CommonArgs, GeneralModelArgs, ModelFileArgs, PlannerModelArgs, SynthesizerModelArgs,
    flag_values,
};
use sortie_service::config::FlagValue;

/// Makes plans of goals, and answers of results.
#[derive(Debug, Parser)]
#[command(name = "sortie-planner", version)]
pub(super) struct Program {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    #[command(flatten)]
    pub(super) planner: PlannerArgs,
}

/// Arguments of `planner`.
#[derive(Debug, Args)]
pub struct PlannerArgs {
    /// The address to listen on; 127.0.0.1:50052 if nothing is said [env: SORTIE_PLANNER_LISTEN]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// How long calls may go on when the process is told to end: 30s, 5m
    #[arg(long, value_name = "TIME")]
    grace: Option<String>,
    /// Whether clients may ask for a description of the interfaces: true or false
    #[arg(long, value_name = "BOOL")]
    reflection: Option<String>,
    #[command(flatten)]
    general: GeneralModelArgs,
    #[command(flatten)]
    planner: PlannerModelArgs,
    #[command(flatten)]
    synthesizer: SynthesizerModelArgs,
    #[command(flatten)]
    files: ModelFileArgs,
}

impl PlannerArgs {
    /// The settings that they give.
    #[must_use]
    pub fn flags(&self) -> Vec<FlagValue> {
        let mut flags = flag_values([
            ("planner_listen", "--listen", &self.listen),
            ("grace", "--grace", &self.grace),
            ("reflection", "--reflection", &self.reflection),
        ]);
        flags.extend(self.general.flags());
        flags.extend(self.planner.flags());
        flags.extend(self.synthesizer.flags());
        flags.extend(self.files.flags());
        flags
    }
}
