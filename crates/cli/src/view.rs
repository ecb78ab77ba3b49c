//! What is known of a run: a pure fold of what a watch brings. Renderers read it, nothing else
//! decides here.
//!
//! Invariant: a fold from the first event and a snapshot at the same place show the same steps in
//! the same states.

mod steps;
mod timing;

use std::collections::BTreeMap;

use sortie_engine::{FailureKind, RoleUsage, Timestamp, Usage};
use sortie_proto::v1::{self, RunState, StepState};

use steps::step_usage;
pub(crate) use steps::{Shown, StepView, dependencies, step_id};
pub(crate) use timing::{Path, Timed, levels};

/// Why something failed, for people and for lines of JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: String,
    pub(crate) message: String,
}

impl From<&v1::Failure> for Failure {
    fn from(failure: &v1::Failure) -> Self {
        Self { kind: failure_name(failure.kind()), message: failure.message.clone() }
    }
}

/// What is known of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) run_id: String,
    pub(crate) goal: String,
    pub(crate) state: RunState,
    pub(crate) partial: bool,
    pub(crate) answer: Option<String>,
    pub(crate) failure: Option<Failure>,
    pub(crate) version: u32,
    /// What its model calls used, and by what they were for; not every server tells the latter.
    pub(crate) usage: Usage,
    pub(crate) usage_by_role: RoleUsage,
    pub(crate) submitted_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) labels: BTreeMap<String, String>,
    steps: BTreeMap<u32, StepView>,
    /// Starts that were heard of before the events that they follow: the two come on different
    /// ways.
    early: BTreeMap<u32, v1::AttemptStarted>,
}

/// As many early starts as there are workers on a very large cluster; a server that sends more
/// without an event is broken.
const MAX_EARLY: usize = 10_000;

impl View {
    pub(crate) fn new(run_id: &str) -> Self {
        Self { run_id: run_id.to_owned(), ..Self::default() }
    }

    /// The steps of the plan version in force, in the order of their numbers.
    pub(crate) fn steps(&self) -> Vec<&StepView> {
        let mut steps: Vec<_> = self.steps.values().filter(|step| self.in_force(step)).collect();
        steps.sort_by_key(|step| step.number);
        steps
    }

    pub(crate) fn step(&self, id: u32) -> Option<&StepView> {
        self.steps.get(&id)
    }

    /// The longest chain of steps, by the time they took.
    pub(crate) fn critical_path(&self) -> Path {
        timing::critical_path(&self.timed())
    }

    /// How many steps ran at the same moment, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        timing::most_at_once(&self.timed())
    }

    /// The steps of the plan before this version that have no result of their own making, by their
    /// numbers in it.
    pub(crate) fn failed_before(&self, version: u32) -> Vec<u32> {
        let failed = |step: &&StepView| {
            step.version.saturating_add(1) == version
                && matches!(step.state, StepState::Failed | StepState::Unknown)
        };
        let mut numbers: Vec<_> =
            self.steps.values().filter(failed).map(|step| step.number).collect();
        numbers.sort_unstable();
        numbers
    }

    fn timed(&self) -> Vec<Timed> {
        self.steps().into_iter().map(StepView::timed).collect()
    }

    fn in_force(&self, step: &StepView) -> bool {
        step.version == self.version && step.state != StepState::Superseded
    }

    /// Takes in what a watch brought and tells whether it was news: a start that is heard of twice
    /// or after its end is none.
    pub(crate) fn apply(&mut self, item: &v1::watch_run_response::Item) -> bool {
        use v1::watch_run_response::Item;
        match item {
            Item::Event(event) => self.apply_event(event),
            Item::Notice(v1::Notice { kind: Some(v1::notice::Kind::AttemptStarted(start)) }) => {
                return self.apply_start(start);
            }
            Item::Reset(v1::Reset { run: Some(run) }) => *self = Self::from(run),
            Item::Notice(_) | Item::AnswerText(_) | Item::Reset(_) => {}
        }
        true
    }

    fn apply_start(&mut self, start: &v1::AttemptStarted) -> bool {
        match self.steps.get_mut(&start.step_id) {
            Some(step) if step.awaits(start.attempt) => {
                step.start(start);
                true
            }
            Some(step) if step.ended() || start.attempt <= step.attempt => false,
            _ if self.early.len() < MAX_EARLY => {
                let known = self.early.insert(start.step_id, start.clone());
                known.is_none_or(|known| known.attempt < start.attempt)
            }
            _ => false,
        }
    }

    fn apply_event(&mut self, event: &v1::Event) {
        use v1::event::Kind;
        let at = event.at.as_ref().map(moment);
        let Some(kind) = &event.kind else { return };
        match kind {
            Kind::RunSubmitted(e) => {
                self.goal.clone_from(&e.goal);
                self.labels = e.labels.clone().into_iter().collect();
                self.submitted_at = at;
                self.state = RunState::Planning;
            }
            Kind::PlanVersionStarted(e) => {
                self.version = e.version;
                self.state = RunState::Planning;
            }
            Kind::StepPlanned(e) => {
                let step =
                    e.step.as_ref().map(|step| StepView::planned(e.step_id, e.version, step));
                self.steps.extend(step.map(|step| (e.step_id, step)));
            }
            Kind::StepAdopted(e) => {
                if let (Some(known), Some(draft)) = (self.steps.get_mut(&e.step_id), &e.step) {
                    known.adopt(e.version, draft);
                }
            }
            Kind::PlanAccepted(e) => {
                self.state = RunState::Executing;
                self.add(|roles| &mut roles.planner, e.usage);
            }
            Kind::PlanRejected(e) => self.add(|roles| &mut roles.planner, e.usage),
            Kind::PlanCallFailed(e) => self.add(|roles| &mut roles.planner, e.usage),
            Kind::PlanRestored(e) => {
                self.version = e.version;
                self.state = RunState::Executing;
            }
            Kind::AnswerAttemptFailed(e) => self.add(|roles| &mut roles.synthesizer, e.usage),
            Kind::AnswerAttemptStarted(_) => self.state = RunState::Synthesizing,
            Kind::RunStopping(e) => {
                self.state = RunState::Stopping;
                self.failure = e.failure.as_ref().map(Failure::from);
            }
            Kind::RunSucceeded(e) => {
                self.answer = Some(e.answer.clone());
                self.partial = e.partial;
                self.add(|roles| &mut roles.synthesizer, e.usage);
                self.end(RunState::Succeeded, at, None);
            }
            Kind::RunFailed(e) => {
                self.end(RunState::Failed, at, e.failure.as_ref().map(Failure::from));
            }
            Kind::RunCancelled(e) => {
                let kind = FailureKind::Cancelled.as_str().to_owned();
                let failure = Failure { kind, message: e.reason.clone() };
                self.end(RunState::Cancelled, at, Some(failure));
            }
            step => self.apply_step(step, at),
        }
    }

    fn apply_step(&mut self, kind: &v1::event::Kind, at: Option<Timestamp>) {
        if let Some(usage) = step_usage(kind) {
            self.add(|roles| &mut roles.executor, Some(usage));
        }
        let because_of = match kind {
            v1::event::Kind::StepSkipped(e) => self.steps.get(&e.because_of).map(|s| s.number),
            _ => None,
        };
        let step = step_id(kind).and_then(|id| self.steps.get_mut(&id));
        if let Some(step) = step {
            step.apply(kind, at, because_of);
            if let Some(start) = self.early.get(&step.id).filter(|start| step.awaits(start.attempt))
            {
                step.start(start);
            }
            if step.running || step.ended() {
                self.early.remove(&step.id);
            }
        }
    }

    fn end(&mut self, state: RunState, at: Option<Timestamp>, failure: Option<Failure>) {
        self.state = state;
        self.ended_at = at;
        self.failure = failure;
    }

    /// Counts what a call used, in all and for its role.
    fn add(&mut self, of: fn(&mut RoleUsage) -> &mut Usage, more: Option<v1::Usage>) {
        let more = more.map(Usage::from).unwrap_or_default();
        self.usage += more;
        *of(&mut self.usage_by_role) += more;
    }
}

