//! The typed settings, and how they are settled from what the layers give.

mod cluster;
mod models;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use sortie_engine::{
    Limits, MAX_ATTEMPTS, MAX_MODEL_CALLS, MAX_PLAN_REPAIRS, MAX_RUN_TIMEOUT, MAX_STEPS,
    ReplanPolicy,
};

pub use cluster::{ClusterSettings, Durability, RedisUrl};
pub use models::{ModelSettings, ModelTimeouts, ModelsSettings, PROVIDERS, SCRIPT};

use super::Mistake;
use super::layer::{Given, Origin, Raw};
use crate::telemetry::filter_fault;

/// Worker slots without a word: steps mostly wait for others, and a slot costs a few kilobytes.
const CONCURRENCY: usize = 64;
/// More slots than this in one process only move the queue into its memory.
const MAX_CONCURRENCY: u64 = 65_536;
/// Ended runs kept without a word: a small run takes some 10 kB, so about 100 MB.
const RETENTION: usize = 10_000;
/// More than this does not fit into the memory of any machine we know.
const MAX_RETENTION: u64 = 10_000_000;
/// Where `serve` listens without a word: this machine only, until someone decides otherwise.
const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7420);

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value in force.
    pub value: T,
    /// Who said so.
    pub origin: Origin,
}

impl<T> Setting<T> {
    const fn default(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }

    /// Whether someone set it.
    pub fn is_set(&self) -> bool {
        self.origin != Origin::Default
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For eyes.
    Text,
    /// One JSON object a line.
    Json,
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The configuration file that was read, if there is one.
    pub file: Option<PathBuf>,
    /// The coordinators to talk to; without any, a cluster inside the process.
    pub endpoint: Setting<Vec<String>>,
    /// Where `serve` offers its services.
    pub listen: Setting<SocketAddr>,
    /// What the processes of a cluster need to find each other, and how much they take on.
    pub cluster: ClusterSettings,
    /// A folder of documents for the search tool.
    pub docs: Setting<Option<PathBuf>>,
    /// Which models do what.
    pub models: ModelsSettings,
    /// How long models may take.
    pub model_timeouts: ModelTimeouts,
    /// A folder of prompts that stand in for those of the program.
    pub prompts: Setting<Option<PathBuf>>,
    /// A file of prices instead of those of the program.
    pub prices: Setting<Option<PathBuf>>,
    /// When runs ask for another plan.
    pub replan: Setting<ReplanPolicy>,
    /// Worker slots.
    pub concurrency: Setting<usize>,
    /// Ended runs that are kept in memory.
    pub retention: Setting<usize>,
    /// Whether `serve` describes its interfaces to clients.
    pub reflection: Setting<bool>,
    /// Filter directives of the log; without any, the subcommand decides.
    pub log: Setting<Option<String>>,
    /// How log lines look.
    pub log_format: Setting<LogFormat>,
    /// The limits of runs that do not bring their own.
    pub limits: LimitSettings,
}

/// The limits of runs that do not bring their own.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitSettings {
    /// From submission to the end.
    pub run_timeout: Setting<Duration>,
    /// From the moment a step is first queued to its end, over all attempts.
    pub step_timeout: Setting<Option<Duration>>,
    /// Tries at one step, the first included.
    pub attempts: Setting<u32>,
    /// New plan versions because of faults in the plan.
    pub plan_repairs: Setting<u32>,
    /// Steps of one plan version.
    pub steps: Setting<u32>,
    /// Planner calls, answer calls and attempts of model tools together.
    pub model_calls: Setting<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            file: None,
            endpoint: Setting::default(Vec::new()),
            listen: Setting::default(LISTEN),
            cluster: ClusterSettings::default(),
            docs: Setting::default(None),
            models: ModelsSettings::default(),
            model_timeouts: ModelTimeouts::default(),
            prompts: Setting::default(None),
            prices: Setting::default(None),
            replan: Setting::default(ReplanPolicy::Never),
            concurrency: Setting::default(CONCURRENCY),
            retention: Setting::default(RETENTION),
            reflection: Setting::default(true),
            log: Setting::default(None),
            log_format: Setting::default(LogFormat::Text),
            limits: LimitSettings {
                run_timeout: Setting::default(limits.run_timeout),
                step_timeout: Setting::default(limits.step_timeout),
                attempts: Setting::default(limits.attempts),
                plan_repairs: Setting::default(limits.plan_repairs),
                steps: Setting::default(limits.steps),
                model_calls: Setting::default(limits.model_calls),
            },
        }
    }
}

impl LimitSettings {
    /// The values alone.
    #[must_use]
    pub fn values(&self) -> Limits {
        Limits {
            run_timeout: self.run_timeout.value,
            step_timeout: self.step_timeout.value,
            attempts: self.attempts.value,
            plan_repairs: self.plan_repairs.value,
            steps: self.steps.value,
            model_calls: self.model_calls.value,
        }
    }
}

