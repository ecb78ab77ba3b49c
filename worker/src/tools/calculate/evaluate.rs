//! The calculator library on a thread of its own: an expression cannot hang, abort or fill the
//! process.
//!
//! The library recurses, so a hostile expression would end the whole process on a small stack; it
//! may compute for ever, so it is interrupted. What it can allocate before the interrupt is bounded
//! by what it can compute; shifts, which allocate without computing, never reach it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sortie_engine::{Failure, FailureKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use super::super::{clip, invalid};

/// 64 parentheses and chains of 512 signs need about half of it in a debug build. Untouched pages
/// cost nothing.
const STACK_BYTES: usize = 32 << 20;
/// What people ask for takes a millisecond.
const TIME_LIMIT: Duration = Duration::from_millis(250);
/// The library looks at its watch once for each small piece of work. A calculation that did so this
/// rarely is not long, its thread waits for a processor: it must not fail for that. A conversion
/// looks 200 times, the factorial of 10^300 some 1,300 times in its 250 ms.
const FEW_LOOKS: u64 = 1_000;
const STARVED_TIME_LIMIT: Duration = Duration::from_secs(2);
/// More would only wait for the same processors.
const MAX_THREADS: usize = 4;

/// A small number of threads for calculations.
pub(super) struct Evaluator {
    threads: Arc<Semaphore>,
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trouble {
    /// In the library's words.
    Refused(String),
    TooLong,
    Panicked,
}

struct Watch {
    started: Instant,
    looks: AtomicU64,
    stopped: CancellationToken,
}

impl fend_core::Interrupt for Watch {
    fn should_interrupt(&self) -> bool {
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        let limit = if looks < FEW_LOOKS { STARVED_TIME_LIMIT } else { TIME_LIMIT };
        self.started.elapsed() > limit || self.stopped.is_cancelled()
    }
}

impl Evaluator {
    pub(super) fn new() -> Self {
        Self { threads: Arc::new(Semaphore::new(MAX_THREADS)) }
    }

    /// The library's answer. The permit travels with the thread: a caller that goes away does not
    /// make room before the thread ends.
    pub(super) async fn evaluate(
        &self,
        expression: String,
        stopped: CancellationToken,
    ) -> Result<Result<String, Trouble>, Failure> {
        let closed = || Failure::new(FailureKind::Unavailable, "the calculator is closing");
        let permit = self.threads.clone().acquire_owned().await.map_err(|_| closed())?;
        let (sender, receiver) = oneshot::channel();
        thread::Builder::new()
            .name("calculator".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let outcome = guarded(&expression, stopped, permit);
                // The caller may be gone: then nobody needs the result.
                let _ = sender.send(outcome);
            })
            .map_err(|error| {
                Failure::new(
                    FailureKind::Unavailable,
                    format!("start a calculator thread: {}", error.kind()),
                )
            })?;
        receiver.await.map_err(|_| closed())
    }
}

/// Holds the permit as long as the thread computes.
fn guarded(
    expression: &str,
    stopped: CancellationToken,
    permit: OwnedSemaphorePermit,
) -> Result<String, Trouble> {
    let watch = Watch { started: Instant::now(), looks: AtomicU64::new(0), stopped };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut context = fend_core::Context::new();
        context.disable_rng();
        fend_core::evaluate_with_interrupt(expression, &mut context, &watch)
    }));
    drop(permit);
    match outcome {
        Ok(Ok(result)) => Ok(result.get_main_result().to_owned()),
        Ok(Err(words)) if words == "interrupted" => Err(Trouble::TooLong),
        Ok(Err(words)) => Err(Trouble::Refused(words)),
        Err(_) => Err(Trouble::Panicked),
    }
}

impl Trouble {
    /// The failure for the caller's expression.
    pub(super) fn into_failure(self, expression: &str) -> Failure {
        let expression = clip(expression, 80);
        match self {
            Self::TooLong => {
                let limit = TIME_LIMIT.as_millis();
                invalid(format!("`{expression}` takes longer than {limit} ms: use smaller numbers"))
            }
            Self::Panicked => Failure::new(
                FailureKind::ToolFailed,
                format!("the calculator cannot work out `{expression}`"),
            ),
            Self::Refused(words) if words.ends_with(" by zero") => {
                invalid(format!("division by zero in `{expression}`"))
            }
            Self::Refused(words) => match words.strip_prefix("unknown identifier ") {
                Some(word) => invalid(format!(
                    "unknown word `{}` in `{expression}`: write numbers, units and functions",
                    clip(word.trim_matches('\''), 40)
                )),
                None => invalid(format!("cannot calculate `{expression}`: {}", clip(&words, 120))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fend_core::Interrupt;

    #[tokio::test]
    async fn a_cancelled_calculation_ends_early_and_gives_its_thread_back() {
        let evaluator = Evaluator::new();
        let stopped = CancellationToken::new();
        stopped.cancel();
        let outcome = evaluator.evaluate("9^9^9".to_owned(), stopped).await.unwrap();
        assert_eq!(outcome, Err(Trouble::TooLong));
        assert_eq!(evaluator.threads.available_permits(), MAX_THREADS);
    }

    #[test]
    fn a_starved_thread_has_more_time_than_a_busy_one() {
        let started = Instant::now().checked_sub(TIME_LIMIT * 2).unwrap();
        let watch = |looks| Watch {
            started,
            looks: AtomicU64::new(looks),
            stopped: CancellationToken::new(),
        };
        assert!(!watch(10).should_interrupt());
        assert!(watch(FEW_LOOKS).should_interrupt());
    }

    #[tokio::test]
    async fn a_caller_that_leaves_does_not_free_a_thread_that_still_computes() {
        let evaluator = Evaluator::new();
        let call = evaluator.evaluate("9^9^9".to_owned(), CancellationToken::new());
        tokio::select! {
            biased;
            _ = call => panic!("nothing is that fast"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(evaluator.threads.available_permits(), MAX_THREADS - 1);
        let all = MAX_THREADS.try_into().unwrap();
        assert!(evaluator.threads.acquire_many(all).await.is_ok(), "it ends by itself");
    }
}
