//! Folding an event into the state. Never decides: whatever the event says has happened.

use std::sync::Arc;

use super::{Broken, Phase, Plan, Replaced, Run, Step, StepState};
use crate::event::{Event, PlanCause, PlannedStep, StopReason, ToolTerms};
use crate::goal::MAX_REPLANS;
use crate::ids::{AttemptNumber, Generation, PlanVersion, StepId, StepNumber};
use crate::plan::{Problem, StepDraft};
use crate::result::Usage;
use crate::time::Timestamp;

impl Run {
    /// Folds one event in. Events that name steps which the run never had change nothing but the
    /// sequence number.
    pub fn apply(&mut self, at: Timestamp, event: &Event) {
        self.seq = self.seq.next();
        match event {
            Event::RunSubmitted { .. } => {}
            Event::PlanVersionStarted { .. }
            | Event::StepPlanned { .. }
            | Event::StepAdopted { .. }
            | Event::StepRejected { .. }
            | Event::PlanAccepted { .. }
            | Event::PlanRejected { .. }
            | Event::PlanCallFailed { .. }
            | Event::PlanRestored { .. } => self.apply_to_plan(event),
            Event::StepQueued { .. }
            | Event::StepSucceeded { .. }
            | Event::StepRetrying { .. }
            | Event::StepFailed { .. }
            | Event::StepSkipped { .. }
            | Event::StepCancelled { .. }
            | Event::StepSuperseded { .. }
            | Event::StepUnknown { .. } => self.apply_to_step(at, event),
            Event::AnswerAttemptStarted { .. }
            | Event::AnswerAttemptFailed { .. }
            | Event::CommandDone { .. }
            | Event::CommandRefused { .. }
            | Event::RunStopping { .. }
            | Event::RunSucceeded { .. }
            | Event::RunFailed { .. }
            | Event::RunCancelled { .. } => self.apply_to_run(at, event),
        }
    }

    fn apply_to_plan(&mut self, event: &Event) {
        match event {
            Event::PlanVersionStarted { version, cause, planner } => {
                self.begin_version(*version, *cause, planner);
            }
            Event::StepPlanned { step, planned, terms, .. } => self.add_step(*step, planned, terms),
            Event::StepAdopted { version, step, planned } => self.adopt(*version, *step, planned),
            Event::StepRejected { draft, problems, .. } => {
                if let Some(plan) = &mut self.plan {
                    plan.bytes += draft.weight();
                    plan.rejected.push((draft.clone(), problems.clone()));
                }
            }
            Event::PlanAccepted { usage, .. } => {
                self.usage.planner += *usage;
                self.replaced = None;
                self.phase = Phase::Executing;
                self.broken = None;
                self.tally.plan_failures = 0;
                self.doom(|run, step| !run.is_current(step));
            }
            Event::PlanRejected { problems, usage, next, .. } => {
                self.usage.planner += *usage;
                self.tally.plan_failures = 0;
                self.remember_broken(problems);
                self.expect_plan(*next);
            }
            Event::PlanCallFailed { next, usage, .. } => {
                self.usage.planner += *usage;
                // A takeover is no failure of the planner.
                let is_takeover = next.is_some_and(|next| next.cause == PlanCause::Takeover);
                self.tally.plan_failures += u32::from(!is_takeover);
                self.expect_plan(*next);
            }
            Event::PlanRestored { version } => self.restore(*version),
            _ => {}
        }
    }

