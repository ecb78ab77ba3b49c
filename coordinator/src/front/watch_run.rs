//! `WatchRun`: everything that happens in a run, from a cursor on, until its end.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::stream;
use sortie_engine::RunId;
use sortie_proto::{event, time, v1};
use sortie_store::{Contact, Store, StoreError};
use tokio::time::timeout;
use tonic::Status;
use tracing::Instrument as _;
use v1::watch_run_response::Item;

use super::cursor::Cursor;
use super::refusal::Refusal;
use super::snapshot::Folded;
use super::{Answers, Front, run_id};
use crate::catalogue::CatalogueHandle;
use crate::watch::{AnswerText, AttemptStarted, Batch, News, Watcher};

/// A watch that is under way. Nobody drives it but the client who reads.
struct Watch {
    run: RunId,
    store: Arc<dyn Store>,
    catalogue: CatalogueHandle,
    watcher: Watcher,
    /// Items that are made already: the events of one commit.
    ready: VecDeque<v1::WatchRunResponse>,
    has_ended: bool,
}

pub(super) async fn watch_run(
    front: &Front,
    request: v1::WatchRunRequest,
) -> Result<Answers<v1::WatchRunResponse>, Refusal> {
    let run = run_id(&request.run_id)?;
    let cursor = Cursor::parse(&request.cursor).map_err(|bad| Refusal::BadRequest(vec![bad]))?;
    let watcher = timeout(Contact::PATIENCE, front.watch(run, cursor.place)).await;
    // A client that is told so asks another coordinator; one that waits here would wait on.
    let silent = StoreError::Unavailable { action: "watch a run" };
    let watcher = watcher.map_err(|_| Refusal::Store(silent))??;
    let (store, catalogue) = (front.parts.store.clone(), front.parts.catalogue.clone());
    let ready = VecDeque::new();
    let mut watch = Watch { run, store, catalogue, watcher, ready, has_ended: false };
    if cursor.has_ended {
        watch.resume_ended(cursor).await?;
    }
    let span = tracing::Span::current();
    Ok(Box::pin(stream::try_unfold(watch, move |watch| next(watch).instrument(span.clone()))))
}

/// The next item, if there is one more.
async fn next(mut watch: Watch) -> Result<Option<(v1::WatchRunResponse, Watch)>, Status> {
    let item = watch.next().await.map_err(Refusal::told)?;
    Ok(item.map(|item| (item, watch)))
}

impl Watch {
    async fn next(&mut self) -> Result<Option<v1::WatchRunResponse>, Refusal> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            if self.has_ended {
                return Ok(None);
            }
            match self.watcher.next().await? {
                News::Events(batch) => self.take(&batch),
                News::Attempt(notice) => return Ok(Some(attempt_started(&notice))),
                News::Text(text) => return Ok(Some(answer_text(text))),
                News::Diverged => self.reset().await?,
            }
        }
    }

    /// A run ends with its last event, although refused commands may follow it in the history.
    fn take(&mut self, batch: &Batch) {
        for recorded in batch.events() {
            self.has_ended = recorded.event.ends_run();
            let mut place = batch.end();
            place.seq = recorded.seq;
            let cursor = Cursor { place, has_ended: self.has_ended };
            let item = Item::Event(event::to_wire(self.run, recorded));
            self.ready.push_back(response(item, Some(cursor)));
            if self.has_ended {
                return;
            }
        }
    }

    /// The place that the client has is not in the history: it gets a fresh start.
    async fn reset(&mut self) -> Result<(), Refusal> {
        let folded = Folded::load(self.store.as_ref(), self.run).await?;
        let cursor = folded.cursor();
        let served = self.catalogue.served();
        let run = Some(folded.snapshot(self.store.as_ref(), &served).await?);
        tracing::info!("a watcher's place is gone, it begins anew");
        self.watcher.jump(cursor.place);
        self.has_ended = cursor.has_ended;
        self.ready.push_back(response(Item::Reset(v1::Reset { run }), Some(cursor)));
        Ok(())
    }

    /// The client saw the end before. Nothing follows, unless the end itself is gone.
    async fn resume_ended(&mut self, cursor: Cursor) -> Result<(), Refusal> {
        let history = self.store.load(self.run, cursor.place.seq).await?;
        let holds = history.is_some_and(|history| history.anchor == cursor.place.commit);
        self.has_ended = holds;
        if holds { Ok(()) } else { self.reset().await }
    }
}

fn response(item: Item, cursor: Option<Cursor>) -> v1::WatchRunResponse {
    let cursor = cursor.map(Cursor::to_text).unwrap_or_default();
    v1::WatchRunResponse { item: Some(item), cursor }
}

fn attempt_started(notice: &AttemptStarted) -> v1::WatchRunResponse {
    let started = v1::AttemptStarted {
        step_id: notice.step.get(),
        step_number: notice.number.get(),
        attempt: notice.attempt.get(),
        worker: notice.worker.to_string(),
        at: Some(time::point_to_wire(notice.at)),
    };
    let kind = Some(v1::notice::Kind::AttemptStarted(started));
    response(Item::Notice(v1::Notice { kind }), None)
}

fn answer_text(text: AnswerText) -> v1::WatchRunResponse {
    let AnswerText { attempt, offset, text } = text;
    response(Item::AnswerText(v1::AnswerText { attempt: attempt.get(), offset, text }), None)
}
