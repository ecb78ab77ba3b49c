//! A plan is data from an untrusted author: everything that is wrong with it is found here, each
//! fault with what would be right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::event::{PlannedStep, ToolTerms};
use crate::failure::clip;
use crate::ids::{StepId, StepNumber};
use crate::plan::{MAX_PROBLEM_BYTES, Problem, StepDraft};
use crate::run::{Plan, Run, Step};
use crate::template::{Reference, Template};
use crate::tool::{Catalogue, ToolSpec};

/// The largest input of one step, in bytes of JSON: a quarter of a commit's run budget.
const MAX_INPUT_BYTES: usize = 256 * 1024;
/// The longest description, in bytes: it is shown on one line.
const MAX_DESCRIPTION_BYTES: usize = 2048;
/// One step has at most so many problems told of it.
const MAX_STEP_PROBLEMS: usize = 16;
/// A step waits for at most so many others, as many as a plan can have.
const MAX_DEPENDENCIES: usize = 1024;

/// What can be said of a step while the rest of its plan is still being written. `bytes` is the
/// size of its input.
pub(super) fn step(
    run: &Run,
    plan: &Plan,
    draft: &StepDraft,
    bytes: usize,
    catalogue: &Catalogue,
) -> Result<(PlannedStep, ToolTerms), Vec<Problem>> {
    let mut faults = Faults { step: draft.number, found: Vec::new() };
    check_label(plan, draft, &mut faults);
    let tool = catalogue.get(&draft.tool);
    if tool.is_none() {
        let names: Vec<_> = catalogue.iter().map(|tool| tool.name.as_str()).collect();
        let name: String = draft.tool.chars().take(64).collect();
        faults.add(format!("there is no tool `{name}`, only: {}", names.join(", ")));
    }
    let input = check_input(draft, bytes, tool.map(AsRef::as_ref), &mut faults);
    let depends_on = check_dependencies(draft, input.as_ref(), &mut faults);
    if let Some(input) = &input {
        for reference in input.references() {
            let author = plan.numbers.get(&reference.step).and_then(|id| run.step(*id));
            faults.extend(author.and_then(|step| missing_path(reference, step, catalogue)));
        }
    }
    match (input, tool) {
        (Some(input), Some(tool)) if faults.found.is_empty() => {
            let planned = PlannedStep {
                number: draft.number,
                description: draft.description.clone(),
                tool: tool.name.clone(),
                input,
                depends_on,
            };
            Ok((planned, terms(tool)))
        }
        _ => Err(faults.found),
    }
}

/// What can be said only of the whole plan, once its author has ended it. Steps that are not sound
/// have said so before; a dependency on one of them is no second fault.
pub(super) fn whole(run: &Run, plan: &Plan, catalogue: &Catalogue) -> Vec<Problem> {
    if plan.len() == 0 {
        return vec![Problem { step: None, message: "the plan has no steps".to_owned() }];
    }
    let mut problems = Vec::new();
    for (number, waiting) in &plan.expected {
        if plan.has(*number) {
            continue;
        }
        for step in waiting.iter().filter_map(|id| run.step(*id)) {
            let message = format!("depends on step {number}, which does not exist");
            problems.push(Problem { step: Some(step.number()), message });
        }
    }
    for step in plan.numbers.values().filter_map(|id| run.step(*id)) {
        for reference in step.planned.input.references() {
            // References back were checked when the step came, those ahead could not be. Ids do
            // not tell which is which: an adopted step keeps its old one.
            let author = plan.numbers.get(&reference.step).and_then(|author| run.step(*author));
            let missing = author.and_then(|author| missing_path(reference, author, catalogue));
            problems.extend(missing.map(|message| Problem { step: Some(step.number()), message }));
        }
    }
    problems.extend(cycle(run, plan));
    problems
}

struct Faults {
    step: StepNumber,
    found: Vec<Problem>,
}

impl Faults {
    fn add(&mut self, message: String) {
        if self.found.len() < MAX_STEP_PROBLEMS {
            let message = clip(message, MAX_PROBLEM_BYTES);
            self.found.push(Problem { step: Some(self.step), message });
        }
    }

    fn extend(&mut self, messages: impl IntoIterator<Item = String>) {
        messages.into_iter().for_each(|message| self.add(message));
    }
}

fn check_label(plan: &Plan, draft: &StepDraft, faults: &mut Faults) {
    if draft.number.get() == 0 {
        faults.add("step numbers start at 1".to_owned());
    }
    if plan.has(draft.number) {
        faults.add(format!("there is another step {}", draft.number));
    }
    if draft.description.len() > MAX_DESCRIPTION_BYTES {
        faults.add(format!("the description has more than {MAX_DESCRIPTION_BYTES} bytes"));
    }
}

