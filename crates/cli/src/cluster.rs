//! The cluster that does the work: a remote one, or the one inside the process. Commands see a
//! channel and a name and do not ask which it is.

use std::time::Duration;

use sortie_models::Keys;
use sortie_proto::v1::coordinator_client::CoordinatorClient;
use sortie_proto::v1::planner_client::PlannerClient;
use sortie_service::config::{Origin, Settings};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::embedded::{self, AddTools, Embedded};
use crate::error::{self, Error};
use crate::models;

/// The largest message either way; the servers hold to the same.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// A machine that does not answer by then is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A single call: far above what a loaded coordinator needs to commit.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a silent connection is tried, and how long it may take to answer: without this a
/// partition hangs a watch for good.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The cluster that does the work.
pub(crate) struct Cluster {
    channel: Channel,
    name: String,
    embedded: Option<Embedded>,
}

impl Cluster {
    /// The remote cluster of the settings, or else one inside the process.
    pub(crate) async fn open(
        settings: &Settings,
        keys: &Keys,
        add_tools: AddTools,
    ) -> Result<Self, Error> {
        if settings.endpoint.value.is_some() {
            refuse_embedded_flags(settings)?;
            return Self::remote(settings).await;
        }
        let embedded = Embedded::start(options(settings, keys, add_tools)?).await?;
        let name = "the embedded cluster".to_owned();
        Ok(Self { channel: embedded.channel(), name, embedded: Some(embedded) })
    }

    /// The remote cluster of the settings: an embedded one would know none of the runs asked for.
    pub(crate) async fn remote(settings: &Settings) -> Result<Self, Error> {
        let Some(name) = settings.endpoint.value.clone() else {
            let message = "this command needs a running cluster: name it with --endpoint URL or \
                           SORTIE_ENDPOINT, and start one with `sortie serve`";
            return Err(Error::Refused(message.to_owned()));
        };
        let bad = |error| {
            let from = &settings.endpoint.origin;
            Error::Refused(format!("{from}: `{name}` is no address: {}", error::root(&error)))
        };
        let endpoint = Endpoint::from_shared(name.clone()).map_err(bad)?;
        let channel = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true)
            .connect()
            .await
            .map_err(|error| Error::Unreachable {
                endpoint: name.clone(),
                reason: error::root(&error),
            })?;
        Ok(Self { channel, name, embedded: None })
    }

    /// A remote cluster that is dialled when it is first needed.
    #[cfg(test)]
    pub(crate) fn lazy(name: &str) -> Self {
        let channel = Endpoint::from_shared(name.to_owned()).unwrap().connect_lazy();
        Self { channel, name: name.to_owned(), embedded: None }
    }

    /// What people know it by.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn coordinator(&self) -> CoordinatorClient<Channel> {
        CoordinatorClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn planner(&self) -> PlannerClient<Channel> {
        PlannerClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// What a status of `action` means here.
    pub(crate) fn error(&self, action: &str, status: &Status) -> Error {
        Error::from_status(action, &self.name, status)
    }

    /// Ends the cluster inside the process; a remote one lives on.
    pub(crate) async fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }
}

/// A call with one answer, which must come in time.
pub(crate) fn unary<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_TIMEOUT);
    request
}

/// How the settings build a cluster inside the process.
pub(crate) fn options(
    settings: &Settings,
    keys: &Keys,
    add_tools: AddTools,
) -> Result<embedded::Options, Error> {
    Ok(embedded::Options {
        models: models::connected(settings, keys)?,
        prompts: models::prompts(settings)?,
        docs: settings.docs.value.clone(),
        concurrency: settings.concurrency.value,
        retention: settings.retention.value,
        limits: settings.limits.values(),
        add_tools,
        reflection: settings.reflection.value,
    })
}

/// A flag that would do nothing is a misunderstanding.
pub(crate) fn refuse_embedded_flags(settings: &Settings) -> Result<(), Error> {
    let endpoint = &settings.endpoint.origin;
    let models = models::origins(settings).map(|origin| (origin, "models are chosen"));
    let docs = [(&settings.docs.origin, "documents are read")];
    let faults: Vec<_> = docs
        .into_iter()
        .chain(models)
        .filter_map(|(origin, what)| match origin {
            Origin::Flag(flag) => Some(format!(
                "{flag}: {what} by the cluster that does the work, and {endpoint} names a remote \
                 one: say it to its `sortie serve`"
            )),
            Origin::Default | Origin::File(..) | Origin::Variable(_) => None,
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(Error::Refused(faults.join("\n"))) }
}
