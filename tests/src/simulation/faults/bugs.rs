//! Stores that break their promises, each in one way: with one of these the judge must find
//! something, or it would not find it in the product either.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sortie_engine::{Command, Recorded, ResultBody, RunId, Seq};
use sortie_store::{
    Commit, CommitReply, Completed, Completion, Lanes as _, ReadyQueue as _, RunLog as _,
    StoreError,
};

use super::FaultyStore;

/// What a store does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A commit goes through whatever it was decided on.
    ParentUnchecked,
    /// Some commits are acknowledged and forgotten.
    AcknowledgedOnly,
    /// Nothing is taken back from the workers.
    NeverWithdrawn,
    /// The attempts of some commits reach no worker.
    ReadyLost,
    /// Some timers are set an hour late.
    TimerLate,
    /// Some commits are refused, and what they would have dealt with is deleted all the same.
    ConsumedThoughRefused,
    /// A result is not the one that was reported.
    ResultAltered,
    /// The results of some commits are not kept.
    ResultLost,
    /// A report is heard although its attempt is gone.
    TokenUnchecked,
}

/// In a thousand commits.
const SOME: u64 = 30;

impl FaultyStore {
    /// Commits, as well as the bug allows.
    pub(super) async fn commit_with_bug(
        &self,
        mut batch: Vec<Arc<Commit>>,
    ) -> Result<Vec<CommitReply>, StoreError> {
        match self.faults.bug {
            None => return self.execute(batch).await,
            Some(Bug::AcknowledgedOnly) if self.draw(1000) < SOME => {
                return Ok(vec![CommitReply::Ok; batch.len()]);
            }
            Some(Bug::ConsumedThoughRefused) if self.draw(1000) < SOME => {
                return self.refuse(batch).await;
            }
            Some(bug) => {
                for commit in &mut batch {
                    let mut spoiled = Commit::clone(commit);
                    self.spoil(bug, &mut spoiled).await?;
                    *commit = Arc::new(spoiled);
                }
            }
        }
        self.execute(batch).await
    }

    async fn spoil(&self, bug: Bug, commit: &mut Commit) -> Result<(), StoreError> {
        match bug {
            Bug::ParentUnchecked => {
                if let Some(history) = self.store.load(commit.run, Seq::ZERO).await?
                    && history.head != commit.id
                {
                    // Events follow those that are there: a store that numbers them itself.
                    let told: usize = history.commits.iter().map(|(_, told)| told.len()).sum();
                    let numbered = commit.events.iter().zip(told as u64 + 1..);
                    commit.events = numbered
                        .map(|(event, seq)| Recorded { seq: Seq::new(seq), ..event.clone() })
                        .collect();
                    commit.parent = history.head;
                }
            }
            Bug::NeverWithdrawn => commit.withdrawn.clear(),
            Bug::ReadyLost if self.draw(1000) < SOME => commit.ready.clear(),
            Bug::TimerLate if self.draw(1000) < SOME => {
                commit.timer = commit.timer.map(|at| at + Duration::from_secs(3600));
            }
            Bug::ResultLost if self.draw(1000) < SOME => commit.results.clear(),
            Bug::ResultAltered => {
                for (_, result) in &mut commit.results {
                    if let ResultBody::Inline(value) = &mut result.body {
                        *value = Arc::new(json!({ "text": "something else" }));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn refuse(&self, batch: Vec<Arc<Commit>>) -> Result<Vec<CommitReply>, StoreError> {
        let replies = vec![CommitReply::Conflict; batch.len()];
        // A commit for a run that does not exist changes nothing and deletes what it consumed.
        let nowhere = batch.iter().map(|commit| {
            let run = RunId::new(0, commit.run.lane(), u128::MAX >> 64);
            Arc::new(Commit { run, ..Commit::clone(commit) })
        });
        self.store.commit(nowhere.collect()).await?;
        Ok(replies)
    }

    /// Takes reports, as well as the bug allows.
    pub(super) async fn complete_with_bug(
        &self,
        batch: Vec<Completion>,
    ) -> Result<Vec<Completed>, StoreError> {
        let mut replies = self.store.complete(batch.clone()).await?;
        if self.faults.bug == Some(Bug::TokenUnchecked) {
            for (completion, reply) in batch.into_iter().zip(&mut replies) {
                if *reply == Completed::Gone {
                    let command = Command::AttemptEnded(completion.report);
                    self.store.send(vec![(completion.run, command)]).await?;
                    *reply = Completed::Ok;
                }
            }
        }
        Ok(replies)
    }
}
