//! Waiting for the store of a cluster: processes start in any order, so a Redis that is not there
//! yet is waited for, and one that can never be used is not.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::error::StoreError;
use crate::redis::{ConnectError, Redis, RedisOptions};

/// The pause after the first failure; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// No pause is longer: a Redis that is back should be noticed.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often an absence is told again: whoever looks at the log should see what is waited for.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// The store at this address, as soon as it is there; none if `stop` comes first.
///
/// # Errors
/// If it can never be used as it is.
pub async fn arrive(
    options: RedisOptions,
    stop: &CancellationToken,
) -> Result<Option<Arc<Redis>>, ConnectError> {
    let connect = async || Redis::connect(options.clone()).await.map(Arc::new);
    wait(connect, ConnectError::may_pass, stop).await
}

/// Asks the store something that a start needs, until there is an answer; none if `stop` comes
/// first.
///
/// # Errors
/// If the store answers what it should never answer.
pub async fn answered<T, F>(
    call: impl FnMut() -> F,
    stop: &CancellationToken,
) -> Result<Option<T>, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let is_passing = |error: &StoreError| !matches!(error, StoreError::Broken { .. });
    wait(call, is_passing, stop).await
}

async fn wait<T, E, F>(
    mut call: impl FnMut() -> F,
    is_passing: impl Fn(&E) -> bool,
    stop: &CancellationToken,
) -> Result<Option<T>, E>
where
    E: std::fmt::Display,
    F: Future<Output = Result<T, E>>,
{
    let mut pause = FIRST_PAUSE;
    let mut told: Option<Instant> = None;
    loop {
        let answer = tokio::select! {
            answer = call() => answer,
            () = stop.cancelled() => return Ok(None),
        };
        let error = match answer {
            Ok(answer) => {
                if told.is_some() {
                    tracing::info!("the store is there");
                }
                return Ok(Some(answer));
            }
            Err(error) if is_passing(&error) => error,
            Err(error) => return Err(error),
        };
        if told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            tracing::warn!(%error, "waiting for the store");
            told = Some(Instant::now());
        }
        // Half of the pause is drawn, so that many processes do not come back in one moment.
        tokio::select! {
            () = sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)) => {}
            () = stop.cancelled() => return Ok(None),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::ready;

    use super::*;

    const GONE: StoreError = StoreError::Unavailable { action: "test" };

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_not_there_yet_is_waited_for() {
        let calls = Cell::new(0);
        let third = || {
            calls.set(calls.get() + 1);
            ready(if calls.get() < 50 { Err(GONE) } else { Ok(calls.get()) })
        };
        let began = Instant::now();
        assert_eq!(answered(third, &CancellationToken::new()).await, Ok(Some(50)));
        assert!(began.elapsed() < LONGEST_PAUSE * 50);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_when_told_to_end_or_for_what_can_never_be() {
        let stop = CancellationToken::new();
        let patience = stop.clone();
        let waiting =
            tokio::spawn(async move { answered(|| ready(Err::<(), _>(GONE)), &patience).await });
        tokio::task::yield_now().await;
        stop.cancel();
        assert_eq!(waiting.await.unwrap(), Ok(None));
        let broken = StoreError::Broken { action: "test", problem: "nonsense".to_owned() };
        let never = || ready(Err::<(), _>(broken.clone()));
        assert_eq!(answered(never, &CancellationToken::new()).await, Err(broken.clone()));
    }
}
