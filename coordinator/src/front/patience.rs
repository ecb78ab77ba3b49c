//! Sending a write again while the store does not answer. Only for writes that carry their own
//! names, so that a second one has no second effect.

use std::time::Duration;

use sortie_store::StoreError;
use tokio::time::{Instant, sleep};

/// The pause after the first failure; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Calls until there is an answer, for `patience` at most. A call that is under way is not cut off.
pub(super) async fn resend<T, F>(
    patience: Duration,
    mut call: impl FnMut() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let deadline = Instant::now() + patience;
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match call().await {
            Err(error @ StoreError::Unavailable { .. }) => error,
            // Somebody must act first; whoever asks can come back.
            Err(error @ (StoreError::Unfit { .. } | StoreError::Broken { .. })) => {
                return Err(error);
            }
            Ok(answer) => return Ok(answer),
        };
        let drawn = pause.mul_f64(0.5 + 0.5 * fastrand::f64());
        if Instant::now() + drawn > deadline {
            return Err(error);
        }
        tracing::debug!(%error, ?drawn, "the store does not answer, sent again");
        sleep(drawn).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GONE: StoreError = StoreError::Unavailable { action: "test" };

    #[tokio::test(start_paused = true)]
    async fn silence_is_met_with_the_same_call_for_a_while() {
        let mut calls = 0;
        let third = resend(Duration::from_secs(5), || {
            calls += 1;
            std::future::ready(if calls < 3 { Err(GONE) } else { Ok(calls) })
        });
        assert_eq!(third.await, Ok(3));
        let begun = Instant::now();
        let never = resend(Duration::from_secs(5), || std::future::ready(Err::<(), _>(GONE)));
        assert_eq!(never.await, Err(GONE));
        assert!(begun.elapsed() <= Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_answer_is_not_asked_for_twice() {
        for error in [
            StoreError::Broken { action: "test", problem: "nonsense".to_owned() },
            StoreError::Unfit { action: "test", problem: "it was emptied".to_owned() },
        ] {
            let mut calls = 0;
            let answer = resend(Duration::from_secs(5), || {
                calls += 1;
                std::future::ready(Err::<(), _>(error.clone()))
            });
            assert_eq!(answer.await, Err(error));
            assert_eq!(calls, 1);
        }
    }
}
