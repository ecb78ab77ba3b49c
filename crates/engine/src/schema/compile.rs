//! From JSON Schema to rules.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Additional, BadSchema, MAX_DEPTH, Rule, Type};

/// Keywords that say something to people only.
const ANNOTATIONS: &[&str] = &[
    "title",
    "description",
    "default",
    "examples",
    "$schema",
    "$id",
    "$comment",
    "deprecated",
    "readOnly",
    "writeOnly",
];

pub(super) fn compile(
    source: &Value,
    place: &str,
    depth: usize,
    unchecked: &mut Vec<String>,
) -> Result<Rule, BadSchema> {
    let bad = |problem: &str| BadSchema { place: place.to_owned(), problem: problem.to_owned() };
    if depth > MAX_DEPTH {
        return Err(bad("is nested too deeply"));
    }
    let map = match source {
        Value::Bool(true) => return Ok(Rule::default()),
        Value::Object(map) => map,
        _ => return Err(bad("must be an object or true")),
    };
    let mut rule = Rule::default();
    for (keyword, value) in map {
        let known = compile_bound(&mut rule, keyword, value).ok_or_else(|| {
            bad(&format!("`{keyword}` must be a number that is not negative where it counts"))
        })?;
        if known {
            continue;
        }
        match keyword.as_str() {
            "type" => rule.types = types(value).ok_or_else(|| bad("`type` is unknown"))?,
            "enum" => {
                let allowed = value.as_array().ok_or_else(|| bad("`enum` must be an array"))?;
                rule.allowed = Some(allowed.clone());
            }
            "const" => rule.allowed = Some(vec![value.clone()]),
            "required" => {
                rule.required = strings(value).ok_or_else(|| bad("`required` must hold names"))?;
            }
            "properties" => {
                let inner =
                    value.as_object().ok_or_else(|| bad("`properties` must be an object"))?;
                rule.properties = compile_properties(inner, place, depth, unchecked)?;
            }
            "additionalProperties" => {
                rule.additional = match value {
                    Value::Bool(false) => Additional::Refused,
                    Value::Bool(true) => Additional::Allowed(None),
                    inner => {
                        let inner = compile(inner, &format!("{place}.*"), depth + 1, unchecked)?;
                        Additional::Allowed(Some(Box::new(inner)))
                    }
                };
            }
            "items" => {
                let inner = compile(value, &format!("{place}[]"), depth + 1, unchecked)?;
                rule.items = Some(Box::new(inner));
            }
            other if ANNOTATIONS.contains(&other) => {}
            other => unchecked.push(other.to_owned()),
        }
    }
    Ok(rule)
}

fn compile_properties(
    map: &Map<String, Value>,
    place: &str,
    depth: usize,
    unchecked: &mut Vec<String>,
) -> Result<BTreeMap<String, Rule>, BadSchema> {
    map.iter()
        .map(|(name, inner)| {
            let rule = compile(inner, &format!("{place}.{name}"), depth + 1, unchecked)?;
            Ok((name.clone(), rule))
        })
        .collect()
}

/// Takes a bound into the rule: whether the keyword is one, or nothing if its value is no number.
fn compile_bound(rule: &mut Rule, keyword: &str, value: &Value) -> Option<bool> {
    match keyword {
        "minimum" => rule.number.min = Some(value.as_f64()?),
        "maximum" => rule.number.max = Some(value.as_f64()?),
        "exclusiveMinimum" => rule.exclusive.min = Some(value.as_f64()?),
        "exclusiveMaximum" => rule.exclusive.max = Some(value.as_f64()?),
        "minLength" => rule.length.min = Some(value.as_u64()?),
        "maxLength" => rule.length.max = Some(value.as_u64()?),
        "minItems" => rule.count.min = Some(value.as_u64()?),
        "maxItems" => rule.count.max = Some(value.as_u64()?),
        _ => return Some(false),
    }
    Some(true)
}

fn types(value: &Value) -> Option<Vec<Type>> {
    match value {
        Value::String(name) => Some(vec![Type::parse(name)?]),
        Value::Array(names) => names.iter().map(|name| Type::parse(name.as_str()?)).collect(),
        _ => None,
    }
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}
