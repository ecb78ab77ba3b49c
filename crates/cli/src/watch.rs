//! A watch that outlives its connections: it goes on from its cursor, without a gap or a repeat.
//!
//! Events carry gap-free sequence numbers, so both faults of a server or a network can be seen
//! here: an event that was seen is dropped, and one that leaves a gap breaks the connection like
//! any other damage.

use std::collections::BTreeMap;
use std::time::Duration;

use sortie_proto::v1::{self, event, notice, watch_run_response::Item};
use tokio::time::Instant;
use tonic::Streaming;

use crate::cluster::Cluster;
use crate::error::{Error, is_transport, reason};
use crate::view::is_end;

/// Without any progress for this long, the endpoint is gone: longer than a rolling restart takes,
/// shorter than a person waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// A stream that stood for so long was a good one, however quiet the run is.
const STANDS: Duration = Duration::from_secs(5);
/// The first pause before a new try; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// No pause is longer: a server that is back should be noticed.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A watch over one run.
pub(crate) struct Watch<'a> {
    cluster: &'a Cluster,
    run_id: String,
    cursor: String,
    /// The last event seen; `None` until the first tells where the cursor stood.
    seq: Option<u64>,
    /// The last attempt of each step whose start was told.
    started: BTreeMap<u32, u32>,
    /// The run has ended, perhaps before the cursor: then a stream that ends is the end.
    ended: bool,
    stream: Option<Streaming<v1::WatchRunResponse>>,
    /// Since when the stream stands.
    stands: Option<Instant>,
    outage: Option<Outage>,
    over: bool,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Something happened in the run.
    Item { item: Box<Item>, cursor: String },
    /// The connection broke; the watch goes on.
    Lost(String),
    /// The run has ended.
    End,
}

struct Outage {
    since: Instant,
    pause: Duration,
    retry_at: Instant,
}

impl<'a> Watch<'a> {
    /// Watches from the run's first event.
    pub(crate) const fn from_start(cluster: &'a Cluster, run_id: String) -> Self {
        Self::new(cluster, run_id, String::new(), Some(0))
    }

    /// Watches a run that looks like this from a cursor whose place is not known.
    pub(crate) fn from_cursor(cluster: &'a Cluster, run: &v1::Run, cursor: String) -> Self {
        let ended = is_end(run.state());
        Self { ended, ..Self::new(cluster, run.run_id.clone(), cursor, None) }
    }

    /// Watches from a snapshot.
    pub(crate) fn from_snapshot(cluster: &'a Cluster, run: &v1::Run) -> Self {
        let mut watch = Self::new(cluster, run.run_id.clone(), run.cursor.clone(), Some(run.seq));
        watch.over = is_end(run.state());
        watch
    }

    const fn new(cluster: &'a Cluster, run_id: String, cursor: String, seq: Option<u64>) -> Self {
        let started = BTreeMap::new();
        Self {
            cluster,
            run_id,
            cursor,
            seq,
            started,
            ended: false,
            stream: None,
            stands: None,
            outage: None,
            over: false,
        }
    }

