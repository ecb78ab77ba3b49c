//! What the model is called, where nobody said.
//!
//! A server at home mostly has one model and lists it; some list nothing and take any name.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::faults::{Asked, Patience};
use crate::error::{ErrorKind, ModelError};

/// Where a server lists no model: it has one and does not look at the name.
const DEFAULT: &str = "default";

/// So many are named to choose from.
const NAMED: usize = 10;

/// The largest list that is read; those of gateways with hundreds of models are below.
const MAX_LIST_BYTES: usize = 4 << 20;

/// A list is at hand: a server that needs longer has no time for a call either.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);

/// The model's name, said or asked for.
pub(super) struct Naming {
    name: OnceCell<Arc<str>>,
    http: reqwest::Client,
}

impl Naming {
    pub(super) fn new(said: Option<String>, http: reqwest::Client) -> Self {
        let name = said.map(|name| Arc::from(name.trim()));
        Self { name: OnceCell::new_with(name), http }
    }

    pub(super) fn known(&self) -> Option<Arc<str>> {
        self.name.get().cloned()
    }

    /// The name; whoever comes first asks for it, and all others wait.
    pub(super) async fn model(&self, asked: &Asked) -> Result<Arc<str>, ModelError> {
        self.name.get_or_try_init(|| self.ask(asked)).await.cloned()
    }

    async fn ask(&self, asked: &Asked) -> Result<Arc<str>, ModelError> {
        let limit = LIST_TIMEOUT.min(asked.timeouts.first);
        let list = timeout(limit, self.list(asked));
        let mut models = list.await.map_err(|_| asked.too_slow(Patience::First))??;
        match models.len() {
            0 => Ok(Arc::from(DEFAULT)),
            1 => Ok(Arc::from(models.remove(0))),
            many => {
                let mut names = models;
                names.truncate(NAMED);
                let mut names = names.join(", ");
                if many > NAMED {
                    names.push_str(&format!(" and {} more", many - NAMED));
                }
                let url = asked.address.bare();
                let message = format!("{url} has {many} models: say which with --model ({names})");
                Err(ModelError::new(ErrorKind::NotFound, message))
            }
        }
    }

    async fn list(&self, asked: &Asked) -> Result<Vec<String>, ModelError> {
        let request = self.http.get(asked.address.of_models());
        let mut response = request.send().await.map_err(|error| asked.transport(&error))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| asked.transport(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_LIST_BYTES {
                return Ok(Vec::new());
            }
        }
        let status = response.status();
        if matches!(status.as_u16(), 404 | 405 | 501) {
            return Ok(Vec::new());
        }
        if !status.is_success() {
            let body = String::from_utf8_lossy(&body);
            return Err(asked.refusal(status, response.headers(), &body));
        }
        Ok(models(&body))
    }
}

/// Reads `{"data": [{"id": …}]}`. What is no such list names no model.
fn models(body: &[u8]) -> Vec<String> {
    let list: Value = serde_json::from_slice(body).unwrap_or_default();
    let models = list["data"].as_array().into_iter().flatten();
    models.filter_map(|model| model["id"].as_str()).map(str::to_owned).collect()
}
