//! Flags that several programs share. Values stay text here: they are checked together with those
//! of the environment and the file, so that all mistakes are told at once.

mod models;

use std::path::PathBuf;

use clap::Args;

use crate::config::FlagValue;

pub use models::{
    ExecutorModelArgs, GeneralModelArgs, ModelFileArgs, PlannerModelArgs, SynthesizerModelArgs,
};

const EVERYWHERE: &str = "Options of every command";

/// Flags of every command of every program.
#[derive(Debug, Clone, Args)]
pub struct CommonArgs {
    /// The configuration file [env: SORTIE_CONFIG]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to log, on stderr: a level, or directives like sortie=debug [env: SORTIE_LOG]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILTER")]
    log: Option<String>,
    /// How log lines look: text or json [env: SORTIE_LOG_FORMAT]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FORMAT")]
    log_format: Option<String>,
}

impl CommonArgs {
    /// The settings that they give.
    #[must_use]
    pub fn flags(&self) -> Vec<FlagValue> {
        flag_values([("log", "--log", &self.log), ("log_format", "--log-format", &self.log_format)])
    }
}

/// Flags of whoever shares the Redis of a cluster.
#[derive(Debug, Clone, Args)]
pub struct RedisArgs {
    /// The Redis of the cluster; redis://127.0.0.1:6379 if nothing is said, rediss:// for TLS [env: SORTIE_REDIS]
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// What it must promise: standard (nothing acknowledged is lost) or dev (nothing, what is missing is a warning)
    #[arg(long, value_name = "MODE")]
    durability: Option<String>,
}

impl RedisArgs {
    /// The settings that they give.
    #[must_use]
    pub fn flags(&self) -> Vec<FlagValue> {
        flag_values([
            ("redis", "--redis", &self.redis),
            ("durability", "--durability", &self.durability),
        ])
    }
}

/// The flags that were given: key of the setting, flag, text.
#[must_use]
pub fn flag_values<const N: usize>(
    flags: [(&'static str, &'static str, &Option<String>); N],
) -> Vec<FlagValue> {
    let given = flags.into_iter().filter_map(|(key, flag, text)| {
        text.as_ref().map(|text| FlagValue { key, flag, text: text.clone() })
    });
    given.collect()
}

/// A flag that may be given several times, as one value.
#[must_use]
pub fn list_value(key: &'static str, flag: &'static str, texts: &[String]) -> Option<FlagValue> {
    (!texts.is_empty()).then(|| FlagValue { key, flag, text: texts.join(",") })
}
