//! From settings and keys to models: what was said is handed on with its place, and what comes back
//! is told with it.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use sortie_llm::Timeouts;
use sortie_models::{
    ByRole, Choice, Connector, Contradiction, Keys, Models, PriceList, PromptSource, Prompts, Role,
    Said, Wish, Wishes, choose,
};
use sortie_service::config::{ModelSettings, Origin, Setting, Settings};

use crate::error::{Error, root};

/// The prompts that parts of the program bring along.
pub(crate) fn prompt_sources() -> Vec<PromptSource> {
    let planner = sortie_planner::prompts::PROMPTS.into_iter();
    planner.chain(sortie_worker::tools::model::PROMPTS).collect()
}

/// The models of a cluster, ready to be talked to.
pub(crate) fn connected(settings: &Settings, keys: &Keys) -> Result<Models, Error> {
    let chosen = chosen(settings, keys);
    let choices = all(&chosen, |_, contradiction| contradiction.to_string())?;
    let models = connector(settings, keys)?.connect_all(&choices);
    all(&models, |role, error| format!("{role}: {}", error.message))
}

/// Which models are meant.
pub(crate) fn chosen(settings: &Settings, keys: &Keys) -> ByRole<Result<Choice, Contradiction>> {
    let models = &settings.models;
    let roles = ByRole {
        planner: wish(&models.planner),
        executor: wish(&models.executor),
        synthesizer: wish(&models.synthesizer),
    };
    choose(&Wishes { general: wish(&models.general), roles }, keys)
}

/// What makes models of choices.
pub(crate) fn connector(settings: &Settings, keys: &Keys) -> Result<Connector, Error> {
    let times = &settings.model_timeouts;
    let timeouts =
        Timeouts { connect: times.connect.value, first: times.first.value, idle: times.idle.value };
    Ok(Connector { keys: keys.clone(), timeouts, prices: Arc::new(prices(settings)?) })
}

/// The prompts' folder, which must be there: without a word, its files would change nothing.
pub(crate) fn prompts(settings: &Settings) -> Result<Prompts, Error> {
    let Setting { value, origin } = &settings.prompts;
    match value.as_deref().filter(|folder| !folder.is_dir()) {
        Some(folder) => {
            Err(Error::Refused(format!("{origin}: {} is no folder of prompts", folder.display())))
        }
        None => Ok(Prompts::new(value.clone())),
    }
}

/// Where the settings of models stand.
pub(crate) fn origins(settings: &Settings) -> impl Iterator<Item = &Origin> {
    let models = &settings.models;
    [&models.general, &models.planner, &models.executor, &models.synthesizer]
        .into_iter()
        .flat_map(|role| [&role.model, &role.provider, &role.base_url])
        .map(|setting| &setting.origin)
        .chain([&settings.prompts.origin, &settings.prices.origin])
}

fn prices(settings: &Settings) -> Result<PriceList, Error> {
    let Setting { value, origin } = &settings.prices;
    let read = |file: &Path| PriceList::read(file, &today());
    match value.as_deref().map(read) {
        None => Ok(PriceList::builtin(&today())),
        Some(list) => list.map_err(|error| {
            let why = std::error::Error::source(&error).map(|source| format!(": {}", root(source)));
            Error::Refused(format!("{origin}: {error}{}", why.unwrap_or_default()))
        }),
    }
}

fn wish(settings: &ModelSettings) -> Wish {
    let said = |setting: &Setting<Option<String>>| {
        let origin = setting.origin.to_string();
        setting.value.clone().map(|value| Said { value, origin })
    };
    Wish {
        model: said(&settings.model),
        provider: said(&settings.provider),
        base_url: said(&settings.base_url),
    }
}

/// All of them, or every fault once.
fn all<T: Clone, E>(
    results: &ByRole<Result<T, E>>,
    words: impl Fn(Role, &E) -> String,
) -> Result<ByRole<T>, Error> {
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
        _ => Err(Error::Refused(faults.join("\n"))),
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
        let told = connected(&settings, &Keys::default()).unwrap_err().to_string();
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.starts_with("--model-provider: gemini wants a key: set GEMINI_API_KEY"));
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
