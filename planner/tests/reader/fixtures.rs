//! Outputs of models, good and damaged, one file each in `tests/fixtures/outputs`. What comes of
//! each stands in `tests/fixtures/outcomes.jsonl`: the steps as number, tool, input and
//! dependencies, the reader's problems, and the engine's verdict (accepted if it is empty). Problems
//! stand there in part.

use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};
use sortie_engine::{Problem, StepDraft, StepNumber};
use sortie_llm::StopReason;

use crate::{kit, read};

pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) stop: StopReason,
    outcome: Value,
}

/// Every output.
pub(crate) static OUTPUTS: LazyLock<Vec<Output>> = LazyLock::new(outputs);

fn outputs() -> Vec<Output> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let index = std::fs::read_to_string(folder.join("outcomes.jsonl")).unwrap();
    let output = |line: &str| {
        let outcome: Value = serde_json::from_str(line).unwrap();
        let name = outcome["name"].as_str().unwrap().to_owned();
        let text = std::fs::read_to_string(folder.join(format!("outputs/{name}.txt"))).unwrap();
        let stop = match outcome["stop"].as_str().unwrap() {
            "complete" => StopReason::Complete,
            "length" => StopReason::Length,
            "filtered" => StopReason::Filtered,
            other => panic!("{name} stops for `{other}`"),
        };
        Output { name, text, stop, outcome }
    };
    index.lines().map(output).collect()
}

fn compact(steps: &[StepDraft]) -> Value {
    let compact = |step: &StepDraft| {
        let depends_on: Vec<_> = step.depends_on.iter().map(|number| number.get()).collect();
        json!([step.number.get(), step.tool, step.tool_input, depends_on])
    };
    steps.iter().map(compact).collect()
}

/// Each expected part is in the message of its place.
fn fits(expected: &Value, told: &[String]) -> bool {
    let expected = expected.as_array().unwrap();
    let says = |(part, told): (&Value, &String)| told.contains(part.as_str().unwrap());
    expected.len() == told.len() && expected.iter().zip(told).all(says)
}

#[test]
fn each_output_gives_the_steps_and_problems_of_its_outcome() {
    assert!(OUTPUTS.len() >= 45);
    let mut wrong = String::new();
    for Output { name, text, stop, outcome } in OUTPUTS.iter() {
        let (steps, problems) = read([text.as_str()], *stop);
        let told: Vec<_> = problems.iter().map(Problem::to_string).collect();
        let verdict = kit::verdict(&steps, problems);
        for (what, right, is) in [
            ("steps", compact(&steps) == outcome["steps"], compact(&steps).to_string()),
            ("problems", fits(&outcome["problems"], &told), format!("{told:#?}")),
            ("verdict", fits(&outcome["verdict"], &verdict), format!("{verdict:#?}")),
        ] {
            if !right {
                wrong.push_str(&format!("{name}: {what} are {is}, not {}\n", outcome[what]));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_output_has_an_outcome() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/outputs");
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(files, OUTPUTS.len());
}

#[test]
fn a_step_with_a_number_that_is_no_step_is_named_in_words() {
    let (_, problems) = read([r#"{"steps":[{"step_number":4,"tool":7}]}"#], StopReason::Complete);
    assert_eq!(problems[0].step, Some(StepNumber::new(4)));
}
