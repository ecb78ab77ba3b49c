//! What models are told: the prompts' files, and what is put into their holes.
//!
//! Goals, plans and results are data from elsewhere. They stand in blocks that they cannot end, and
//! none of them is ever looked through for holes.

mod tools;

use serde_json::Value;
use sortie_engine::{Problem, StepNumber};
use sortie_llm::{Purpose, Request};
use sortie_models::{BadPrompt, Prompt, PromptSource, Prompts, fenced};
use sortie_proto::v1;
use sortie_proto::v1::step_report::Outcome;

use crate::shape::shape;

/// The names in the examples of `plan.md`, made up for them. Small models copy them into plans for
/// other goals.
pub(crate) const EXAMPLE_NAMES: [&str; 4] = ["Velmora", "Tashpur", "Quillet", "Brannock"];

const PLAN: PromptSource = PromptSource {
    name: "plan",
    text: include_str!("../prompts/plan.md"),
    needs: &["goal", "tools"],
    knows: &["max_steps"],
};
const REPAIR: PromptSource = PromptSource {
    name: "repair",
    text: include_str!("../prompts/repair.md"),
    needs: &["goal", "problems", "results", "numbering"],
    knows: &["plan", "tools", "max_steps"],
};
const REPLAN: PromptSource = PromptSource {
    name: "replan",
    text: include_str!("../prompts/replan.md"),
    needs: &["goal", "results", "numbering"],
    knows: &["tools", "max_steps"],
};
const ANSWER: PromptSource = PromptSource {
    name: "answer",
    text: include_str!("../prompts/answer.md"),
    needs: &["goal", "results"],
    knows: &[],
};

/// The prompts that the planner brings along.
pub const PROMPTS: [PromptSource; 4] = [PLAN, REPAIR, REPLAN, ANSWER];

/// The prompts for plans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanPrompts {
    plan: Prompt,
    repair: Prompt,
    replan: Prompt,
}

impl PlanPrompts {
    /// The prompts in force.
    ///
    /// # Errors
    /// If a file that stands in for one of them cannot be used.
    pub fn load(prompts: &Prompts) -> Result<Self, BadPrompt> {
        let plan = prompts.load(&PLAN)?;
        let repair = prompts.load(&REPAIR)?.or_like(&plan);
        let replan = prompts.load(&REPLAN)?.or_like(&plan);
        Ok(Self { plan, repair, replan })
    }

    /// What a model is asked so that it plans: at most `max_steps` steps.
    #[must_use]
    pub fn request(&self, request: &v1::MakePlanRequest, max_steps: usize) -> Request {
        let (purpose, prompt) = match (&request.repair, &request.replan) {
            (Some(_), _) => (Purpose::Repair, &self.repair),
            (None, Some(_)) => (Purpose::Replan, &self.replan),
            (None, None) => (Purpose::Plan, &self.plan),
        };
        let kept = kept(request);
        let old = request.replan.as_ref().map_or(&[][..], |old| &old.steps);
        let (plan, problems) =
            request.repair.as_ref().map(|repair| broken(repair, &kept)).unwrap_or_default();
        let mut filled = prompt.fill(&[
            ("goal", &fenced("goal", &[], &request.goal)),
            ("tools", &tools::list(&request.tools)),
            ("max_steps", &max_steps.to_string()),
            ("plan", &plan),
            ("problems", &problems),
            ("results", &spaced(results(old))),
            ("numbering", &spaced(numbering(old, &kept))),
        ]);
        filled.examples.retain(|example| can_be_done(&example.assistant, &request.tools));
        let shape = Some(shape(&request.tools, max_steps));
        Request { shape, ..filled.request(purpose) }
    }
}

/// The prompt for answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerPrompt(Prompt);

impl AnswerPrompt {
    /// The prompt in force.
    ///
    /// # Errors
    /// If a file that stands in for it cannot be used.
    pub fn load(prompts: &Prompts) -> Result<Self, BadPrompt> {
        prompts.load(&ANSWER).map(Self)
    }

    /// What a model is asked so that it answers.
    #[must_use]
    pub fn request(&self, request: &v1::SynthesizeRequest) -> Request {
        let goal = fenced("goal", &[], &request.goal);
        let filled = self.0.fill(&[("goal", &goal), ("results", &results(&request.steps))]);
        filled.request(Purpose::Answer)
    }
}

/// Whether an example's plan uses only tools that are there: a model copies the others, too.
fn can_be_done(plan: &str, tools: &[v1::Tool]) -> bool {
    let Ok(plan) = serde_json::from_str::<Value>(plan) else { return true };
    let mut steps = plan["steps"].as_array().into_iter().flatten();
    steps.all(|step| tools.iter().any(|tool| step["tool"] == tool.name))
}

/// A block that may be missing, with the space behind it.
fn spaced(block: String) -> String {
    if block.is_empty() { block } else { block + "\n\n" }
}

