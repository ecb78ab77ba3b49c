//! The hub: one subscription and one reading of each log for all watchers of a coordinator.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sortie_engine::{RunId, Seq};
use sortie_store::{History, Signal, Store, StoreError};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::topic::{AttemptStarted, Reading, Text, Topic};
use super::watcher::Watcher;
use super::{Place, WatchError, WatchOptions};
use crate::calls::Texts;

/// Joins that may wait for the hub, which only looks a name up for each.
const JOINS: usize = 64;
/// Signals that may wait for the hub; beyond, the store counts them as missed.
const SIGNALS: usize = 1024;
/// Missing text of an answer is asked for so often at most.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How long to wait before subscribing again.
const RESUBSCRIBE: Duration = Duration::from_millis(500);

/// Somebody wants to watch a run.
struct Join {
    run: RunId,
    after: Seq,
    reply: oneshot::Sender<watch::Receiver<Topic>>,
}

/// What the subscription brought.
enum Heard {
    Signal(Signal),
    /// Something was or may have been missed.
    Missed,
}

/// What a task of the hub brought back.
enum Done {
    /// A log behind this event.
    Read(RunId, Seq, Result<Option<History>, StoreError>),
    /// The ends of logs, each beside the end that was known when the question was asked.
    Compared(Vec<(RunId, Seq)>, Result<Vec<Option<Seq>>, StoreError>),
    /// Missing text was asked for.
    Asked,
}

/// One watched run.
struct Watched {
    topic: watch::Sender<Topic>,
    /// Whether its log is being read.
    is_read: bool,
    /// Whether there was news during that reading, which it may have missed.
    again: bool,
    /// When text of the answer was asked for last.
    asked: Option<Instant>,
}

/// Tells watchers what happens. See the module's own words.
pub struct WatchHub {
    store: Arc<dyn Store>,
    options: WatchOptions,
    joins: mpsc::Receiver<Join>,
    leaves: mpsc::Receiver<RunId>,
    runs: HashMap<RunId, Watched>,
    count: watch::Sender<usize>,
    tasks: JoinSet<Done>,
    readings: Arc<Semaphore>,
    is_comparing: bool,
    texts: Texts,
}

/// Begins to watch runs.
#[derive(Clone)]
pub struct Watches {
    store: Arc<dyn Store>,
    joins: mpsc::Sender<Join>,
    leaves: mpsc::Sender<RunId>,
    count: watch::Receiver<usize>,
}

/// Says goodbye for a watcher, however it ends. The place in the channel is reserved from the
/// start, so that saying it can neither fail nor wait; the channel's size is the limit of watchers.
pub(super) struct Leave {
    run: RunId,
    permit: Option<mpsc::OwnedPermit<RunId>>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            permit.send(self.run);
        }
    }
}

impl Watches {
    /// Begins to watch `run` behind `place`.
    ///
    /// # Errors
    /// If there is no such run, too many watch already, or the hub has ended.
    pub async fn join(&self, run: RunId, place: Place) -> Result<Watcher, WatchError> {
        let permit = self.leaves.clone().try_reserve_owned().map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => WatchError::Full(self.leaves.max_capacity()),
            mpsc::error::TrySendError::Closed(_) => WatchError::Stopped,
        })?;
        let leave = Leave { run, permit: Some(permit) };
        let (reply, topic) = oneshot::channel();
        let join = Join { run, after: place.seq, reply };
        self.joins.send(join).await.map_err(|_| WatchError::Stopped)?;
        let mut topic = topic.await.map_err(|_| WatchError::Stopped)?;
        let seen = {
            let read = topic.wait_for(Topic::is_read).await.map_err(|_| WatchError::Stopped)?;
            if read.reading == Reading::NoRun {
                return Err(WatchError::NoRun(run));
            }
            read.seen_from(place)
        };
        Ok(Watcher::new(run, topic, seen, self.store.clone(), leave))
    }

    /// How many runs are watched.
    #[must_use]
    pub fn runs(&self) -> watch::Receiver<usize> {
        self.count.clone()
    }
}

