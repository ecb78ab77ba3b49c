//! What went wrong, in words that say who, what, and what to do.
//!
//! Whatever the provider says itself is quoted: shortened, and without what looks like a key.

mod quote;
mod retry_after;
mod said;

use std::error::Error;
use std::io;
use std::time::SystemTime;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::address::Address;
use crate::chat::ModelName;
use crate::error::{ErrorKind, ModelError};
use crate::spec::{Key, Provider, Timeouts};
use said::Said;

/// Who is asked, to be named when it fails.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) provider: Provider,
    pub(super) address: Address,
    pub(super) key: Option<Key>,
    pub(super) key_variable: &'static str,
    pub(super) timeouts: Timeouts,
    /// As it is shown to people, with the model if it is known.
    pub(super) name: ModelName,
}

/// Which patience ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    Connect,
    First,
    Idle,
}

impl Asked {
    /// A call failed, at its start or in the middle.
    pub(super) fn fault(&self, error: &genai::Error) -> ModelError {
        match error {
            genai::Error::HttpError { status, body, headers, .. } => {
                self.refusal(*status, headers, body)
            }
            genai::Error::WebStream { error, .. } => self.transport(&**error),
            genai::Error::ChatResponse { body, .. } => self.says(&Said::of_json(body), None),
            genai::Error::StreamParse { serde_error, .. } if serde_error.is_eof() => self.cut_off(),
            genai::Error::StreamParse { .. } => self.nonsense(),
            _ => {
                // What else there is comes from making the request.
                let message = format!("cannot make a request for {}", self.name);
                ModelError::new(ErrorKind::BadRequest, message)
            }
        }
    }

    /// An answer whose status is no success.
    pub(super) fn refusal(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &str,
    ) -> ModelError {
        let said = Said::of_body(body);
        let mut error = self.says(&said, Some(status.as_u16()));
        let wish = retry_after::of(headers, SystemTime::now());
        error.retry_after = wish.or(said.retry_after);
        error
    }

    /// What to say if a request was refused for its shape: the next call is made without, so it is
    /// worth another.
    pub(super) fn refusal_of_shape(&self, error: &genai::Error) -> Option<ModelError> {
        let (status, said) = match error {
            genai::Error::WebStream { error, .. } => match error.downcast_ref()? {
                genai::Error::HttpError { status, body, .. } => {
                    (Some(status.as_u16()), Said::of_body(body))
                }
                _ => return None,
            },
            genai::Error::ChatResponse { body, .. } => (None, Said::of_json(body)),
            _ => return None,
        };
        // 500 and errors in a stream: some servers compile the grammar only when they begin.
        if !matches!(status, Some(400 | 422 | 500 | 501) | None) || !said.is_about_shape() {
            return None;
        }
        let (name, status) = (&self.name, shown(status));
        let mut message = format!(
            "{name} does not take a form for its answer{status}: the next call goes without"
        );
        self.quote_into(&mut message, &said);
        Some(ModelError::new(ErrorKind::Protocol, message))
    }

    pub(super) fn too_slow(&self, patience: Patience) -> ModelError {
        let Timeouts { connect, first, idle } = self.timeouts;
        let (what, limit, setting) = match patience {
            Patience::Connect => ("took no connection", connect, "connect"),
            Patience::First => ("said nothing", first, "first"),
            Patience::Idle => ("stopped in the middle and said nothing more", idle, "idle"),
        };
        let name = &self.name;
        let message = format!("{name} {what} for {limit:?} (model_timeouts.{setting})");
        ModelError::new(ErrorKind::Timeout, message)
    }

    pub(super) fn cut_off(&self) -> ModelError {
        self.left_off("broke off in the middle")
    }

    /// It answered, and closed the connection before it said a word.
    pub(super) fn silent(&self) -> ModelError {
        self.left_off("closed the connection before it said a word")
    }

    fn left_off(&self, what: &str) -> ModelError {
        let way_out = match self.address.is_own() {
            true => "try again later",
            // A model that does not fit into memory ends like this.
            false => "try again, or look into the log of its server",
        };
        ModelError::new(ErrorKind::CutOff, format!("{} {what}: {way_out}", self.name))
    }

    /// It answered with something else than events.
    pub(super) fn no_events(&self) -> ModelError {
        let message = format!(
            "{} answered with something that is no stream of events: is {} the address of its \
             interface{}?",
            self.name,
            self.address.bare(),
            self.hint_of_path()
        );
        ModelError::new(ErrorKind::Protocol, message)
    }

    fn nonsense(&self) -> ModelError {
        let message = format!("{} sent something that is no JSON", self.name);
        ModelError::new(ErrorKind::Protocol, message)
    }

