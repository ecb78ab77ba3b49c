//! What is said about a run, line by line: pure functions. Everything that a stranger wrote is
//! made short and harmless here.

use sortie_engine::PREVIEW_BYTES;
use sortie_proto::v1::{self, RunState, StepState, event::Kind, watch_run_response::Item};

use super::line::{Line, Mark, line};
use super::usage::{by_role, used};
use crate::text::{elapsed, first_line, numbers, result_text, short};
use crate::view::{
    Failure, Shown, StepView, View, dependencies, plain_name, run_state_name, step_state_name,
};

/// A description is a sentence; what is longer is a story.
const DESCRIPTION: usize = 160;
/// Enough of a result to see that it is the right one; a preview has as much of any script.
const RESULT: usize = 120;
/// Messages tell what to do; most of them fit.
const MESSAGE: usize = 400;
/// `anthropic claude-sonnet-5-5`, or a model at an address.
const PLANNER: usize = 100;
/// `59.9 s`, so that what follows stands in a column.
const TIME: usize = 6;

/// Something that is not of the run.
pub(super) fn note(text: &str) -> Line {
    line(Mark::Note, short(text, MESSAGE))
}

/// What a person is told when this happens; `view` has taken it in already.
pub(super) fn tell(view: &View, item: &Item) -> Vec<Line> {
    let told = match item {
        Item::Event(v1::Event { kind: Some(kind), .. }) => return tell_event(view, kind),
        Item::Notice(v1::Notice { kind: Some(v1::notice::Kind::AttemptStarted(start)) }) => {
            view.step(start.step_id).and_then(started)
        }
        Item::Reset(_) => {
            let state = run_state_name(view.state);
            let mut lines = vec![note(&format!("the run as it is now: {state}"))];
            lines.extend(view.steps().into_iter().flat_map(step_lines));
            return lines;
        }
        Item::Event(_) | Item::Notice(_) | Item::AnswerText(_) => None,
    };
    told.into_iter().collect()
}

fn tell_event(view: &View, kind: &Kind) -> Vec<Line> {
    match kind {
        Kind::RunSubmitted(_) => vec![note(&format!("run {}", view.run_id))],
        Kind::PlanVersionStarted(e) => plan_started(view, e),
        Kind::StepPlanned(e) => e.step.iter().map(|step| draft(Mark::Plan, step, "")).collect(),
        Kind::StepRejected(e) => {
            let mut lines: Vec<_> =
                e.step.iter().map(|step| draft(Mark::Failed, step, "")).collect();
            lines.extend(problems(&e.problems));
            lines
        }
        Kind::StepAdopted(e) => {
            e.step.iter().map(|step| draft(Mark::Plan, step, "  (kept)")).collect()
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
            let again = e.retry_at.is_some() || e.next_cause() != v1::PlanCause::Unspecified;
            call_failed("plan", e.failure.as_ref(), again)
        }
        Kind::PlanRestored(_) => {
            vec![note("there is no other plan: the answer is made of what there is")]
        }
        Kind::AnswerAttemptStarted(e) if e.synthesizer.is_empty() => {
            vec![note("writing the answer")]
        }
        Kind::AnswerAttemptStarted(e) => {
            vec![note(&format!("writing the answer (by {})", short(&e.synthesizer, PLANNER)))]
        }
        Kind::AnswerAttemptFailed(e) => {
            call_failed("answer", e.failure.as_ref(), e.retry_at.is_some())
        }
        // Why is told when the run has ended, which is at once where nothing is at work.
        Kind::RunStopping(_) => match view.steps().iter().filter(|step| step.at_work()).count() {
            0 => Vec::new(),
            open => vec![note(&format!("stopping, with {} at work", count(open, "step")))],
        },
        Kind::CommandRefused(e) => vec![note(&format!("refused: {}", e.message))],
        step => crate::view::step_id(step)
            .and_then(|id| view.step(id))
            .and_then(|known| step_event(known, step))
            .into_iter()
            .collect(),
    }
}

