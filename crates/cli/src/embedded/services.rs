//! The tasks of the cluster: who owns them, and in which order they end.

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

    /// Starts a part that runs until it is told to end.
    pub(super) fn spawn<F>(&self, part: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(part(self.stop.child_token()));
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
