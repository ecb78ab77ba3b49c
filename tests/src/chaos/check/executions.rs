//! Tools ran as often as they may, and what is recorded was done.

use std::collections::BTreeMap;

use sortie_engine::{AttemptNumber, Effect, Event, RunId, StepId};

use super::{Court, Rule};
use crate::chaos::evidence::{Evidence, Told};
use crate::chaos::ledger::{Entry, Fact};
use crate::chaos::tools::Kind;

/// Beyond a lease, what a busy machine needs to notice something.
const NOTICE_MS: u64 = 2_000;

/// One try at one step.
pub(super) type Try = (RunId, StepId, AttemptNumber);

/// One execution of a tool.
#[derive(Debug, Clone)]
pub(super) struct Execution<'e> {
    pub(super) began: &'e Entry,
    /// Nothing if its process was killed before it came to an end.
    pub(super) end: Option<&'e Entry>,
}

/// The ledger, by what was tried.
#[derive(Debug, Default)]
pub(super) struct Book<'e> {
    pub(super) tries: BTreeMap<Try, Vec<Execution<'e>>>,
    /// The process behind a worker's name, learned from what only one process can have done.
    workers: BTreeMap<String, u32>,
}

impl<'e> Book<'e> {
    pub(super) fn of(evidence: &'e Evidence) -> Self {
        let mut ends = BTreeMap::new();
        for entry in &evidence.ledger {
            if entry.fact != Fact::Began {
                ends.insert((entry.pid, entry.execution), entry);
            }
        }
        let mut book = Self::default();
        for began in evidence.ledger.iter().filter(|entry| entry.fact == Fact::Began) {
            let end = ends.get(&(began.pid, began.execution)).copied();
            let tried = (began.run(), began.step(), began.attempt());
            book.tries.entry(tried).or_default().push(Execution { began, end });
        }
        for told in &evidence.goals {
            book.learn(told);
        }
        book
    }

    fn learn(&mut self, told: &Told) {
        let (Some(run), Some(end)) = (told.acknowledged.first(), &told.end) else { return };
        for recorded in &end.history {
            if let Event::StepSucceeded { step, attempt, worker, .. } = &recorded.event
                && let [only] = self.of_try(*run, *step, *attempt)
            {
                let pid = only.began.pid;
                self.workers.entry(worker.as_str().to_owned()).or_insert(pid);
            }
        }
    }

    pub(super) fn of_try(
        &self,
        run: RunId,
        step: StepId,
        attempt: AttemptNumber,
    ) -> &[Execution<'e>] {
        self.tries.get(&(run, step, attempt)).map_or(&[], Vec::as_slice)
    }

    /// The executions that this worker can have reported.
    pub(super) fn by_worker(&self, tried: Try, worker: &str) -> Vec<&Execution<'e>> {
        let (run, step, attempt) = tried;
        let pid = self.workers.get(worker);
        let its = |execution: &&Execution<'_>| pid.is_none_or(|pid| execution.began.pid == *pid);
        self.of_try(run, step, attempt).iter().filter(its).collect()
    }
}

/// What a history tells was done, and what was done was told before.
pub(super) fn hold(told: &Told, book: &Book<'_>, court: &mut Court) {
    let (Some(run), Some(end)) = (told.acknowledged.first().copied(), &told.end) else { return };
    let mut out: BTreeMap<StepId, Vec<AttemptNumber>> = BTreeMap::new();
    for recorded in &end.history {
        match &recorded.event {
            Event::StepQueued { step, attempt } => out.entry(*step).or_default().push(*attempt),
            Event::StepSucceeded { step, attempt, worker, .. } => {
                let done = book.by_worker((run, *step, *attempt), worker.as_str());
                let ended = |done: &&&Execution<'_>| {
                    matches!(done.end.map(|end| &end.fact), Some(Fact::Ended { .. }))
                };
                if done.iter().filter(ended).count() == 0 {
                    let found =
                        format!("attempt {attempt} at step {step} by {worker}: nobody ended it");
                    court.accuse(Rule::RecordedWasDone, run, found);
                }
            }
            Event::StepRetrying { step, attempt, failure, .. } => {
                failed(book, (run, *step, *attempt), &failure.message, court);
            }
            Event::StepFailed { step, failure, .. } => {
                let last = out.get(step).and_then(|attempts| attempts.last());
                if let Some(last) = last {
                    failed(book, (run, *step, *last), &failure.message, court);
                }
            }
            _ => {}
        }
    }
    let first = (run, StepId::new(0), AttemptNumber::new(0));
    for ((of, step, attempt), done) in book.tries.range(first..) {
        if *of != run {
            break;
        }
        if !out.get(step).is_some_and(|attempts| attempts.contains(attempt)) {
            let pids: Vec<_> = done.iter().map(|one| one.began.pid).collect();
            let found = format!("attempt {attempt} at step {step} ran in {pids:?}, told by nobody");
            court.accuse(Rule::NoGhostRuns, run, found);
        }
    }
}

