//! The tools that plans may use now: what the workers that are there offer, merged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sortie_engine::{Catalogue, QueueName, ToolName, ToolSpec};
use sortie_store::{Presence, Service, Store, StoreError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often presence is looked at: a new worker's tools are known a second later at most.
const REFRESH_EVERY: Duration = Duration::from_secs(1);
/// For so long after a silence of the store whoever was there before it counts as there: its word
/// may have run out meanwhile, and it has to come back as well.
const RETURN: Duration = Duration::from_secs(15);
/// Requests for a refresh that may wait; all that wait are answered by the same one.
const WAITING: usize = 64;

/// Workers by name.
pub type Workers = BTreeMap<String, Presence>;

fn by_name(present: Vec<Presence>) -> Workers {
    present.into_iter().map(|one| (one.name.clone(), one)).collect()
}

/// The tools of all who are there. Where they differ over a tool (a rolling update), the form that
/// most of them offer counts; among equals the one of the first by name.
#[must_use]
pub fn catalogue(workers: &Workers) -> Catalogue {
    let mut offers: BTreeMap<ToolName, Vec<(Arc<ToolSpec>, usize)>> = BTreeMap::new();
    for tool in workers.values().flat_map(|presence| &presence.tools) {
        let forms = offers.entry(tool.name.clone()).or_default();
        match forms.iter_mut().find(|(form, _)| form == tool) {
            Some((_, count)) => *count += 1,
            None => forms.push((tool.clone(), 1)),
        }
    }
    // `max_by_key` takes the last of equals; reversed, that is the first.
    let most = |forms: Vec<(Arc<ToolSpec>, usize)>| {
        forms.into_iter().rev().max_by_key(|(_, count)| *count).map(|(form, _)| form)
    };
    offers.into_values().filter_map(most).collect()
}

/// The queues that somebody serves.
fn served(workers: &Workers) -> Arc<BTreeSet<QueueName>> {
    Arc::new(workers.values().flat_map(|presence| presence.queues.iter().cloned()).collect())
}

/// Keeps the catalogue fresh.
pub struct CatalogueWatch {
    store: Arc<dyn Store>,
    current: watch::Sender<Arc<Catalogue>>,
    served: watch::Sender<Arc<BTreeSet<QueueName>>>,
    asked: mpsc::Receiver<oneshot::Sender<()>>,
    /// Who was there when the store answered last.
    known: Workers,
    is_failing: bool,
    /// The end of the time in which they may come back.
    settled: Instant,
}

/// Reads the catalogue.
#[derive(Clone)]
pub struct CatalogueHandle {
    current: watch::Receiver<Arc<Catalogue>>,
    served: watch::Receiver<Arc<BTreeSet<QueueName>>>,
    ask: mpsc::Sender<oneshot::Sender<()>>,
}

impl CatalogueWatch {
    /// Looks once at who is there, so that nobody ever reads a catalogue that was not looked up.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn open(store: Arc<dyn Store>) -> Result<(Self, CatalogueHandle), StoreError> {
        let known = by_name(store.present(Service::Worker).await?);
        let (served_tx, served) = watch::channel(served(&known));
        let (sender, current) = watch::channel(Arc::new(catalogue(&known)));
        let (ask, asked) = mpsc::channel(WAITING);
        let watch = Self {
            store,
            current: sender,
            served: served_tx,
            asked,
            known,
            is_failing: false,
            settled: Instant::now(),
        };
        Ok((watch, CatalogueHandle { current, served, ask }))
    }

    /// Looks each second and when asked, until shutdown.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(REFRESH_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut waiting = Vec::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
                count = self.asked.recv_many(&mut waiting, WAITING) => {
                    if count == 0 {
                        // Nobody reads any more.
                        return;
                    }
                }
            }
            self.refresh().await;
            for answer in waiting.drain(..) {
                // Whoever asked may have gone away.
                let _ = answer.send(());
            }
        }
    }

    /// Keeps the last known tools where the store does not answer; says so once.
    async fn refresh(&mut self) {
        match self.store.present(Service::Worker).await {
            Ok(present) => self.meet(present),
            Err(error) => {
                if !self.is_failing {
                    tracing::warn!(%error, "the tools on offer cannot be read, the last known stay");
                }
                self.is_failing = true;
                return;
            }
        }
        self.served.send_replace(served(&self.known));
        let fresh = catalogue(&self.known);
        self.current.send_if_modified(|current| {
            let is_new = **current != fresh;
            if is_new {
                tracing::info!(tools = fresh.len(), "the tools on offer have changed");
                *current = Arc::new(fresh);
            }
            is_new
        });
    }

    /// Takes in who is there.
    fn meet(&mut self, present: Vec<Presence>) {
        let now = Instant::now();
        if std::mem::take(&mut self.is_failing) {
            self.settled = now + RETURN;
        }
        if now < self.settled {
            self.known.extend(by_name(present));
        } else {
            self.known = by_name(present);
        }
    }
}