/// The steps of the old plan that a new one keeps, as their author wrote them: those that found
/// something and depend on none that did not. Each stands behind those that it refers to, for only
/// then can it be seen that it is the same step.
pub(crate) fn kept(request: &v1::MakePlanRequest) -> Vec<v1::PlannedStep> {
    let old = request.replan.iter().flat_map(|replan| &replan.steps);
    let found = |step: &&v1::StepReport| match &step.outcome {
        Some(Outcome::Result(preview)) => !preview.empty,
        _ => false,
    };
    let mut left: Vec<_> = old.filter(found).collect();
    let mut kept: Vec<v1::PlannedStep> = Vec::new();
    loop {
        let before = kept.len();
        left.retain(|step| {
            let has = |number: &u32| kept.iter().any(|kept| kept.step_number == *number);
            let waits = !step.depends_on.iter().all(has);
            if !waits {
                kept.push(written(step));
            }
            waits
        });
        if kept.len() == before {
            return kept;
        }
    }
}

fn written(step: &v1::StepReport) -> v1::PlannedStep {
    v1::PlannedStep {
        step_number: step.step_number,
        description: step.description.clone(),
        tool: step.tool.clone(),
        tool_input: step.tool_input.clone(),
        depends_on: step.depends_on.clone(),
    }
}

fn numbering(old: &[v1::StepReport], kept: &[v1::PlannedStep]) -> String {
    let Some(last) = old.iter().map(|step| step.step_number).max() else {
        return String::new();
    };
    let next = last.saturating_add(1);
    let kept: Vec<_> = kept.iter().map(|step| step.step_number.to_string()).collect();
    match kept.as_slice() {
        [] => format!("No old step is kept. Number your steps from {next}."),
        kept => format!(
            "Finished and kept, not to be written again: {}. Number your steps from {next}.",
            kept.join(", ")
        ),
    }
}

/// The broken plan without the steps that are kept anyway, and what is wrong with it.
fn broken(repair: &v1::Repair, kept: &[v1::PlannedStep]) -> (String, String) {
    let steps = repair.steps.iter().filter(|step| !kept.contains(step)).map(|step| {
        format!(
            "{{\"step_number\": {}, \"description\": {}, \"tool\": {}, \"tool_input\": {}, \
             \"depends_on\": {:?}}}",
            step.step_number,
            Value::from(step.description.as_str()),
            Value::from(step.tool.as_str()),
            step.tool_input,
            step.depends_on
        )
    });
    let steps: Vec<_> = steps.collect();
    let plan = match steps.as_slice() {
        [] => "(none of it could be read)".to_owned(),
        steps => format!("{{\"steps\": [\n{}\n]}}", steps.join(",\n")),
    };
    let problems = repair.problems.iter().cloned();
    let problems: Vec<_> = problems.map(|told| format!("- {}", Problem::from(told))).collect();
    (fenced("broken_plan", &[], &plan), fenced("problems", &[], &problems.join("\n")))
}

/// What became of each step, one block for each.
fn results(steps: &[v1::StepReport]) -> String {
    let blocks: Vec<_> = steps.iter().map(result).collect();
    blocks.join("\n\n")
}

fn result(step: &v1::StepReport) -> String {
    let (status, text) = match &step.outcome {
        Some(Outcome::Result(preview)) if preview.empty => {
            ("done, found nothing".to_owned(), preview.json.clone())
        }
        Some(Outcome::Result(preview)) if preview.truncated => {
            let shown = preview.json.len();
            (format!("done, cut: {shown} of {} bytes", preview.total_bytes), preview.json.clone())
        }
        Some(Outcome::Result(preview)) => ("done".to_owned(), preview.json.clone()),
        Some(Outcome::Failure(failure)) => {
            let kind = failure.kind().as_str_name().trim_start_matches("FAILURE_KIND_");
            (format!("failed: {}", kind.to_lowercase()), failure.message.clone())
        }
        None => ("not done".to_owned(), String::new()),
    };
    let number = StepNumber::new(step.step_number).to_string();
    let attributes =
        [("step", number.as_str()), ("tool", step.tool.as_str()), ("status", status.as_str())];
    let text = format!("{}\ninput: {}\n{text}", step.description, step.tool_input);
    fenced("result", &attributes, text.trim())
}

/// A name out of the prompt's examples that a step is about, although neither the goal nor anything
/// found before speaks of it.
pub(crate) fn copied_name(step: &sortie_engine::StepDraft, known: &str) -> Option<&'static str> {
    let has = |text: &str, name: &str| text.to_lowercase().contains(&name.to_lowercase());
    let text = format!("{} {}", step.description, step.tool_input);
    EXAMPLE_NAMES.into_iter().find(|name| has(&text, name) && !has(known, name))
}