fn check_input(
    draft: &StepDraft,
    bytes: usize,
    tool: Option<&ToolSpec>,
    faults: &mut Faults,
) -> Option<Template> {
    if bytes > MAX_INPUT_BYTES {
        faults.add(format!("the input has {bytes} bytes, at most {MAX_INPUT_BYTES} fit"));
        return None;
    }
    let input = Arc::new(spread_plain_text(&draft.tool_input, tool));
    let template = match Template::sized(input, bytes) {
        Ok(template) => template,
        Err(problem) => {
            faults.add(problem.to_string());
            return None;
        }
    };
    if let Some(tool) = tool {
        let violations = tool.input.check_template(&template);
        faults.extend(violations.iter().map(|violation| {
            format!("the input does not fit the tool `{}`: {violation}", tool.name)
        }));
    }
    Some(template)
}

/// A plain string fills the tool's single required string property.
fn spread_plain_text(input: &Value, tool: Option<&ToolSpec>) -> Value {
    let property = tool.and_then(|tool| tool.input.plain_text_property());
    match (input, property) {
        (Value::String(text), Some(property)) => json!({ property: text }),
        _ => input.clone(),
    }
}

fn check_dependencies(
    draft: &StepDraft,
    input: Option<&Template>,
    faults: &mut Faults,
) -> Vec<StepNumber> {
    let referred = input.map(Template::steps).unwrap_or_default();
    if referred.contains(&draft.number) {
        faults.add("refers to its own result".to_owned());
    } else if draft.depends_on.contains(&draft.number) {
        faults.add("depends on itself".to_owned());
    }
    if draft.depends_on.len() > MAX_DEPENDENCIES {
        faults.add(format!("depends on more than {MAX_DEPENDENCIES} steps"));
    }
    let all: BTreeSet<_> = draft.depends_on.iter().copied().chain(referred).collect();
    all.into_iter().collect()
}

/// A message if the result that `reference` names a part of will never have that part.
fn missing_path(reference: &Reference, author: &Step, catalogue: &Catalogue) -> Option<String> {
    let tool = catalogue.get(author.planned.tool.as_str())?;
    let output = tool.output.as_ref()?;
    let missing = !output.may_have(&reference.path);
    missing.then(|| {
        let tool = &tool.name;
        let step = reference.step;
        let parts = output.property_names().map(|part| format!("`{{{{{step}.{part}}}}}`"));
        let parts = match parts.collect::<Vec<_>>() {
            none if none.is_empty() => "no parts".to_owned(),
            some => format!("only {}", some.join(", ")),
        };
        format!("`{reference}` names nothing: results of the tool `{tool}` have {parts}")
    })
}

fn terms(tool: &ToolSpec) -> ToolTerms {
    ToolTerms {
        queue: tool.queue.clone(),
        effect: tool.effect,
        timeout: tool.timeout,
        calls_model: tool.calls_model,
    }
}

/// One cycle of the plan, if it has any, written out.
fn cycle(run: &Run, plan: &Plan) -> Option<Problem> {
    let edges = |number: StepNumber| -> Vec<StepNumber> {
        let step = plan.numbers.get(&number).and_then(|id: &StepId| run.step(*id));
        step.map(|step| step.planned.depends_on.clone()).unwrap_or_default()
    };
    let mut marks: BTreeMap<StepNumber, Mark> = BTreeMap::new();
    for start in plan.numbers.keys() {
        let mut path: Vec<(StepNumber, Vec<StepNumber>)> = Vec::new();
        if !marks.contains_key(start) {
            marks.insert(*start, Mark::OnPath);
            path.push((*start, edges(*start)));
        }
        while let Some((at, left)) = path.last_mut() {
            let Some(next) = left.pop() else {
                marks.insert(*at, Mark::Done);
                path.pop();
                continue;
            };
            match marks.get(&next) {
                Some(Mark::Done) => {}
                Some(Mark::OnPath) => return Some(describe(&path, next)),
                None => {
                    marks.insert(next, Mark::OnPath);
                    path.push((next, edges(next)));
                }
            }
        }
    }
    None
}

enum Mark {
    OnPath,
    Done,
}

fn describe(path: &[(StepNumber, Vec<StepNumber>)], closes: StepNumber) -> Problem {
    let steps = path.iter().map(|(number, _)| *number).skip_while(|number| *number != closes);
    let ring: Vec<_> = steps.chain([closes]).map(|number| format!("step {number}")).collect();
    let message = format!("steps wait for each other: {}", ring.join(" waits for "));
    Problem { step: None, message }
}
