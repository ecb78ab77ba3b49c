//! The client of a model on the net.
//!
//! genai speaks the three interfaces: it writes the body of a request and reads the events of an
//! answer. Everything around it is ours: the address, the key, patience, and what an error means.
//! The key is a header of the HTTP client, so genai never sees it. One call is one request: nothing
//! here is tried again.

mod address;
mod faults;
mod naming;
mod pulse;
mod reading;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, JsonSpec, ReasoningEffort};
use genai::resolver::{AuthData, Endpoint};
use genai::{Headers, ModelIden, ServiceTarget};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::chat::{ChatModel, ModelName, Pieces, Purpose, Request, Shape};
use crate::crypto::install_crypto;
use crate::error::{ErrorKind, ModelError};
use crate::spec::{Key, ModelSpec, Provider};
use address::Address;
use faults::Asked;
use naming::Naming;
use pulse::Pulse;
use reading::{Progress, Reading};

/// Dead connections are noticed by signs of life that cost nothing.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Makes a client. Nothing is sent yet: a server that is not there is found by the first call.
///
/// # Errors
/// [`ErrorKind::BadRequest`] where the spec cannot be right, [`ErrorKind::Unauthorized`] where a
/// provider's own address is meant and there is no key for it.
pub fn connect(spec: ModelSpec) -> Result<Arc<dyn ChatModel>, ModelError> {
    Ok(Arc::new(Remote::new(spec)?))
}

/// A model behind HTTP.
struct Remote {
    genai: genai::Client,
    /// Without the model's name: it may not be known yet.
    asked: Asked,
    naming: Naming,
    /// Whether shapes are sent: until the server refuses one.
    shapes: Arc<AtomicBool>,
}

#[async_trait]
impl ChatModel for Remote {
    fn name(&self) -> ModelName {
        let model = self.naming.known().unwrap_or_default();
        ModelName { model, ..self.asked.name.clone() }
    }

    async fn look_up(&self) -> ModelName {
        self.naming.model(&self.asked).await.ok();
        self.name()
    }

    async fn stream(&self, request: Request) -> Result<Pieces, ModelError> {
        let model = self.naming.model(&self.asked).await?;
        let name = ModelName { model: model.clone(), ..self.asked.name.clone() };
        let asked = Asked { name, ..self.asked.clone() };
        let shape = request.shape.filter(|_| self.shapes.load(Ordering::Relaxed));
        let shapes = shape.as_ref().map(|_| self.shapes.clone());
        let pulse = Arc::new(Pulse::default());
        let options =
            self.options(&model, shape, request.max_tokens, request.purpose, pulse.clone());
        let shown = request.examples.into_iter().flat_map(|exchange| {
            [ChatMessage::user(exchange.user), ChatMessage::assistant(exchange.assistant)]
        });
        let chat = ChatRequest::default()
            .with_system(request.system)
            .append_messages(shown)
            .append_message(ChatMessage::user(request.user));
        let call = self.genai.exec_chat_stream(self.target(&model), chat, Some(&options)).await;
        let stream = call.map_err(|error| asked.fault(&error))?.stream;
        Reading { stream, pulse, asked, shapes, progress: Progress::start() }.begin().await
    }
}

impl Remote {
    fn new(spec: ModelSpec) -> Result<Self, ModelError> {
        install_crypto();
        let address = Address::of(&spec)?;
        let key = spec.key.filter(|key| !key.is_empty());
        let model = spec.model.filter(|model| !model.trim().is_empty());
        let provider = spec.provider;
        if key.is_none() && address.is_own() {
            let message = format!("{provider} wants a key: set {}", spec.key_variable);
            return Err(ModelError::new(ErrorKind::Unauthorized, message));
        }
        let asks = provider == Provider::OpenAi && !address.is_own();
        if model.is_none() && !asks {
            let message = format!("{provider} has many models: say which with --model");
            return Err(ModelError::new(ErrorKind::BadRequest, message));
        }
        let (timeouts, key_variable) = (spec.timeouts, spec.key_variable);
        let door = key.as_ref().map(|key| (key, key_variable));
        let http = http_client(provider, &address, door, timeouts.connect)?;
        let genai = genai::Client::builder().with_reqwest(http.clone()).build();
        let genai = genai.map_err(|_| unusable(provider))?;
        let name = ModelName {
            provider: provider.as_str(),
            model: Arc::default(),
            base_url: address.shown().map(Arc::from),
        };
        let asked = Asked { provider, address, key, key_variable, timeouts, name };
        let shapes = Arc::new(AtomicBool::new(spec.structured));
        Ok(Self { genai, asked, naming: Naming::new(model, http), shapes })
    }

