//! Which model takes which role, and why: a pure function of settings and of which keys exist.
//!
//! ```text
//! model     the role's, else the general one; `offline` and `script:FILE` need nothing more
//! base URL  the role's, else the general one
//! provider  the role's, else the general one, else whose name the model has, else the interface
//!           of OpenAI where there is a base URL, else the first whose key there is
//! nothing   offline
//! ```
//!
//! A provider's key goes to the provider's own address. To a base URL it goes only where the
//! provider was named beside that URL, for then it is a gateway; any other gets the key of
//! `SORTIE_MODEL_API_KEY`, or none.

use std::path::PathBuf;

use sortie_llm::Provider;

use crate::defaults::{default_model, provider_of};
use crate::keys::{KeyName, Keys};
use crate::roles::{ByRole, Role};

/// What somebody said, and where: a flag, a variable, a line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The words.
    pub value: String,
    /// Where they stand.
    pub origin: String,
}

/// What was said of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Its name, `script:` and a file, or `offline`.
    pub model: Option<Said>,
    /// Whose interface it speaks.
    pub provider: Option<Said>,
    /// Where it is.
    pub base_url: Option<Said>,
}

/// What was said of all models.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// In general.
    pub general: Wish,
    /// For one role.
    pub roles: ByRole<Wish>,
}

/// Which model takes a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Which model.
    pub chosen: Chosen,
    /// Why this one, in the words of who said so: `--planner-model`, `OPENAI_API_KEY is set`.
    pub why: Vec<String>,
}

/// A model, before anybody talks to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Chosen {
    /// The built-in rules; for an executor, no tools that need a model.
    Offline,
    /// A file of answers.
    Script(PathBuf),
    /// A model on the net.
    Remote(Remote),
}

/// A model on the net.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Remote {
    /// Whose interface it speaks.
    pub provider: Provider,
    /// Its name; without one, the server is asked for its only one.
    pub model: Option<String>,
    /// Where it is, if not at the provider's own address.
    pub base_url: Option<String>,
    /// Which key it gets; it is there.
    pub key: Option<KeyName>,
}

/// What was said contradicts itself, or is not enough.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {message}")]
pub struct Contradiction {
    /// Where it stands.
    pub origin: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// How near to the role something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    General,
    Role,
}

/// What was said, where, and how near to the role.
#[derive(Clone, Copy)]
struct Heard<'a> {
    said: &'a Said,
    level: Level,
}

/// Chooses for every role.
#[must_use]
pub fn choose(wishes: &Wishes, keys: &Keys) -> ByRole<Result<Choice, Contradiction>> {
    ByRole::from_fn(|role| {
        let hear = |of: fn(&Wish) -> &Option<Said>| {
            let own = of(wishes.roles.of(role)).as_ref();
            let general = of(&wishes.general).as_ref();
            own.map(|said| Heard { said, level: Level::Role })
                .or_else(|| general.map(|said| Heard { said, level: Level::General }))
        };
        let model = hear(|wish| &wish.model);
        match model.map(|model| (model, model.said.value.as_str())) {
            Some((model, "offline")) => Ok(Choice::simple(Chosen::Offline, model)),
            Some((model, name)) if name.starts_with("script:") => {
                let file = name.trim_start_matches("script:").into();
                Ok(Choice::simple(Chosen::Script(file), model))
            }
            _ => {
                let provider = hear(|wish| &wish.provider);
                Asked { role, model, provider, base_url: hear(|wish| &wish.base_url) }.choose(keys)
            }
        }
    })
}

impl Choice {
    fn simple(chosen: Chosen, model: Heard<'_>) -> Self {
        Self { chosen, why: vec![model.said.origin.clone()] }
    }
}

/// What was said of a model on the net.
struct Asked<'a> {
    role: Role,
    model: Option<Heard<'a>>,
    provider: Option<Heard<'a>>,
    base_url: Option<Heard<'a>>,
}