fn role_usage(roles: v1::RoleUsage) -> RoleUsage {
    let usage = |usage: Option<v1::Usage>| usage.map(Usage::from).unwrap_or_default();
    RoleUsage {
        planner: usage(roles.planner),
        executor: usage(roles.executor),
        synthesizer: usage(roles.synthesizer),
    }
}

impl From<&v1::Run> for View {
    fn from(run: &v1::Run) -> Self {
        let version = run.plan_version;
        let steps = run.steps.iter().map(|step| (step.step_id, StepView::known(version, step)));
        Self {
            run_id: run.run_id.clone(),
            goal: run.goal.clone(),
            state: run.state(),
            partial: run.partial,
            answer: (run.state() == RunState::Succeeded).then(|| run.answer.clone()),
            failure: run.failure.as_ref().map(Failure::from),
            version,
            usage: run.usage.map(Usage::from).unwrap_or_default(),
            usage_by_role: run.usage_by_role.map(role_usage).unwrap_or_default(),
            submitted_at: run.submitted_at.as_ref().map(moment),
            ended_at: run.ended_at.as_ref().map(moment),
            labels: run.labels.clone().into_iter().collect(),
            steps: steps.collect(),
            early: BTreeMap::new(),
        }
    }
}

/// A point in time from the wire; before 1970 there was no Sortie.
pub(crate) fn moment(at: &prost_types::Timestamp) -> Timestamp {
    let seconds = u64::try_from(at.seconds).unwrap_or(0);
    let millis = u64::try_from(at.nanos).unwrap_or(0) / 1_000_000;
    Timestamp::from_millis(seconds.saturating_mul(1000).saturating_add(millis))
}

/// Whether nothing comes after this state.
pub(crate) const fn is_end(state: RunState) -> bool {
    matches!(state, RunState::Succeeded | RunState::Failed | RunState::Cancelled)
}

/// `succeeded`, `planning`.
pub(crate) fn run_state_name(state: RunState) -> String {
    plain_name(state.as_str_name(), "RUN_STATE_")
}

/// `succeeded`, `queued`.
pub(crate) fn step_state_name(state: StepState) -> String {
    plain_name(state.as_str_name(), "STEP_STATE_")
}

/// `not_found`, as the engine names it.
pub(crate) fn failure_name(kind: v1::FailureKind) -> String {
    plain_name(kind.as_str_name(), "FAILURE_KIND_")
}

/// The name of an enum value of the contract, in small letters without its prefix.
pub(crate) fn plain_name(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
