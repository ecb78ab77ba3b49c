//! What is asked of histories.

use std::sync::Arc;

use async_trait::async_trait;
use redis::{Cmd, FromRedisValue, Value, from_redis_value};
use serde_json::Value as Json;
use sortie_engine::{
    Command, CommitId, Event, Recorded, ResultBody, RunId, Seq, StepId, Timestamp,
};
use sortie_proto::json;

use crate::error::StoreError;
use crate::log::{
    Commit, CommitReply, History, ListPage, ListQuery, PageToken, RunLog, RunSummary, Submission,
    SubmitRefusal, Submitted,
};
use crate::notices::Signal;
use crate::redis::fault::Fault;
use crate::redis::fitness::MEMORY_FOR_GOALS_PERCENT;
use crate::redis::names::EntryName;
use crate::redis::{COMMIT_PATIENCE, Core, Health, Redis, broken};
use crate::wire;

/// Runs of a list that are looked at in one call.
const LOOKS: usize = 256;
/// Forgotten runs for each one that ends: so a number that was made smaller is reached as well.
const FORGET_AT_ONCE: usize = 4;

/// A record of the log: the place of its last event in front, so that the functions find their way
/// without knowing what events are.
fn record(run: RunId, id: CommitId, parent: Option<CommitId>, events: &[Recorded]) -> Vec<u8> {
    let last = events.last().map_or(0, |recorded| recorded.seq.get());
    let mut bytes = format!("{last:016x}").into_bytes();
    bytes.extend(wire::record::encode(run, id, parent, events));
    bytes
}

fn read_record(run: RunId, bytes: &[u8]) -> Result<(CommitId, Arc<[Recorded]>), String> {
    let bytes = bytes.get(16..).ok_or("a record without its place")?;
    wire::record::decode(run, bytes).map_err(|error| error.to_string())
}

impl Core {
    fn submission(&self, goal: Submission, at: Timestamp) -> Cmd {
        let Submission { run, commit, goal, idempotency } = goal;
        let summary = RunSummary::submitted(run, &goal, at);
        let first = Recorded { seq: Seq::FIRST, at, event: Event::RunSubmitted { goal } };
        let (key, hash) = idempotency.unwrap_or_default();
        let mut call = self.function("submit");
        call.arg(run.to_string()).arg(commit.to_string()).arg(at.as_millis());
        call.arg(summary.state.as_str()).arg(wire::summary::encode(&summary));
        call.arg(record(run, commit, None, &[first]));
        call.arg(wire::command::encode(&Command::TimerDue));
        call.arg(key).arg(format!("{hash:032x}"));
        call.arg(self.options.max_open_runs).arg(self.options.max_queue_depth);
        call
    }

    fn submitted(&self, key: Option<String>, answer: &Value) -> Result<Reply, StoreError> {
        let bad = |problem: String| broken("submit", problem);
        let (word, about): (String, String) =
            FromRedisValue::from_redis_value_ref(answer).map_err(|e| bad(e.to_string()))?;
        let run = || about.parse::<RunId>().map_err(|error| bad(error.to_string()));
        let count = || about.parse::<usize>().map_err(|error| bad(error.to_string()));
        Ok(match word.as_str() {
            "ok" => Ok(Submitted { run: run()?, already: false }),
            "already" => Ok(Submitted { run: run()?, already: true }),
            "taken" => Err(SubmitRefusal::KeyTaken { key: key.unwrap_or_default(), run: run()? }),
            "full" => Err(SubmitRefusal::Full { open: count()?, most: self.options.max_open_runs }),
            "deep" => Err(SubmitRefusal::QueueFull {
                waiting: count()?,
                most: self.options.max_queue_depth,
            }),
            other => return Err(bad(format!("`{other}`"))),
        })
    }