    fn apply_to_run(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::AnswerAttemptStarted { attempt, .. } => {
                self.tally.model_calls += 1;
                self.phase = Phase::Answering(*attempt);
            }
            Event::AnswerAttemptFailed { attempt, retry_at, usage, .. } => {
                self.usage.synthesizer += *usage;
                // Whoever failed is given a pause; only a takeover goes on at once.
                let is_takeover = *retry_at == Some(at);
                self.tally.answer_failures += u32::from(!is_takeover);
                let at = retry_at.unwrap_or(at);
                self.phase = Phase::AwaitingAnswer { after: *attempt, at };
            }
            Event::CommandDone { command } | Event::CommandRefused { command, .. } => {
                self.commands.insert(command.clone());
            }
            Event::RunStopping { end } => {
                self.phase = Phase::Stopping(end.clone());
                self.doom(|_, _| true);
            }
            Event::RunSucceeded { answer, partial, usage } => {
                self.usage.synthesizer += *usage;
                self.answer = Some(answer.clone());
                self.end(at, Phase::Succeeded { partial: *partial });
            }
            Event::RunFailed { failure } => {
                self.end(at, Phase::Ended(StopReason::Failed(failure.clone())));
            }
            Event::RunCancelled { reason } => {
                self.end(at, Phase::Ended(StopReason::Cancelled(reason.clone())));
            }
            _ => {}
        }
    }

    fn apply_to_step(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::StepQueued { step, attempt } => self.queue(at, *step, *attempt),
            Event::StepSucceeded { step, result, worker, started_at, usage, .. } => {
                self.spend(*step, *usage);
                if let Some(done) = self.step_mut(*step) {
                    done.worker = Some(worker.clone());
                    done.started_at = Some(*started_at);
                }
                self.end_step(at, *step, StepState::Succeeded(result.recorded()));
                self.release_dependents(*step);
            }
            Event::StepRetrying { step, failure, until, workers_lost, usage, .. } => {
                self.spend(*step, *usage);
                let state = StepState::Retrying { until: *until, failure: failure.clone() };
                if let Some(waiting) = self.step_mut(*step) {
                    waiting.state = state;
                    waiting.workers_lost = *workers_lost;
                    self.due.insert((*until, *step));
                }
            }
            Event::StepFailed { step, failure, usage } => {
                self.spend(*step, *usage);
                self.end_step(at, *step, StepState::Failed(failure.clone()));
            }
            Event::StepSkipped { step, because_of } => {
                self.end_step(at, *step, StepState::Skipped { because_of: *because_of });
            }
            Event::StepCancelled { step } => self.end_step(at, *step, StepState::Cancelled),
            Event::StepSuperseded { step } => self.end_step(at, *step, StepState::Superseded),
            Event::StepUnknown { step, failure } => {
                self.end_step(at, *step, StepState::Unknown(failure.clone()));
            }
            _ => {}
        }
    }

    fn begin_version(&mut self, version: PlanVersion, cause: PlanCause, planner: &Arc<str>) {
        self.tally.model_calls += 1;
        self.tally.repairs += u32::from(cause == PlanCause::Repair);
        if cause == PlanCause::Replan {
            self.tally.replans += 1;
            self.tally.repairs = 0;
            let steps = self.plan_steps().map(|step| (step.id, step.planned.clone())).collect();
            self.replaced = Some(Arc::new(Replaced { steps }));
        }
        self.phase = Phase::Planning;
        self.plan = Some(Plan::new(version));
        self.planner = planner.clone();
        self.open = 0;
        self.succeeded = 0;
    }

    /// The plan that was carried out counts again, and no other one will be asked for. Its steps are
    /// adopted by the events that follow.
    fn restore(&mut self, version: PlanVersion) {
        self.plan = Some(Plan::new(version));
        (self.open, self.succeeded) = (0, 0);
        (self.replaced, self.broken) = (None, None);
        self.tally.replans = MAX_REPLANS;
        self.tally.plan_failures = 0;
        self.phase = Phase::Executing;
        // Its steps have all ended; what is open belongs to the version that came to nothing.
        self.doom(|_, _| true);
    }

    fn spend(&mut self, step: StepId, usage: Usage) {
        self.usage.executor += usage;
        if let Some(step) = self.step_mut(step) {
            step.usage += usage;
        }
    }

    fn expect_plan(&mut self, next: Option<crate::event::NextPlan>) {
        if let Some(next) = next {
            self.phase = Phase::AwaitingPlan(next);
        }
    }

    fn add_step(&mut self, id: StepId, planned: &Arc<PlannedStep>, terms: &Arc<ToolTerms>) {
        let Some(plan) = &mut self.plan else { return };
        let version = plan.version;
        plan.numbers.insert(planned.number, id);
        plan.bytes += planned.weight();
        let dependents = plan.expected.remove(&planned.number).unwrap_or_default();
        self.steps.push(Step {
            id,
            planned: planned.clone(),
            terms: terms.clone(),
            state: StepState::Pending,
            attempts: 0,
            workers_lost: 0,
            generation: Generation::FIRST,
            started_at: None,
            ended_at: None,
            worker: None,
            origin: version,
            version,
            inputs: Vec::new(),
            waits_for: Vec::new(),
            unmet: 0,
            dependents,
            first_queued: None,
            usage: Usage::default(),
        });
        self.open += 1;
        self.connect(id, planned);
        self.resolve_awaiting(id);
    }

    /// Wires a new step to its dependencies and finds out whether it is ready.
    fn connect(&mut self, id: StepId, planned: &PlannedStep) {
        let mut unmet = 0;
        for number in &planned.depends_on {
            let Some(plan) = &mut self.plan else { return };
            let Some(dependency) = plan.numbers.get(number).copied() else {
                plan.expected.entry(*number).or_default().push(id);
                unmet += 1;
                continue;
            };
            let Some(other) = self.step_mut(dependency) else { continue };
            if other.result().is_none() {
                other.dependents.push(id);
                unmet += 1;
            }
        }
        let resolved = self.resolve(planned);
        let Some(step) = self.step_mut(id) else { return };
        step.unmet = unmet;
        (step.inputs, step.waits_for) = resolved;
        if unmet == 0 {
            step.state = StepState::Ready;
            self.ready.insert(id);
        }
    }

    /// Steps that waited for a label which `id` now carries learn whose result they get.
    fn resolve_awaiting(&mut self, id: StepId) {
        let Some(waiting) = self.step(id).map(|step| step.dependents.clone()) else { return };
        for dependent in waiting {
            let Some(step) = self.step(dependent).filter(|step| self.is_current(step)) else {
                continue;
            };
            let resolved = self.resolve(&step.planned);
            if let Some(step) = self.step_mut(dependent) {
                (step.inputs, step.waits_for) = resolved;
            }
        }
    }

    /// The steps that a step's labels mean, as far as they are known: those whose results it takes,
    /// and all that it waits for.
    fn resolve(&self, planned: &PlannedStep) -> (Vec<(StepNumber, StepId)>, Vec<StepId>) {
        let Some(plan) = &self.plan else { return Default::default() };
        let find = |number: StepNumber| plan.numbers.get(&number).map(|id| (number, *id));
        let inputs = planned.input.steps().into_iter().filter_map(find).collect();
        let waits_for = planned.depends_on.iter().filter_map(|number| find(*number));
        (inputs, waits_for.map(|(_, id)| id).collect())
    }

    /// A step of an earlier version goes on under a label of this one.
    fn adopt(&mut self, version: PlanVersion, id: StepId, planned: &Arc<PlannedStep>) {
        let Some(plan) = &mut self.plan else { return };
        plan.numbers.insert(planned.number, id);
        plan.bytes += planned.weight();
        let awaiting = plan.expected.remove(&planned.number).unwrap_or_default();
        let resolved = self.resolve(planned);
        let Some(step) = self.step_mut(id) else { return };
        step.version = version;
        step.planned = planned.clone();
        (step.inputs, step.waits_for) = resolved;
        step.dependents.extend(awaiting);
        let done = step.result().is_some();
        let open = !step.state.is_terminal();
        self.open += usize::from(open);
        self.succeeded += usize::from(done);
        self.resolve_awaiting(id);
        if done {
            self.release_dependents(id);
        }
    }

    fn queue(&mut self, at: Timestamp, id: StepId, attempt: AttemptNumber) {
        let limit = self.goal.limits.step_timeout;
        let Some(step) = self.step_mut(id) else { return };
        let before = std::mem::replace(&mut step.state, StepState::Queued(attempt));
        step.attempts = attempt.get();
        let calls_model = step.terms.calls_model;
        let is_first = step.first_queued.is_none();
        step.first_queued.get_or_insert(at);
        self.tally.model_calls += u32::from(calls_model);
        self.ready.remove(&id);
        if let StepState::Retrying { until, .. } = before {
            self.due.remove(&(until, id));
        }
        if let Some(limit) = limit.filter(|_| is_first) {
            self.due.insert((at + limit, id));
        }
    }

    fn end_step(&mut self, at: Timestamp, id: StepId, state: StepState) {
        let limit = self.goal.limits.step_timeout;
        let Some(step) = self.step_mut(id).filter(|step| !step.state.is_terminal()) else { return };
        let succeeded = matches!(state, StepState::Succeeded(_));
        let before = std::mem::replace(&mut step.state, state);
        step.ended_at = Some(at);
        let deadline = step.first_queued.zip(limit).map(|(first, limit)| first + limit);
        let version = step.version;
        if let StepState::Retrying { until, .. } = before {
            self.due.remove(&(until, id));
        }
        if let Some(deadline) = deadline {
            self.due.remove(&(deadline, id));
        }
        self.ready.remove(&id);
        self.doomed.remove(&id);
        if self.plan.as_ref().is_some_and(|plan| plan.version == version) {
            // A history that no engine wrote must stop nobody who reads it: the invariants tell.
            self.open = self.open.saturating_sub(1);
            self.succeeded += usize::from(succeeded);
        }
    }

    fn release_dependents(&mut self, id: StepId) {
        let Some(step) = self.step_mut(id) else { return };
        for dependent in std::mem::take(&mut step.dependents) {
            let Some(waiting) = self.step_mut(dependent) else { continue };
            waiting.unmet = waiting.unmet.saturating_sub(1);
            if waiting.unmet == 0 && waiting.state == StepState::Pending {
                waiting.state = StepState::Ready;
                self.ready.insert(dependent);
            }
        }
    }

    fn doom(&mut self, chosen: impl Fn(&Self, &Step) -> bool) {
        let open = self.steps.iter().filter(|step| !step.state.is_terminal());
        let doomed: Vec<_> = open.filter(|step| chosen(self, step)).map(|step| step.id).collect();
        self.doomed.extend(doomed);
    }

    fn remember_broken(&mut self, problems: &[Problem]) {
        let Some(plan) = &self.plan else { return };
        let sound = plan.numbers.values().filter_map(|id| self.step(*id)).map(draft_of);
        let unsound = plan.rejected.iter().map(|(draft, _)| StepDraft::clone(draft));
        let mut steps: Vec<_> = sound.chain(unsound).collect();
        steps.sort_by_key(|draft| draft.number);
        self.broken = Some(Arc::new(Broken { steps, problems: problems.to_vec() }));
    }

    fn end(&mut self, at: Timestamp, phase: Phase) {
        self.phase = phase;
        self.ended_at = Some(at);
        self.due.clear();
    }
}

/// The words in which a step's author wrote it.
fn draft_of(step: &Step) -> StepDraft {
    StepDraft {
        number: step.planned.number,
        description: step.planned.description.clone(),
        tool: step.planned.tool.as_str().to_owned(),
        tool_input: step.planned.input.source().as_ref().clone(),
        depends_on: step.planned.depends_on.clone(),
    }
}
