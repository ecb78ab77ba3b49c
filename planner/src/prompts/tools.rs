//! Tools in few words: names, inputs and results in a notation that takes a fraction of their
//! schemas.
//!
//! ```text
//! - search {query: string (what to find out), limit?: integer} → {text: string, passages: […]}
//!   Looks facts up in local documents.
//! ```

use serde_json::Value;
use sortie_proto::v1;

/// A tool that needs more words than this confuses the model that is to choose it.
const MAX_DESCRIPTION_CHARS: usize = 600;
const MAX_REMARK_CHARS: usize = 100;
/// What lies deeper in results is seldom referred to.
const MAX_DEPTH: usize = 4;

/// All tools, one after the other.
pub(super) fn list(tools: &[v1::Tool]) -> String {
    let tools: Vec<_> = tools.iter().map(tool).collect();
    tools.join("\n")
}

fn tool(tool: &v1::Tool) -> String {
    let read = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    let input = notation(&read(&tool.input_schema), Remarks::Shown, 0);
    let output = match tool.output_schema.as_str() {
        "" => "anything".to_owned(),
        schema => notation(&read(schema), Remarks::Left, 0),
    };
    let description = line(&tool.description, MAX_DESCRIPTION_CHARS);
    format!("- {} {input} → {output}\n  {description}", line(&tool.name, MAX_REMARK_CHARS))
}

/// Whether properties carry their descriptions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Remarks {
    Shown,
    Left,
}

fn notation(schema: &Value, remarks: Remarks, depth: usize) -> String {
    if depth > MAX_DEPTH {
        return "…".to_owned();
    }
    if let Some(fixed) = fixed(schema) {
        return fixed;
    }
    let types = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        _ if schema.get("properties").is_some() => vec!["object"],
        _ => return "any".to_owned(),
    };
    let one = |kind: &str| match kind {
        "object" => object(schema, remarks, depth),
        "array" => {
            let items = schema.get("items").unwrap_or(&Value::Null);
            format!("[{}]", notation(items, remarks, depth + 1))
        }
        plain => plain.to_owned(),
    };
    types.into_iter().map(one).collect::<Vec<_>>().join(" or ")
}

fn fixed(schema: &Value) -> Option<String> {
    let values = match (schema.get("enum"), schema.get("const")) {
        (Some(Value::Array(values)), _) => values.clone(),
        (_, Some(only)) => vec![only.clone()],
        _ => return None,
    };
    Some(values.iter().map(Value::to_string).collect::<Vec<_>>().join(" or "))
}

fn object(schema: &Value, remarks: Remarks, depth: usize) -> String {
    let Some(known) = schema.get("properties").and_then(Value::as_object) else {
        return "{…}".to_owned();
    };
    let required = schema.get("required").and_then(Value::as_array);
    let needed = |name: &str| required.is_some_and(|names| names.iter().any(|one| one == name));
    // What a result may lack is nothing to refer to.
    let told = known
        .iter()
        .filter(|(name, _)| remarks == Remarks::Shown || required.is_none() || needed(name));
    let property = |(name, rule): (&String, &Value)| {
        let mark = if needed(name) || remarks == Remarks::Left { "" } else { "?" };
        let remark = rule.get("description").and_then(Value::as_str);
        let remark = remark.filter(|_| remarks == Remarks::Shown);
        let remark = remark.map(|text| format!(" ({})", line(text, MAX_REMARK_CHARS)));
        let rule = notation(rule, remarks, depth + 1);
        format!("{name}{mark}: {rule}{}", remark.unwrap_or_default())
    };
    let properties: Vec<_> = told.map(property).collect();
    format!("{{{}}}", properties.join(", "))
}

/// The beginning of a text, on one line.
fn line(text: &str, most: usize) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
