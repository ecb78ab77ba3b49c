//! The command line of the worker: as a program of its own, and as a subcommand.

use clap::{Args, Parser};
use sortie_service::arguments::{
    CommonArgs, ExecutorModelArgs, GeneralModelArgs, ModelFileArgs, RedisArgs, flag_values,
    list_value,
};
use sortie_service::config::FlagValue;

/// Claims steps that are ready and runs their tools.
#[derive(Debug, Parser)]
#[command(name = "sortie-worker", version)]
pub(super) struct Program {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    #[command(flatten)]
    pub(super) worker: WorkerArgs,
}

/// Arguments of `worker`.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    #[command(flatten)]
    redis: RedisArgs,
    /// The queues to serve, with commas or one by one; all of its tools' if nothing is said [env: SORTIE_QUEUES]
    #[arg(long, value_name = "QUEUE")]
    queues: Vec<String>,
    /// Steps that may run at the same time
    #[arg(long, value_name = "N")]
    concurrency: Option<String>,
    /// How long steps may go on when the process is told to end: 30s, 5m
    #[arg(long, value_name = "TIME")]
    grace: Option<String>,
    /// A folder of documents for the search tool, instead of those inside the program
    #[arg(long, value_name = "DIR")]
    docs: Option<String>,
    /// The address to tell its health at, or off; off if nothing is said [env: SORTIE_WORKER_LISTEN]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    #[command(flatten)]
    general: GeneralModelArgs,
    #[command(flatten)]
    executor: ExecutorModelArgs,
    #[command(flatten)]
    files: ModelFileArgs,
}

impl WorkerArgs {
    /// The settings that they give.
    #[must_use]
    pub fn flags(&self) -> Vec<FlagValue> {
        let mut flags = flag_values([
            ("concurrency", "--concurrency", &self.concurrency),
            ("grace", "--grace", &self.grace),
            ("docs", "--docs", &self.docs),
            ("worker_listen", "--listen", &self.listen),
        ]);
        flags.extend(list_value("queues", "--queues", &self.queues));
        flags.extend(self.redis.flags());
        flags.extend(self.general.flags());
        flags.extend(self.executor.flags());
        flags.extend(self.files.flags());
        flags
    }
}
