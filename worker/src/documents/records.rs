//! Tables and trees: a row of a CSV file becomes `header: value` pairs, a JSON document lines of
//! `path: value`. Each record is a passage, so that its values stay with its name.

use serde_json::Value;

use super::MAX_PASSAGE_CHARS;
use super::markdown::pieces;

/// What separates the values of a row; the header line tells which it is.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// Rows as (headings, text).
pub(super) fn csv_passages(name: &str, text: &str) -> Result<Vec<(String, String)>, String> {
    let header_line = text.lines().next().unwrap_or_default();
    let occurs = |delimiter: u8| header_line.bytes().filter(|b| *b == delimiter).count();
    // The first of the most frequent ones: a comma unless another is used more.
    let delimiter = DELIMITERS.into_iter().rev().max_by_key(|d| occurs(*d)).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut found = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| error.to_string())?;
        let pairs: Vec<_> = headers
            .iter()
            .zip(&row)
            .filter(|(_, value)| !value.is_empty())
            .map(|(header, value)| format!("{header}: {value}"))
            .collect();
        push(&mut found, name, &pairs.join("; "));
    }
    Ok(found)
}

/// Records of the top level as (headings, text).
pub(super) fn json_passages(name: &str, text: &str) -> Result<Vec<(String, String)>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    let mut plain = Vec::new();
    let mut record = |path: &str, value: &Value| {
        let mut lines = Vec::new();
        flatten(path, value, &mut lines);
        // Scalars of the top level describe the document: they stay together.
        if value.is_object() || value.is_array() {
            push_lines(&mut found, name, &lines);
        } else {
            plain.append(&mut lines);
        }
    };
    match &value {
        Value::Object(map) => map.iter().for_each(|(key, value)| record(key, value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| record(&format!("[{at}]"), item));
        }
        scalar => record("", scalar),
    }
    let mut all = Vec::new();
    push_lines(&mut all, name, &plain);
    all.append(&mut found);
    Ok(all)
}

/// One line for each scalar. The parser refuses depths at which this could hurt.
fn flatten(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Object(map) => {
            for (key, value) in map {
                flatten(&format!("{path}.{key}"), value, lines);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                flatten(&format!("{path}[{at}]"), item, lines);
            }
        }
        Value::String(text) if path.is_empty() => lines.push(text.clone()),
        Value::String(text) => lines.push(format!("{path}: {text}")),
        other => lines.push(format!("{path}: {other}")),
    }
}

/// As many lines in one passage as fit.
fn push_lines(found: &mut Vec<(String, String)>, name: &str, lines: &[String]) {
    let mut text = String::new();
    for line in lines {
        if !text.is_empty() && text.len() + line.len() >= MAX_PASSAGE_CHARS {
            push(found, name, &text);
            text.clear();
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(line);
    }
    push(found, name, &text);
}

fn push(found: &mut Vec<(String, String)>, name: &str, text: &str) {
    found.extend(pieces(text).into_iter().map(|piece| (name.to_owned(), piece.to_owned())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(found: Result<Vec<(String, String)>, String>) -> Vec<String> {
        found.unwrap().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn each_row_is_a_passage_with_its_headers() {
        let text = "city,cost,note\nAustin,4%,\"warm, dry\"\nOslo,,cold\n";
        assert_eq!(
            texts(csv_passages("cities", text)),
            ["city: Austin; cost: 4%; note: warm, dry", "city: Oslo; note: cold"]
        );
        assert_eq!(texts(csv_passages("c", "a;b\n1,5;2\n")), ["a: 1,5; b: 2"]);
        assert_eq!(texts(csv_passages("c", "a\n1\n")), ["a: 1"]);
        assert!(texts(csv_passages("c", "")).is_empty());
    }

    #[test]
    fn rows_of_another_length_are_a_fault_with_its_line() {
        let fault = csv_passages("c", "a,b\n1,2\n1,2,3\n").unwrap_err();
        assert!(fault.contains("line: 3"), "{fault}");
    }

    #[test]
    fn each_record_of_json_is_a_passage_of_paths() {
        let text = r#"{"title": "Cities", "year": 2024, "austin": {"cost": {"living": "4%"}, "x": null},
                       "list": [1, {"a": true}]}"#;
        assert_eq!(
            texts(json_passages("c", text)),
            ["title: Cities\nyear: 2024", "austin.cost.living: 4%", "list[0]: 1\nlist[1].a: true"]
        );
        let rows = r#"[{"city": "Austin", "cost": 4}, {"city": "Oslo"}]"#;
        assert_eq!(
            texts(json_passages("c", rows)),
            ["[0].city: Austin\n[0].cost: 4", "[1].city: Oslo"]
        );
        assert_eq!(texts(json_passages("c", "\"just text\"")), ["just text"]);
    }

    #[test]
    fn damaged_and_bottomless_json_is_a_fault() {
        assert!(json_passages("c", "{\"a\": ").is_err());
        assert!(json_passages("c", &"[".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_no_passage_is_too_long(text in "[a-z,;\"\n\t{}:é0-9\\[\\]]{0,200}") {
            for found in [csv_passages("n", &text), json_passages("n", &text)].into_iter().flatten() {
                for (_, passage) in found {
                    prop_assert!(passage.chars().count() <= MAX_PASSAGE_CHARS);
                }
            }
        }
    }
}