    /// The connection: there is none, or it ended.
    pub(super) fn transport(&self, error: &(dyn Error + Send + Sync + 'static)) -> ModelError {
        if let Some(inner) = error.downcast_ref::<genai::Error>() {
            return self.fault(inner);
        }
        let Some(error) = error.downcast_ref::<reqwest::Error>() else {
            // What is neither of HTTP nor of genai is text that is no UTF-8.
            return self.nonsense();
        };
        if error.is_connect() && error.is_timeout() {
            self.too_slow(Patience::Connect)
        } else if error.is_connect() {
            self.unreachable(error)
        } else if error.is_body() || error.is_decode() {
            self.cut_off()
        } else if error.is_builder() {
            // Such as a key with a line break in it; the cause may show it.
            let message = format!("cannot make a request for {}", self.name);
            ModelError::new(ErrorKind::BadRequest, message)
        } else {
            self.left_off("closed the connection without an answer")
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> ModelError {
        let cause = quote::quote(&innermost(error).to_string(), self.key.as_ref());
        let message = if is_tls(error) {
            let url = self.address.bare();
            format!("no secure connection to {url}: is its certificate trusted here? ({cause})")
        } else if self.address.is_own() {
            let (provider, host) = (self.provider, self.address.host());
            format!("cannot reach {provider} at {host}: check the network ({cause})")
        } else {
            let url = self.address.bare();
            format!("nobody answers at {url}: is the server running? ({cause})")
        };
        ModelError::new(ErrorKind::Unreachable, message)
    }

    /// The provider says itself what is wrong.
    fn says(&self, said: &Said, status: Option<u16>) -> ModelError {
        let kind = said.kind(status);
        let mut message = self.sentence(kind, said, &shown(status));
        self.quote_into(&mut message, said);
        ModelError::new(kind, message)
    }

    fn quote_into(&self, message: &mut String, said: &Said) {
        if let Some(quoted) = &said.message {
            let quoted = quote::quote(quoted, self.key.as_ref());
            message.push_str(&format!("; it says: {quoted}"));
        }
    }

    fn sentence(&self, kind: ErrorKind, said: &Said, status: &str) -> String {
        let place = self.place();
        let (name, model) = (&self.name, self.model());
        let variable = self.key_variable;
        match kind {
            ErrorKind::Unauthorized if self.key.is_none() => {
                format!("{place} wants a key for {model}{status}: set {variable}")
            }
            ErrorKind::Unauthorized => {
                format!("{place} refuses the key for {model}{status}: check {variable}")
            }
            ErrorKind::NotFound if said.is_about_model() => {
                format!("{place} has no model `{model}`{status}: say another with --model")
            }
            ErrorKind::NotFound => {
                let hint = self.hint_of_path();
                format!("{place} has no such interface{status}: check the base URL{hint}")
            }
            ErrorKind::TooLong => {
                format!("the prompt is too long for {name}{status}: say a model that reads more")
            }
            ErrorKind::RateLimited => format!("{place} wants fewer calls of {model}{status}"),
            ErrorKind::QuotaExhausted => {
                format!("the account at {place} is used up{status}: add credit or raise its limit")
            }
            ErrorKind::Overloaded => {
                format!("{place} has trouble with {model}{status}: try again later")
            }
            ErrorKind::BadRequest
            | ErrorKind::Unreachable
            | ErrorKind::Timeout
            | ErrorKind::CutOff
            | ErrorKind::Protocol => {
                format!("{place} does not take the request for {model}{status}")
            }
        }
    }

    fn place(&self) -> String {
        self.address.shown().unwrap_or_else(|| self.provider.to_string())
    }

    fn model(&self) -> &str {
        if self.name.model.is_empty() { "its model" } else { &self.name.model }
    }

    fn hint_of_path(&self) -> &'static str {
        if self.address.is_bare_host() { " (most end in /v1)" } else { "" }
    }
}

/// The status for people, where there is one.
fn shown(status: Option<u16>) -> String {
    status.map(|status| format!(" ({status})")).unwrap_or_default()
}

/// Whether TLS failed. Its errors are inside of errors of the socket, which hide them as causes.
fn is_tls(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        let mut inside = Some(cause);
        while let Some(error) = inside {
            if error.is::<rustls::Error>() {
                return true;
            }
            let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            inside = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static));
        }
        false
    })
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// The last cause is the one that people know: `Connection refused`.
fn innermost(error: &reqwest::Error) -> &dyn Error {
    causes(error).last().map_or(error, |cause| cause)
}
