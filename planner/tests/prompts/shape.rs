//! The shape that plans must have.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sortie_engine::Schema;
use sortie_llm::StopReason;
use sortie_planner::reader::{PlanReader, ToolInputs};
use sortie_planner::shape::shape;
use sortie_proto::v1;

use crate::{golden, kit};

#[test]
fn the_shape_of_a_plan_with_the_builtin_tools() {
    let shape = shape(&kit::tools(), 20);
    assert_eq!(shape.name, "plan");
    golden("shape.json", &format!("{:#}\n", shape.schema));
}

/// Keywords that every provider takes.
const KEYWORDS: [&str; 12] = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "anyOf",
    "items",
    "enum",
    "const",
    "description",
    "minItems",
    "maxItems",
    "minimum",
];

fn check_keywords(schema: &Value) {
    let map = schema.as_object().unwrap();
    for (keyword, value) in map {
        assert!(KEYWORDS.contains(&keyword.as_str()), "{keyword}");
        match keyword.as_str() {
            "properties" => value.as_object().unwrap().values().for_each(check_keywords),
            "anyOf" => value.as_array().unwrap().iter().for_each(check_keywords),
            "items" => check_keywords(value),
            _ => {}
        }
    }
    if let Some(properties) = schema.get("properties") {
        // What is not required may be `null`, for providers that require all properties.
        let required: Vec<_> = schema["required"].as_array().unwrap().iter().collect();
        for (name, property) in properties.as_object().unwrap() {
            assert!(required.contains(&&json!(name)) || accepts(property, &json!(null)), "{name}");
        }
        assert!(required.iter().all(|name| properties.get(name.as_str().unwrap()).is_some()));
        assert_eq!(schema["additionalProperties"], json!(false));
    }
}

/// A small checker of what shapes are made of.
fn accepts(schema: &Value, value: &Value) -> bool {
    if let Some(forms) = schema.get("anyOf") {
        return forms.as_array().unwrap().iter().any(|form| accepts(form, value));
    }
    let is = |kind: &Value| match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        _ => value.is_object(),
    };
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        one => vec![one.clone()],
    };
    let listed = schema.get("enum").is_none_or(|all| all.as_array().unwrap().contains(value));
    let items = |items: &Vec<Value>| items.iter().all(|item| accepts(&schema["items"], item));
    let fields = |map: &Map<String, Value>| {
        let known = schema["properties"].as_object().unwrap();
        map.len() == known.len()
            && map
                .iter()
                .all(|(key, value)| known.get(key).is_some_and(|rule| accepts(rule, value)))
    };
    kinds.iter().any(is)
        && listed
        && schema.get("const").is_none_or(|only| only == value)
        && value.as_array().is_none_or(items)
        && value.as_object().is_none_or(fields)
}

/// A schema, a value that it accepts, and the same value as a model writes it in the shape.
type Case = (Value, Value, Value);

fn leaf() -> impl Strategy<Value = Case> {
    let same = |schema: Value, value: Value| (schema, value.clone(), value);
    prop_oneof![
        "[a-z0-9 {}]{0,9}".prop_map(move |t| same(json!({"type": "string"}), json!(t))),
        (0..50u8).prop_map(move |n| same(json!({"type": "integer", "maximum": 99}), json!(n))),
        (0..50u8).prop_map(|n| (json!({"type": "integer"}), json!(n), json!(n.to_string()))),
        Just((json!({"type": "number"}), json!("{{1.value}}"), json!("{{1.value}}"))),
        any::<bool>().prop_map(move |b| same(json!({"type": "boolean"}), json!(b))),
        any::<bool>().prop_map(|b| (json!({"type": "boolean"}), json!(b), json!(b.to_string()))),
        Just(same(json!({"enum": ["low", "high"]}), json!("high"))),
        Just(same(json!({"enum": [1, 2, null]}), json!(2))),
        Just(same(json!({"type": ["string", "null"]}), json!(null))),
        Just((json!({"type": "object"}), json!({"x": [1]}), json!("{\"x\": [1]}"))),
        Just((
            json!({"type": "array", "items": {"type": "object"}}),
            json!([{"x": 1}]),
            json!(["{\"x\":1}"])
        )),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    leaf().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|(schema, value, written)| {
                (json!({"type": "array", "items": schema}), json!([value]), json!([written]))
            }),
            object(inner),
        ]
    })
}

/// An object whose properties may be left out where they are not required and not `null` by right.
fn object(inner: impl Strategy<Value = Case>) -> impl Strategy<Value = Case> {
    let members = proptest::collection::btree_map("[a-z]{1,5}", (inner, any::<bool>()), 1..4);
    members.prop_map(|members| {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        let (mut value, mut written) = (Map::new(), Map::new());
        for (name, ((schema, one, as_written), here)) in members {
            let may_be_null = one.is_null() || schema.get("enum").is_some();
            if here || may_be_null {
                required.push(name.clone());
                value.insert(name.clone(), one);
                written.insert(name.clone(), as_written);
            } else {
                written.insert(name.clone(), Value::Null);
            }
            properties.insert(name, schema);
        }
        let schema = json!({"type": "object", "properties": properties, "required": required,
            "additionalProperties": false});
        (schema, value.into(), written.into())
    })
}

proptest! {
    /// What a tool takes can be written in the shape, with text for whatever is no text, and comes
    /// out of the reader as the tool takes it.
    #[test]
    fn whatever_a_tool_takes_has_a_form_and_comes_back((schema, value, written) in object(case())) {
        let tools = [v1::Tool {
            name: "t".to_owned(),
            input_schema: schema.to_string(),
            ..v1::Tool::default()
        }];
        let shape = shape(&tools, 5).schema;
        check_keywords(&shape);
        let step = |input: &Value| json!({"step_number": 1, "description": "d", "tool": "t",
            "tool_input": input, "depends_on": []});
        let plan = json!({"steps": [step(&written)]});
        prop_assert!(accepts(&shape, &plan), "{written} in {shape}");
        let mut reader = PlanReader::new(ToolInputs::new(&tools), 5);
        let steps = reader.push(&plan.to_string());
        prop_assert_eq!(reader.finish(StopReason::Complete), []);
        prop_assert_eq!(&steps[0].tool_input, &value);
        let template = sortie_engine::Template::parse(&steps[0].tool_input);
        if let Ok(template) = template {
            prop_assert_eq!(Schema::parse(schema).unwrap().check_template(&template), []);
        }
    }
}
