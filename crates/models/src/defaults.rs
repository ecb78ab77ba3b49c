//! Which model is used where nobody names one.
//!
//! A strong one plans, for a bad plan spoils everything behind it; cheaper ones do steps and write
//! answers. All of them are released and not announced to end, and have a price in `prices.toml`,
//! whose date is the date of this table.

use sortie_llm::Provider;

use crate::roles::{ByRole, Role};

/// The default model of a provider for a role.
pub(crate) const fn default_model(provider: Provider, role: Role) -> &'static str {
    let models = match provider {
        Provider::OpenAi => ByRole {
            planner: "gpt-6.1-sol",
            executor: "gpt-6.1-terra",
            synthesizer: "gpt-6.1-terra",
        },
        Provider::Anthropic => ByRole {
            planner: "claude-sonnet-5-5",
            executor: "claude-haiku-5-5",
            synthesizer: "claude-haiku-5-5",
        },
        Provider::Gemini => ByRole {
            planner: "gemini-3.8-flash",
            executor: "gemini-3.5-flash-lite",
            synthesizer: "gemini-3.5-flash-lite",
        },
    };
    match role {
        Role::Planner => models.planner,
        Role::Executor => models.executor,
        Role::Synthesizer => models.synthesizer,
    }
}

/// Whose a model is, by what its name begins with.
pub(crate) fn provider_of(model: &str) -> Option<Provider> {
    const BEGINNINGS: [(&str, Provider); 7] = [
        ("gpt-", Provider::OpenAi),
        ("chatgpt", Provider::OpenAi),
        ("o1", Provider::OpenAi),
        ("o3", Provider::OpenAi),
        ("o4", Provider::OpenAi),
        ("claude", Provider::Anthropic),
        ("gemini", Provider::Gemini),
    ];
    let whose = |(beginning, _): &&(&str, Provider)| {
        model.strip_prefix(beginning).is_some_and(|rest| {
            // `o1` and `o1-mini`, not `o1ympus`.
            beginning.len() > 2 || rest.is_empty() || rest.starts_with('-')
        })
    };
    BEGINNINGS.iter().find(whose).map(|(_, provider)| *provider)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::PriceList;

    #[test]
    fn every_default_belongs_to_its_provider_and_has_a_price() {
        let prices = PriceList::builtin("2026-11-22");
        for provider in Provider::ALL {
            for role in Role::ALL {
                let model = default_model(provider, role);
                assert_eq!(provider_of(model), Some(provider), "{model}");
                let name = sortie_llm::ModelName {
                    provider: provider.as_str(),
                    model: model.into(),
                    base_url: None,
                };
                assert!(prices.price(&name, 1000).is_some(), "{model}");
            }
        }
    }

    #[test]
    fn names_tell_whose_they_are_only_where_they_do() {
        for (model, provider) in [
            ("o3", Some(Provider::OpenAi)),
            ("o4-mini", Some(Provider::OpenAi)),
            ("chatgpt-4o-latest", Some(Provider::OpenAi)),
            ("gpt-oss:20b", Some(Provider::OpenAi)),
            ("o1ympus", None),
            ("qwen3", None),
            ("anthropic/claude-opus", None),
        ] {
            assert_eq!(provider_of(model), provider, "{model}");
        }
    }
}