    fn commit(&self, commit: &Commit) -> Cmd {
        let mut call = self.function("commit");
        let run = commit.run;
        call.arg(run.to_string()).arg(commit.id.to_string()).arg(commit.parent.to_string());
        call.arg(commit.consumed.len());
        for id in &commit.consumed {
            call.arg(EntryName::of_inbox(*id).to_string());
        }
        match commit.events.last() {
            Some(last) => {
                call.arg(last.seq.get());
                call.arg(record(run, commit.id, Some(commit.parent), &commit.events))
            }
            None => call.arg("").arg(""),
        };
        let state = commit.summary.state;
        call.arg(state.as_str()).arg(wire::summary::encode(&commit.summary));
        match commit.timer {
            Some(at) => call.arg(at.as_millis()),
            None => call.arg(""),
        };
        call.arg(u8::from(commit.model_call)).arg(u8::from(state.is_terminal()));
        match commit.events.last() {
            Some(last) => call.arg(wire::signal::encode(&Signal::Committed { run, seq: last.seq })),
            None => call.arg(""),
        };
        add_results(&mut call, commit);
        call.arg(commit.withdrawn.len());
        for step in &commit.withdrawn {
            call.arg(step.get());
        }
        call.arg(commit.ready.len());
        for entry in &commit.ready {
            call.arg(entry.step.get()).arg(entry.attempt.get());
            call.arg(entry.terms.queue.as_str()).arg(wire::entry::encode(entry));
        }
        call
    }

    /// Forgets old runs, where some have just ended.
    fn collection(&self, ended: usize) -> Cmd {
        let mut call = self.function("collect");
        call.arg(self.options.keep_runs);
        match self.options.keep_for {
            Some(age) => {
                let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
                call.arg(self.pulse.now().as_millis().saturating_sub(age))
            }
            None => call.arg(""),
        };
        call.arg(ended * FORGET_AT_ONCE);
        call
    }

    /// A page of the list of all runs, unfiltered: each with its summary, and where to go on.
    async fn page(
        &self,
        after: Option<PageToken>,
    ) -> Result<(Vec<RunSummary>, Option<PageToken>), StoreError> {
        let mut call = self.function("list");
        match after {
            Some(place) => {
                call.arg(place.submitted_at.as_millis()).arg(place.run.to_string());
            }
            None => {
                call.arg("+inf").arg("");
            }
        }
        call.arg(LOOKS);
        let found: Vec<(String, u64, Option<Vec<u8>>)> = self.ask("list", &call).await?;
        let last = found.last().filter(|_| found.len() == LOOKS).and_then(|(run, at, _)| {
            let run = run.parse().ok()?;
            Some(PageToken { submitted_at: Timestamp::from_millis(*at), run })
        });
        // A summary of a newer version is not shown; the run is there all the same.
        let read = |(run, _, summary): (String, u64, Option<Vec<u8>>)| {
            let read = wire::summary::decode(&summary?);
            read.inspect_err(|error| tracing::warn!(run, %error, "a run cannot be listed")).ok()
        };
        Ok((found.into_iter().filter_map(read).collect(), last))
    }
}

fn add_results(call: &mut Cmd, commit: &Commit) {
    let kept: Vec<_> = (commit.results.iter())
        .filter(|(_, result)| !matches!(result.body, ResultBody::Recorded))
        .collect();
    call.arg(kept.len());
    for (step, result) in kept {
        call.arg(step.get());
        match &result.body {
            ResultBody::Inline(value) => call.arg("=").arg(json::to_wire(value)),
            ResultBody::Stored(id) => call.arg("@").arg(id.to_string()),
            ResultBody::Recorded => call.arg("").arg(""),
        };
    }
}

type Reply = Result<Submitted, SubmitRefusal>;

/// What became of a commit. An error inside the function concerns this run alone: it is read again
/// and decided again, while the other runs of the batch go on.
fn committed(commit: &Commit, answer: Value) -> Result<CommitReply, StoreError> {
    let error = match answer {
        Value::ServerError(error) => error.into(),
        answer => match from_redis_value::<String>(answer) {
            Ok(word) => {
                return match word.as_str() {
                    "ok" => Ok(CommitReply::Ok),
                    "already" => Ok(CommitReply::Already),
                    "conflict" => Ok(CommitReply::Conflict),
                    "none" => Ok(CommitReply::NoRun),
                    other => Err(broken("commit", format!("`{other}`"))),
                };
            }
            Err(error) => return Err(broken("commit", error)),
        },
    };
    match Fault::of(&error) {
        Fault::Broken(problem) => {
            tracing::error!(run = %commit.run, problem, "a commit failed inside Redis");
            Ok(CommitReply::Conflict)
        }
        fault => Err(fault.into_error("commit")),
    }
}

