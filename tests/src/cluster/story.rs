//! What happened in a run, and when: its history with the state that it folds into.

use std::time::Duration;

use sortie_engine::{Event, Failure, Recorded, Run, RunId, RunState, Step, StepState};

/// The history of a run, or the beginning of it.
#[derive(Debug)]
pub struct Story {
    /// The facts, in order.
    pub events: Vec<Recorded>,
    /// What they fold into.
    pub run: Run,
}

impl Story {
    pub(super) fn new(run: RunId, events: Vec<Recorded>) -> Self {
        match Run::replay(run, &events) {
            Some(run) => Self { events, run },
            None => panic!("a history that cannot be replayed: {events:#?}"),
        }
    }

    /// Where the run stands.
    #[must_use]
    pub fn state(&self) -> RunState {
        self.run.state()
    }

    /// The answer; empty if there is none.
    #[must_use]
    pub fn answer(&self) -> &str {
        self.run.answer().map_or("", |answer| answer)
    }

    /// Why the run has no answer.
    ///
    /// # Panics
    /// If it has one.
    #[must_use]
    pub fn failure(&self) -> Failure {
        self.run.failure().unwrap_or_else(|| panic!("the run did not fail: {self:#?}"))
    }

    /// The step of this number in the plan version in force.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn step(&self, number: u32) -> &Step {
        let mut steps = self.run.plan_steps();
        let found = steps.find(|step| step.number().get() == number);
        found.unwrap_or_else(|| panic!("there is no step {number}: {self:#?}"))
    }

    /// Why a step failed.
    ///
    /// # Panics
    /// If it did not.
    #[must_use]
    pub fn step_failure(&self, number: u32) -> &Failure {
        match &self.step(number).state {
            StepState::Failed(failure) => failure,
            other => panic!("step {number} has not failed: {other:?}"),
        }
    }

    /// How long after the submission something happened first.
    ///
    /// # Panics
    /// If it did not happen.
    #[must_use]
    pub fn when(&self, wanted: impl Fn(&Event) -> bool) -> Duration {
        let found = self.events.iter().find(|recorded| wanted(&recorded.event));
        let found = found.unwrap_or_else(|| panic!("it did not happen: {self:#?}"));
        found.at.since(self.run.submitted_at())
    }

    /// How long after the submission this step was started by a worker, for the last time.
    ///
    /// # Panics
    /// If it was not.
    #[must_use]
    pub fn started(&self, number: u32) -> Duration {
        let at = self.step(number).started_at;
        let at = at.unwrap_or_else(|| panic!("step {number} was not started: {self:#?}"));
        at.since(self.run.submitted_at())
    }

    /// How long the run took.
    ///
    /// # Panics
    /// If it has not ended.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.when(Event::ends_run)
    }
}
