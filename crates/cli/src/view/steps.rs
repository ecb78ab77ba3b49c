//! What is known of one step.

use std::collections::BTreeSet;

use sortie_engine::{FailureKind, Template, Timestamp, Usage};
use sortie_proto::v1::{self, StepState, event::Kind};

use super::timing::Timed;
use super::{Failure, moment};

/// What is known of one step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StepView {
    pub(crate) id: u32,
    pub(crate) number: u32,
    pub(crate) version: u32,
    pub(crate) description: String,
    pub(crate) tool: String,
    pub(crate) tool_input: String,
    pub(crate) depends_on: Vec<u32>,
    pub(crate) state: StepState,
    pub(crate) attempt: u32,
    pub(crate) result: Option<Shown>,
    pub(crate) result_bytes: u64,
    pub(crate) failure: Option<Failure>,
    pub(crate) worker: String,
    /// What its tool's model calls used, over all attempts.
    pub(crate) usage: Usage,
    /// A worker is at it, as far as live notices tell.
    pub(crate) running: bool,
    /// The queue that it waits in although no worker serves it, as of the last snapshot.
    pub(crate) unserved_queue: Option<String>,
    pub(crate) queued_at: Option<Timestamp>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
}

/// What is known of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    /// All of it, as JSON text.
    Whole(String),
    /// What an event or a snapshot of a large one tells people.
    Preview(String),
}

impl StepView {
    pub(super) fn planned(id: u32, version: u32, draft: &v1::PlannedStep) -> Self {
        Self {
            id,
            number: draft.step_number,
            version,
            description: draft.description.clone(),
            tool: draft.tool.clone(),
            tool_input: draft.tool_input.clone(),
            depends_on: dependencies(draft),
            state: StepState::Pending,
            attempt: 0,
            result: None,
            result_bytes: 0,
            failure: None,
            worker: String::new(),
            usage: Usage::default(),
            running: false,
            unserved_queue: None,
            queued_at: None,
            started_at: None,
            ended_at: None,
        }
    }

    /// A step of a snapshot.
    pub(super) fn known(version: u32, step: &v1::Step) -> Self {
        Self {
            id: step.step_id,
            number: step.step_number,
            version,
            description: step.description.clone(),
            tool: step.tool.clone(),
            tool_input: step.tool_input.clone(),
            depends_on: step.depends_on.clone(),
            state: step.state(),
            attempt: step.attempts,
            result: (step.state() == StepState::Succeeded).then(|| {
                let text = step.result.clone();
                if step.result_truncated { Shown::Preview(text) } else { Shown::Whole(text) }
            }),
            result_bytes: step.result_bytes,
            failure: step.failure.as_ref().map(Failure::from),
            worker: step.worker.clone(),
            usage: step.usage.map(Usage::from).unwrap_or_default(),
            running: false,
            unserved_queue: Some(step.unserved_queue.clone()).filter(|queue| !queue.is_empty()),
            queued_at: None,
            started_at: step.started_at.as_ref().map(moment),
            ended_at: step.ended_at.as_ref().map(moment),
        }
    }

    /// The new plan version writes the step in its own way; what became of it stays.
    pub(super) fn adopt(&mut self, version: u32, draft: &v1::PlannedStep) {
        self.version = version;
        self.number = draft.step_number;
        self.description.clone_from(&draft.description);
        self.tool_input.clone_from(&draft.tool_input);
        self.depends_on = dependencies(draft);
    }

    /// A worker took up the attempt that is queued.
    pub(super) fn start(&mut self, notice: &v1::AttemptStarted) {
        self.running = true;
        self.unserved_queue = None;
        self.worker.clone_from(&notice.worker);
        self.started_at = notice.at.as_ref().map(moment);
    }

    /// Whether the step is handed out and nothing was heard of this attempt.
    pub(super) fn awaits(&self, attempt: u32) -> bool {
        self.state == StepState::Queued && self.attempt == attempt && !self.running
    }