/// Puts what was given over the defaults; the strongest layer stands first in `given`.
pub(crate) fn settle(given: Vec<Given>, mistakes: &mut Vec<Mistake>) -> Settings {
    let mut settings = Settings::default();
    for given in given.into_iter().rev() {
        let Given { key, raw, origin } = given;
        if let Err(fault) = set(&mut settings, key, &raw, &origin) {
            // Flags and variables are named for their keys already.
            let message = match origin {
                Origin::File(..) => format!("`{key}` {fault}"),
                Origin::Default | Origin::Variable(_) | Origin::Flag(_) => fault,
            };
            mistakes.push(Mistake { origin, message });
        }
    }
    mistakes.reverse();
    settings
}

fn set(to: &mut Settings, key: &str, raw: &Raw, origin: &Origin) -> Result<(), String> {
    match key {
        "endpoint" => put(&mut to.endpoint, addresses(raw), origin),
        "listen" => put(&mut to.listen, listen(raw), origin),
        "docs" => put(&mut to.docs, path(raw, origin).map(Some), origin),
        "prompts" => put(&mut to.prompts, path(raw, origin).map(Some), origin),
        "prices" => put(&mut to.prices, path(raw, origin).map(Some), origin),
        "replan" => put(&mut to.replan, replan(raw), origin),
        "concurrency" => put(&mut to.concurrency, size(raw, MAX_CONCURRENCY), origin),
        "retention" => put(&mut to.retention, size(raw, MAX_RETENTION), origin),
        "reflection" => put(&mut to.reflection, raw.boolean(), origin),
        "log" => put(&mut to.log, filter(raw).map(Some), origin),
        "log_format" => put(&mut to.log_format, log_format(raw), origin),
        limit if limit.starts_with("limits.") => set_limit(&mut to.limits, limit, raw, origin),
        time if time.starts_with("model_timeouts.") => {
            models::set_timeout(&mut to.model_timeouts, time, raw, origin)
        }
        of_clusters if cluster::KEYS.contains(&of_clusters) => {
            cluster::set(&mut to.cluster, of_clusters, raw, origin)
        }
        other => models::set(&mut to.models, other, raw, origin),
    }
}

fn set_limit(to: &mut LimitSettings, key: &str, raw: &Raw, origin: &Origin) -> Result<(), String> {
    match key {
        "limits.run_timeout" => {
            put(&mut to.run_timeout, raw.duration(Some(MAX_RUN_TIMEOUT)), origin)
        }
        "limits.step_timeout" => put(&mut to.step_timeout, raw.duration(None).map(Some), origin),
        "limits.attempts" => put(&mut to.attempts, count(raw, 1, MAX_ATTEMPTS), origin),
        "limits.plan_repairs" => put(&mut to.plan_repairs, count(raw, 0, MAX_PLAN_REPAIRS), origin),
        "limits.steps" => put(&mut to.steps, count(raw, 1, MAX_STEPS), origin),
        "limits.model_calls" => put(&mut to.model_calls, count(raw, 2, MAX_MODEL_CALLS), origin),
        _ => Err("is not known".to_owned()),
    }
}

fn put<T>(to: &mut Setting<T>, value: Result<T, String>, origin: &Origin) -> Result<(), String> {
    *to = Setting { value: value?, origin: origin.clone() };
    Ok(())
}

fn count(raw: &Raw, least: u32, most: u32) -> Result<u32, String> {
    let number = raw.count(least.into(), most.into())?;
    Ok(u32::try_from(number).unwrap_or(most))
}

fn size(raw: &Raw, most: u64) -> Result<usize, String> {
    let number = raw.count(1, most)?;
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

/// `host:port` is enough; TLS is not spoken yet.
fn addresses(raw: &Raw) -> Result<Vec<String>, String> {
    raw.list()?.into_iter().map(address).collect()
}

fn address(text: String) -> Result<String, String> {
    match text.split_once("://") {
        None => Ok(format!("http://{text}")),
        Some(("http", rest)) if !rest.is_empty() => Ok(text),
        Some(("https", _)) => Err(format!("is `{text}`: TLS is not supported yet, use http://")),
        Some(_) => Err(format!("is `{text}`, must look like http://host:port")),
    }
}

fn listen(raw: &Raw) -> Result<SocketAddr, String> {
    let text = raw.text()?;
    text.parse().map_err(|_| format!("is `{text}`, must look like 127.0.0.1:7420"))
}

fn path(raw: &Raw, origin: &Origin) -> Result<PathBuf, String> {
    Ok(beside(PathBuf::from(raw.text()?), origin))
}

/// A relative path in the file starts at the file's folder, wherever the process was started.
fn beside(path: PathBuf, origin: &Origin) -> PathBuf {
    match origin {
        Origin::File(file, _) => file.parent().map_or(path.clone(), |folder| folder.join(&path)),
        Origin::Default | Origin::Variable(_) | Origin::Flag(_) => path,
    }
}

fn replan(raw: &Raw) -> Result<ReplanPolicy, String> {
    match raw.text()?.as_str() {
        "never" => Ok(ReplanPolicy::Never),
        "on-failure" => Ok(ReplanPolicy::OnFailure),
        other => Err(format!("is `{other}`, must be never or on-failure")),
    }
}

fn filter(raw: &Raw) -> Result<String, String> {
    let text = raw.text()?;
    filter_fault(&text).map_or(Ok(text), Err)
}

fn log_format(raw: &Raw) -> Result<LogFormat, String> {
    match raw.text()?.as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(format!("is `{other}`, must be text or json")),
    }
}
