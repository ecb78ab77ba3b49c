//! Everything that changes together: one commit touches its run, the queues and an inbox, so one
//! lock stands around them all.
//!
//! The methods are the changes; each takes one item. What a change leaves over is handed out, to be
//! dropped after the lock is released; so are the bells that it wants rung.

use std::sync::Arc;

use serde_json::Value;
use sortie_engine::{Command, Lane, Outcome, ResultBody, RunId};
use tokio::time::Instant;

use crate::embedded::EmbeddedOptions;
use crate::embedded::attempts::{Attempts, Withdrawn};
use crate::embedded::bells::Rings;
use crate::embedded::inbox::{Inboxes, Mail};
use crate::embedded::runs::{Record, Runs};
use crate::embedded::values::Values;
use crate::lanes::InboxId;
use crate::log::{Commit, CommitReply, SubmitRefusal, Submitted};
use crate::queue::{Completed, Completion, ReadyEntry, Token};

/// What changes together.
pub(super) struct State {
    pub(super) runs: Runs,
    pub(super) attempts: Attempts,
    pub(super) inboxes: Inboxes,
    pub(super) values: Values,
}

/// What a change wants done once the lock is released.
#[derive(Default)]
pub(super) struct Aftermath {
    pub(super) rings: Rings,
    mail: Vec<Mail>,
    entries: Vec<Arc<ReadyEntry>>,
    /// Attempts that were withdrawn while a worker had them.
    recalled: Vec<Token>,
    values: Vec<Arc<Value>>,
    records: Vec<Record>,
}

impl Aftermath {
    /// Rings the bells and drops the rest, but for the attempts whose workers must hear of it.
    pub(super) fn settle(self) -> Vec<Token> {
        self.rings.ring();
        self.recalled
    }

    fn withdrew(&mut self, withdrawn: Withdrawn) {
        self.entries.push(withdrawn.entry);
        self.recalled.extend(withdrawn.held);
    }
}

impl State {
    pub(super) fn new(options: EmbeddedOptions) -> Self {
        Self {
            runs: Runs::new(options),
            attempts: Attempts::default(),
            inboxes: Inboxes::new(options.lanes),
            values: Values::default(),
        }
    }

    /// Accepts a goal and tells its lane's owner.
    pub(super) fn submit(
        &mut self,
        (record, hash): (Box<Record>, u128),
        after: &mut Aftermath,
    ) -> Result<Submitted, SubmitRefusal> {
        let run = record.run();
        let (reply, new) = self.runs.submit(record, hash);
        if new {
            self.inboxes.send(run, Command::TimerDue, &mut after.rings);
        }
        reply
    }

    /// The one way to change a run.
    pub(super) fn commit(
        &mut self,
        commit: &Commit,
        now: Instant,
        after: &mut Aftermath,
    ) -> CommitReply {
        let Some(record) = self.runs.get_mut(commit.run) else {
            self.consume(commit.run, &commit.consumed, after);
            return CommitReply::NoRun;
        };
        if record.head == commit.id {
            return CommitReply::Already;
        }
        if record.head != commit.parent {
            return CommitReply::Conflict;
        }
        record.append(commit);
        keep_results(record, &mut self.values, commit);
        hand_out(record, &mut self.attempts, commit, after);
        self.consume(commit.run, &commit.consumed, after);
        if commit.summary.state.is_terminal() {
            self.runs.end(commit.run, now);
            self.forget(now, after);
        }
        CommitReply::Ok
    }

    /// Deletes the items of the inbox that a run has dealt with, and the values that only they held.
    fn consume(&mut self, run: RunId, items: &[InboxId], after: &mut Aftermath) {
        let Some(inbox) = self.inboxes.get_mut(run.lane()) else { return };
        for mail in items.iter().filter_map(|id| inbox.remove(*id)) {
            after.values.extend(unkept(&mut self.values, &mail));
            after.mail.push(mail);
        }
    }

    /// Deletes an item whose run does not exist.
    pub(super) fn discard(&mut self, lane: Lane, id: InboxId, after: &mut Aftermath) {
        let run = self.inboxes.get(lane).and_then(|inbox| inbox.run_of(id));
        if let Some(run) = run.filter(|run| self.runs.get(*run).is_none()) {
            self.consume(run, &[id], after);
        }
    }

    /// Forgets runs that ended long ago, with all that belongs to them.
    fn forget(&mut self, now: Instant, after: &mut Aftermath) {
        while let Some(record) = self.runs.forget_one(now) {
            for (&step, &place) in &record.places {
                if let Some(withdrawn) = self.attempts.withdraw(place, record.run(), step) {
                    after.withdrew(withdrawn);
                }
            }
            after.records.push(*record);
        }
    }

    /// Takes the report on an attempt, if the attempt is still there.
    pub(super) fn complete(&mut self, completion: Completion, after: &mut Aftermath) -> Completed {
        let Completion { run, token, report } = completion;
        let Some(entry) = self.attempts.complete(run, token) else { return Completed::Gone };
        after.entries.push(entry);
        if let Outcome::Succeeded(result) = &report.outcome
            && let ResultBody::Stored(id) = result.body
        {
            self.values.report(id);
        }
        self.inboxes.send(run, Command::AttemptEnded(report), &mut after.rings);
        Completed::Ok
    }
}

fn keep_results(record: &mut Record, values: &mut Values, commit: &Commit) {
    for (step, result) in &commit.results {
        let value = match &result.body {
            ResultBody::Inline(value) => Some(value.clone()),
            ResultBody::Stored(id) => values.take(commit.run, *id),
            ResultBody::Recorded => None,
        };
        if let Some(value) = value {
            record.results.insert(*step, value);
        }
    }
}

/// Withdraws, then pushes: a commit that does both to a step leaves it the new attempt. A step has
/// one attempt at most.
fn hand_out(record: &mut Record, attempts: &mut Attempts, commit: &Commit, after: &mut Aftermath) {
    let queued_anew = commit.ready.iter().map(|entry| &entry.step);
    for step in commit.withdrawn.iter().chain(queued_anew) {
        let place = record.places.remove(step);
        let withdrawn = place.and_then(|place| attempts.withdraw(place, commit.run, *step));
        if let Some(withdrawn) = withdrawn {
            after.withdrew(withdrawn);
        }
    }
    for entry in &commit.ready {
        let place = attempts.push(entry.clone(), &mut after.rings);
        record.places.insert(entry.step, place);
    }
}

/// The value of a report that no commit has kept.
fn unkept(values: &mut Values, (run, command): &Mail) -> Option<Arc<Value>> {
    match command {
        Command::AttemptEnded(report) => match &report.outcome {
            Outcome::Succeeded(result) => match result.body {
                ResultBody::Stored(id) => values.take(*run, id),
                ResultBody::Inline(_) | ResultBody::Recorded => None,
            },
            Outcome::Failed(_) => None,
        },
        _ => None,
    }
}