fn plan_started(view: &View, e: &v1::PlanVersionStarted) -> Vec<Line> {
    let mut lines = Vec::new();
    let why = match e.cause() {
        v1::PlanCause::Repair => Some("because of the faults".to_owned()),
        v1::PlanCause::Takeover => Some("because another coordinator took over".to_owned()),
        v1::PlanCause::Replan => Some(why_replan(&view.failed_before(e.version))),
        v1::PlanCause::Retry => Some("because the planner broke off".to_owned()),
        v1::PlanCause::Unspecified | v1::PlanCause::First => None,
    };
    let cause = plain_name(e.cause().as_str_name(), "PLAN_CAUSE_");
    lines.extend(why.map(|why| note(&format!("plan version {} ({cause}): {why}", e.version))));
    if !e.planner.is_empty() {
        let hint = if e.planner.contains("offline") {
            " (a model can plan any goal: see README, Models)"
        } else {
            ""
        };
        lines.push(line(Mark::Note, format!("planned by {}{hint}", short(&e.planner, PLANNER))));
    }
    lines
}

/// Steps that found nothing have results: they cannot be told from the others here.
fn why_replan(failed: &[u32]) -> String {
    match failed {
        [] => "because steps found nothing".to_owned(),
        [step] => format!("because step {step} failed"),
        some => format!("because steps {} failed", numbers(some)),
    }
}

fn started(step: &StepView) -> Option<Line> {
    let tail = match step.attempt {
        0 | 1 => String::new(),
        attempt => format!("  (attempt {attempt})"),
    };
    step.running.then(|| Line { tail, ..title(Mark::Start, step) })
}

/// A step that is at work, beside its spinner.
pub(super) fn turning(step: &StepView, time: &str) -> Line {
    let line = title(Mark::Start, step);
    Line { head: format!("{}{time:>TIME$}  ", line.head), ..line }
}

fn step_event(step: &StepView, kind: &Kind) -> Option<Line> {
    Some(match kind {
        // The notice of its start came before.
        Kind::StepQueued(_) => return started(step),
        Kind::StepRetrying(e) => {
            let why = format!("attempt {} failed: {}", e.attempt, why(step));
            Line { text: why, ..title(Mark::Retry, step) }
        }
        Kind::StepSucceeded(_)
        | Kind::StepFailed(_)
        | Kind::StepUnknown(_)
        | Kind::StepSkipped(_)
        | Kind::StepCancelled(_) => outcome(step),
        _ => return None,
    })
}

/// What became of a step, for those who read above what it was for.
fn outcome(step: &StepView) -> Line {
    let mark = match step.state {
        StepState::Succeeded => Mark::Done,
        StepState::Failed | StepState::Unknown => Mark::Failed,
        StepState::Skipped | StepState::Cancelled | StepState::Superseded => Mark::Skipped,
        _ => return Line { tail: after(&step.depends_on), ..title(Mark::Plan, step) },
    };
    let words = match mark {
        Mark::Done => result(step),
        _ => why(step),
    };
    let line = title(mark, step);
    Line {
        head: format!("{}{:>TIME$}  ", line.head, took(step)),
        text: if words.is_empty() { line.text } else { words },
        ..line
    }
}

/// A step, and below it what became of it.
fn step_lines(step: &StepView) -> Vec<Line> {
    let outcome = outcome(step);
    if outcome.mark == Mark::Plan {
        let waits = |queue| {
            let queue = short(queue, 32);
            line(Mark::More, format!("no worker serves its queue `{queue}`: it waits for one"))
        };
        let waits = step.unserved_queue.as_deref().map(waits);
        return std::iter::once(outcome).chain(waits).collect();
    }
    let words = line(Mark::More, outcome.text.clone());
    let title = Line { text: short(&step.description, DESCRIPTION), ..outcome };
    if words.text == title.text { vec![title] } else { vec![title, words] }
}

fn took(step: &StepView) -> String {
    step.span().map(|(start, end)| elapsed(end.since(start))).unwrap_or_default()
}

fn why(step: &StepView) -> String {
    match &step.failure {
        Some(why) => failure(why),
        None => step_state_name(step.state),
    }
}

