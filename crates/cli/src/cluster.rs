//! The cluster that does the work: a remote one, or the one inside the process. Commands see a
//! channel and a name and do not ask which it is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sortie_models::{Keys, Role, configured};
use sortie_proto::v1::coordinator_client::CoordinatorClient;
use sortie_proto::v1::planner_client::PlannerClient;
use sortie_service::config::{Origin, Setting, Settings};
use sortie_service::process::root;
use sortie_service::serving::dial;
use sortie_worker::AddTools;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::embedded::{self, Embedded};
use crate::error::{Error, is_transport};

/// The largest message either way; the servers hold to the same.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// A machine that does not answer by then is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A single call: far above what a loaded coordinator needs to commit.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The cluster that does the work.
pub(crate) struct Cluster {
    /// Its coordinators; whatever one of them says, the others would say too.
    members: Vec<Member>,
    /// Who is asked.
    current: AtomicUsize,
    /// Who plans, if that is not asked of a coordinator's address.
    planners: Vec<Endpoint>,
    embedded: Option<Embedded>,
}

struct Member {
    name: String,
    channel: Channel,
}

impl Cluster {
    /// The remote cluster of the settings, or else one inside the process.
    pub(crate) async fn open(
        settings: &Settings,
        keys: &Keys,
        add_tools: AddTools,
    ) -> Result<Self, Error> {
        if !settings.endpoint.value.is_empty() {
            refuse_embedded_flags(settings)?;
            return Self::remote(settings);
        }
        let embedded = Embedded::start(options(settings, keys, add_tools)?).await?;
        let name = "the embedded cluster".to_owned();
        let member = Member { name, channel: embedded.channel() };
        // A planner of a cluster's configuration is not meant for this one, unless it is said here.
        let is_meant = matches!(settings.cluster.planner.origin, Origin::Flag(_));
        let planners = if is_meant { planners(settings)? } else { Vec::new() };
        Ok(Self { embedded: Some(embedded), planners, ..Self::of(vec![member]) })
    }

    /// The remote cluster of the settings: an embedded one would know none of the runs asked for.
    /// Nobody is dialled before there is something to ask.
    pub(crate) fn remote(settings: &Settings) -> Result<Self, Error> {
        if settings.endpoint.value.is_empty() {
            let message = "this command needs a running cluster: name it with --endpoint URL or \
                           SORTIE_ENDPOINT, and start one with `sortie serve`";
            return Err(Error::Refused(message.to_owned()));
        }
        let members = dial_all(&settings.endpoint)?
            .into_iter()
            .map(|(name, endpoint)| Member { name, channel: endpoint.connect_lazy() });
        let cluster = Self::of(members.collect());
        // Clients begin anywhere, so that coordinators share them.
        cluster.current.store(fastrand::usize(..cluster.members.len()), Ordering::Relaxed);
        let is_meant = settings.cluster.planner.is_set();
        let planners = if is_meant { planners(settings)? } else { Vec::new() };
        Ok(Self { planners, ..cluster })
    }

    /// Remote coordinators that are dialled when they are first needed.
    #[cfg(test)]
    pub(crate) fn lazy(name: &str) -> Self {
        let channel = Endpoint::from_shared(name.to_owned()).unwrap().connect_lazy();
        Self::of(vec![Member { name: name.to_owned(), channel }])
    }

    const fn of(members: Vec<Member>) -> Self {
        Self { members, current: AtomicUsize::new(0), planners: Vec::new(), embedded: None }
    }

    /// What people know it by.
    pub(crate) fn name(&self) -> String {
        let names: Vec<_> = self.members.iter().map(|member| member.name.as_str()).collect();
        names.join(", ")
    }

    /// Whoever is asked now.
    pub(crate) fn coordinator(&self) -> Client {
        let current = self.current.load(Ordering::Relaxed) % self.members.len();
        CoordinatorClient::new(self.members[current].channel.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// Whoever is asked now does not answer: from here on the next one is asked.
    pub(crate) fn move_on(&self) {
        self.current.fetch_add(1, Ordering::Relaxed);
    }

    /// Asks one coordinator after the other until one answers; only for what may be asked twice.
    pub(crate) async fn ask<T>(
        &self,
        call: impl AsyncFn(Client) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let mut others = self.members.len() - 1;
        loop {
            match call(self.coordinator()).await {
                Err(status) if others > 0 && is_transport(&status) => {
                    tracing::debug!(%status, "a coordinator does not answer");
                    self.move_on();
                    others -= 1;
                }
                answer => return answer,
            }
        }
    }

    /// A planner that can be reached.
    pub(crate) async fn planner(&self) -> Result<PlannerClient<Channel>, Error> {
        let mut channel = self.members[0].channel.clone();
        for (endpoint, others) in self.planners.iter().zip((0..self.planners.len()).rev()) {
            match endpoint.connect().await {
                Ok(connected) => {
                    channel = connected;
                    break;
                }
                Err(_) if others > 0 => {}
                Err(error) => {
                    let endpoint = endpoint.uri().to_string();
                    return Err(Error::Unreachable { endpoint, reason: root(&error) });
                }
            }
        }
        Ok(PlannerClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES))
    }

    /// What a status of `action` means here.
    pub(crate) fn error(&self, action: &str, status: &Status) -> Error {
        Error::from_status(action, &self.name(), status)
    }

    /// Ends the cluster inside the process; a remote one lives on.
    pub(crate) async fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }
}

/// Who plans, where that is said.
fn planners(settings: &Settings) -> Result<Vec<Endpoint>, Error> {
    let planners = dial_all(&settings.cluster.planner)?;
    Ok(planners.into_iter().map(|(_, endpoint)| endpoint).collect())
}

/// Each address with the way to dial it.
fn dial_all(urls: &Setting<Vec<String>>) -> Result<Vec<(String, Endpoint)>, Error> {
    let dial = |url: &String| match dial(url, CONNECT_TIMEOUT) {
        Ok(endpoint) => Ok((url.clone(), endpoint)),
        Err(error) => {
            let message = format!("{}: `{url}` is no address: {}", urls.origin, root(&error));
            Err(Error::Refused(message))
        }
    };
    urls.value.iter().map(dial).collect()
}

/// How one coordinator is asked.
pub(crate) type Client = CoordinatorClient<Channel>;

/// A name for something that may be sent twice and is to happen once.
pub(crate) fn drawn_name() -> String {
    format!("cli-{:032x}", fastrand::u128(..))
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
        models: configured::connected(settings, keys, &Role::ALL)?,
        prompts: configured::prompts(settings)?,
        docs: settings.docs.value.clone(),
        concurrency: settings.concurrency.value,
        retention: settings.retention.value,
        max_open_runs: settings.cluster.max_open_runs.value,
        limits: settings.limits.values(),
        add_tools,
        reflection: settings.reflection.value,
    })
}

/// A flag that would do nothing is a misunderstanding.
pub(crate) fn refuse_embedded_flags(settings: &Settings) -> Result<(), Error> {
    let endpoint = &settings.endpoint.origin;
    let models = configured::origins(settings).map(|origin| (origin, "models are chosen"));
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