/// A failure that is a tool's own word was said by the tool, in this attempt.
fn failed(book: &Book<'_>, tried: Try, message: &str, court: &mut Court) {
    let (run, step, attempt) = tried;
    let said =
        |done: &Execution<'_>| matches!(done.end.map(|end| &end.fact), Some(Fact::Failed { .. }));
    if message.contains(crate::chaos::tools::TOLD)
        && !book.of_try(run, step, attempt).iter().any(said)
    {
        let found = format!("attempt {attempt} at step {step} is told as failed, and did not fail");
        court.accuse(Rule::RecordedWasDone, run, found);
    }
}

/// What holds of tools whatever histories say.
pub(super) fn hold_all(evidence: &Evidence, book: &Book<'_>, court: &mut Court) {
    for (tried, executions) in &book.tries {
        for pair in executions.windows(2) {
            again(evidence, *tried, &pair[0], &pair[1], court);
        }
    }
    for moved in evidence.handovers.iter().filter(|moved| moved.to.1 <= moved.from.1) {
        let (from, to) = (&moved.from, &moved.to);
        let found = format!("entry {} went from {from:?} to {to:?}", moved.entry);
        court.accuse(Rule::HandedOnIsCounted, None, found);
    }
    let mut begun: BTreeMap<(RunId, StepId), u32> = BTreeMap::new();
    let mut deeds = BTreeMap::new();
    for entry in evidence.ledger.iter().filter(|entry| entry.fact == Fact::Began) {
        let effect = Kind::of(&entry.tool).map(Kind::effect);
        let (run, step) = (entry.run(), entry.step());
        if effect == Some(Effect::Once) {
            let count = begun.entry((run, step)).or_default();
            *count += 1;
            if *count > 1 {
                let found = format!("the once tool of step {step} began {count} times");
                court.accuse(Rule::OnceIsOnce, run, found);
            }
        }
        if effect.is_some_and(|effect| !effect.may_start_early()) {
            let first = *deeds.entry((run, &entry.tool, &entry.say)).or_insert(step);
            if first != step {
                let found = format!("step {step} does again what step {first} did");
                court.accuse(Rule::NoDeedTwice, run, found);
            }
        }
    }
}

/// An attempt ran twice: something must have hit one of the workers or its lease, and a first one
/// that was hit must have stopped when it could know.
fn again(
    evidence: &Evidence,
    tried: Try,
    first: &Execution<'_>,
    second: &Execution<'_>,
    court: &mut Court,
) {
    let (run, step, attempt) = tried;
    let (pid, begun, taken) = (first.began.pid, first.began.at_ms, second.began.at_ms);
    let slack = evidence.lease_ms + NOTICE_MS;
    let from = begun.saturating_sub(slack);
    // Who was away between the claim and the beginning begins after whoever took over.
    let other = second.began.pid;
    let is_hit = |pid| evidence.faults.iter().any(|fault| fault.touches(pid, from, taken));
    if !is_hit(pid) && !is_hit(other) {
        let found = format!(
            "attempt {attempt} at step {step} ran in {pid} at {begun} and in {other} at {taken}, \
             and nothing had hit either"
        );
        court.accuse(Rule::OneExecution, run, found);
    }
    if is_hit(other) && !is_hit(pid) {
        // The late one has to stop, not the one that took over.
        return;
    }
    let Some(end) = first.end else { return };
    // It can know once it is awake and hears of the store again.
    let later = evidence.faults.iter().filter(|f| f.touches(pid, begun, end.at_ms));
    let awake = later.map(|fault| fault.until_ms.min(end.at_ms)).max().unwrap_or(taken);
    let known = awake.max(taken) + evidence.lease_ms / 2 + NOTICE_MS;
    if end.at_ms > known {
        let late = end.at_ms - known;
        let found = format!(
            "attempt {attempt} at step {step} went to another worker, and {pid} went on {late} ms \
             longer than it may"
        );
        court.accuse(Rule::LostMeansStopped, run, found);
    }
}
