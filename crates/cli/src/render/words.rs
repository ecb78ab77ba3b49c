//! What is said about a run, line by line: pure functions. Everything that a stranger wrote is
//! made short and harmless here.

use std::fmt;

use sortie_proto::v1::{self, RunState, StepState, event::Kind, watch_run_response::Item};

use crate::text::{elapsed, numbers, short, short_result};
use crate::view::{Failure, StepView, View, dependencies, run_state_name, step_state_name};

/// Enough of a description to know the step by.
const DESCRIPTION: usize = 72;
/// Enough of a result to see that it is the right one.
const RESULT: usize = 60;
/// Messages tell what to do; most of them fit.
const MESSAGE: usize = 400;

/// One line: what it is about, and the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) mark: Mark,
    pub(super) text: String,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Note,
    Plan,
    Start,
    Done,
    Retry,
    Failed,
    Skipped,
    Partial,
    /// Belongs to the line above.
    More,
}

impl Mark {
    /// The word at the beginning of the line, as wide as its column.
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Note => "",
            Self::Plan => "plan     ",
            Self::Start => "start    ",
            Self::Done => "done     ",
            Self::Retry => "retry    ",
            Self::Failed => "failed   ",
            Self::Skipped => "skipped  ",
            Self::Partial => "partial  ",
            Self::More => "         ",
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.mark.column(), self.text)
    }
}

fn line(mark: Mark, text: impl Into<String>) -> Line {
    Line { mark, text: text.into() }
}

/// Something that is not of the run.
pub(super) fn note(text: &str) -> Line {
    line(Mark::Note, short(text, MESSAGE))
}

/// What a person is told when this happens; `view` has taken it in already.
pub(super) fn tell(view: &View, item: &Item) -> Vec<Line> {
    let told = match item {
        Item::Event(v1::Event { kind: Some(kind), .. }) => return tell_event(view, kind),
        Item::Notice(v1::Notice { kind: Some(v1::notice::Kind::AttemptStarted(start)) }) => {
            view.step(start.step_id).map(|step| line(Mark::Start, name(step)))
        }
        Item::Reset(_) => {
            let state = run_state_name(view.state);
            let mut lines = vec![note(&format!("the run as it is now: {state}"))];
            lines.extend(view.steps().into_iter().map(step_line));
            return lines;
        }
        Item::Event(_) | Item::Notice(_) | Item::AnswerText(_) => None,
    };
    told.into_iter().collect()
}

fn tell_event(view: &View, kind: &Kind) -> Vec<Line> {
    match kind {
        Kind::RunSubmitted(_) => vec![note(&format!("run {}", view.run_id))],
        Kind::PlanVersionStarted(e) => plan_started(e),
        Kind::StepPlanned(e) => e.step.iter().map(|step| line(Mark::Plan, draft(step))).collect(),
        Kind::StepRejected(e) => {
            let mut lines: Vec<_> =
                e.step.iter().map(|step| line(Mark::Failed, draft(step))).collect();
            lines.extend(problems(&e.problems));
            lines
        }
        Kind::StepAdopted(e) => {
            let adopted = |step| line(Mark::Plan, format!("{}  (kept)", draft(step)));
            e.step.iter().map(adopted).collect()
        }
        Kind::PlanAccepted(_) => {
            vec![note(&format!("the plan is complete: {}", count(view.steps().len(), "step")))]
        }
        Kind::PlanRejected(e) => {
            let mut lines = vec![line(Mark::Failed, "the plan has faults")];
            lines.extend(problems(&e.problems));
            lines
        }
        Kind::PlanCallFailed(e) => {
            vec![call_failed("plan", e.failure.as_ref(), e.retry_at.is_some())]
        }
        Kind::AnswerAttemptStarted(_) => vec![note("writing the answer")],
        Kind::AnswerAttemptFailed(e) => {
            vec![call_failed("answer", e.failure.as_ref(), e.retry_at.is_some())]
        }
        Kind::RunStopping(e) => {
            let why = e.failure.as_ref().map(|f| failure(&Failure::from(f))).unwrap_or_default();
            vec![note(&format!("stopping: {why}"))]
        }
        Kind::CommandRefused(e) => vec![note(&format!("refused: {}", e.message))],
        step => crate::view::step_id(step)
            .and_then(|id| view.step(id))
            .and_then(|known| step_event(known, step))
            .into_iter()
            .collect(),
    }
}

fn plan_started(e: &v1::PlanVersionStarted) -> Vec<Line> {
    let mut lines = Vec::new();
    let why = match e.cause() {
        v1::PlanCause::Repair => Some("because of the faults"),
        v1::PlanCause::Takeover => Some("because another coordinator took over"),
        v1::PlanCause::Replan => Some("because the plan did not lead to the goal"),
        v1::PlanCause::Retry => Some("because the planner broke off"),
        v1::PlanCause::Unspecified | v1::PlanCause::First => None,
    };
    lines.extend(why.map(|why| note(&format!("plan version {}, {why}", e.version))));
    if !e.planner.is_empty() {
        let hint = if e.planner.contains("offline") {
            " (a model can plan any goal: see README, Models)"
        } else {
            ""
        };
        lines.push(line(Mark::Note, format!("planned by {}{hint}", short(&e.planner, 60))));
    }
    lines
}

fn step_event(step: &StepView, kind: &Kind) -> Option<Line> {
    let why = step.failure.as_ref().map(failure).unwrap_or_default();
    Some(match kind {
        Kind::StepRetrying(_) => line(Mark::Retry, format!("{}  {why}", name(step))),
        Kind::StepSucceeded(_)
        | Kind::StepFailed(_)
        | Kind::StepUnknown(_)
        | Kind::StepSkipped(_)
        | Kind::StepCancelled(_) => step_line(step),
        _ => return None,
    })
}