    pub(super) fn apply(&mut self, kind: &Kind, at: Option<Timestamp>, because_of: Option<u32>) {
        self.usage += step_usage(kind).map(Usage::from).unwrap_or_default();
        self.unserved_queue = None;
        match kind {
            Kind::StepQueued(e) => {
                self.state = StepState::Queued;
                self.attempt = e.attempt;
                self.queued_at = at;
                self.started_at = None;
            }
            Kind::StepRetrying(e) => {
                self.state = StepState::Retrying;
                self.failure = e.failure.as_ref().map(Failure::from);
                self.running = false;
            }
            Kind::StepSucceeded(e) => {
                self.result = Some(Shown::Preview(e.preview.clone()));
                self.result_bytes = e.result_bytes;
                self.worker.clone_from(&e.worker);
                self.attempt = e.attempt;
                self.started_at = e.started_at.as_ref().map(moment).or(self.started_at);
                self.end(StepState::Succeeded, at, None);
            }
            Kind::StepFailed(e) => {
                self.end(StepState::Failed, at, e.failure.as_ref().map(Failure::from));
            }
            Kind::StepUnknown(e) => {
                self.end(StepState::Unknown, at, e.failure.as_ref().map(Failure::from));
            }
            Kind::StepSkipped(_) => {
                let cause = because_of.map_or("a step".to_owned(), |n| format!("step {n}"));
                let message = format!("{cause}, which it depends on, has no result");
                let kind = FailureKind::StepFailed.as_str().to_owned();
                self.end(StepState::Skipped, at, Some(Failure { kind, message }));
            }
            Kind::StepCancelled(_) => self.end(StepState::Cancelled, at, None),
            Kind::StepSuperseded(_) => self.end(StepState::Superseded, at, None),
            _ => {}
        }
    }

    fn end(&mut self, state: StepState, at: Option<Timestamp>, failure: Option<Failure>) {
        self.state = state;
        self.ended_at = at;
        self.failure = failure;
        self.running = false;
    }

    /// Handed to the workers and not ended.
    pub(crate) fn at_work(&self) -> bool {
        self.running || self.state == StepState::Queued
    }

    pub(crate) const fn ended(&self) -> bool {
        matches!(
            self.state,
            StepState::Succeeded
                | StepState::Failed
                | StepState::Skipped
                | StepState::Cancelled
                | StepState::Superseded
                | StepState::Unknown
        )
    }

    /// From the start of the last attempt (where no notice of it came, from its queueing) to the
    /// end of the step.
    pub(crate) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let start = self.started_at.or(self.queued_at)?;
        Some((start, self.ended_at?.max(start)))
    }

    pub(super) fn timed(&self) -> Timed {
        let depends_on = self.depends_on.clone();
        Timed { number: self.number, depends_on, span: self.span() }
    }
}

/// The labels that the author lists and those that the input refers to: references count as well.
pub(crate) fn dependencies(draft: &v1::PlannedStep) -> Vec<u32> {
    let mut numbers: BTreeSet<u32> = draft.depends_on.iter().copied().collect();
    if let Ok(input) = serde_json::from_str(&draft.tool_input)
        && let Ok(template) = Template::parse(&input)
    {
        numbers.extend(template.steps().into_iter().map(|number| number.get()));
    }
    numbers.into_iter().collect()
}

/// The step that an event is about, if it is about one that is known already.
pub(crate) const fn step_id(kind: &Kind) -> Option<u32> {
    Some(match kind {
        Kind::StepQueued(e) => e.step_id,
        Kind::StepSucceeded(e) => e.step_id,
        Kind::StepRetrying(e) => e.step_id,
        Kind::StepFailed(e) => e.step_id,
        Kind::StepSkipped(e) => e.step_id,
        Kind::StepCancelled(e) => e.step_id,
        Kind::StepSuperseded(e) => e.step_id,
        Kind::StepUnknown(e) => e.step_id,
        _ => return None,
    })
}

/// What model calls of an attempt used.
pub(super) const fn step_usage(kind: &Kind) -> Option<v1::Usage> {
    match kind {
        Kind::StepSucceeded(e) => e.usage,
        Kind::StepRetrying(e) => e.usage,
        Kind::StepFailed(e) => e.usage,
        _ => None,
    }
}
