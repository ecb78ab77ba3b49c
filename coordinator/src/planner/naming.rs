//! Who plans and who answers, for people: asked at the start, and again until somebody says it, for
//! a planner may come after the coordinator.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Authors, Planner};

/// The pause before a planner is asked again.
const PAUSE: Duration = Duration::from_secs(2);

/// The question that is still open, if it is.
pub(crate) struct Naming(Option<BoxFuture<'static, Authors>>);

impl Naming {
    /// Asks once; what nobody says is asked again in the background of [`Naming::heard`].
    pub(crate) async fn begin(planner: Arc<dyn Planner>) -> (Authors, Self) {
        let authors = planner.describe().await;
        let again = authors.planner.is_empty().then(|| ask_again(planner));
        (authors, Self(again))
    }

    /// Waits until somebody has said it, for ever if it is known. May be dropped and called again.
    pub(crate) async fn heard(&mut self) -> Authors {
        let Some(asking) = &mut self.0 else { return std::future::pending().await };
        let authors = asking.await;
        self.0 = None;
        authors
    }
}

fn ask_again(planner: Arc<dyn Planner>) -> BoxFuture<'static, Authors> {
    Box::pin(async move {
        loop {
            tokio::time::sleep(PAUSE).await;
            let authors = planner.describe().await;
            if !authors.planner.is_empty() {
                return authors;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;
    use futures_util::FutureExt as _;
    use sortie_engine::Usage;
    use tokio::sync::mpsc;
    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::planner::{AnswerRequest, AnswerWord, CallFailed, PlanEnd, PlanRequest, PlanWord};

    /// Says who it is when it is asked for the third time.
    #[derive(Default)]
    struct Late(AtomicU32);

    #[async_trait]
    impl Planner for Late {
        async fn describe(&self) -> Authors {
            let is_there = self.0.fetch_add(1, Ordering::Relaxed) >= 2;
            Authors::from(if is_there { "late" } else { "" })
        }

        async fn make_plan(
            &self,
            _: PlanRequest,
            _: mpsc::Sender<PlanWord>,
        ) -> Result<PlanEnd, CallFailed> {
            Ok(PlanEnd::default())
        }

        async fn synthesize(
            &self,
            _: AnswerRequest,
            _: mpsc::Sender<AnswerWord>,
        ) -> Result<Usage, CallFailed> {
            Ok(Usage::default())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_planner_that_comes_late_is_asked_until_it_is_there() {
        let (authors, mut naming) = Naming::begin(Arc::new(Late::default())).await;
        assert!(authors.planner.is_empty());
        let begun = Instant::now();
        // The driver's loop drops the wait for anything else that happens.
        assert!(timeout(PAUSE / 2, naming.heard()).await.is_err());
        assert_eq!(naming.heard().await, Authors::from("late"));
        assert_eq!(begun.elapsed(), PAUSE * 2);
        assert!(naming.heard().now_or_never().is_none(), "it is known");
    }
}