    /// The next thing that was not seen before. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Result<Next, Error> {
        while !self.over {
            let broken = match self.receive().await {
                Ok(response) => match self.place(&response) {
                    Place::Fresh => return Ok(self.take(response)),
                    Place::Seen => continue,
                    Place::Gap => Broken::Damaged("an event is missing".to_owned()),
                },
                Err(Broken::Ended) if self.ended => {
                    self.over = true;
                    continue;
                }
                Err(broken) => broken,
            };
            if let Some(first) = self.broke(broken)? {
                return Ok(first);
            }
        }
        Ok(Next::End)
    }

    async fn receive(&mut self) -> Result<v1::WatchRunResponse, Broken> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                if let Some(outage) = &self.outage {
                    tokio::time::sleep_until(outage.retry_at).await;
                }
                let run_id = self.run_id.clone();
                let request = v1::WatchRunRequest { run_id, cursor: self.cursor.clone() };
                let stream = self.cluster.coordinator().watch_run(request).await?;
                self.stands = Some(Instant::now());
                self.stream.insert(stream.into_inner())
            }
        };
        stream.message().await?.ok_or(Broken::Ended)
    }

    fn place(&self, response: &v1::WatchRunResponse) -> Place {
        match &response.item {
            Some(Item::Event(event)) => match self.seq {
                Some(seq) if event.seq <= seq => Place::Seen,
                Some(seq) if event.seq > seq + 1 => Place::Gap,
                _ => Place::Fresh,
            },
            Some(Item::Notice(v1::Notice { kind: Some(notice::Kind::AttemptStarted(start)) })) => {
                let known = self.started.get(&start.step_id);
                if known.is_some_and(|attempt| *attempt >= start.attempt) {
                    Place::Seen
                } else {
                    Place::Fresh
                }
            }
            Some(_) => Place::Fresh,
            None => Place::Seen,
        }
    }

    fn take(&mut self, response: v1::WatchRunResponse) -> Next {
        let v1::WatchRunResponse { item, cursor } = response;
        self.outage = None;
        if !cursor.is_empty() {
            self.cursor.clone_from(&cursor);
        }
        match &item {
            Some(Item::Event(event)) => {
                self.seq = Some(event.seq);
                self.over = matches!(
                    event.kind,
                    Some(
                        event::Kind::RunSucceeded(_)
                            | event::Kind::RunFailed(_)
                            | event::Kind::RunCancelled(_)
                    )
                );
            }
            Some(Item::Notice(v1::Notice { kind: Some(notice::Kind::AttemptStarted(start)) })) => {
                self.started.insert(start.step_id, start.attempt);
            }
            Some(Item::Reset(v1::Reset { run: Some(run) })) => {
                self.seq = Some(run.seq);
                self.cursor.clone_from(&run.cursor);
                self.over = is_end(run.state());
            }
            _ => {}
        }
        item.map_or(Next::End, |item| Next::Item { item: Box::new(item), cursor })
    }

    /// The first break of an outage is told; later ones are part of it until patience ends.
    fn broke(&mut self, broken: Broken) -> Result<Option<Next>, Error> {
        let endpoint = self.cluster.name();
        let reason = match broken {
            Broken::Refused(status) => {
                let action = format!("watch run {}", self.run_id);
                return Err(Error::from_status(&action, &endpoint, &status));
            }
            Broken::Damaged(reason) => reason,
            Broken::Ended => "the stream ended before the run".to_owned(),
        };
        self.stream = None;
        // Another coordinator may still be there; with only one, it is asked again.
        self.cluster.move_on();
        let now = Instant::now();
        // A stream that stood for a while ended the outage, whether or not anything happened in it.
        if self.stands.take().is_some_and(|since| now.duration_since(since) >= STANDS) {
            self.outage = None;
        }
        let known = self.outage.is_some();
        let outage =
            self.outage.get_or_insert(Outage { since: now, pause: FIRST_PAUSE, retry_at: now });
        if now.duration_since(outage.since) >= PATIENCE {
            return Err(Error::Unreachable { endpoint, reason });
        }
        // Half of the pause is drawn, so that many watchers do not come back in one moment.
        outage.retry_at = now + outage.pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        outage.pause = (outage.pause * 2).min(LONGEST_PAUSE);
        Ok((!known).then_some(Next::Lost(reason)))
    }
}

enum Place {
    Fresh,
    Seen,
    Gap,
}

enum Broken {
    /// The server answered: another try would be told the same.
    Refused(Box<tonic::Status>),
    /// The connection is of no more use.
    Damaged(String),
    /// The server closed the stream.
    Ended,
}

impl From<tonic::Status> for Broken {
    fn from(status: tonic::Status) -> Self {
        use tonic::Code;
        let passing = matches!(
            status.code(),
            Code::Unavailable
                | Code::Unknown
                | Code::Internal
                | Code::Cancelled
                | Code::Aborted
                | Code::ResourceExhausted
                | Code::DeadlineExceeded
        );
        if passing || is_transport(&status) {
            Self::Damaged(reason(&status))
        } else {
            Self::Refused(Box::new(status))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_stood_in_a_quiet_run_ended_the_outage_before_it() {
        let cluster = Cluster::lazy("http://127.0.0.1:1");
        let mut watch = Watch::from_start(&cluster, "r1".to_owned());
        let lost = |watch: &mut Watch<'_>| watch.broke(Broken::Ended);
        assert!(matches!(lost(&mut watch), Ok(Some(Next::Lost(_)))));
        watch.stands = Some(Instant::now());
        tokio::time::advance(PATIENCE * 2).await;
        assert!(matches!(lost(&mut watch), Ok(Some(Next::Lost(_)))), "a new outage");
        watch.stands = Some(Instant::now());
        tokio::time::advance(STANDS / 2).await;
        assert!(matches!(lost(&mut watch), Ok(None)), "the same one");
        tokio::time::advance(PATIENCE).await;
        assert!(lost(&mut watch).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_endpoint_is_told_once_and_given_up_when_patience_ends() {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let cluster = Cluster::lazy(&format!("http://{nobody}"));
        let mut watch = Watch::from_start(&cluster, "r1".to_owned());
        let begun = Instant::now();
        assert!(matches!(watch.next().await, Ok(Next::Lost(_))));
        let error = watch.next().await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        assert!(begun.elapsed() >= PATIENCE && begun.elapsed() < PATIENCE * 2);
    }
}
