//! Where an interface is.
//!
//! URLs come from settings, with or without a slash at their end, and some gateways want a query
//! (`?api-version=…`) with each call: it stays behind the path.

use reqwest::Url;

use crate::error::{ErrorKind, ModelError};
use crate::spec::{ModelSpec, Provider};

/// A checked base URL.
#[derive(Debug, Clone)]
pub(super) struct Address {
    url: Url,
    /// The provider's own: people need not be told where it is.
    own: bool,
}

impl Address {
    pub(super) fn of(spec: &ModelSpec) -> Result<Self, ModelError> {
        let own = parse(spec.provider.base_url())?;
        let url = spec.base_url.as_deref().map_or_else(|| Ok(own.clone()), parse)?;
        Ok(Self { own: url == own, url })
    }

    /// Whether this is the provider's own address.
    pub(super) fn is_own(&self) -> bool {
        self.own
    }

    /// For people, if they need it: without a query, which may hold a secret.
    pub(super) fn shown(&self) -> Option<String> {
        (!self.own).then(|| self.bare())
    }

    /// The base URL without slash and query.
    pub(super) fn bare(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.as_str().trim_end_matches('/').to_owned()
    }

    /// The host, for those who know the rest.
    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Whether it names no path: most servers have their interface below `/v1`.
    pub(super) fn is_bare_host(&self) -> bool {
        self.url.path().trim_matches('/').is_empty()
    }

    /// Whether it is this machine: no proxy leads here.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.host().trim_matches(['[', ']']);
        let address = host.parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// Whether no certificate is ever looked at: no TLS here, and no proxy that may speak it.
    pub(super) fn needs_no_tls(&self) -> bool {
        self.is_loopback() && self.url.scheme() == "http"
    }

    /// Where a provider's models are talked to.
    pub(super) fn of_chat(&self, provider: Provider, model: &str) -> Url {
        match provider {
            Provider::OpenAi => self.below(&["chat", "completions"]),
            Provider::Anthropic => self.below(&["messages"]),
            Provider::Gemini => {
                let model = model.strip_prefix("models/").unwrap_or(model);
                let call = format!("{model}:streamGenerateContent");
                let mut url = self.below(&["models", &call]);
                url.query_pairs_mut().append_pair("alt", "sse");
                url
            }
        }
    }

    /// Where a server of the interface of OpenAI lists its models.
    pub(super) fn of_models(&self) -> Url {
        self.below(&["models"])
    }

    fn below(&self, parts: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }
}

fn parse(text: &str) -> Result<Url, ModelError> {
    let refuse = |message| Err(ModelError::new(ErrorKind::BadRequest, message));
    let url = match Url::parse(text.trim()) {
        Ok(url) => url,
        Err(error) => return refuse(format!("{text:?} is no base URL: {error}")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        let host = url.host_str().unwrap_or_default();
        return refuse(format!("the base URL of {host} has a name or password in it: give a key"));
    }
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return refuse(format!("{text:?} is no base URL: it must begin with http:// or https://"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(provider: Provider, base_url: &str) -> Result<Address, ModelError> {
        let base_url = Some(base_url.to_owned());
        Address::of(&ModelSpec { base_url, ..ModelSpec::new(provider) })
    }

    fn chat(provider: Provider, base_url: &str, model: &str) -> String {
        at(provider, base_url).unwrap().of_chat(provider, model).into()
    }

    #[test]
    fn a_slash_at_the_end_makes_no_difference() {
        for base in ["http://localhost:8080/v1", "http://localhost:8080/v1/"] {
            assert_eq!(
                chat(Provider::OpenAi, base, "x"),
                "http://localhost:8080/v1/chat/completions"
            );
            assert_eq!(chat(Provider::Anthropic, base, "x"), "http://localhost:8080/v1/messages");
            let address = at(Provider::OpenAi, base).unwrap();
            assert_eq!(address.of_models().as_str(), "http://localhost:8080/v1/models");
            assert_eq!(address.shown().as_deref(), Some("http://localhost:8080/v1"));
            assert!(address.is_loopback() && !address.is_bare_host());
        }
        let bare = at(Provider::OpenAi, "http://gpu:8080").unwrap();
        assert!(bare.is_bare_host() && !bare.is_loopback());
    }

    #[test]
    fn a_query_stays_behind_the_path_and_is_not_shown() {
        let base = "https://gateway.example/v1?version=2";
        assert_eq!(
            chat(Provider::OpenAi, base, "x"),
            "https://gateway.example/v1/chat/completions?version=2"
        );
        let shown = at(Provider::OpenAi, base).unwrap().shown();
        assert_eq!(shown.as_deref(), Some("https://gateway.example/v1"));
    }

    #[test]
    fn gemini_has_the_model_in_its_path() {
        let url = chat(Provider::Gemini, "http://[::1]:1/v1beta", "models/gemini-2.5-pro");
        assert_eq!(
            url,
            "http://[::1]:1/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
        );
        let url = chat(Provider::Gemini, "http://[::1]:1/v1beta", "../../x?y");
        assert!(url.ends_with("/v1beta/models/..%2F..%2Fx%3Fy:streamGenerateContent?alt=sse"));
    }

    #[test]
    fn the_own_address_is_not_shown() {
        let address = at(Provider::OpenAi, "https://api.openai.com/v1").unwrap();
        assert!(address.is_own() && address.shown().is_none());
        let address = Address::of(&ModelSpec::new(Provider::Gemini)).unwrap();
        assert!(address.is_own());
        assert_eq!(address.host(), "generativelanguage.googleapis.com");
    }

    #[test]
    fn what_is_no_url_is_named() {
        for bad in ["", "localhost:8080", "ftp://host/v1", "/v1", "http://"] {
            let error = at(Provider::OpenAi, bad).unwrap_err();
            assert_eq!(error.kind, ErrorKind::BadRequest, "{bad}");
            assert!(error.message.contains(&format!("{bad:?} is no base URL")), "{error}");
        }
        let error = at(Provider::OpenAi, "https://me:hunter2@host/v1").unwrap_err();
        assert!(!error.message.contains("hunter2"), "{error}");
    }
}
