//! Signals: a bounded broadcast. Publishing never waits; a listener that falls behind loses the
//! oldest signals and is told so.

use async_trait::async_trait;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

use crate::error::StoreError;
use crate::log::{Commit, CommitReply};
use crate::notices::{Signal, Signals};
use crate::queue::{Recalls, Token};

/// Signals that a listener may lie behind: some 40 ms of a busy store.
const SIGNALS: usize = 4096;

/// Tells all who listen. `None` on the way means that something was missed.
pub(crate) struct Broadcast<T>(Sender<Option<T>>);

impl<T: Clone> Broadcast<T> {
    pub(crate) fn new() -> Self {
        Self(Sender::new(SIGNALS))
    }

    pub(crate) fn publish(&self, signals: impl IntoIterator<Item = T>) {
        if self.0.receiver_count() == 0 {
            return;
        }
        for signal in signals {
            // It fails where the last listener has just left: then nobody missed anything.
            let _ = self.0.send(Some(signal));
        }
    }

    /// Tells all who listen that they missed something.
    pub(crate) fn missed(&self) {
        let _ = self.0.send(None);
    }

    pub(crate) fn subscribe(&self) -> Subscription<T> {
        Subscription(self.0.subscribe())
    }
}

impl Broadcast<Signal> {
    /// Says how far the histories go that these commits made longer.
    pub(crate) fn committed<'a>(
        &self,
        commits: impl Iterator<Item = (&'a Commit, &'a CommitReply)>,
    ) {
        let grown = commits.filter(|(_, reply)| **reply == CommitReply::Ok);
        self.publish(grown.filter_map(|(commit, _)| {
            let last = commit.events.last()?;
            Some(Signal::Committed { run: commit.run, seq: last.seq })
        }));
    }
}

/// One who listens.
pub(crate) struct Subscription<T>(Receiver<Option<T>>);

impl<T: Clone> Subscription<T> {
    async fn receive(&mut self) -> Result<Option<T>, StoreError> {
        match self.0.recv().await {
            Ok(one) => Ok(one),
            Err(RecvError::Lagged(_)) => Ok(None),
            Err(RecvError::Closed) => Err(StoreError::Unavailable { action: "wait for a signal" }),
        }
    }
}

#[async_trait]
impl Signals for Subscription<Signal> {
    async fn next(&mut self) -> Result<Option<Signal>, StoreError> {
        self.receive().await
    }
}

#[async_trait]
impl Recalls for Subscription<Token> {
    async fn next(&mut self) -> Result<Option<Token>, StoreError> {
        self.receive().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_engine::{Lane, RunId, Seq};

    fn signal(seq: u64) -> Signal {
        Signal::Committed { run: RunId::new(0, Lane(0), 1), seq: Seq::new(seq) }
    }

    #[tokio::test]
    async fn a_listener_that_falls_behind_is_told_and_goes_on_with_the_latest() {
        let broadcast = Broadcast::new();
        let mut listener = broadcast.subscribe();
        let most = SIGNALS as u64 + 2;
        broadcast.publish((1..=most).map(signal));
        assert_eq!(listener.next().await, Ok(None));
        assert_eq!(listener.next().await, Ok(Some(signal(3))));
    }

    #[tokio::test]
    async fn a_subscription_ends_with_its_store() {
        let broadcast = Broadcast::<Signal>::new();
        let mut listener = broadcast.subscribe();
        drop(broadcast);
        assert!(listener.next().await.is_err());
    }
}