impl CatalogueHandle {
    /// The tools that were there a second ago at most.
    #[must_use]
    pub fn now(&self) -> Arc<Catalogue> {
        self.current.borrow().clone()
    }

    /// The queues that somebody served a second ago at most.
    #[must_use]
    pub fn served(&self) -> Arc<BTreeSet<QueueName>> {
        self.served.borrow().clone()
    }

    /// Tells when the tools change.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<Catalogue>> {
        self.current.clone()
    }

    /// The tools that are there now: looks at once instead of within a second.
    pub async fn refresh(&self) -> Arc<Catalogue> {
        let (answer, done) = oneshot::channel();
        if self.ask.send(answer).await.is_ok() {
            // An error means that the watch has ended: the last known tools are all there is.
            let _ = done.await;
        }
        self.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use sortie_engine::{Effect, QueueName, Schema};
    use sortie_store::{Embedded, EmbeddedOptions, Notices as _};

    fn tool(name: &str, description: &str) -> Arc<ToolSpec> {
        Arc::new(ToolSpec {
            name: ToolName::new(name),
            description: description.to_owned(),
            input: Schema::parse(json!({"type": "object"})).unwrap(),
            output: None,
            effect: Effect::Pure,
            queue: QueueName::new("builtin"),
            timeout: Duration::from_secs(1),
            max_result_bytes: 100,
            calls_model: false,
        })
    }

    fn worker(name: &str, tools: Vec<Arc<ToolSpec>>) -> Presence {
        Presence { name: name.to_owned(), service: Service::Worker, queues: Vec::new(), tools }
    }

    #[test]
    fn the_form_of_most_workers_counts_then_that_of_the_first_by_name() {
        let (old, new) = (tool("sum", "old"), tool("sum", "new"));
        let chosen = |forms: [&Arc<ToolSpec>; 3]| {
            let fleet = forms.iter().zip(["b", "c", "a"]);
            let fleet = fleet.map(|(form, name)| worker(name, vec![Arc::clone(form)]));
            catalogue(&by_name(fleet.collect())).get("sum").unwrap().clone()
        };
        assert_eq!(chosen([&old, &new, &new]), new);
        assert_eq!(chosen([&old, &old, &new]), old);
        let tie = vec![worker("b", vec![old]), worker("a", vec![new.clone()])];
        assert_eq!(catalogue(&by_name(tie)).get("sum"), Some(&new));
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_there_before_a_silence_of_the_store_has_time_to_come_back() {
        let store = Embedded::new(EmbeddedOptions::default());
        let (mut watch, _) = CatalogueWatch::open(store).await.unwrap();
        let names = |watch: &CatalogueWatch| -> Vec<_> { watch.known.keys().cloned().collect() };
        watch.meet(vec![worker("a", Vec::new()), worker("b", Vec::new())]);
        watch.is_failing = true;
        watch.meet(Vec::new());
        assert_eq!(names(&watch), ["a", "b"], "its word has run out meanwhile");
        watch.meet(vec![worker("b", vec![tool("sum", "new")])]);
        assert_eq!(names(&watch), ["a", "b"]);
        assert_eq!(catalogue(&watch.known).len(), 1, "what is new counts");
        tokio::time::advance(RETURN).await;
        watch.meet(vec![worker("b", Vec::new())]);
        assert_eq!(names(&watch), ["b"]);
        watch.meet(Vec::new());
        assert_eq!(names(&watch), [""; 0], "without a silence who is gone is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn tools_are_known_from_the_start_and_follow_the_workers() {
        let store = Embedded::new(EmbeddedOptions::default());
        let ttl = Duration::from_secs(3600);
        store.announce(worker("w1", vec![tool("sum", "")]), ttl).await.unwrap();
        let (service, handle) = CatalogueWatch::open(store.clone()).await.unwrap();
        assert!(handle.now().get("sum").is_some());
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(service.run(shutdown.clone()));
        store.announce(worker("w2", vec![tool("search", "")]), ttl).await.unwrap();
        assert_eq!(handle.refresh().await.len(), 2);
        store.retire("w1").await.unwrap();
        let mut changes = handle.changes();
        changes.wait_for(|tools| tools.len() == 1).await.unwrap();
        shutdown.cancel();
        running.await.unwrap();
    }
}
