//! The settings of models: in general, and for each role. What they mean together is decided where
//! models are known; here each is looked at alone.

use std::path::PathBuf;
use std::time::Duration;

use super::{Origin, Raw, Setting, beside, put};

/// Whose interfaces are spoken.
pub const PROVIDERS: [&str; 3] = ["openai", "anthropic", "gemini"];
/// What a model's name begins with if it is a file of answers.
pub const SCRIPT: &str = "script:";

/// Without a word: a connection, with the look-up of the name and TLS.
const CONNECT: Duration = Duration::from_secs(10);
/// Without a word: a model at home reads a long prompt for minutes before it says a word.
const FIRST: Duration = Duration::from_secs(300);
/// Without a word: between two signs of life.
const IDLE: Duration = Duration::from_secs(60);
/// A model that is silent for longer is as good as gone.
const MAX_TIMEOUT: Duration = Duration::from_secs(3600);

/// Which models do what.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelsSettings {
    /// For every role that says nothing of its own.
    pub general: ModelSettings,
    /// Who plans.
    pub planner: ModelSettings,
    /// Who does steps that need a model.
    pub executor: ModelSettings,
    /// Who writes answers.
    pub synthesizer: ModelSettings,
}

/// A model, by what can be said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSettings {
    /// Its name, or `script:` and a file, or `offline`.
    pub model: Setting<Option<String>>,
    /// Whose interface it speaks: one of [`PROVIDERS`].
    pub provider: Setting<Option<String>>,
    /// Where it is, if not at its provider's own address.
    pub base_url: Setting<Option<String>>,
}

impl Default for ModelSettings {
    fn default() -> Self {
        let nothing = || Setting::default(None);
        Self { model: nothing(), provider: nothing(), base_url: nothing() }
    }
}

/// How long models may take.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelTimeouts {
    /// For a connection.
    pub connect: Setting<Duration>,
    /// From the request to the first word.
    pub first: Setting<Duration>,
    /// From then on, between two signs of life.
    pub idle: Setting<Duration>,
}

impl Default for ModelTimeouts {
    fn default() -> Self {
        Self {
            connect: Setting::default(CONNECT),
            first: Setting::default(FIRST),
            idle: Setting::default(IDLE),
        }
    }
}

pub(super) fn set(
    to: &mut ModelsSettings,
    key: &str,
    raw: &Raw,
    origin: &Origin,
) -> Result<(), String> {
    let (role, what) = match key.split_once('_') {
        Some(("planner", what)) => (&mut to.planner, what),
        Some(("executor", what)) => (&mut to.executor, what),
        Some(("synthesizer", what)) => (&mut to.synthesizer, what),
        Some(("model", what)) => (&mut to.general, what),
        _ => (&mut to.general, key),
    };
    match what {
        "model" => put(&mut role.model, model(raw, origin).map(Some), origin),
        "provider" => put(&mut role.provider, provider(raw).map(Some), origin),
        "base_url" => put(&mut role.base_url, base_url(raw).map(Some), origin),
        _ => Err("is not known".to_owned()),
    }
}

pub(super) fn set_timeout(
    to: &mut ModelTimeouts,
    key: &str,
    raw: &Raw,
    origin: &Origin,
) -> Result<(), String> {
    let time = raw.duration(Some(MAX_TIMEOUT));
    match key {
        "model_timeouts.connect" => put(&mut to.connect, time, origin),
        "model_timeouts.first" => put(&mut to.first, time, origin),
        "model_timeouts.idle" => put(&mut to.idle, time, origin),
        _ => Err("is not known".to_owned()),
    }
}

fn model(raw: &Raw, origin: &Origin) -> Result<String, String> {
    let text = raw.text()?.trim().to_owned();
    match text.strip_prefix(SCRIPT) {
        None => Ok(text),
        Some("") => Err("is `script:`, must name a file behind it".to_owned()),
        Some(file) => Ok(format!("{SCRIPT}{}", beside(PathBuf::from(file), origin).display())),
    }
}

fn provider(raw: &Raw) -> Result<String, String> {
    let text = raw.text()?;
    match PROVIDERS.contains(&text.as_str()) {
        true => Ok(text),
        false => Err(format!("is `{text}`, must be one of {}", PROVIDERS.join(", "))),
    }
}

/// What is wrong is told without the text: it may hold a secret.
fn base_url(raw: &Raw) -> Result<String, String> {
    let text = raw.text()?.trim().to_owned();
    let rest = ["http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let host = rest.and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
    match host {
        "" => Err("must look like http://localhost:8080/v1".to_owned()),
        host if host.contains('@') => {
            Err("has a name or password in it: put a key into SORTIE_MODEL_API_KEY".to_owned())
        }
        _ => Ok(text),
    }
}
