//! One goal from its submission to its end, as its client lives through it.

use std::time::{Duration, Instant};

use super::client::Client;
use super::evidence::Told;
use super::graph::Graph;

/// What a client does beside watching.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// It loses patience after so long.
    pub cancel_after: Option<Duration>,
    /// A second watcher comes after so long.
    pub second_watch_after: Option<Duration>,
    /// It forgets that it was answered and submits again.
    pub forgets: bool,
}

impl Manner {
    /// One of several manners; most clients only watch.
    #[must_use]
    pub fn draw(rng: &mut fastrand::Rng) -> Self {
        let mut sometimes =
            |one_in: u8| (rng.u8(..one_in) == 0).then(|| Duration::from_millis(rng.u64(..1_500)));
        let (cancel_after, second_watch_after) = (sometimes(15), sometimes(5));
        Self { cancel_after, second_watch_after, forgets: sometimes(8).is_some() }
    }
}

/// Submits a goal and sees it through. What the system tells in the end is read later.
pub async fn live(client: &Client, graph: Graph, manner: Manner, until: Instant) -> Told {
    let mut told = Told {
        graph,
        acknowledged: Vec::new(),
        cancels: Vec::new(),
        watches: Vec::new(),
        end: None,
    };
    let Ok(run) = client.submit(&told.graph, until).await else { return told };
    told.acknowledged.push(run);
    let again =
        async { if manner.forgets { client.submit(&told.graph, until).await.ok() } else { None } };
    let cancel = async {
        tokio::time::sleep(manner.cancel_after?).await;
        Some(client.cancel(run, until).await)
    };
    let second = async {
        tokio::time::sleep(manner.second_watch_after?).await;
        Some(client.watch(run, until).await)
    };
    let (first, again, cancel, second) =
        tokio::join!(client.watch(run, until), again, cancel, second);
    told.watches.extend([Some(first), second].into_iter().flatten());
    told.acknowledged.extend(again);
    told.cancels.extend(cancel);
    told
}
