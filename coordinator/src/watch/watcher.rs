//! One who watches: takes from the topic at its own pace, and reads the log where it is behind.

use std::sync::Arc;

use sortie_engine::{RunId, Seq};
use sortie_store::Store;
use tokio::sync::watch;

use super::hub::Leave;
use super::topic::{AnswerText, AttemptStarted, Batch, Look, Seen, Topic};
use super::{Place, WatchError};

/// The next thing that a watcher hears.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// Facts, in order, without a gap.
    Events(Batch),
    /// A worker started an attempt.
    Attempt(AttemptStarted),
    /// More text of the answer.
    Text(AnswerText),
    /// The place is not in the log: begin anew with a snapshot, then [`Watcher::jump`].
    Diverged,
}

/// Watches one run. Dropping it ends the watch.
pub struct Watcher {
    run: RunId,
    store: Arc<dyn Store>,
    seen: Seen,
    /// Events that were read by this watcher alone, the next one last.
    own: Vec<Batch>,
    topic: watch::Receiver<Topic>,
    /// Below the topic: the hub must find it unwatched when it hears the goodbye.
    _leave: Leave,
}

impl Watcher {
    pub(super) fn new(
        run: RunId,
        topic: watch::Receiver<Topic>,
        seen: Seen,
        store: Arc<dyn Store>,
        leave: Leave,
    ) -> Self {
        Self { run, store, seen, own: Vec::new(), topic, _leave: leave }
    }

    /// The next thing; waits for it. Dropping the future loses nothing.
    ///
    /// # Errors
    /// If the run is gone, the hub has ended, or the log cannot be read.
    pub async fn next(&mut self) -> Result<News, WatchError> {
        loop {
            if let Some(batch) = self.own.pop() {
                self.seen.place = batch.end();
                return Ok(News::Events(batch));
            }
            match self.look() {
                Look::Events(batch) => {
                    self.seen.place = batch.end();
                    return Ok(News::Events(batch));
                }
                Look::Attempt(notice) => return Ok(News::Attempt(notice)),
                Look::Text(text) => {
                    self.seen.answer = Some((text.attempt, text.end()));
                    return Ok(News::Text(text));
                }
                Look::Elsewhere => {
                    if !self.read_log().await? {
                        return Ok(News::Diverged);
                    }
                    if !self.own.is_empty() {
                        continue;
                    }
                    // At the end of the log, which the topic does not know yet.
                    self.changed().await?;
                }
                Look::NoRun => return Err(WatchError::NoRun(self.run)),
                Look::Nothing => self.changed().await?,
            }
        }
    }

    /// Goes on behind this place.
    pub fn jump(&mut self, place: Place) {
        self.seen.place = place;
        self.own.clear();
    }

    fn look(&mut self) -> Look {
        let topic = self.topic.borrow_and_update();
        let look = topic.look(&self.seen);
        if matches!(look, Look::Attempt(_)) {
            self.seen.notices = topic.after_notice(self.seen.notices);
        }
        look
    }

    async fn changed(&mut self) -> Result<(), WatchError> {
        self.topic.changed().await.map_err(|_| WatchError::Stopped)
    }

    /// Reads what follows the own place; `false` if the log does not hold that place.
    async fn read_log(&mut self) -> Result<bool, WatchError> {
        let Place { seq, commit } = self.seen.place;
        let read = self.store.load(self.run, seq).await;
        let history = read.map_err(|source| WatchError::Store { run: self.run, source })?;
        let history = history.ok_or(WatchError::NoRun(self.run))?;
        if seq > Seq::ZERO && history.anchor != commit {
            return Ok(false);
        }
        let commits = history.commits.into_iter().rev();
        self.own = commits.filter_map(|(commit, events)| Batch::new(commit, events)).collect();
        Ok(true)
    }
}