impl Asked<'_> {
    fn choose(&self, keys: &Keys) -> Result<Choice, Contradiction> {
        let Some((provider, because)) = self.provider(keys)? else {
            let why = vec!["nobody names a model, and no key is set".to_owned()];
            return Ok(Choice { chosen: Chosen::Offline, why });
        };
        let own = |url: &Heard<'_>| url.said.value.trim_end_matches('/') == provider.base_url();
        let base_url = self.base_url.filter(|url| !own(url));
        let mut why: Vec<String> = self.model.iter().map(|m| m.said.origin.clone()).collect();
        why.extend(because);
        why.extend(base_url.map(|url| url.said.origin.clone()));
        let model = match self.model {
            Some(model) => Some(model.said.value.clone()),
            // Most servers have one model: it is asked for.
            None if base_url.is_some() && provider == Provider::OpenAi => {
                why.push("the server's only model".to_owned());
                None
            }
            None => {
                why.push(format!("default for {provider}"));
                Some(default_model(provider, self.role).to_owned())
            }
        };
        let key = match base_url {
            Some(url) => self.key_for_url(url, provider, keys),
            None => Some(self.key_for_provider(provider, keys)?),
        };
        why.dedup();
        let base_url = base_url.map(|url| url.said.value.clone());
        Ok(Choice { chosen: Chosen::Remote(Remote { provider, model, base_url, key }), why })
    }

    /// Whose interface is spoken, and why if that is not said by the name of the model.
    fn provider(&self, keys: &Keys) -> Result<Option<(Provider, Option<String>)>, Contradiction> {
        if let Some(named) = self.provider {
            let text = &named.said.value;
            let fault = |error: sortie_llm::UnknownProvider| named.contradiction(error.to_string());
            let provider = text.parse().map_err(fault)?;
            self.refuse_stranger(named, provider)?;
            return Ok(Some((provider, Some(named.said.origin.clone()))));
        }
        if let Some(provider) = self.model.and_then(|model| provider_of(&model.said.value)) {
            return Ok(Some((provider, None)));
        }
        if self.base_url.is_some() {
            return Ok(Some((Provider::OpenAi, None)));
        }
        let first = Provider::ALL.into_iter().find(|provider| keys.has(KeyName::Of(*provider)));
        match (first, self.model) {
            (Some(provider), _) => {
                Ok(Some((provider, Some(format!("{} is set", provider.key_variable())))))
            }
            (None, Some(model)) => Err(model.contradiction(format!(
                "whose model is `{}`, and where? Set {role} or {url} too",
                model.said.value,
                role = model.setting(self.role, "provider"),
                url = model.setting(self.role, "base_url"),
            ))),
            (None, None) => Ok(None),
        }
    }

    /// A name that belongs to somebody else is meant if both were said in one place, or if the
    /// provider was said nearer to the role; a gateway may have models of everybody.
    fn refuse_stranger(&self, named: Heard<'_>, provider: Provider) -> Result<(), Contradiction> {
        let Some(model) = self.model.filter(|model| model.level != named.level) else {
            return Ok(());
        };
        match provider_of(&model.said.value) {
            Some(owner) if owner != provider && self.base_url.is_none() => {
                let missing = match model.level {
                    Level::Role => model.setting(self.role, "provider"),
                    Level::General => named.setting(self.role, "model"),
                };
                Err(model.contradiction(format!(
                    "`{}` is a model of {owner}, and {} says {provider} for the {}: set {missing} \
                     too",
                    model.said.value, named.said.origin, self.role,
                )))
            }
            _ => Ok(()),
        }
    }

    fn key_for_url(&self, url: Heard<'_>, provider: Provider, keys: &Keys) -> Option<KeyName> {
        let named_beside = self.provider.is_some_and(|named| named.level == url.level);
        let of_provider = KeyName::Of(provider);
        let own = keys.has(KeyName::Server).then_some(KeyName::Server);
        own.or_else(|| (named_beside && keys.has(of_provider)).then_some(of_provider))
    }

    fn key_for_provider(&self, provider: Provider, keys: &Keys) -> Result<KeyName, Contradiction> {
        let key = KeyName::Of(provider);
        match keys.has(key) {
            true => Ok(key),
            false => {
                let said = self.provider.or(self.model).or(self.base_url);
                let origin = said.map(|heard| heard.said.origin.clone()).unwrap_or_default();
                let message = format!(
                    "{provider} wants a key: set {} in the environment, or a base URL if the \
                     model is elsewhere",
                    key.variable()
                );
                Err(Contradiction { origin, message })
            }
        }
    }
}

impl Heard<'_> {
    fn contradiction(&self, message: String) -> Contradiction {
        Contradiction { origin: self.said.origin.clone(), message }
    }

    /// The setting beside this one: `planner_provider`, `model_base_url`.
    fn setting(&self, role: Role, what: &str) -> String {
        match self.level {
            Level::Role => format!("{role}_{what}"),
            Level::General if what == "model" => what.to_owned(),
            Level::General => format!("model_{what}"),
        }
    }
}

#[cfg(test)]
mod tests;