#[async_trait]
impl RunLog for Redis {
    async fn submit(
        &self,
        batch: Vec<Submission>,
    ) -> Result<Vec<Result<Submitted, SubmitRefusal>>, StoreError> {
        if let Some(run) =
            batch.iter().map(|goal| goal.run).find(|run| run.lane().0 >= self.0.lanes)
        {
            return Err(broken("submit", format!("that run {run} names a lane that is not there")));
        }
        // What was accepted goes on; but who promises nothing for a goal must not accept it.
        if let Health::Unfit { problem } = &*self.0.health.borrow() {
            return Err(StoreError::Unfit { action: "submit", problem: problem.clone() });
        }
        let used_percent = self.0.pulse.used_percent().unwrap_or(0);
        if used_percent > MEMORY_FOR_GOALS_PERCENT {
            let most_percent = MEMORY_FOR_GOALS_PERCENT;
            let full = || Err(SubmitRefusal::MemoryFull { used_percent, most_percent });
            return Ok(batch.iter().map(|_| full()).collect());
        }
        let at = self.0.pulse.now();
        let key = |goal: &Submission| goal.idempotency.as_ref().map(|(key, _)| key.clone());
        let keys: Vec<_> = batch.iter().map(key).collect();
        let mut calls = redis::pipe();
        for goal in batch {
            calls.add_command(self.0.submission(goal, at));
        }
        let answers = self.0.ask_all("submit", &calls, COMMIT_PATIENCE).await?;
        let reply = |(key, answer): (Option<String>, Value)| match answer {
            Value::ServerError(error) => match Fault::of(&error.into()) {
                Fault::Unfit(problem) if problem.contains("no memory left") => {
                    let (used_percent, most_percent) = (100, MEMORY_FOR_GOALS_PERCENT);
                    Ok(Err(SubmitRefusal::MemoryFull { used_percent, most_percent }))
                }
                fault => Err(fault.into_error("submit")),
            },
            answer => self.0.submitted(key, &answer),
        };
        keys.into_iter().zip(answers).map(reply).collect()
    }

    async fn commit(&self, batch: Vec<Arc<Commit>>) -> Result<Vec<CommitReply>, StoreError> {
        let mut calls = redis::pipe();
        for commit in &batch {
            calls.add_command(self.0.commit(commit));
        }
        let ended = batch.iter().filter(|commit| commit.summary.state.is_terminal()).count();
        if ended > 0 {
            calls.add_command(self.0.collection(ended));
        }
        let answers = self.0.ask_all("commit", &calls, COMMIT_PATIENCE).await?;
        batch.iter().zip(answers).map(|(commit, answer)| committed(commit, answer)).collect()
    }

    async fn load(&self, run: RunId, after: Seq) -> Result<Option<History>, StoreError> {
        let mut call = self.0.function("load");
        call.arg(run.to_string()).arg(format!("{:016x}", after.get()));
        let found: Option<(String, Vec<Vec<u8>>)> = self.0.ask("load", &call).await?;
        let Some((head, records)) = found else { return Ok(None) };
        let head = head.parse().map_err(|error| broken("load", error))?;
        let mut history = History { head, commits: Vec::new(), anchor: None };
        for record in records {
            let record = read_record(run, &record);
            let (id, events) = record.map_err(|error| broken("load", error))?;
            history.push(id, events, after);
        }
        Ok(Some(history))
    }

    async fn last_seqs(&self, runs: &[RunId]) -> Result<Vec<Option<Seq>>, StoreError> {
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = self.0.function("last_seqs");
        for run in runs {
            call.arg(run.to_string());
        }
        let seqs: Vec<Option<u64>> = self.0.ask("look for last events", &call).await?;
        Ok(seqs.into_iter().map(|seq| seq.map(Seq::new)).collect())
    }

    async fn results(
        &self,
        run: RunId,
        steps: &[StepId],
    ) -> Result<Vec<Option<Arc<Json>>>, StoreError> {
        let action = "read results";
        let mut call = self.0.function("results");
        call.arg(run.to_string());
        for step in steps {
            call.arg(step.get());
        }
        let values: Vec<Option<String>> = self.0.ask(action, &call).await?;
        let read = |text: String| json::from_wire("result", &text).map(Arc::new);
        let read = |value: Option<String>| value.map(read).transpose();
        values.into_iter().map(read).collect::<Result<_, _>>().map_err(|e| broken(action, e))
    }

    async fn list(&self, query: ListQuery) -> Result<ListPage, StoreError> {
        let mut found = Vec::new();
        let mut after = query.after;
        // One more than asked for tells whether there is a next page.
        while found.len() <= query.limit {
            let (runs, next) = self.0.page(after).await?;
            found.extend(runs.into_iter().filter(|summary| query.fits(summary)));
            let Some(place) = next else { break };
            after = Some(place);
        }
        Ok(ListPage::cut(found, query.limit))
    }
}
