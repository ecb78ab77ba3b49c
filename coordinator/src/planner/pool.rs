//! Several planners behind one face. Calls go to them in turn; one that cannot be reached is left
//! alone for a while.
//!
//! ```text
//!            connection refused              the pause is over
//!   in turn ───────────────────> on the bench ───────────────> in turn
//!      ^                             │ nobody else is left: tried all the same
//!      └───────── it answers ────────┘
//! ```
//!
//! A call is a model call, and it is bought once: it goes to the next planner only if surely nobody
//! has begun with it. Whatever happens to it afterwards is for the engine
//! to judge.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sortie_proto::v1::planner_client::PlannerClient;
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;
use tonic::{ConnectError, Response, Status};

/// The largest message either way; the servers hold to the same.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// How long a planner that cannot be reached is left alone first; doubled each time.
const FIRST_BENCH: Duration = Duration::from_secs(1);
/// No planner is left alone for longer: one that is back should have its share soon.
const LONGEST_BENCH: Duration = Duration::from_secs(15);
/// The pause after nobody could be reached.
const PAUSE: Duration = Duration::from_millis(250);

/// Planners that do the same.
#[derive(Debug)]
pub(super) struct Pool {
    members: Vec<Member>,
    next: AtomicUsize,
    /// How long a call waits until somebody can be reached.
    patience: Duration,
}

#[derive(Debug)]
struct Member {
    name: String,
    client: PlannerClient<Channel>,
    standing: Mutex<Standing>,
}

#[derive(Debug, Clone, Copy)]
enum Standing {
    InTurn,
    Benched { until: Instant, pause: Duration },
}

impl Pool {
    /// A pool of these, by the names that people know them by.
    pub(super) fn new(
        members: impl IntoIterator<Item = (String, Channel)>,
        patience: Duration,
    ) -> Self {
        let member = |(name, channel)| Member {
            name,
            client: PlannerClient::new(channel)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
            standing: Mutex::new(Standing::InTurn),
        };
        let members = members.into_iter().map(member).collect();
        // Where coordinators begin is drawn, so that they do not all begin with the same planner.
        Self { members, next: AtomicUsize::new(fastrand::usize(..)), patience }
    }

    /// Sends a call to whoever's turn it is and can be reached; waits for somebody if nobody can.
    pub(super) async fn send<T, F>(
        &self,
        call: impl Fn(PlannerClient<Channel>) -> F,
    ) -> Result<T, Status>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let begun = Instant::now();
        loop {
            let mut unreached = None;
            for member in self.round() {
                match call(member.client.clone()).await {
                    Err(status) if did_not_leave(&status) => {
                        member.unreachable();
                        unreached = Some(status);
                    }
                    answer => {
                        member.reached();
                        return answer.map(Response::into_inner);
                    }
                }
            }
            let nobody = || Status::unavailable("there is no planner");
            let pause = PAUSE.mul_f64(0.5 + fastrand::f64());
            if begun.elapsed() + pause >= self.patience {
                return Err(unreached.unwrap_or_else(nobody));
            }
            sleep(pause).await;
        }
    }

    /// Everybody, in the order in which they are to be tried: those in turn, then those on the
    /// bench, who has been there longest first.
    fn round(&self) -> Vec<&Member> {
        let count = self.members.len().max(1);
        let first = self.next.fetch_add(1, Ordering::Relaxed) % count;
        let (before, after) = self.members.split_at(first.min(self.members.len()));
        let now = Instant::now();
        let mut round: Vec<_> = after.iter().chain(before).collect();
        round.sort_by_key(|member| match member.standing() {
            Standing::Benched { until, .. } if until > now => Some(until),
            Standing::Benched { .. } | Standing::InTurn => None,
        });
        round
    }
}

impl Member {
    fn standing(&self) -> Standing {
        *self.standing.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn stand(&self, standing: Standing) {
        *self.standing.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = standing;
    }

    fn unreachable(&self) {
        let pause = match self.standing() {
            Standing::InTurn => {
                tracing::warn!(planner = self.name, "a planner cannot be reached");
                FIRST_BENCH
            }
            Standing::Benched { pause, .. } => (pause * 2).min(LONGEST_BENCH),
        };
        let drawn = pause.mul_f64(0.5 + 0.5 * fastrand::f64());
        self.stand(Standing::Benched { until: Instant::now() + drawn, pause });
    }

    fn reached(&self) {
        if let Standing::Benched { .. } = self.standing() {
            tracing::info!(planner = self.name, "a planner is back");
            self.stand(Standing::InTurn);
        }
    }
}

/// Whether nobody has begun with the call: there was no connection for it to leave on, or the
/// planner was ending and said that it takes no more.
fn did_not_leave(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        let never_taken = error.downcast_ref().is_some_and(hyper::Error::is_canceled);
        if error.is::<ConnectError>() || never_taken {
            return true;
        }
        if let Some(h2) = error.downcast_ref::<h2::Error>() {
            // RFC 9113, 6.8 and 8.7: both mean that the stream was not processed at all. Streams
            // that a planner which is ending has taken go on, and do not end with its farewell.
            let farewell = h2.is_go_away() && h2.is_remote();
            return (farewell && h2.reason() == Some(h2::Reason::NO_ERROR))
                || h2.reason() == Some(h2::Reason::REFUSED_STREAM);
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests;
