//! The keys of the environment: which there are, and under what name.

use std::fmt;

use sortie_llm::{Key, Provider};

/// Which key is meant. The key itself stays in [`Keys`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyName {
    /// A provider's.
    Of(Provider),
    /// That of a server behind a base URL.
    Server,
}

impl KeyName {
    /// The variable of the environment that holds it.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Of(provider) => provider.key_variable(),
            Self::Server => "SORTIE_MODEL_API_KEY",
        }
    }
}

/// The keys that there are. They come from the environment alone, and are never shown.
#[derive(Clone, Default)]
pub struct Keys(Vec<(KeyName, Key)>);

impl Keys {
    /// The keys among the variables of the environment. One that is set to nothing is none.
    #[must_use]
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let names = Provider::ALL.map(KeyName::Of).into_iter().chain([KeyName::Server]);
        let key = |name: KeyName| variable(name.variable()).map(|text| (name, Key::new(text)));
        Self(names.filter_map(key).filter(|(_, key)| !key.is_empty()).collect())
    }

    /// Whether there is this one.
    #[must_use]
    pub fn has(&self, name: KeyName) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn get(&self, name: KeyName) -> Option<&Key> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, key)| key)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name.variable())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_their_variables_and_never_shown() {
        let keys = Keys::of_environment(|name| match name {
            "OPENAI_API_KEY" => Some("sk-secret\n".to_owned()),
            "GEMINI_API_KEY" => Some(" ".to_owned()),
            _ => None,
        });
        assert!(keys.has(KeyName::Of(Provider::OpenAi)));
        assert!(!keys.has(KeyName::Of(Provider::Gemini)), "it is set to nothing");
        assert!(!keys.has(KeyName::Server));
        assert_eq!(format!("{keys:?}"), "[\"OPENAI_API_KEY\"]");
    }
}
