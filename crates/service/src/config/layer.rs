//! One value as one layer gives it, and where that layer stands.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::duration::parse_duration;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A line of the configuration file, counted from 1.
    File(PathBuf, usize),
    /// A variable of the environment.
    Variable(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl Origin {
    /// In which order mistakes are told: the strongest layer first, the file line by line.
    pub(crate) const fn place(&self) -> (u8, usize) {
        match self {
            Self::Flag(_) => (0, 0),
            Self::Variable(_) => (1, 0),
            Self::File(_, line) => (2, *line),
            Self::Default => (3, 0),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// A value before anything is believed of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw {
    /// Text of a flag or a variable: may mean any type.
    Loose(String),
    /// A string of the file: means text.
    Text(String),
    /// An integer of the file.
    Integer(i64),
    /// A boolean of the file.
    Boolean(bool),
    /// Strings of the file, in brackets.
    List(Vec<String>),
    /// Anything else of the file, by the name of its type.
    Other(&'static str),
}

impl Raw {
    pub(crate) fn text(&self) -> Result<String, String> {
        match self {
            Self::Loose(text) | Self::Text(text) if text.trim().is_empty() => {
                Err("is empty".to_owned())
            }
            Self::Loose(text) | Self::Text(text) => Ok(text.clone()),
            other => Err(format!("is {}, must be a string", other.kind())),
        }
    }

    /// One text or several: with commas between them in flags and variables, in brackets in the
    /// file.
    pub(crate) fn list(&self) -> Result<Vec<String>, String> {
        let texts: Vec<_> = match self {
            Self::Loose(text) => text.split(',').map(|one| one.trim().to_owned()).collect(),
            Self::Text(text) => vec![text.trim().to_owned()],
            Self::List(texts) => texts.iter().map(|one| one.trim().to_owned()).collect(),
            other => return Err(format!("is {}, must be a list of strings", other.kind())),
        };
        match texts.as_slice() {
            [] => Err("is empty".to_owned()),
            [only] if only.is_empty() => Err("is empty".to_owned()),
            some if some.iter().any(String::is_empty) => Err("has an empty part".to_owned()),
            _ => Ok(texts),
        }
    }

    pub(crate) fn count(&self, least: u64, most: u64) -> Result<u64, String> {
        let allowed = format!("must be a whole number between {least} and {most}");
        let number = match self {
            Self::Loose(text) => {
                text.trim().parse().map_err(|_| format!("is `{text}`, {allowed}"))?
            }
            Self::Integer(number) => {
                u64::try_from(*number).map_err(|_| format!("is {number}, {allowed}"))?
            }
            other => return Err(format!("is {}, {allowed}", other.kind())),
        };
        if (least..=most).contains(&number) {
            Ok(number)
        } else {
            Err(format!("is {number}, {allowed}"))
        }
    }

    pub(crate) fn boolean(&self) -> Result<bool, String> {
        match self {
            Self::Boolean(value) => Ok(*value),
            Self::Loose(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "on" | "yes" => Ok(true),
                "false" | "0" | "off" | "no" => Ok(false),
                _ => Err(format!("is `{text}`, must be true or false")),
            },
            other => Err(format!("is {}, must be true or false", other.kind())),
        }
    }

    pub(crate) fn duration(&self, most: Option<Duration>) -> Result<Duration, String> {
        let duration = match self {
            Self::Loose(text) | Self::Text(text) => parse_duration(text)?,
            other => {
                let kind = other.kind();
                return Err(format!("is {kind}, must be a string with a unit like \"90s\""));
            }
        };
        let too_long = most.filter(|most| duration > *most);
        if duration.is_zero() {
            return Err("must be above 0".to_owned());
        }
        match too_long {
            Some(most) => Err(format!("must be at most {}", super::format_duration(most))),
            None => Ok(duration),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Loose(_) | Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "a boolean",
            Self::List(_) => "a list",
            Self::Other(kind) => kind,
        }
    }
}

/// A value of one layer: which key, what, from where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Given {
    pub(crate) key: &'static str,
    pub(crate) raw: Raw,
    pub(crate) origin: Origin,
}