/// A step and what became of it.
fn step_line(step: &StepView) -> Line {
    let why = step.failure.as_ref().map(failure).unwrap_or_default();
    let took = step.span().map(|(start, end)| elapsed(end.since(start))).unwrap_or_default();
    match step.state {
        StepState::Succeeded => {
            let result = short_result(step.result.as_deref().unwrap_or_default(), RESULT);
            line(Mark::Done, format!("{}  {took}  {result}", name(step)))
        }
        StepState::Failed | StepState::Unknown => {
            line(Mark::Failed, format!("{}  {took}  {why}", name(step)))
        }
        StepState::Skipped | StepState::Cancelled | StepState::Superseded => {
            let state = step_state_name(step.state);
            let why = if why.is_empty() { state } else { why };
            line(Mark::Skipped, format!("{}  {why}", name(step)))
        }
        _ => line(Mark::Plan, format!("{}{}", name(step), after(&step.depends_on))),
    }
}

/// The last words on stderr.
pub(super) fn ending(view: &View) -> Vec<Line> {
    let mut lines = Vec::new();
    let steps = view.steps();
    let (with, without): (Vec<&StepView>, Vec<&StepView>) =
        steps.iter().partition(|step| step.state == StepState::Succeeded);
    match view.state {
        RunState::Succeeded if view.partial => {
            let missing =
                format!("{} of {} gave no result", without.len(), count(steps.len(), "step"));
            lines.push(line(Mark::Partial, format!("the answer is partial: {missing}")));
            lines.extend(without.into_iter().map(step_line));
        }
        RunState::Failed | RunState::Cancelled => {
            let why = view.failure.as_ref().map(failure).unwrap_or_default();
            let what = match view.state {
                RunState::Cancelled => "the run was cancelled",
                _ => "the run failed",
            };
            lines.push(line(Mark::Failed, format!("{what}: {why}")));
            lines.extend(with.iter().copied().map(step_line));
        }
        _ => {}
    }
    lines.extend(summary(view, with.len()));
    lines
}

/// Wall time, critical path, most steps at once.
fn summary(view: &View, succeeded: usize) -> Option<Line> {
    let wall = view.ended_at?.since(view.submitted_at?);
    let all = view.steps().len();
    let mut text = format!("{succeeded} of {} in {}", count(all, "step"), elapsed(wall));
    let path = view.critical_path();
    if !path.steps.is_empty() {
        let steps: Vec<_> = path.steps.iter().map(ToString::to_string).collect();
        let most = view.most_at_once();
        text.push_str(&format!(
            "; critical path {} ({}); at most {} at once",
            steps.join(" → "),
            elapsed(path.time),
            count(most, "step"),
        ));
    }
    Some(line(Mark::Note, text))
}

/// A run for `get`: everything that is known, for people.
pub(crate) fn describe(view: &View) -> String {
    let mut lines = vec![format!("run      {}", view.run_id)];
    let partial = if view.partial { " (partial)" } else { "" };
    lines.push(format!("state    {}{partial}", run_state_name(view.state)));
    lines.push(format!("goal     {}", goal_line(&view.goal, 200)));
    for (key, value) in &view.labels {
        lines.push(format!("label    {}={}", short(key, 80), short(value, 80)));
    }
    if let Some(why) = &view.failure {
        lines.push(format!("why      {}", failure(why)));
    }
    lines.extend(view.steps().into_iter().map(|step| step_line(step).to_string()));
    lines.extend(
        summary(view, view.steps().iter().filter(|s| s.result.is_some()).count())
            .map(|line| line.to_string()),
    );
    if let Some(answer) = &view.answer {
        lines.push(String::new());
        lines.push(crate::text::harmless(answer));
    }
    lines.join("\n")
}

/// The beginning of a goal.
pub(crate) fn goal_line(goal: &str, most: usize) -> String {
    short(goal, most)
}

fn name(step: &StepView) -> String {
    title(step.number, &step.tool, &step.description)
}

fn draft(step: &v1::PlannedStep) -> String {
    let title = title(step.step_number, &step.tool, &step.description);
    format!("{title}{}", after(&dependencies(step)))
}

fn title(number: u32, tool: &str, description: &str) -> String {
    let (tool, description) = (short(tool, 32), short(description, DESCRIPTION));
    format!("{number:>3}  {tool:<10}  {description}")
}

fn after(depends_on: &[u32]) -> String {
    if depends_on.is_empty() { String::new() } else { format!("  (after {})", numbers(depends_on)) }
}

fn problems(list: &[v1::PlanProblem]) -> Vec<Line> {
    let say = |problem: &v1::PlanProblem| {
        let message = short(&problem.message, MESSAGE);
        match problem.step_number {
            0 => line(Mark::More, message),
            number => line(Mark::More, format!("step {number}: {message}")),
        }
    };
    list.iter().map(say).collect()
}

fn call_failed(what: &str, why: Option<&v1::Failure>, again: bool) -> Line {
    let why = why.map(|why| failure(&Failure::from(why))).unwrap_or_default();
    if again {
        line(Mark::Retry, format!("no {what}, asking again: {why}"))
    } else {
        line(Mark::Failed, format!("no {what}: {why}"))
    }
}

fn failure(failure: &Failure) -> String {
    let message = short(&failure.message, MESSAGE);
    if message.is_empty() { failure.kind.clone() } else { format!("{}: {message}", failure.kind) }
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
