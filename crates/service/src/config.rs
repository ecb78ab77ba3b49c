//! Configuration in layers: flag, then environment (`SORTIE_*`), then file, then the default.
//!
//! Every mistake of every layer is found before any is reported, also in values that a stronger
//! layer hides: what is wrong in the file today is in force tomorrow. Each value keeps its
//! [`Origin`].

mod duration;
mod file;
mod keys;
mod layer;
mod settings;

use std::fmt;
use std::path::{Path, PathBuf};

pub use duration::{format_duration, parse_duration};
pub use layer::Origin;
pub use settings::{
    ClusterSettings, Durability, LimitSettings, LogFormat, ModelSettings, ModelTimeouts,
    ModelsSettings, PROVIDERS, RedisUrl, SCRIPT, Setting, Settings,
};

use layer::{Given, Raw};

/// Names the configuration file.
pub const CONFIG_VARIABLE: &str = "SORTIE_CONFIG";

/// A value that a flag of the command line gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagValue {
    /// The key, as the file writes it: `limits.steps`.
    pub key: &'static str,
    /// The flag, as the person typed it: `--steps`.
    pub flag: &'static str,
    /// What they typed after it.
    pub text: String,
}

/// What the layers are made of.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The command line.
    pub flags: Vec<FlagValue>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// The file that `--config` names.
    pub file: Option<PathBuf>,
}

/// One mistake: where, in what, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where it stands.
    pub origin: Origin,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)
    }
}

/// Everything that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Mistakes {}

impl Sources {
    /// Reads the file and puts the layers on top of each other.
    ///
    /// # Errors
    /// With every mistake of every layer.
    pub fn resolve(self) -> Result<Settings, Mistakes> {
        let mut mistakes = Vec::new();
        let mut given = Vec::new();
        let mut read = None;
        for flag in &self.flags {
            let raw = Raw::Loose(flag.text.clone());
            given.push(Given { key: flag.key, raw, origin: Origin::Flag(flag.flag) });
        }
        self.read_environment(&mut given, &mut mistakes);
        if let Some((path, asked_by)) = self.file_path() {
            match std::fs::read_to_string(&path) {
                Ok(text) => {
                    file::read(&path, &text, &mut given, &mut mistakes);
                    read = Some(path);
                }
                Err(error) if asked_by != Origin::Default || error.kind() != NOT_FOUND => {
                    let message = format!("cannot read {}: {error}", path.display());
                    mistakes.push(Mistake { origin: asked_by, message });
                }
                Err(_) => {}
            }
        }
        let settings = Settings { file: read, ..settings::settle(given, &mut mistakes) };
        mistakes.sort_by_key(|mistake| mistake.origin.place());
        if mistakes.is_empty() { Ok(settings) } else { Err(Mistakes(mistakes)) }
    }

    /// A variable that nearly is one of ours is a typing mistake. Others that begin with `SORTIE_`
    /// are left alone: Kubernetes sets `SORTIE_PORT` and the like for a service of that name.
    fn read_environment(&self, given: &mut Vec<Given>, mistakes: &mut Vec<Mistake>) {
        for (name, text) in &self.environment {
            let Some(rest) = name.strip_prefix("SORTIE_").filter(|_| name != CONFIG_VARIABLE)
            else {
                continue;
            };
            let origin = Origin::Variable(name.clone());
            let known = keys::KEYS.iter().find(|key| keys::variable(key) == *name);
            if let Some(key) = known {
                given.push(Given { key, raw: Raw::Loose(text.clone()), origin });
            } else if let Some(near) = keys::nearest(&rest.to_ascii_lowercase().replace('_', ".")) {
                let message = format!("is not known; did you mean {}?", keys::variable(near));
                mistakes.push(Mistake { origin, message });
            }
        }
    }

    fn file_path(&self) -> Option<(PathBuf, Origin)> {
        let variable = |name: &str| {
            let found = self.environment.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
        };
        if let Some(path) = &self.file {
            return Some((path.clone(), Origin::Flag("--config")));
        }
        if let Some(path) = variable(CONFIG_VARIABLE) {
            return Some((path.into(), Origin::Variable(CONFIG_VARIABLE.to_owned())));
        }
        let folder = match variable("XDG_CONFIG_HOME") {
            Some(folder) => PathBuf::from(folder),
            None => Path::new(variable("HOME")?).join(".config"),
        };
        Some((folder.join("sortie").join("sortie.toml"), Origin::Default))
    }
}

const NOT_FOUND: std::io::ErrorKind = std::io::ErrorKind::NotFound;

#[cfg(test)]
mod tests;
