//! Which model to talk to, where, and how patiently.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// All that a client needs to know. [`ModelSpec::new`] fills in what most want.
#[derive(Debug, Clone)]
pub struct ModelSpec {
    /// Whose interface is spoken.
    pub provider: Provider,
    /// The model as the provider names it. A server at a `base_url` that speaks the interface of
    /// OpenAI and has exactly one model need not be told.
    pub model: Option<String>,
    /// Where the interface is, if not at its provider's own address, with or without a slash at
    /// its end: `http://localhost:8080/v1`.
    pub base_url: Option<String>,
    /// What opens the door. The provider's own address wants one; a server at home may not.
    pub key: Option<Key>,
    /// The variable in which people keep that key, or would: what messages tell them to set or to
    /// check. Nothing here reads it.
    pub key_variable: &'static str,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Whether a request's shape is sent at all. Without, the prompt alone must do.
    pub structured: bool,
}

impl ModelSpec {
    /// No model, no key, the provider's own address, the usual patience, shapes are sent.
    #[must_use]
    pub fn new(provider: Provider) -> Self {
        Self {
            provider,
            model: None,
            base_url: None,
            key: None,
            key_variable: provider.key_variable(),
            timeouts: Timeouts::default(),
            structured: true,
        }
    }
}

/// Whose interface is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// Chat completions: OpenAI, and nearly every server at home or gateway.
    OpenAi,
    /// Messages: Claude.
    Anthropic,
    /// `streamGenerateContent`: Gemini.
    Gemini,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::Anthropic, Self::Gemini];

    /// The name in settings and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// Where it is, if nothing else is said.
    #[must_use]
    pub const fn base_url(self) -> &'static str {
        match self {
            Self::OpenAi => "https://api.openai.com/v1",
            Self::Anthropic => "https://api.anthropic.com/v1",
            Self::Gemini => "https://generativelanguage.googleapis.com/v1beta",
        }
    }

    /// The variable of the environment in which people keep its key. It is only named in messages:
    /// nothing here reads the environment.
    #[must_use]
    pub const fn key_variable(self) -> &'static str {
        match self {
            Self::OpenAi => "OPENAI_API_KEY",
            Self::Anthropic => "ANTHROPIC_API_KEY",
            Self::Gemini => "GEMINI_API_KEY",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No provider has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no provider is called {0:?}: there are {all}", all = names())]
pub struct UnknownProvider(String);

fn names() -> String {
    Provider::ALL.map(Provider::as_str).join(", ")
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|provider| provider.as_str() == text);
        named.ok_or_else(|| UnknownProvider(text.to_owned()))
    }
}

/// A secret. Neither `Debug` nor `Display` show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The secret without space around it, such as the end of a line in a file.
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into().trim().to_owned())
    }

    /// Whether there is nothing in it, as in a variable that is set to nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// How long to wait for what: the setting `model_timeouts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, with the look-up of the name and TLS.
    pub connect: Duration,
    /// From the request to the first word or thought. Signs of life do not lengthen it.
    pub first: Duration,
    /// From then on, between two signs of life.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            // A server at home reads a long prompt for minutes before it says a word, and a model
            // that reasons in secret is as silent.
            first: Duration::from_secs(300),
            idle: Duration::from_secs(60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_is_found_by_its_name() {
        for provider in Provider::ALL {
            assert_eq!(provider.as_str().parse(), Ok(provider));
        }
        let message = "bard".parse::<Provider>().expect_err("no such provider").to_string();
        assert_eq!(message, "no provider is called \"bard\": there are openai, anthropic, gemini");
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = Key::new(" sk-secret\n");
        let spec = ModelSpec { key: Some(key.clone()), ..ModelSpec::new(Provider::OpenAi) };
        let shown = format!("{key} {key:?} {spec:?} {spec:#?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert_eq!(key.secret(), "sk-secret");
        assert!(Key::new("\n").is_empty());
    }
}
