//! From choices to models that can be talked to.

use std::sync::Arc;

use sortie_llm::{ChatModel, ModelError, ModelSpec, Timeouts, script};

use crate::choose::{Choice, Chosen, Remote};
use crate::keys::{KeyName, Keys};
use crate::model::Model;
use crate::prices::PriceList;
use crate::roles::ByRole;

/// What all models of a process share.
#[derive(Debug, Clone)]
pub struct Connector {
    /// The keys that choices name.
    pub keys: Keys,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// What calls cost.
    pub prices: Arc<PriceList>,
}

impl Connector {
    /// The model of a choice; none for one that is offline. Nothing is sent yet.
    ///
    /// # Errors
    /// If a script cannot be read, or a client cannot be made of what was chosen.
    pub fn connect(&self, choice: &Choice) -> Result<Option<Model>, ModelError> {
        let chat = match &choice.chosen {
            Chosen::Offline => return Ok(None),
            Chosen::Script(file) => script::open(file)?,
            Chosen::Remote(remote) => self.dial(remote)?,
        };
        Ok(Some(Model::priced(chat, self.prices.clone())))
    }

    /// The models of all roles. Roles that chose the same share it: a server is asked for its name
    /// once, and a script goes on where it was.
    pub fn connect_all(
        &self,
        choices: &ByRole<Choice>,
    ) -> ByRole<Result<Option<Model>, ModelError>> {
        let mut known: Vec<(&Chosen, Result<Option<Model>, ModelError>)> = Vec::new();
        ByRole::from_fn(|role| {
            let choice = choices.of(role);
            if let Some((_, model)) = known.iter().find(|(chosen, _)| **chosen == choice.chosen) {
                return model.clone();
            }
            let model = self.connect(choice);
            known.push((&choice.chosen, model.clone()));
            model
        })
    }

    fn dial(&self, remote: &Remote) -> Result<Arc<dyn ChatModel>, ModelError> {
        sortie_llm::connect(ModelSpec {
            model: remote.model.clone(),
            base_url: remote.base_url.clone(),
            key: remote.key.and_then(|name| self.keys.get(name)).cloned(),
            // Without a key there is a base URL, and this is where its key would stand.
            key_variable: remote.key.unwrap_or(KeyName::Server).variable(),
            timeouts: self.timeouts,
            ..ModelSpec::new(remote.provider)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::roles::Role;

    fn script(path: &Path) -> Choice {
        Choice { chosen: Chosen::Script(path.to_owned()), why: Vec::new() }
    }

    #[test]
    fn roles_that_chose_the_same_share_it_and_offline_is_no_model() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[[reply]]\ntext = \"ready\"\n").unwrap();
        let connector = Connector {
            keys: Keys::default(),
            timeouts: Timeouts::default(),
            prices: Arc::default(),
        };
        let offline = Choice { chosen: Chosen::Offline, why: Vec::new() };
        let choices = ByRole::from_fn(|role| match role {
            Role::Executor => offline.clone(),
            _ => script(file.path()),
        });
        let models = connector.connect_all(&choices);
        assert!(matches!(models.executor, Ok(None)));
        let same = models.planner.unwrap().unwrap().is_same(&models.synthesizer.unwrap().unwrap());
        assert!(same);
        let missing = connector.connect(&script(Path::new("/nowhere/answers.toml"))).unwrap_err();
        assert!(missing.message.contains("/nowhere/answers.toml"), "{missing}");
    }
}
