//! A cluster of real processes, every wire of it through a proxy of the test's own. A process that
//! is killed is started again by the same recipe; who looks for it finds it at the same proxy.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::client::Client;
use super::ledger::{self, Entry};
use super::process::{Process, Recipe};
use super::proxy::FaultyProxy;
use super::redis_server::{RedisOptions, RedisServer};
use super::tools::{Kind, LEDGER, QUEUE};
use super::wait::{PATIENCE, wait_until};

/// Names the lease of a worker, in milliseconds.
pub const LEASE: &str = "SORTIE_CHAOS_LEASE_MS";

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// It plans.
    Planner,
    /// It owns lanes and answers clients.
    Coordinator,
    /// It runs tools.
    Worker,
}

/// How a cluster is built.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The program: `chaos-sortie`.
    pub program: PathBuf,
    /// How Redis keeps its data.
    pub redis: RedisOptions,
    /// How many planners, coordinators and workers.
    pub planners: usize,
    /// See above.
    pub coordinators: usize,
    /// See above.
    pub workers: usize,
    /// Attempts that a worker runs at once.
    pub concurrency: usize,
    /// Whether planners plan what goals say; the product's own otherwise.
    pub scripted: bool,
    /// How long a worker's hold on an attempt lasts.
    pub lease: Duration,
}

impl ClusterOptions {
    /// Two of each.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            redis: RedisOptions::default(),
            planners: 2,
            coordinators: 2,
            workers: 2,
            concurrency: 32,
            scripted: true,
            lease: Duration::from_secs(10),
        }
    }

    /// So many of each.
    #[must_use]
    pub fn of_each(self, count: usize) -> Self {
        Self { planners: count, coordinators: count, workers: count, ..self }
    }
}

/// A place in the cluster, with whoever has it now.
#[derive(Debug)]
pub struct Place {
    service: Service,
    recipe: Recipe,
    process: Process,
    /// Its wire to Redis; planners have none.
    redis: Option<FaultyProxy>,
    /// The wire on which others reach it; workers have none.
    front: Option<FaultyProxy>,
}

/// A running cluster.
#[derive(Debug)]
pub struct ProcessCluster {
    /// Its Redis.
    pub redis: RedisServer,
    /// Its processes, planners first, then coordinators, then workers.
    pub places: Vec<Place>,
    ledger: TempDir,
    options: ClusterOptions,
}

impl ProcessCluster {
    /// Starts it; everybody is ready when this returns.
    ///
    /// # Panics
    /// If a process does not come up.
    pub async fn start(options: ClusterOptions) -> Self {
        let redis = RedisServer::with(options.redis.clone()).await;
        let ledger = tempfile::Builder::new().prefix("sortie-ledger-").tempdir().unwrap();
        let mut cluster = Self { redis, places: Vec::new(), ledger, options };
        let counts = [
            (Service::Planner, cluster.options.planners),
            (Service::Coordinator, cluster.options.coordinators),
            (Service::Worker, cluster.options.workers),
        ];
        for (service, count) in counts {
            for nth in 1..=count {
                let place = cluster.open(service, nth).await;
                cluster.places.push(place);
            }
        }
        cluster.is_ready().await;
        cluster
    }

    async fn open(&self, service: Service, nth: usize) -> Place {
        let redis = match service {
            Service::Planner => None,
            Service::Coordinator | Service::Worker => {
                Some(FaultyProxy::start(self.redis.address()).await)
            }
        };
        let front = match service {
            Service::Planner | Service::Coordinator => {
                Some(FaultyProxy::start("127.0.0.1:1").await)
            }
            Service::Worker => None,
        };
        let recipe = self.recipe(service, nth, redis.as_ref());
        let process = Process::start(&recipe);
        let place = Place { service, recipe, process, redis, front };
        place.is_up().await;
        place
    }

