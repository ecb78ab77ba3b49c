//! The form that a model's plan must have, as a JSON Schema made of the tools' own.
//!
//! It is plain enough for every provider that can hold a model to a schema: objects name all of
//! their properties, there is `anyOf` and no other choice, and no bound but on the list of steps.
//! What a tool lets be left out may be left out, which small models do, or be `null`, for providers
//! that require all properties; what is no text may also be text,
//! because a reference stands in for any value; and an object of unknown properties is text that
//! holds JSON. The plan reader takes all three back, and the engine checks against the real schema.

use serde_json::{Map, Value, json};
use sortie_llm::Shape;
use sortie_proto::v1;

/// The fields of a step in the order in which a model writes them: what it is about first, then the
/// tool that fits, its input, and last the steps that the input has turned out to use.
const FIELDS: [&str; 5] = ["step_number", "description", "tool", "tool_input", "depends_on"];
/// Local servers unroll a bound into a grammar; a large one takes them longer than the plan.
const MAX_BOUND: usize = 100;
/// Providers allow ten levels; the plan around an input takes four.
const MAX_DEPTH: usize = 6;

/// The shape of a plan with at most `max_steps` steps that use `tools`.
#[must_use]
pub fn shape(tools: &[v1::Tool], max_steps: usize) -> Shape {
    let mut steps: Vec<_> = tools.iter().map(step).collect();
    let mut list = json!({"type": "array", "minItems": 1});
    if max_steps <= MAX_BOUND {
        list["maxItems"] = json!(max_steps.max(1));
    }
    list["items"] = if steps.len() == 1 { steps.remove(0) } else { json!({ "anyOf": steps }) };
    let mut plan = Map::new();
    plan.insert("steps".to_owned(), list);
    Shape { name: "plan".to_owned(), schema: whole(&plan) }
}

fn step(tool: &v1::Tool) -> Value {
    let schema = serde_json::from_str(&tool.input_schema).unwrap_or(Value::Null);
    let field = |name: &str| match name {
        "step_number" => json!({"type": "integer", "minimum": 1}),
        "tool" => json!({"type": "string", "const": tool.name}),
        "tool_input" => input(&schema),
        "depends_on" => json!({"type": "array", "items": {"type": "integer"}}),
        _ => json!({"type": "string"}),
    };
    whole(&FIELDS.into_iter().map(|name| (name.to_owned(), field(name))).collect())
}

/// An object of all of these properties.
fn whole(properties: &Map<String, Value>) -> Value {
    let names: Vec<_> = properties.keys().map(String::as_str).collect();
    object(properties, &names)
}

/// An object of these properties and no others.
fn object(properties: &Map<String, Value>, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The whole input of a tool: an object where its properties are known.
fn input(schema: &Value) -> Value {
    let takes_nothing = schema.get("additionalProperties") == Some(&Value::Bool(false));
    match properties(schema, 0) {
        Some(known) => object(&known, &required(schema)),
        None if takes_nothing => object(&Map::new(), &[]),
        None => json!({"type": "string", "description": "JSON text of an object"}),
    }
}

/// The properties of an object schema, if it names any.
fn properties(schema: &Value, depth: usize) -> Option<Map<String, Value>> {
    let known = schema.get("properties")?.as_object().filter(|known| !known.is_empty())?;
    let required = required(schema);
    let property = |(name, rule): (&String, &Value)| {
        (name.clone(), value(rule, !required.contains(&name.as_str()), depth + 1))
    };
    Some(known.iter().map(property).collect())
}

fn required(schema: &Value) -> Vec<&str> {
    let names = schema.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Any value inside an input.
fn value(schema: &Value, optional: bool, depth: usize) -> Value {
    let mut forms = forms(schema, depth);
    let has = |forms: &[Value], kind: &str| forms.iter().any(|form| form["type"] == kind);
    // Fixed texts stay the only texts: they are a choice, which no result makes.
    if !has(&forms, "string") {
        forms.push(json!({"type": "string"}));
    }
    if optional && !has(&forms, "null") {
        forms.push(json!({"type": "null"}));
    }
    let mut simple = merged(forms);
    if let (Some(text), Some(map)) = (schema.get("description"), simple.as_object_mut()) {
        map.insert("description".to_owned(), text.clone());
    }
    simple
}

/// One schema of several: types side by side where they say nothing else.
fn merged(mut forms: Vec<Value>) -> Value {
    if forms.len() == 1 {
        return forms.remove(0);
    }
    let bare = |form: &Value| form.as_object().is_some_and(|map| map.len() == 1);
    if forms.iter().all(bare) {
        let types: Vec<_> = forms.iter().map(|form| form["type"].clone()).collect();
        return json!({ "type": types });
    }
    json!({ "anyOf": forms })
}

/// What the schema allows, each form with one type.
fn forms(schema: &Value, depth: usize) -> Vec<Value> {
    if let Some(fixed) = fixed(schema) {
        return fixed;
    }
    let types = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        _ if schema.get("properties").is_some() => vec!["object"],
        _ if schema.get("items").is_some() => vec!["array"],
        // Not said, or said with words that not every provider knows.
        _ => vec!["string", "number", "boolean"],
    };
    types.into_iter().filter_map(|kind| form(schema, kind, depth)).collect()
}

/// Nothing where the value is written as JSON text.
fn form(schema: &Value, kind: &str, depth: usize) -> Option<Value> {
    let too_deep = depth >= MAX_DEPTH;
    match kind {
        "object" if too_deep => None,
        "object" => properties(schema, depth).map(|known| object(&known, &required(schema))),
        "array" if too_deep => None,
        "array" => {
            let items = schema.get("items").map(|items| value(items, false, depth + 1));
            let items = items.unwrap_or_else(|| json!({"type": ["string", "number", "boolean"]}));
            Some(json!({"type": "array", "items": items}))
        }
        plain => Some(json!({ "type": plain })),
    }
}

/// Values that are listed, by type.
fn fixed(schema: &Value) -> Option<Vec<Value>> {
    let listed = match (schema.get("enum"), schema.get("const")) {
        (Some(Value::Array(values)), _) => values.clone(),
        (_, Some(only)) => vec![only.clone()],
        _ => return None,
    };
    let of = |kind: &str, fits: fn(&Value) -> bool| {
        let values: Vec<_> = listed.iter().filter(|value| fits(value)).cloned().collect();
        (!values.is_empty()).then(|| json!({"type": kind, "enum": values}))
    };
    let null = listed.iter().any(Value::is_null).then(|| json!({"type": "null"}));
    let forms = [
        of("string", Value::is_string),
        of("number", Value::is_number),
        of("boolean", Value::is_boolean),
        null,
    ];
    Some(forms.into_iter().flatten().collect())
}
