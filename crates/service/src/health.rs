//! Standard health of gRPC: liveness, which holds as long as the process answers, and readiness,
//! which holds while every part says so.
//!
//! ```text
//!   store  ── Vote ──┐
//!   driver ── Vote ──┼──> all of them fit? ──> SERVING | NOT_SERVING
//!   …      ── Vote ──┘
//! ```

use std::collections::BTreeMap;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// Health of the process: serving as long as it answers. What a liveness probe asks for.
const LIVENESS: &str = "liveness";
/// Health of the service: what a readiness probe asks for; the same under no name, as the protocol
/// has it, and under the names of the services that the process offers.
const READINESS: [&str; 2] = ["readiness", ""];

/// What a part of the process says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    /// Nothing so far: it has not started.
    NotYet,
    /// It does its work.
    Fit,
    /// It does not, and why.
    Unfit(String),
}

type Votes = BTreeMap<&'static str, Word>;

/// Whether the process can do its work. It begins as not ready.
#[derive(Debug)]
pub struct Readiness {
    reporter: HealthReporter,
    names: Vec<&'static str>,
    votes: watch::Sender<Votes>,
}

/// One part's word in the readiness of the process.
#[derive(Debug, Clone)]
pub struct Vote {
    part: &'static str,
    votes: watch::Sender<Votes>,
}

/// Health of a process that offers these services.
pub async fn health(services: &[&'static str]) -> (Readiness, HealthServer<HealthService>) {
    let reporter = HealthReporter::new();
    reporter.set_service_status(LIVENESS, ServingStatus::Serving).await;
    let names = READINESS.iter().chain(services).copied().collect();
    let (votes, _) = watch::channel(Votes::new());
    let server = HealthServer::new(HealthService::from_health_reporter(reporter.clone()));
    let readiness = Readiness { reporter, names, votes };
    readiness.set(false).await;
    (readiness, server)
}

impl Readiness {
    /// A part whose word counts from now on. It is not fit until it says so.
    #[must_use]
    pub fn vote(&self, part: &'static str) -> Vote {
        let vote = Vote { part, votes: self.votes.clone() };
        vote.say(Word::NotYet);
        vote
    }

    /// Tells whoever asks from now on, and whoever watches.
    pub async fn set(&self, is_ready: bool) {
        let status = if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in &self.names {
            self.reporter.set_service_status(*name, status).await;
        }
    }

    /// Follows what the parts say until `shutdown`; from then on it is not ready.
    pub async fn follow(self, shutdown: CancellationToken) {
        let mut votes = self.votes.subscribe();
        let mut told = Votes::new();
        loop {
            let now = votes.borrow_and_update().clone();
            for (part, word) in now.iter().filter(|(part, word)| told.get(**part) != Some(*word)) {
                match word {
                    Word::NotYet => {}
                    Word::Fit => tracing::info!(part, "ready"),
                    Word::Unfit(trouble) => tracing::warn!(part, trouble, "not ready"),
                }
            }
            self.set(now.values().all(|word| *word == Word::Fit)).await;
            told = now;
            tokio::select! {
                () = shutdown.cancelled() => break,
                changed = votes.changed() => if changed.is_err() { break },
            }
        }
        self.set(false).await;
    }
}

impl Vote {
    /// Says what another channel says, until `shutdown`: nothing is fit, anything else is why not.
    pub async fn follow<T>(
        self,
        mut of: watch::Receiver<T>,
        trouble: impl Fn(&T) -> Option<String>,
        shutdown: CancellationToken,
    ) {
        loop {
            let now = trouble(&of.borrow_and_update());
            self.say(now.map_or(Word::Fit, Word::Unfit));
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = of.changed() => if changed.is_err() { break },
            }
        }
        shutdown.cancelled().await;
    }

    fn say(&self, word: Word) {
        self.votes.send_if_modified(|votes| {
            let before = votes.insert(self.part, word.clone());
            before != Some(word)
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;
    use tonic::Request;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_server::Health as _;

    use super::*;

    const NAME: &str = "sortie.v1.Coordinator";

    async fn is_serving(service: &HealthService, name: &str) -> bool {
        let request = Request::new(HealthCheckRequest { service: name.to_owned() });
        let status = service.check(request).await.unwrap().into_inner().status();
        status == tonic_health::pb::health_check_response::ServingStatus::Serving
    }

    async fn settle() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn it_is_ready_while_every_part_says_so_and_alive_all_the_time() {
        let (readiness, _server) = health(&[NAME]).await;
        let service = HealthService::from_health_reporter(readiness.reporter.clone());
        let (store, driver) = (readiness.vote("store"), readiness.vote("driver"));
        let stop = CancellationToken::new();
        let following = tokio::spawn(readiness.follow(stop.clone()));
        let (store_says, of_store) = watch::channel(0);
        let (driver_says, of_driver) = watch::channel(1);
        let trouble = |code: &i32| (*code != 0).then(|| format!("trouble {code}"));
        tokio::spawn(store.follow(of_store, trouble, stop.clone()));
        settle().await;
        assert!(!is_serving(&service, NAME).await, "the driver has not said anything");
        tokio::spawn(driver.follow(of_driver, trouble, stop.clone()));
        settle().await;
        assert!(!is_serving(&service, NAME).await, "the driver is unfit");
        driver_says.send_replace(0);
        settle().await;
        for name in [NAME, "readiness", "", "liveness"] {
            assert!(is_serving(&service, name).await, "{name:?}");
        }
        store_says.send_replace(7);
        settle().await;
        assert!(!is_serving(&service, NAME).await && !is_serving(&service, "").await);
        assert!(is_serving(&service, "liveness").await);
        store_says.send_replace(0);
        settle().await;
        stop.cancel();
        following.await.unwrap();
        assert!(!is_serving(&service, NAME).await && is_serving(&service, "liveness").await);
    }
}
