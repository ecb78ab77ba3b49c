//! Reports on their way to the store: whatever is ready goes as one call as soon as the call
//! before it has returned. No timer delays a report, and a lone one goes at once.

use std::sync::Arc;

use sortie_store::{Completed, Completion, Store};
use tokio::sync::mpsc;

use super::STORE_PAUSE;

/// Reports that wait for a call of the store; more make attempts wait with theirs.
const WAITING: usize = 1024;
/// Reports in one call.
const AT_ONCE: usize = 64;

/// Where attempts put their reports.
#[derive(Clone)]
pub(super) struct Reports(mpsc::Sender<Completion>);

/// What sends them.
pub(super) struct Outbox(mpsc::Receiver<Completion>);

impl Reports {
    pub(super) fn new() -> (Self, Outbox) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), Outbox(receiver))
    }

    pub(super) async fn send(&self, completion: Completion) {
        // The outbox lives as long as there is a sender.
        let _ = self.0.send(completion).await;
    }
}

impl Outbox {
    /// Sends until every sender is gone.
    pub(super) async fn send_all(mut self, store: Arc<dyn Store>) {
        let mut batch = Vec::with_capacity(AT_ONCE);
        while self.0.recv_many(&mut batch, AT_ONCE).await > 0 {
            send(&*store, std::mem::take(&mut batch)).await;
        }
    }
}

/// Sends a batch until it is answered: what got through the first time is `Gone` the second.
async fn send(store: &dyn Store, batch: Vec<Completion>) {
    loop {
        match store.complete(batch.clone()).await {
            Ok(replies) => {
                let gone = replies.iter().filter(|reply| **reply == Completed::Gone).count();
                if gone > 0 {
                    tracing::debug!(gone, "reports came too late or twice");
                }
                return;
            }
            Err(error) => {
                tracing::warn!(error = %error, "reports have no answer");
                tokio::time::sleep(STORE_PAUSE).await;
            }
        }
    }
}
