//! The tasks of the cluster: who owns them, and in which order they end.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::transport::Channel;

use super::transport;

/// The tasks of a cluster.
pub(super) struct Services {
    tasks: TaskTracker,
    /// Ends what does the work.
    stop: CancellationToken,
    /// Ends the transports, once nobody needs them any more.
    close: CancellationToken,
}

impl Services {
    pub(super) fn new() -> Self {
        Self {
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            close: CancellationToken::new(),
        }
    }

    /// Starts a part that runs until it is told to end. One that ends by itself takes the cluster
    /// with it: nothing may look alive while a part of it is dead.
    pub(super) fn spawn<F>(&self, name: &'static str, part: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, close) = (self.stop.clone(), self.close.clone());
        let work = AssertUnwindSafe(part(stop.child_token())).catch_unwind();
        self.tasks.spawn(async move {
            let ended = work.await;
            if ended.is_err() || !stop.is_cancelled() {
                tracing::error!(
                    part = name,
                    panicked = ended.is_err(),
                    "a part of the cluster died"
                );
                stop.cancel();
                close.cancel();
            }
        });
    }

    /// Waits until a part has ended by itself.
    pub(super) async fn died(&self) {
        self.close.cancelled().await;
    }

    /// Offers services inside the process.
    pub(super) fn offer(&self, routes: Routes) -> Channel {
        let (channel, server) = transport::in_process(routes, self.close.child_token());
        self.tasks.spawn(server);
        channel
    }

    /// Ends everything and waits for it.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.close.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