impl WatchHub {
    /// A hub that watches nothing yet, and the way to it.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, options: WatchOptions) -> (Self, Watches) {
        let (joins_in, joins) = mpsc::channel(JOINS);
        let (leaves_in, leaves) = mpsc::channel(options.watchers);
        let (count, runs) = watch::channel(0);
        let watches =
            Watches { store: store.clone(), joins: joins_in, leaves: leaves_in, count: runs };
        let hub = Self {
            store,
            options,
            joins,
            leaves,
            runs: HashMap::new(),
            count,
            tasks: JoinSet::new(),
            readings: Arc::new(Semaphore::new(options.readings)),
            is_comparing: false,
            texts: Texts::default(),
        };
        (hub, watches)
    }

    /// Lets watchers anywhere ask for the answers that are written in this process.
    #[must_use]
    pub fn with_texts(mut self, texts: Texts) -> Self {
        self.texts = texts;
        self
    }

    /// Serves watchers until shutdown; then every watcher hears [`WatchError::Stopped`].
    pub async fn run(mut self, shutdown: CancellationToken) {
        let (tell, heard) = mpsc::channel(SIGNALS);
        let store = self.store.clone();
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = listen(store, tell) => {}
            () = self.serve(heard) => {}
        }
    }

    async fn serve(&mut self, mut heard: mpsc::Receiver<Heard>) {
        let mut ticks = tokio::time::interval(self.options.compare_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(join) = self.joins.recv() => self.join(join),
                Some(run) = self.leaves.recv() => self.sweep(run),
                Some(heard) = heard.recv() => match heard {
                    Heard::Signal(signal) => self.hear(signal),
                    Heard::Missed => self.compare(),
                },
                Some(done) = self.tasks.join_next() => match done {
                    Ok(Done::Read(run, after, history)) => self.take_in(run, after, history),
                    Ok(Done::Compared(asked, ends)) => self.compared(asked, ends),
                    Ok(Done::Asked) => {}
                    // Only a panic in the store ends a task early; the next tick asks again.
                    Err(error) => self.lost_task(&error),
                },
                _ = ticks.tick() => self.compare(),
            }
        }
    }

    fn join(&mut self, join: Join) {
        let Join { run, after, reply } = join;
        let watched = self.runs.entry(run).or_insert_with(|| {
            let topic = Topic::new(after, self.options.tail_bytes, self.options.notices);
            Watched { topic: watch::Sender::new(topic), is_read: false, again: false, asked: None }
        });
        let is_new = !watched.topic.borrow().is_read();
        if reply.send(watched.topic.subscribe()).is_err() {
            // Whoever asked went away, and may have said goodbye before it was here.
            self.sweep(run);
        } else if is_new {
            self.read(run);
        }
        self.count.send_replace(self.runs.len());
    }

    /// Forgets a run that nobody watches.
    fn sweep(&mut self, run: RunId) {
        if self.runs.get(&run).is_some_and(|watched| watched.topic.is_closed()) {
            self.runs.remove(&run);
        }
        self.count.send_replace(self.runs.len());
    }

    fn hear(&mut self, signal: Signal) {
        if let Signal::AnswerTextWanted { run } = signal {
            return self.texts.want(run);
        }
        let Some(watched) = self.runs.get_mut(&signal.run()) else { return };
        match signal {
            Signal::Committed { run, seq } => {
                if seq > watched.topic.borrow().end().seq {
                    self.read(run);
                }
            }
            Signal::AttemptStarted { step, number, attempt, worker, at, .. } => {
                let notice = AttemptStarted { step, number, attempt, worker, at };
                watched.topic.send_modify(|topic| topic.notice(notice));
            }
            Signal::AnswerText { run, attempt, offset, text } => {
                let mut heard = Text::Known;
                watched.topic.send_if_modified(|topic| {
                    heard = topic.text(attempt, offset, &text);
                    heard == Text::New
                });
                if heard == Text::Gap {
                    self.ask_for_text(run);
                }
            }
            Signal::AnswerTextWanted { .. } => {}
        }
    }

    /// Asks whoever writes the run's answer to say all of it again. Nobody answers where none is
    /// being written.
    fn ask_for_text(&mut self, run: RunId) {
        let Some(watched) = self.runs.get_mut(&run) else { return };
        if watched.asked.is_some_and(|asked| asked.elapsed() < ASK_EVERY) {
            return;
        }
        watched.asked = Some(Instant::now());
        let store = self.store.clone();
        self.tasks.spawn(async move {
            if let Err(error) = store.publish(vec![Signal::AnswerTextWanted { run }]).await {
                tracing::debug!(%run, %error, "text of an answer could not be asked for");
            }
            Done::Asked
        });
    }

    /// Starts a reading of the log, or notes that one more is wanted after the one that is on.
    fn read(&mut self, run: RunId) {
        let Some(watched) = self.runs.get_mut(&run) else { return };
        if watched.is_read {
            watched.again = true;
            return;
        }
        watched.is_read = true;
        let after = watched.topic.borrow().read_after();
        let (store, readings) = (self.store.clone(), self.readings.clone());
        self.tasks.spawn(async move {
            // The semaphore is never closed; without a permit the reading only loses its turn.
            let _permit = readings.acquire().await.ok();
            Done::Read(run, after, store.load(run, after).await)
        });
    }

    fn take_in(&mut self, run: RunId, after: Seq, history: Result<Option<History>, StoreError>) {
        let Some(watched) = self.runs.get_mut(&run) else { return };
        watched.is_read = false;
        let mut again = std::mem::take(&mut watched.again);
        match history {
            // Begun for a topic that was forgotten or renewed meanwhile.
            Ok(Some(_)) if after != watched.topic.borrow().read_after() => again = true,
            Ok(Some(history)) => {
                let is_first = !watched.topic.borrow().is_read();
                watched.topic.send_modify(|topic| again |= !topic.extend(history));
                if is_first && !watched.topic.borrow().has_ended() {
                    // What was written before anybody watched here.
                    self.ask_for_text(run);
                }
            }
            Ok(None) => watched.topic.send_modify(|topic| topic.reading = Reading::NoRun),
            Err(error) => {
                tracing::warn!(%run, %error, "a watched history cannot be read, the next look tries again");
                return;
            }
        }
        if again {
            self.read(run);
        }
    }

    /// Asks for the ends of all watched logs in one call.
    fn compare(&mut self) {
        let unread = |watched: &Watched| !watched.topic.borrow().is_read();
        let waiting: Vec<_> = self
            .runs
            .iter()
            .filter(|(_, w)| unread(w) && !w.is_read)
            .map(|(run, _)| *run)
            .collect();
        for run in waiting {
            self.read(run);
        }
        let ends = self.runs.iter().filter(|(_, watched)| !unread(watched));
        let asked: Vec<_> = ends.map(|(run, w)| (*run, w.topic.borrow().end().seq)).collect();
        if asked.is_empty() || self.is_comparing {
            return;
        }
        self.is_comparing = true;
        let store = self.store.clone();
        self.tasks.spawn(async move {
            let runs: Vec<_> = asked.iter().map(|(run, _)| *run).collect();
            let ends = store.last_seqs(&runs).await;
            Done::Compared(asked, ends)
        });
    }

    fn compared(&mut self, asked: Vec<(RunId, Seq)>, ends: Result<Vec<Option<Seq>>, StoreError>) {
        self.is_comparing = false;
        let ends = match ends {
            Ok(ends) => ends,
            Err(error) => {
                tracing::warn!(%error, "watched histories cannot be compared, the next look tries again");
                return;
            }
        };
        for ((run, known), end) in asked.into_iter().zip(ends) {
            let Some(watched) = self.runs.get_mut(&run) else { continue };
            match end {
                None => watched.topic.send_modify(|topic| topic.reading = Reading::NoRun),
                // Shorter than it was when the question was asked: the store has lost events.
                Some(end) if end < known => {
                    tracing::warn!(%run, %known, %end, "a watched history has become shorter");
                    watched.topic.send_modify(Topic::renew);
                    self.read(run);
                }
                Some(end) if end > watched.topic.borrow().end().seq => self.read(run),
                Some(_) => {}
            }
        }
    }

    fn lost_task(&mut self, error: &tokio::task::JoinError) {
        tracing::error!(%error, "a reading of the watch hub broke off");
        self.is_comparing = false;
        self.runs.values_mut().for_each(|watched| watched.is_read = false);
    }
}

/// Passes signals on, and subscribes again whenever the subscription breaks.
async fn listen(store: Arc<dyn Store>, tell: mpsc::Sender<Heard>) {
    let mut is_failing = false;
    loop {
        match store.subscribe().await {
            Ok(mut signals) => {
                is_failing = false;
                // What happened before the subscription stood is in the logs.
                let mut news = Ok(None);
                while let Ok(signal) = news {
                    let heard = signal.map_or(Heard::Missed, Heard::Signal);
                    if tell.send(heard).await.is_err() {
                        return;
                    }
                    news = signals.next().await;
                }
            }
            Err(error) if !is_failing => {
                is_failing = true;
                tracing::warn!(%error, "signals cannot be heard, watchers hear later");
            }
            Err(_) => {}
        }
        tokio::time::sleep(RESUBSCRIBE.mul_f64(0.5 + fastrand::f64())).await;
    }
}
