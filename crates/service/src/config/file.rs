//! The file layer: TOML with the line of every value.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Mistake;
use super::keys::{self, KEYS};
use super::layer::{Given, Origin, Raw};

/// Takes what the file gives. Unknown keys are mistakes: a misspelt limit is no limit.
pub(crate) fn read(path: &Path, text: &str, given: &mut Vec<Given>, mistakes: &mut Vec<Mistake>) {
    let origin = |span: Range<usize>| {
        let before = text.as_bytes().iter().take(span.start);
        Origin::File(path.to_owned(), 1 + before.filter(|byte| **byte == b'\n').count())
    };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let message = error.message().to_owned();
            mistakes.push(Mistake { origin: origin(error.span().unwrap_or(0..0)), message });
            return;
        }
    };
    let mut values = Vec::new();
    flatten("", table.get_ref(), &mut values);
    for Value { name, key, value } in values {
        let origin = origin(key);
        if let Some(key) = KEYS.iter().find(|key| **key == name) {
            given.push(Given { key, raw: raw(value), origin });
            continue;
        }
        let hint = keys::nearest(&name).map(|near| format!("; did you mean `{near}`?"));
        let message = format!("`{name}` is not known{}", hint.unwrap_or_default());
        mistakes.push(Mistake { origin, message });
    }
}

struct Value<'a> {
    name: String,
    key: Range<usize>,
    value: &'a DeValue<'a>,
}

/// Names every value by its path. Only tables that hold known keys are entered.
fn flatten<'a>(prefix: &str, table: &'a DeTable<'a>, values: &mut Vec<Value<'a>>) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        let inner = format!("{name}.");
        match Spanned::get_ref(value) {
            DeValue::Table(table) if KEYS.iter().any(|key| key.starts_with(&inner)) => {
                flatten(&inner, table, values);
            }
            value => values.push(Value { name, key: key.span(), value }),
        }
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Boolean(value) => Raw::Boolean(*value),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Raw::Other("an integer beyond 64 bits"), Raw::Integer),
        DeValue::Float(_) => Raw::Other("a float"),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Array(array) => {
            let texts = array.iter().map(|one| match one.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            });
            texts.collect::<Option<_>>().map_or(Raw::Other("a list of other things"), Raw::List)
        }
        DeValue::Table(_) => Raw::Other("a table"),
    }
}
