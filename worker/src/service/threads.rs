//! Where tools run: on the threads of whoever runs the worker, or on threads of their own.

use std::io;

use tokio::runtime::{Builder, Runtime};
use tokio_util::task::TaskTracker;

/// Where tools run. Dropping it leaves a tool behind that blocks its thread.
pub(super) struct ToolThreads(Option<Runtime>);

impl ToolThreads {
    /// The threads of whoever runs the worker; on paused time there are no others.
    pub(super) const fn shared() -> Self {
        Self(None)
    }

    /// So many threads, for tools only. Heartbeats, claims, reports and the store's connections stay
    /// where they are.
    pub(super) fn own(threads: usize) -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(threads.max(1)).thread_name("sortie-tool").enable_all();
        builder.build().map(|runtime| Self(Some(runtime)))
    }

    pub(super) fn spawn(
        &self,
        tasks: &TaskTracker,
        attempt: impl Future<Output = ()> + Send + 'static,
    ) {
        match &self.0 {
            Some(runtime) => tasks.spawn_on(attempt, runtime.handle()),
            None => tasks.spawn(attempt),
        };
    }
}

impl Drop for ToolThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // A runtime that waits for its threads would wait for a tool that never ends.
            runtime.shutdown_background();
        }
    }
}
