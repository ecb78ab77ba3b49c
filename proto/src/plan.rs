//! Plans on the wire: steps as their author wrote them, and what is wrong with them.

use sortie_engine::{PlannedStep, Problem, StepDraft, StepNumber, Template, ToolName};

use crate::{BadField, json, v1};

impl From<StepDraft> for v1::PlannedStep {
    fn from(step: StepDraft) -> Self {
        Self {
            step_number: step.number.get(),
            description: step.description,
            tool: step.tool,
            tool_input: json::to_wire(&step.tool_input),
            depends_on: step.depends_on.into_iter().map(StepNumber::get).collect(),
        }
    }
}

/// Any label is taken: whether labels make sense is the plan check's to say, with all other faults.
impl TryFrom<v1::PlannedStep> for StepDraft {
    type Error = BadField;

    fn try_from(step: v1::PlannedStep) -> Result<Self, BadField> {
        let tool_input = json::from_wire("tool_input", &step.tool_input)?;
        Ok(Self {
            number: StepNumber::new(step.step_number),
            description: step.description,
            tool: step.tool,
            tool_input,
            depends_on: step.depends_on.into_iter().map(StepNumber::new).collect(),
        })
    }
}

/// A sound step in its author's words.
impl From<&PlannedStep> for v1::PlannedStep {
    fn from(step: &PlannedStep) -> Self {
        Self {
            step_number: step.number.get(),
            description: step.description.clone(),
            tool: step.tool.to_string(),
            tool_input: json::to_wire(step.input.source()),
            depends_on: step.depends_on.iter().map(|number| number.get()).collect(),
        }
    }
}

/// Its references are found again; everything else is believed, for it was checked.
impl TryFrom<v1::PlannedStep> for PlannedStep {
    type Error = BadField;

    fn try_from(step: v1::PlannedStep) -> Result<Self, BadField> {
        let draft = StepDraft::try_from(step)?;
        let input = Template::parse(&draft.tool_input)
            .map_err(|e| BadField::new("tool_input", format!("is no template: {e}")))?;
        Ok(Self {
            number: draft.number,
            description: draft.description,
            tool: ToolName::new(&draft.tool),
            input,
            depends_on: draft.depends_on,
        })
    }
}

impl From<Problem> for v1::PlanProblem {
    fn from(problem: Problem) -> Self {
        let step_number = problem.step.map_or(0, StepNumber::get);
        Self { step_number, message: problem.message }
    }
}

/// Total: 0 stands for the whole plan.
impl From<v1::PlanProblem> for Problem {
    fn from(problem: v1::PlanProblem) -> Self {
        let step = Some(problem.step_number).filter(|number| *number > 0).map(StepNumber::new);
        Self { step, message: problem.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn steps_survive_the_wire() {
        let step = StepDraft {
            number: StepNumber::new(3),
            description: "sum".to_owned(),
            tool: "calculate".to_owned(),
            tool_input: json!({"expression": "{{1.value}} + {{2.value}}", "deep": [1.5, null]}),
            depends_on: vec![StepNumber::new(1), StepNumber::new(2)],
        };
        let wire = v1::PlannedStep::from(step.clone());
        assert_eq!(StepDraft::try_from(wire), Ok(step));
    }

    #[test]
    fn bad_steps_are_refused_by_field() {
        let good = v1::PlannedStep {
            step_number: 1,
            tool_input: "{}".to_owned(),
            ..v1::PlannedStep::default()
        };
        let broken = [
            ("tool_input", v1::PlannedStep { tool_input: String::new(), ..good.clone() }),
            ("tool_input", v1::PlannedStep { tool_input: "[".repeat(100_000), ..good }),
        ];
        for (field, step) in broken {
            assert_eq!(StepDraft::try_from(step).unwrap_err().field, field);
        }
    }

    #[test]
    fn problems_survive_the_wire() {
        for step in [None, Some(StepNumber::new(2))] {
            let problem = Problem { step, message: "no such tool".to_owned() };
            assert_eq!(Problem::from(v1::PlanProblem::from(problem.clone())), problem);
        }
    }
}
