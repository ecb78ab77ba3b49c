//! The end of a process: the first SIGINT or SIGTERM asks for it, a second SIGINT does not wait.

use std::future::Future;
use std::io;
use std::pin::pin;

use tokio_util::sync::CancellationToken;

/// What the process was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// The polite kill of a supervisor.
    Terminate,
}

/// The signals that ask a process to end. From the first [`Signals::listen`] on they no longer
/// kill it.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Takes the signals over.
    ///
    /// # Errors
    /// If the system refuses.
    #[cfg(unix)]
    pub fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Takes the signals over.
    ///
    /// # Errors
    /// Never on this system.
    #[cfg(not(unix))]
    pub fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one. May be dropped and called again.
    #[cfg(unix)]
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }

    /// Waits for the next one. May be dropped and called again.
    #[cfg(not(unix))]
    pub async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits for Ctrl-C alone.
    pub async fn interrupt(&mut self) {
        while self.next().await != Signal::Interrupt {}
    }
}

/// Someone pressed Ctrl-C a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted before the orderly end")]
pub struct Hurried;

/// Runs `work` until it ends by itself. The first signal cancels the token, which asks `work` for
/// an orderly end; a second Ctrl-C drops it where it stands.
///
/// # Errors
/// After a second Ctrl-C.
pub async fn until_told<F>(
    mut signals: Signals,
    work: impl FnOnce(CancellationToken) -> F,
) -> Result<F::Output, Hurried>
where
    F: Future,
{
    let stop = CancellationToken::new();
    let mut work = pin!(work(stop.clone()));
    tokio::select! {
        output = &mut work => return Ok(output),
        signal = signals.next() => tracing::info!(?signal, "stopping"),
    }
    stop.cancel();
    tokio::select! {
        output = &mut work => Ok(output),
        () = signals.interrupt() => Err(Hurried),
    }
}
