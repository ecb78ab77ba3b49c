//! From the JSON of one step to a draft for the engine.

use serde_json::{Map, Number, Value};
use sortie_engine::{Problem, StepDraft, StepNumber};

use super::inputs::ToolInputs;
use super::mend::shown;

const FIELDS: [&str; 5] = ["step_number", "description", "tool", "tool_input", "depends_on"];

/// Whether it was at least meant as a step.
pub(super) fn is_meant(value: &Value) -> bool {
    value.as_object().is_some_and(|map| map.contains_key("step_number") || map.contains_key("tool"))
}

/// The draft of a step, or everything that keeps it from being one. What the engine checks (that
/// the tool exists, that its input fits, that steps do not wait for each other) is not repeated.
pub(super) fn draft(value: &Value, tools: &ToolInputs) -> Result<StepDraft, Vec<Problem>> {
    let Value::Object(map) = value else {
        let message = format!("`{}` is no step: a step is an object", shown(&value.to_string()));
        return Err(vec![Problem { step: None, message }]);
    };
    let mut faults = Vec::new();
    let mut keep = |fault: Option<String>| faults.extend(fault);
    let number = number(map).map_err(|fault| keep(Some(fault))).ok();
    let tool = tool(map).map_err(|fault| keep(Some(fault))).ok();
    let description = description(map).map_err(|fault| keep(Some(fault))).ok();
    let depends_on = depends_on(map).map_err(|fault| keep(Some(fault))).ok();
    let input = input(map).map_err(|fault| keep(Some(fault))).ok();
    match (number, tool, description, depends_on, input) {
        (Some(number), Some(tool), Some(description), Some(depends_on), Some(input)) => {
            let tool_input = tools.settle(&tool, input);
            Ok(StepDraft { number, description, tool, tool_input, depends_on })
        }
        _ => Err(faults.into_iter().map(|message| Problem { step: number, message }).collect()),
    }
}

fn number(map: &Map<String, Value>) -> Result<StepNumber, String> {
    let wanted = "`step_number` must be a whole number from 1";
    match map.get("step_number") {
        None | Some(Value::Null) => {
            let step = shown(&Value::Object(map.clone()).to_string());
            Err(format!("a step has no `step_number`{}: `{step}`", strangers(map)))
        }
        Some(value) => whole(value).ok_or_else(|| format!("{wanted}, not `{}`", text(value))),
    }
}

fn tool(map: &Map<String, Value>) -> Result<String, String> {
    match map.get("tool") {
        Some(Value::String(name)) if !name.trim().is_empty() => Ok(name.trim().to_owned()),
        None | Some(Value::Null | Value::String(_)) => Err(format!(
            "has no `tool`{}: every step uses one, and the answer is no step, it is written from \
             the results afterwards",
            strangers(map)
        )),
        Some(other) => Err(format!("`tool` must be a tool's name, not `{}`", text(other))),
    }
}

fn description(map: &Map<String, Value>) -> Result<String, String> {
    match map.get("description") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(format!("`description` must be text, not `{}`", text(other))),
    }
}

fn depends_on(map: &Map<String, Value>) -> Result<Vec<StepNumber>, String> {
    let list = match map.get("depends_on") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list.clone(),
        Some(Value::String(text)) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            parts.map(Value::from).collect()
        }
        Some(one) => vec![one.clone()],
    };
    let label = |value: &Value| {
        let found = match value {
            Value::String(text) => label(text),
            other => whole(other),
        };
        found.ok_or_else(|| {
            format!("`depends_on` must be a list of step numbers; `{}` is none", text(value))
        })
    };
    list.iter().map(label).collect()
}

/// The input: nothing at all is an empty one, and text that is the JSON of an object is the object.
/// Nothing beside a field that no step has is an input under a wrong name.
fn input(map: &Map<String, Value>) -> Result<Value, String> {
    match map.get("tool_input") {
        None | Some(Value::Null) if !strangers(map).is_empty() => {
            Err(format!("has no `tool_input`{}", strangers(map)))
        }
        None | Some(Value::Null) => Ok(Value::Object(Map::new())),
        Some(Value::String(text)) => match serde_json::from_str(text) {
            Ok(Value::Object(inner)) => Ok(Value::Object(inner)),
            _ => Ok(Value::String(text.clone())),
        },
        Some(value) => Ok(value.clone()),
    }
}

/// Fields that no step has, if there are any, in words.
fn strangers(map: &Map<String, Value>) -> String {
    let names = map.keys().filter(|key| !FIELDS.contains(&key.as_str()));
    let names: Vec<_> = names.take(5).map(|key| format!("`{}`", shown(key))).collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!(", only {}, which no step has", names.join(", ")),
    }
}

/// 3, 3.0 and "3".
fn whole(value: &Value) -> Option<StepNumber> {
    match value {
        Value::Number(number) => whole_number(number),
        Value::String(text) => whole_number(&serde_json::from_str(text.trim()).ok()?),
        _ => None,
    }
}

fn whole_number(number: &Number) -> Option<StepNumber> {
    let exact = number.as_u64().and_then(|number| u32::try_from(number).ok());
    let rounded = || {
        let number = number.as_f64()?;
        let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
        fits.then_some(number as u32)
    };
    exact.or_else(rounded).map(StepNumber::new)
}

/// 1, "1", "step 1", "#1", "{{1}}", "{{1.value}}".
fn label(text: &str) -> Option<StepNumber> {
    let text = text.trim();
    let inside = text.strip_prefix("{{").and_then(|text| text.strip_suffix("}}"));
    if let Some(inside) = inside {
        let end = inside.find(['.', '[']).unwrap_or(inside.len());
        return whole(&Value::from(&inside[..end]));
    }
    let word = text.get(..4).filter(|word| word.eq_ignore_ascii_case("step"));
    let rest = word.map_or(text, |word| text[word.len()..].trim_start_matches([' ', '_', '-']));
    whole(&Value::from(rest.strip_prefix('#').unwrap_or(rest)))
}

fn text(value: &Value) -> String {
    shown(&value.to_string())
}
