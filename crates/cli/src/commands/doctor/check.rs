//! What is looked at: roles, models, prompts, prices.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sortie_llm::{Ending, Purpose, Request};
use sortie_models::{
    ByRole, Choice, Chosen, Keys, Model, Price, PromptSource, Prompts, Remote, Role, configured,
};
use sortie_service::config::Settings;

use super::redis::RedisCheck;
use crate::error::Error;
use crate::models;

/// One word is wanted; what reasons before it writes more.
const MAX_TOKENS: u32 = 1024;
/// A model that writes more than this in place of a word does not do what it is told.
const MAX_BYTES: usize = 64 * 1024;

/// What was found.
pub(super) struct Report {
    pub(super) file: Option<PathBuf>,
    /// Where `run` and `plan` go instead of here, and who says so.
    pub(super) endpoint: Option<(String, String)>,
    pub(super) roles: ByRole<RoleCheck>,
    /// Whether models were asked.
    pub(super) is_asked: bool,
    pub(super) calls: Vec<Call>,
    pub(super) prompts: PromptCheck,
    pub(super) prices_from: Option<PathBuf>,
    pub(super) prices_date: String,
    /// The Redis of a cluster, if one is named.
    pub(super) redis: Option<RedisCheck>,
}

/// A role and who takes it.
pub(super) struct RoleCheck {
    pub(super) choice: Result<Choice, String>,
    /// None if it is offline, or if nothing could be chosen.
    pub(super) model: Option<Result<Model, String>>,
    /// What a short call costs, if that is known.
    pub(super) price: Option<Price>,
}

/// A model that was asked.
pub(super) struct Call {
    pub(super) name: String,
    pub(super) roles: Vec<Role>,
    pub(super) took: Duration,
    pub(super) answer: Result<Ending, String>,
}

/// The prompts and what is wrong with them.
pub(super) struct PromptCheck {
    pub(super) folder: Option<PathBuf>,
    /// Those that the folder replaces.
    pub(super) replaced: Vec<&'static str>,
    pub(super) faults: Vec<String>,
}

impl Report {
    pub(super) fn of(settings: &Settings, keys: &Keys) -> Result<Self, Error> {
        let connector = configured::connector(settings, keys)?;
        let chosen = configured::chosen(settings, keys);
        let offline = || Choice { chosen: Chosen::Offline, why: Vec::new() };
        let choices = ByRole::from_fn(|role| chosen.of(role).clone().unwrap_or_else(|_| offline()));
        let connected = connector.connect_all(&choices);
        let roles = ByRole::from_fn(|role| {
            let model = connected.of(role).clone().map_err(|error| error.message).transpose();
            let price = match &model {
                Some(Ok(model)) => connector.prices.price(&model.name(), 1),
                _ => None,
            };
            let choice = chosen.of(role).clone().map_err(|contradiction| contradiction.to_string());
            RoleCheck { choice, model, price }
        });
        let endpoint = &settings.endpoint;
        Ok(Self {
            file: settings.file.clone(),
            endpoint: (!endpoint.value.is_empty())
                .then(|| (endpoint.value.join(", "), endpoint.origin.to_string())),
            roles,
            is_asked: false,
            calls: Vec::new(),
            prompts: PromptCheck::of(&configured::prompts(settings)?, &models::prompt_sources()),
            prices_from: settings.prices.value.clone(),
            prices_date: connector.prices.date().to_owned(),
            redis: None,
        })
    }

    pub(super) fn is_fine(&self) -> bool {
        let roles = self.roles.iter().all(|(_, check)| check.fault().is_none());
        let redis = self.redis.as_ref().is_none_or(RedisCheck::is_fine);
        roles
            && redis
            && self.calls.iter().all(|call| call.answer.is_ok())
            && self.prompts.faults.is_empty()
    }
}

impl RoleCheck {
    /// Why nobody can take the role.
    pub(super) fn fault(&self) -> Option<&str> {
        let model = self.model.as_ref().and_then(|model| model.as_ref().err());
        self.choice.as_ref().err().or(model).map(String::as_str)
    }

