//! Reports on their way to the store: whatever is ready goes as one call as soon as the call
//! before it has returned. No timer delays a report, and a lone one goes at once. An attempt is held
//! until its report is answered: nobody may steal what is done because the store is slow to hear.

use std::sync::Arc;

use sortie_store::{Completed, Completion, Store, StoreError};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::STORE_PAUSE;
use super::held::Hold;

/// Reports that wait for a call of the store; more make attempts wait with theirs.
const WAITING: usize = 1024;
/// Reports in one call.
const AT_ONCE: usize = 64;

/// What became of an attempt, and the hold that keeps it until the store knows.
pub(super) struct Report {
    pub(super) completion: Completion,
    pub(super) hold: Hold,
}

/// Where attempts put their reports.
#[derive(Clone)]
pub(super) struct Reports(mpsc::Sender<Report>);

/// What sends them.
pub(super) struct Outbox(mpsc::Receiver<Report>);

impl Reports {
    pub(super) fn new() -> (Self, Outbox) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), Outbox(receiver))
    }

    pub(super) async fn send(&self, report: Report) {
        // The outbox lives as long as there is a sender.
        let _ = self.0.send(report).await;
    }
}

impl Outbox {
    /// The next report, without sending it.
    #[cfg(test)]
    pub(super) async fn next(&mut self) -> Option<Report> {
        self.0.recv().await
    }

    /// Sends until every sender is gone.
    pub(super) async fn send_all(mut self, store: Arc<dyn Store>) {
        let mut batch = Vec::with_capacity(AT_ONCE);
        while self.0.recv_many(&mut batch, AT_ONCE).await > 0 {
            let split = |report: Report| (report.completion, report.hold);
            let (completions, holds): (Vec<_>, Vec<_>) = batch.drain(..).map(split).unzip();
            send(&*store, completions).await;
            drop(holds);
        }
    }
}

/// Sends a batch until it is answered: what got through the first time is `Gone` the second. An
/// answer that can never be right ends it: the attempts are let go and taken over by others.
async fn send(store: &dyn Store, batch: Vec<Completion>) {
    let mut is_told = false;
    loop {
        let silent = StoreError::Unavailable { action: "complete attempts" };
        let answer = timeout(store.lease(), store.complete(batch.clone())).await;
        match answer.unwrap_or(Err(silent)) {
            Ok(replies) => {
                let gone = replies.iter().filter(|reply| **reply == Completed::Gone).count();
                if gone > 0 {
                    tracing::debug!(gone, "reports came too late or twice");
                }
                return;
            }
            Err(error @ StoreError::Broken { .. }) => {
                tracing::error!(error = %error, attempts = batch.len(), "reports are given up");
                return;
            }
            Err(error @ (StoreError::Unavailable { .. } | StoreError::Unfit { .. })) => {
                if !std::mem::replace(&mut is_told, true) {
                    tracing::warn!(error = %error, "reports have no answer, sent again and again");
                }
                tokio::time::sleep(STORE_PAUSE).await;
            }
        }
    }
}
