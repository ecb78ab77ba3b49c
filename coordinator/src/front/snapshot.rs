//! A run as its history tells it now.

use std::collections::BTreeSet;

use sortie_engine::{QueueName, Recorded, Run, RunId, Seq, Step, StepId, StepState};
use sortie_proto::v1;
use sortie_store::{History, Store};

use super::cursor::Cursor;
use super::refusal::Refusal;
use crate::watch::Place;

/// The largest result that a snapshot shows whole, in bytes of JSON; of larger ones it shows the
/// preview. Results up to this size are cheap to fetch: they lie with the run.
const RESULT_BYTES: u64 = sortie_engine::INLINE_RESULT_BYTES;
/// All results of a snapshot together: with goal, plan, answer and failures a snapshot stays below
/// the 4 MiB of a message.
const RESULTS_BYTES: u64 = 1536 * 1024;
/// The longest message of a step's failure in a snapshot; its event has all of it.
const FAILURE_BYTES: usize = 1024;

/// A run with the history that it was folded from.
pub(super) struct Folded {
    pub(super) run: Run,
    /// The last event.
    pub(super) place: Place,
    history: History,
}

impl Folded {
    /// Reads the whole history.
    pub(super) async fn load(store: &dyn Store, id: RunId) -> Result<Self, Refusal> {
        let history = store.load(id, Seq::ZERO).await?.ok_or(Refusal::NoRun(id))?;
        let events = history.commits.iter().flat_map(|(_, events)| events.iter());
        let run = Run::replay(id, events).ok_or(Refusal::BrokenHistory(id))?;
        // The head may be a commit without events; the place is that of the last event.
        let last = history.commits.iter().rev().find(|(_, events)| !events.is_empty());
        let place = Place { seq: run.seq(), commit: last.map(|(commit, _)| *commit) };
        Ok(Self { run, place, history })
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &Recorded> {
        self.history.commits.iter().flat_map(|(_, events)| events.iter())
    }

    pub(super) fn cursor(&self) -> Cursor {
        Cursor { place: self.place, has_ended: self.run.state().is_terminal() }
    }

    /// What clients see of it, with the results that are small enough, and with the queues that
    /// queued steps wait in although nobody serves them.
    pub(super) async fn snapshot(
        &self,
        store: &dyn Store,
        served: &BTreeSet<QueueName>,
    ) -> Result<v1::Run, Refusal> {
        let mut shown = v1::Run::from(&self.run);
        shown.cursor = self.cursor().to_text();
        let wanted = self.small_results();
        let values = store.results(self.run.id(), &wanted).await?;
        let mut fetched = wanted.iter().zip(values).peekable();
        for step in &mut shown.steps {
            let known = self.run.step(StepId::new(step.step_id));
            let waits = known.filter(|step| matches!(step.state, StepState::Queued(_)));
            if let Some(queue) = waits.map(|step| &step.terms.queue)
                && !served.contains(queue)
            {
                step.unserved_queue = queue.to_string();
            }
            if let Some(failure) = &mut step.failure {
                clip(&mut failure.message, FAILURE_BYTES);
            }
            // Both are in the order of the plan.
            let own = fetched.next_if(|(id, _)| id.get() == step.step_id);
            if let Some(value) = own.and_then(|(_, value)| value) {
                step.result = value.to_string();
                step.result_truncated = false;
            }
        }
        Ok(shown)
    }

    /// The steps whose result is shown whole, in the order of the plan, as far as they fit.
    fn small_results(&self) -> Vec<StepId> {
        let mut left = RESULTS_BYTES;
        let mut fits = |step: &&Step| {
            let bytes = step.result().map(|result| result.bytes);
            let Some(bytes) = bytes.filter(|bytes| *bytes <= RESULT_BYTES.min(left)) else {
                return false;
            };
            left -= bytes;
            true
        };
        self.run.plan_steps().filter(|step| fits(step)).map(|step| step.id).collect()
    }
}

/// Cuts text between characters.
fn clip(text: &mut String, most: usize) {
    if text.len() > most {
        let end = (0..=most).rfind(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}
