//! What is asked of histories.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use sortie_engine::{RunId, Seq, StepId};
use tokio::time::Instant;

use crate::embedded::Embedded;
use crate::embedded::runs::Record;
use crate::error::StoreError;
use crate::log::{
    Commit, CommitReply, History, ListPage, ListQuery, RunLog, Submission, SubmitRefusal, Submitted,
};

/// Runs that a list looks at before it lets others at the lock.
const LOOKS: usize = 256;

impl Embedded {
    fn knows_the_lanes_of(&self, batch: &[Submission]) -> Result<(), StoreError> {
        match batch.iter().map(|submission| submission.run).find(|run| run.lane().0 >= self.lanes) {
            None => Ok(()),
            Some(run) => Err(StoreError::Broken {
                action: "submit",
                problem: format!("that run {run} names a lane that is not there"),
            }),
        }
    }
}

#[async_trait]
impl RunLog for Embedded {
    async fn submit(
        &self,
        batch: Vec<Submission>,
    ) -> Result<Vec<Result<Submitted, SubmitRefusal>>, StoreError> {
        self.knows_the_lanes_of(&batch)?;
        let now = self.clock.now();
        let records: Vec<_> = batch.into_iter().map(|goal| Record::begin(goal, now)).collect();
        self.change("submit", |state, after| {
            records.into_iter().map(|record| state.submit(record, after)).collect()
        })
    }

    async fn commit(&self, batch: Vec<Arc<Commit>>) -> Result<Vec<CommitReply>, StoreError> {
        let now = Instant::now();
        let replies = self.change("commit", |state, after| {
            batch.iter().map(|commit| state.commit(commit, now, after)).collect::<Vec<_>>()
        })?;
        self.signals.committed(batch.iter().map(AsRef::as_ref).zip(&replies));
        Ok(replies)
    }

    async fn load(&self, run: RunId, after: Seq) -> Result<Option<History>, StoreError> {
        self.look("load", |state| state.runs.get(run).map(|record| record.history(after)))
    }

    async fn last_seqs(&self, runs: &[RunId]) -> Result<Vec<Option<Seq>>, StoreError> {
        self.look("look for last events", |state| {
            runs.iter().map(|run| state.runs.get(*run).map(Record::last_seq)).collect()
        })
    }

    async fn results(
        &self,
        run: RunId,
        steps: &[StepId],
    ) -> Result<Vec<Option<Arc<Value>>>, StoreError> {
        self.look("read results", |state| {
            let record = state.runs.get(run);
            steps.iter().map(|step| record?.results.get(step).cloned()).collect()
        })
    }

    async fn list(&self, query: ListQuery) -> Result<ListPage, StoreError> {
        let mut found = Vec::new();
        let mut after = query.after;
        // One more than asked for tells whether there is a next page.
        while found.len() <= query.limit {
            let go_on =
                self.look("list", |state| state.runs.list(&query, after, LOOKS, &mut found))?;
            let Some(place) = go_on else { break };
            after = Some(place);
        }
        Ok(ListPage::cut(found, query.limit))
    }
}