/// The first line of a result.
fn result(step: &StepView) -> String {
    match &step.result {
        Some(Shown::Whole(json)) => first_line(&result_text(json), RESULT),
        Some(Shown::Preview(text)) => {
            let line = first_line(&result_text(text), RESULT);
            // A preview that is full was probably cut, perhaps inside a word.
            let is_full = text.len() + 3 >= PREVIEW_BYTES && !text.contains('\n');
            if is_full && !line.ends_with('…') { format!("{line}…") } else { line }
        }
        None => String::new(),
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
            lines.extend(without.into_iter().flat_map(step_lines));
        }
        RunState::Failed | RunState::Cancelled => {
            lines.push(line(Mark::Failed, why_it_ended(view)));
            lines.extend(with.iter().copied().flat_map(step_lines));
        }
        _ => {}
    }
    lines.extend(summary(view, with.len()));
    lines
}

fn why_it_ended(view: &View) -> String {
    let why = view.failure.as_ref();
    match view.state {
        // That is its kind as well.
        RunState::Cancelled => match why.map(|why| short(&why.message, MESSAGE)) {
            Some(reason) if !reason.is_empty() => format!("the run was cancelled: {reason}"),
            _ => "the run was cancelled".to_owned(),
        },
        _ => format!("the run failed: {}", why.map(failure).unwrap_or_default()),
    }
}

/// Wall time, critical path, most steps at once, and what models used.
fn summary(view: &View, succeeded: usize) -> Option<Line> {
    let wall = view.ended_at?.since(view.submitted_at?);
    let wall = elapsed(wall);
    let all = view.steps().len();
    let used = used(&view.usage).map(|used| format!("; {used}")).unwrap_or_default();
    if all == 0 {
        return Some(line(Mark::Note, format!("no steps, {wall}{used}")));
    }
    let mut text = format!("{succeeded} of {} succeeded in {wall}", count(all, "step"));
    let path = view.critical_path();
    if !path.steps.is_empty() {
        let steps: Vec<_> = path.steps.iter().map(ToString::to_string).collect();
        let (steps, time) = (steps.join(" → "), elapsed(path.time));
        let most = count(view.most_at_once(), "step");
        text.push_str(&format!("; critical path {steps} ({time}); at most {most} at once"));
    }
    Some(line(Mark::Note, text + &used))
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
    let steps = view.steps();
    if !steps.is_empty() {
        lines.push(String::new());
        lines.extend(steps.iter().flat_map(|step| step_lines(step)).map(|line| line.to_string()));
    }
    let succeeded = steps.iter().filter(|step| step.state == StepState::Succeeded).count();
    if let Some(summary) = summary(view, succeeded) {
        lines.extend([String::new(), summary.to_string()]);
    }
    lines.extend(by_role(&view.usage_by_role));
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

fn title(mark: Mark, step: &StepView) -> Line {
    let text = short(&step.description, DESCRIPTION);
    Line { mark, head: head(step.number, &step.tool), text, tail: String::new() }
}

fn draft(mark: Mark, step: &v1::PlannedStep, kept: &str) -> Line {
    Line {
        mark,
        head: head(step.step_number, &step.tool),
        text: short(&step.description, DESCRIPTION),
        tail: format!("{}{kept}", after(&dependencies(step))),
    }
}

/// The columns of number and tool.
fn head(number: u32, tool: &str) -> String {
    format!("{number:>3}  {:<10}  ", short(tool, 32))
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

/// The last failure of a call is the run's, and told with it.
fn call_failed(what: &str, why: Option<&v1::Failure>, again: bool) -> Vec<Line> {
    if !again {
        return Vec::new();
    }
    let why = why.map(|why| failure(&Failure::from(why))).unwrap_or_default();
    vec![line(Mark::Retry, format!("no {what}, asking again: {why}"))]
}

fn failure(failure: &Failure) -> String {
    let message = short(&failure.message, MESSAGE);
    if message.is_empty() { failure.kind.clone() } else { format!("{}: {message}", failure.kind) }
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