    /// The exact URL and all headers but those of the HTTP client: genai is not to guess.
    fn target(&self, model: &str) -> ServiceTarget {
        let (kind, headers) = match self.asked.provider {
            Provider::OpenAi => (AdapterKind::OpenAI, Headers::default()),
            Provider::Anthropic => {
                (AdapterKind::Anthropic, Headers::from(("anthropic-version", "2023-06-01")))
            }
            Provider::Gemini => (AdapterKind::Gemini, Headers::default()),
        };
        let url = self.asked.address.of_chat(self.asked.provider, model).into();
        ServiceTarget {
            endpoint: Endpoint::from_owned(self.asked.address.bare() + "/"),
            auth: AuthData::RequestOverride { url, headers },
            model: ModelIden::new(kind, model),
        }
    }

    fn options(
        &self,
        model: &str,
        shape: Option<Shape>,
        max_tokens: Option<u32>,
        purpose: Purpose,
        pulse: Arc<Pulse>,
    ) -> ChatOptions {
        let mut options =
            ChatOptions::default().with_capture_usage(true).with_raw_frame_sink_arc(pulse);
        options.max_tokens = max_tokens;
        if !self.asked.address.is_own() && self.asked.provider == Provider::OpenAi {
            options.temperature = Some(temperature(purpose));
        }
        // genai cuts `-high` and the like off a model's name and asks for so much reasoning, unless
        // it is told how much: these are the ways to say nothing.
        options.reasoning_effort = match self.asked.provider {
            Provider::OpenAi => Some(ReasoningEffort::Budget(0)),
            Provider::Gemini => Some(ReasoningEffort::Zero),
            Provider::Anthropic => None,
        };
        let mut body = match self.asked.provider {
            // It also cuts off all before `::`.
            Provider::OpenAi | Provider::Anthropic => json!({ "model": model }),
            Provider::Gemini => json!({}),
        };
        match shape {
            Some(shape)
                if self.asked.provider == Provider::OpenAi && !self.asked.address.is_own() =>
            {
                body["response_format"] = verbatim(shape);
            }
            Some(Shape { name, schema }) => {
                options = options.with_response_format(JsonSpec::new(name, schema));
            }
            None => {}
        }
        options.with_extra_body(body)
    }
}

/// Small models at home are at their best when they say what is likeliest, but for a plan that was
/// wrong: they would say the same again. Those of the providers have their own best, and some take no
/// other.
const fn temperature(purpose: Purpose) -> f64 {
    match purpose {
        Purpose::Repair | Purpose::Replan => 0.7,
        _ => 0.0,
    }
}

/// Servers at home make a grammar of any schema; genai would rewrite it for OpenAI, where all
/// properties are required and free objects are empty.
fn verbatim(Shape { name, schema }: Shape) -> Value {
    json!({
        "type": "json_schema",
        "json_schema": { "name": name, "strict": true, "schema": schema },
    })
}

fn http_client(
    provider: Provider,
    address: &Address,
    key: Option<(&Key, &'static str)>,
    connect_timeout: Duration,
) -> Result<reqwest::Client, ModelError> {
    let mut headers = HeaderMap::new();
    if let Some((key, variable)) = key {
        let (name, text) = match provider {
            Provider::OpenAi => (AUTHORIZATION, format!("Bearer {}", key.secret())),
            Provider::Anthropic => (HeaderName::from_static("x-api-key"), key.secret().to_owned()),
            Provider::Gemini => {
                (HeaderName::from_static("x-goog-api-key"), key.secret().to_owned())
            }
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| {
            let message =
                format!("the key for {provider} has letters that no key has: check {variable}");
            ModelError::new(ErrorKind::Unauthorized, message)
        })?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let builder = reqwest::Client::builder()
        .user_agent(concat!("sortie/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        // A redirect could carry the key to another host.
        .redirect(Policy::none())
        .connect_timeout(connect_timeout)
        .tcp_keepalive(KEEP_ALIVE)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_timeout(KEEP_ALIVE)
        // Words are to arrive as they are written, not when a block is full.
        .no_gzip();
    let builder = if address.is_loopback() { builder.no_proxy() } else { builder };
    // Reading all certificates of the machine takes longer than anything else here.
    let builder = if address.needs_no_tls() { builder.tls_certs_only([]) } else { builder };
    builder.build().map_err(|_| unusable(provider))
}

fn unusable(provider: Provider) -> ModelError {
    let message = format!("cannot make a client for {provider}: is TLS set up on this machine?");
    ModelError::new(ErrorKind::Unreachable, message)
}

#[cfg(test)]
mod tests;