    pub(super) const fn is_offline(&self) -> bool {
        matches!(&self.choice, Ok(Choice { chosen: Chosen::Offline, .. }))
    }

    pub(super) const fn remote(&self) -> Option<&Remote> {
        match &self.choice {
            Ok(Choice { chosen: Chosen::Remote(remote), .. }) => Some(remote),
            _ => None,
        }
    }
}

impl PromptCheck {
    fn of(prompts: &Prompts, sources: &[PromptSource]) -> Self {
        let mut faults: Vec<_> =
            sources.iter().filter_map(|one| Some(prompts.load(one).err()?.to_string())).collect();
        match prompts.strangers(sources) {
            Ok(strangers) => faults.extend(strangers.iter().map(|path| {
                let names: Vec<_> = sources.iter().map(|one| format!("{}.md", one.name)).collect();
                format!("{} stands in for no prompt: {}", path.display(), names.join(", "))
            })),
            Err(error) => faults.push(format!("cannot read the folder of prompts: {error}")),
        }
        Self {
            folder: prompts.folder().map(ToOwned::to_owned),
            replaced: sources
                .iter()
                .filter(|one| prompts.replaces(one))
                .map(|one| one.name)
                .collect(),
            faults,
        }
    }
}

/// One word takes no longer, however slow the server: its time to the first word, and then some. A
/// model that thinks for ever is not well.
const LIMIT: Duration = Duration::from_secs(360);

/// Asks every model once, all of them at the same time.
pub(super) async fn call_all(roles: &ByRole<RoleCheck>) -> Vec<Call> {
    let mut models: Vec<(&Model, Vec<Role>)> = Vec::new();
    for (role, check) in roles.iter() {
        let Some(Ok(model)) = &check.model else { continue };
        match models.iter_mut().find(|(known, _)| known.is_same(model)) {
            Some((_, roles)) => roles.push(role),
            None => models.push((model, vec![role])),
        }
    }
    join_all(models.into_iter().map(|(model, roles)| call(model, roles))).await
}

async fn call(model: &Model, roles: Vec<Role>) -> Call {
    let request = Request {
        purpose: Purpose::Check,
        system: "You are asked whether you are there.".to_owned(),
        examples: Vec::new(),
        user: "Answer with the single word: ready".to_owned(),
        shape: None,
        max_tokens: Some(MAX_TOKENS),
    };
    let start = Instant::now();
    // On a task of its own: a server that floods its reader must not keep the program from ending.
    let asked = model.clone();
    let mut asking = tokio::spawn(async move { asked.complete(request, MAX_BYTES).await });
    let answer = match tokio::time::timeout(LIMIT, &mut asking).await {
        Ok(Ok(answer)) => answer.map(|(_, ending)| ending).map_err(|failure| failure.message),
        Ok(Err(_)) => Err(format!("the call of {} crashed", model.name())),
        Err(_) => {
            asking.abort();
            Err(format!("{} did not come to an end within {} s", model.name(), LIMIT.as_secs()))
        }
    };
    let took = start.elapsed();
    // A server with one model has told its name by now.
    Call { name: model.name().to_string(), roles, took, answer }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREET: PromptSource = PromptSource {
        name: "greet",
        text: "Be kind.\n=== user ===\n[[name]]\n",
        needs: &["name"],
        knows: &[],
    };

    #[test]
    fn prompts_are_read_and_files_without_a_prompt_are_named() {
        assert!(PromptCheck::of(&Prompts::default(), &[GREET]).faults.is_empty());
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("greet.md"), "no divider").unwrap();
        std::fs::write(folder.path().join("gret.md"), "a slip").unwrap();
        let check = PromptCheck::of(&Prompts::new(Some(folder.path().to_owned())), &[GREET]);
        assert_eq!(check.replaced, ["greet"]);
        assert_eq!(check.faults.len(), 2, "{:?}", check.faults);
        assert!(check.faults[0].contains("needs a line"), "{:?}", check.faults);
        assert!(check.faults[1].contains("gret.md stands in for no prompt: greet.md"));
    }
}
