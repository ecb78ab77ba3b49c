//! The parts of a process: who owns their tasks, and in which order they end.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::transport::Channel;

use crate::serving::{self, HostError};

/// The parts of a process.
#[derive(Debug, Default)]
pub struct Parts {
    tasks: TaskTracker,
    /// Ends what does the work.
    stop: CancellationToken,
    /// Ends the transports, once nobody needs them any more.
    close: CancellationToken,
}

impl Parts {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a part that runs until it is told to end. One that ends by itself takes the others
    /// with it: nothing may look alive while a part of it is dead.
    pub fn spawn<F>(&self, name: &'static str, part: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, close) = (self.stop.clone(), self.close.clone());
        let work = AssertUnwindSafe(part(stop.child_token())).catch_unwind();
        self.tasks.spawn(async move {
            let ended = work.await;
            if ended.is_err() || !stop.is_cancelled() {
                let panicked = ended.is_err();
                tracing::error!(part = name, panicked, "a part of the process died");
                stop.cancel();
                close.cancel();
            }
        });
    }

    /// Waits until a part has ended by itself.
    pub async fn died(&self) {
        self.close.cancelled().await;
    }

    /// Goes on for as long as `work` does, then ends the parts.
    ///
    /// # Errors
    /// If the work fails, or if a part ended by itself.
    pub async fn beside<E: From<HostError>>(
        &self,
        work: impl Future<Output = Result<(), E>>,
    ) -> Result<(), E> {
        let ended = tokio::select! {
            ended = work => ended,
            () = self.died() => Err(HostError::PartDied.into()),
        };
        self.stop().await;
        ended
    }

    /// Offers services inside the process.
    pub fn offer(&self, routes: Routes) -> Channel {
        let (channel, server) = serving::in_process(routes, self.close.child_token());
        self.tasks.spawn(server);
        channel
    }

    /// Ends everything and waits for it.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.close.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_by_itself_or_panics_takes_the_others_with_it() {
        for panics in [false, true] {
            let parts = Parts::new();
            parts.spawn("patient", |stop| stop.cancelled_owned());
            parts.spawn("short", move |_| async move { assert!(!panics, "as the test wants it") });
            let ended: Result<(), HostError> = parts.beside(std::future::pending()).await;
            assert!(matches!(ended, Err(HostError::PartDied)));
        }
    }

    #[tokio::test]
    async fn parts_that_are_told_to_end_are_no_dead_ones() {
        let parts = Parts::new();
        parts.spawn("patient", |stop| stop.cancelled_owned());
        assert!(parts.died().now_or_never().is_none());
        let ended: Result<(), HostError> = parts.beside(async { Ok(()) }).await;
        assert!(ended.is_ok());
    }
}