    fn recipe(&self, service: Service, nth: usize, redis: Option<&FaultyProxy>) -> Recipe {
        let url = redis.map(|wire| self.redis.url_through(&wire.address())).unwrap_or_default();
        let planners = self.fronts(Service::Planner);
        let (queues, slots) = (format!("builtin,{QUEUE}"), self.options.concurrency.to_string());
        let mut arguments = match service {
            Service::Planner if self.options.scripted => vec!["script-planner"],
            Service::Planner => vec!["planner", "--listen", "127.0.0.1:0"],
            Service::Coordinator => {
                let mut words = vec!["coordinator", "--listen", "127.0.0.1:0", "--redis", &url];
                // The checker reads every run in the end.
                words.extend(["--retention", "1000000"]);
                words.extend(planners.iter().flat_map(|url| ["--planner", url.as_str()]));
                words
            }
            Service::Worker => {
                vec!["worker", "--redis", &url, "--queues", &queues, "--concurrency", &slots]
            }
        };
        if service != Service::Planner || !self.options.scripted {
            arguments.extend(["--log-format", "json"]);
        }
        let name = format!("{service:?} {nth}").to_lowercase();
        let lease = self.options.lease.as_millis().to_string();
        let ledger = self.ledger.path().display().to_string();
        let recipe = Recipe::new(&name, &self.options.program, &arguments);
        recipe.with(LEDGER, ledger).with(LEASE, lease)
    }

    /// Where others reach the processes of a service.
    #[must_use]
    pub fn fronts(&self, service: Service) -> Vec<String> {
        let of = self.places.iter().filter(|place| place.service == service);
        of.filter_map(|place| Some(place.front.as_ref()?.url())).collect()
    }

    /// A client of all coordinators.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.fronts(Service::Coordinator))
    }

    /// How long a worker's hold on an attempt lasts.
    #[must_use]
    pub const fn lease(&self) -> Duration {
        self.options.lease
    }

    /// The places of one service.
    #[must_use]
    pub fn places_of(&self, service: Service) -> Vec<usize> {
        let places = self.places.iter().enumerate();
        places.filter(|(_, place)| place.service == service).map(|(index, _)| index).collect()
    }

    /// The place of one service's nth process, counted from 0.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn place(&mut self, service: Service, nth: usize) -> &mut Place {
        let index = self.places_of(service)[nth];
        &mut self.places[index]
    }

    /// Everything that tools wrote down so far.
    #[must_use]
    pub fn ledger(&self) -> Vec<Entry> {
        ledger::read(self.ledger.path())
    }

    /// Where tools write.
    #[must_use]
    pub fn ledger_folder(&self) -> &Path {
        self.ledger.path()
    }

    /// Waits until the ledger has an entry like this.
    ///
    /// # Panics
    /// If it does not come.
    pub async fn written(&self, what: &str, wanted: impl Fn(&Entry) -> bool) -> Entry {
        let mut found = None;
        wait_until(what, PATIENCE, async || {
            found = self.ledger().into_iter().find(&wanted);
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    /// Kills whatever is left of it and starts everything again, Redis on its files.
    pub async fn restart_all(&mut self) {
        self.redis.kill();
        self.places.iter_mut().for_each(Place::kill);
        self.redis.restart().await;
        for place in &mut self.places {
            place.start().await;
        }
    }

    /// Every coordinator knows the tools of the workers, if there are any.
    async fn is_ready(&self) {
        if self.options.workers == 0 {
            return;
        }
        let wanted = if self.options.scripted { Kind::Pure.tool() } else { "search" };
        for url in self.fronts(Service::Coordinator) {
            let client = Client::new([url]);
            wait_until("the tools to be known", PATIENCE, async || {
                let tools = client.tools(Instant::now() + PATIENCE).await.unwrap_or_default();
                tools.iter().any(|tool| tool == wanted)
            })
            .await;
        }
    }
}

impl Place {
    /// What its process does.
    #[must_use]
    pub const fn service(&self) -> Service {
        self.service
    }

    /// Who has it.
    #[must_use]
    pub const fn process(&self) -> &Process {
        &self.process
    }

    /// Who has it.
    pub const fn process_mut(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Its wire to Redis.
    ///
    /// # Panics
    /// A planner has none.
    #[must_use]
    pub fn redis(&self) -> &FaultyProxy {
        self.redis.as_ref().expect("only planners know no Redis")
    }

    /// Where others reach it.
    #[must_use]
    pub const fn front(&self) -> Option<&FaultyProxy> {
        self.front.as_ref()
    }

    /// Kill -9.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Kill -9, and a successor that is up when this returns.
    pub async fn restart(&mut self) {
        self.kill();
        self.start().await;
    }

    /// A process by the same recipe in place of one that is gone.
    pub async fn start(&mut self) {
        self.process = Process::start(&self.recipe);
        self.is_up().await;
    }

    async fn is_up(&self) {
        match &self.front {
            Some(front) => front.lead_to(self.process.address().await),
            None => drop(self.process.says(WORKS).await),
        }
    }
}

/// What a worker says once it claims.
const WORKS: &str = "\"working\"";
