//! From settings and keys to models: what was said is handed on with its place, and what comes back
//! is told with it.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use sortie_llm::Timeouts;
use sortie_service::config::{ModelSettings, Origin, Setting, Settings};
use sortie_service::process::{Fault, chain};

use crate::choose::{Choice, Chosen, Contradiction, Layer, Said, Wish, Wishes, choose};
use crate::connect::Connector;
use crate::keys::Keys;
use crate::prices::PriceList;
use crate::prompt::Prompts;
use crate::roles::{ByRole, Models, Role};

/// The models of a process that has these roles, ready to be talked to. For other roles there is none,
/// whatever the settings say.
///
/// # Errors
/// With everything that is wrong with what was said of these roles.
pub fn connected(settings: &Settings, keys: &Keys, roles: &[Role]) -> Result<Models, Fault> {
    let nobody = || Ok(Choice { chosen: Chosen::Offline, why: Vec::new() });
    let all_chosen = chosen(settings, keys);
    let has = |role: Role| roles.contains(&role);
    let ours = |role| if has(role) { all_chosen.of(role).clone() } else { nobody() };
    let choices = all(&ByRole::from_fn(ours), |_, contradiction| contradiction.to_string())?;
    let models = connector(settings, keys)?.connect_all(&choices);
    all(&models, |role, error| format!("{role}: {}", error.message))
}

/// Which models are meant.
#[must_use]
pub fn chosen(settings: &Settings, keys: &Keys) -> ByRole<Result<Choice, Contradiction>> {
    let models = &settings.models;
    let roles = ByRole {
        planner: wish(&models.planner),
        executor: wish(&models.executor),
        synthesizer: wish(&models.synthesizer),
    };
    choose(&Wishes { general: wish(&models.general), roles }, keys)
}

/// What makes models of choices.
///
/// # Errors
/// If the list of prices cannot be used.
pub fn connector(settings: &Settings, keys: &Keys) -> Result<Connector, Fault> {
    let times = &settings.model_timeouts;
    let timeouts =
        Timeouts { connect: times.connect.value, first: times.first.value, idle: times.idle.value };
    Ok(Connector { keys: keys.clone(), timeouts, prices: Arc::new(prices(settings)?) })
}

/// The prompts' folder, which must be there: without a word, its files would change nothing.
///
/// # Errors
/// If it is not.
pub fn prompts(settings: &Settings) -> Result<Prompts, Fault> {
    let Setting { value, origin } = &settings.prompts;
    match value.as_deref().filter(|folder| !folder.is_dir()) {
        Some(folder) => {
            Err(Fault::Refused(format!("{origin}: {} is no folder of prompts", folder.display())))
        }
        None => Ok(Prompts::new(value.clone())),
    }
}

/// Where the settings of models stand.
pub fn origins(settings: &Settings) -> impl Iterator<Item = &Origin> {
    let models = &settings.models;
    [&models.general, &models.planner, &models.executor, &models.synthesizer]
        .into_iter()
        .flat_map(|role| [&role.model, &role.provider, &role.base_url])
        .map(|setting| &setting.origin)
        .chain([&settings.prompts.origin, &settings.prices.origin])
}

fn prices(settings: &Settings) -> Result<PriceList, Fault> {
    let Setting { value, origin } = &settings.prices;
    let read = |file: &Path| PriceList::read(file, &today());
    match value.as_deref().map(read) {
        None => Ok(PriceList::builtin(&today())),
        Some(list) => list.map_err(|error| Fault::Refused(format!("{origin}: {}", chain(&error)))),
    }
}

fn wish(settings: &ModelSettings) -> Wish {
    let said = |setting: &Setting<Option<String>>| {
        let layer = match &setting.origin {
            Origin::Flag(_) => Layer::Flags,
            Origin::Variable(_) => Layer::Environment,
            Origin::File(..) | Origin::Default => Layer::File,
        };
        let origin = setting.origin.to_string();
        setting.value.clone().map(|value| Said { value, origin, layer })
    };
    Wish {
        model: said(&settings.model),
        provider: said(&settings.provider),
        base_url: said(&settings.base_url),
    }
}

/// Names who does the thinking, for the roles that a process has.
pub fn tell(models: &Models, prompts: &Prompts, roles: &[Role]) {
    let prompts = prompts.folder().map(|folder| folder.display().to_string());
    let prompts = prompts.unwrap_or("the program's".to_owned());
    for (role, model) in models.iter().filter(|(role, _)| roles.contains(role)) {
        match model {
            Some(model) => tracing::info!(%role, model = %model.name(), prompts, "with a model"),
            None => tracing::info!(%role, "with the built-in rules"),
        }
    }
}

/// The keys among the variables of this process.
#[must_use]
pub fn keys() -> Keys {
    Keys::of_environment(|name| std::env::var(name).ok())
}

/// All of them, or every fault once.
fn all<T: Clone, E>(
    results: &ByRole<Result<T, E>>,
    words: impl Fn(Role, &E) -> String,
) -> Result<ByRole<T>, Fault> {
    let mut faults: Vec<_> =
        results.iter().filter_map(|(role, one)| Some(words(role, one.as_ref().err()?))).collect();
    faults.dedup();
    match results {
        ByRole { planner: Ok(planner), executor: Ok(executor), synthesizer: Ok(synthesizer) } => {
            Ok(ByRole {
                planner: planner.clone(),
                executor: executor.clone(),
                synthesizer: synthesizer.clone(),
            })
        }
        _ => Err(Fault::Refused(faults.join("\n"))),
    }
}

/// `2026-11-22`, in UTC.
fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let mut text = prost_types::Timestamp { seconds, nanos: 0 }.to_string();
    text.truncate("2026-11-22".len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_a_general_setting_is_told_once_and_with_its_place() {
        let mut settings = Settings::default();
        settings.models.general.provider =
            Setting { value: Some("gemini".to_owned()), origin: Origin::Flag("--model-provider") };
        let told = connected(&settings, &Keys::default(), &Role::ALL).unwrap_err().to_string();
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.starts_with("--model-provider: gemini wants a key: set GEMINI_API_KEY"));
    }

    #[test]
    fn what_is_wrong_with_a_role_that_a_process_does_not_have_is_nothing_to_it() {
        let mut settings = Settings::default();
        settings.models.planner.provider = Setting {
            value: Some("gemini".to_owned()),
            origin: Origin::Flag("--planner-provider"),
        };
        let keys = Keys::default();
        assert!(connected(&settings, &keys, &[Role::Planner]).is_err());
        let models = connected(&settings, &keys, &[Role::Executor]).unwrap();
        assert!(models.iter().all(|(_, model)| model.is_none()));
    }

    #[test]
    fn the_settings_know_every_provider() {
        let known = sortie_llm::Provider::ALL.map(sortie_llm::Provider::as_str);
        assert_eq!(known, sortie_service::config::PROVIDERS);
    }

    #[test]
    fn a_day_is_written_with_the_year_first() {
        let today = today();
        assert!(today.len() == 10 && today.starts_with("20") && &today[4..5] == "-", "{today}");
    }
}
