//! What results and answers must be: tools and answers of the story are pure functions, so the
//! judge makes them again from the plan alone.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sortie_engine::{Run, StepId, StepResult, render};
use sortie_store::RunLog as _;

use super::World;
use super::planner::LARGE;

/// What a tool makes of its input.
pub(super) fn made(tool: &str, input: &Value) -> Value {
    let text = format!("{tool}({})", input["q"].as_str().unwrap_or_default());
    if tool == LARGE {
        // More than travels with a report; references mean the text alone.
        let padding = "x".repeat(5_000 + text.len());
        return json!({ "text": text, "padding": padding });
    }
    json!({ "text": text })
}

/// What an answer says of one step, whose result is this JSON.
pub(super) fn said(number: impl std::fmt::Display, json: Option<&str>) -> String {
    let hash = json.unwrap_or_default().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{number}={}:{hash:x};", json.map_or("-", |_| "made"))
}

/// Every step that succeeded has its result, and it is what its tool makes of its inputs; so is the
/// answer of all results.
pub(super) async fn hold(world: &World, run: &Run) {
    let mut made = Made { run, values: BTreeMap::new() };
    for step in run.all_steps() {
        let kept = world.store.results(run.id(), &[step.id]).await;
        let kept = kept.ok().and_then(|mut values| values.pop().flatten());
        let expected = step.result().and_then(|_| made.by(step.id));
        if step.result().is_some() && expected.is_none() {
            let what = format!("step {} succeeded, and its inputs have no results", step.id);
            world.ledger.violation(what);
        }
        if kept.as_deref() != expected.as_ref() {
            let state = step.state.as_str();
            let what = format!("step {} is {state} with {kept:?}, not {expected:?}", step.id);
            world.ledger.violation(what);
        }
        let told = step.result().map(|result| (result.bytes, result.preview.clone()));
        let real = expected.map(StepResult::inline);
        if told != real.map(|result| (result.bytes, result.preview)) {
            world.ledger.violation(format!("step {} is told with {told:?}", step.id));
        }
    }
    let Some(answer) = run.answer() else { return };
    let expected: String = run
        .plan_steps()
        .map(|step| {
            let json = step.result().and_then(|_| made.by(step.id)).map(|value| value.to_string());
            said(step.number(), json.as_deref())
        })
        .collect();
    if **answer != *expected {
        world.ledger.violation(format!("the answer is {answer}, not {expected}"));
    }
}

/// Results, made from the plan.
struct Made<'r> {
    run: &'r Run,
    values: BTreeMap<StepId, Option<Value>>,
}

impl Made<'_> {
    fn by(&mut self, id: StepId) -> Option<Value> {
        if let Some(value) = self.values.get(&id) {
            return value.clone();
        }
        let step = self.run.step(id)?;
        step.result()?;
        let inputs: BTreeMap<_, _> = step
            .inputs()
            .iter()
            .filter_map(|(number, input)| Some((*number, self.by(*input)?)))
            .collect();
        let input = render(&step.planned.input, |number| inputs.get(&number), 1 << 20).ok();
        let value = input.map(|input| made(step.planned.tool.as_str(), &input));
        self.values.insert(id, value.clone());
        value
    }
}
