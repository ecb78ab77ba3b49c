//! The command line of the coordinator: as a program of its own, and as a subcommand.

use clap::{Args, Parser};
use sortie_service::arguments::{CommonArgs, RedisArgs, flag_values, list_value};
use sortie_service::config::FlagValue;

/// Takes goals, decides what happens in their runs, and tells whoever watches.
#[derive(Debug, Parser)]
#[command(name = "sortie-coordinator", version)]
pub(super) struct Program {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    #[command(flatten)]
    pub(super) coordinator: CoordinatorArgs,
}

/// Arguments of `coordinator`.
#[derive(Debug, Args)]
pub struct CoordinatorArgs {
    /// The address to listen on; 127.0.0.1:50051 if nothing is said [env: SORTIE_COORDINATOR_LISTEN]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    #[command(flatten)]
    redis: RedisArgs,
    /// A planner; may be given more than once; http://127.0.0.1:50052 if nothing is said [env: SORTIE_PLANNER]
    #[arg(long, value_name = "URL")]
    planner: Vec<String>,
    /// Open runs, above which goals are refused
    #[arg(long, value_name = "N")]
    max_open_runs: Option<String>,
    /// Steps that wait or are with workers, in all queues together, above which goals are refused
    #[arg(long, value_name = "N")]
    max_queue_depth: Option<String>,
    /// Ended runs that are kept
    #[arg(long, value_name = "N")]
    retention: Option<String>,
    /// Whether clients may ask for a description of the interfaces: true or false
    #[arg(long, value_name = "BOOL")]
    reflection: Option<String>,
}

impl CoordinatorArgs {
    /// The settings that they give.
    #[must_use]
    pub fn flags(&self) -> Vec<FlagValue> {
        let mut flags = flag_values([
            ("coordinator_listen", "--listen", &self.listen),
            ("max_open_runs", "--max-open-runs", &self.max_open_runs),
            ("max_queue_depth", "--max-queue-depth", &self.max_queue_depth),
            ("retention", "--retention", &self.retention),
            ("reflection", "--reflection", &self.reflection),
        ]);
        flags.extend(list_value("planner", "--planner", &self.planner));
        flags.extend(self.redis.flags());
        flags
    }
}
