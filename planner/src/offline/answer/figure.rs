//! Figures for people: `45000` becomes `$45,000`, with its unit.

use serde_json::Value;

use super::text::line;
use crate::offline::amount::grouped;

/// The figure of a calculation; with a currency's sign if the step's description shows one.
pub(super) fn figure(result: &Value, description: &str) -> Option<String> {
    let value = match result.get("value")? {
        Value::String(text) => line(text, 200),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let unit = result.get("unit").and_then(Value::as_str).map(|unit| line(unit, 60));
    let unit = unit.filter(|unit| !unit.is_empty());
    let sign = description.chars().find(|c| "$€£¥₹".contains(*c)).filter(|_| unit.is_none());
    let (value, rounded) = if sign.is_some() { cents(&value) } else { (value, false) };
    let approximate = result.get("approximate").and_then(Value::as_bool) == Some(true);
    let about = if rounded || approximate { "about " } else { "" };
    let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    let number = if is_plain(&value) { grouped(&value) } else { value };
    Some(match (sign, number.strip_prefix('-')) {
        (Some(sign), Some(positive)) => format!("{about}-{sign}{positive}"),
        (Some(sign), None) => format!("{about}{sign}{number}"),
        (None, _) => format!("{about}{number}{unit}"),
    })
}

fn is_plain(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let mut halves = digits.split('.');
    let digital = |half: &str| !half.is_empty() && half.bytes().all(|b| b.is_ascii_digit());
    halves.next().is_some_and(digital)
        && halves.next().is_none_or(digital)
        && halves.next().is_none()
}

/// Money has two decimals at most; says whether anything was rounded off.
fn cents(value: &str) -> (String, bool) {
    let Some((whole, fraction)) = value.split_once('.').filter(|_| is_plain(value)) else {
        return (value.to_owned(), false);
    };
    if fraction.len() <= 2 {
        let padding = "0".repeat(2 - fraction.len());
        return (format!("{whole}.{fraction}{padding}"), false);
    }
    let up = fraction.as_bytes()[2] >= b'5';
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes().take(2)).collect();
    if up {
        carry(&mut digits);
    }
    let text = String::from_utf8_lossy(&digits).into_owned();
    let (whole, fraction) = text.split_at(text.len() - 2);
    let dropped = value.rsplit('.').next().is_some_and(|f| f[2..].bytes().any(|b| b != b'0'));
    (format!("{whole}.{fraction}"), dropped)
}

/// Adds one to the last of some digits.
fn carry(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev().filter(|digit| digit.is_ascii_digit()) {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    let first = usize::from(digits.first() == Some(&b'-'));
    digits.insert(first, b'1');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figures_are_written_as_people_read_them() {
        for (result, description, shown) in [
            (json!({"value": "45000"}), "Rent: 30% of $150,000", "$45,000"),
            (json!({"value": "48.5"}), "Calculate 1", "48.5"),
            (json!({"value": "42.1648128", "unit": "kilometers"}), "x", "42.1648128 kilometers"),
            (json!({"value": "12.5"}), "Calculate $100 / 8", "$12.50"),
            (json!({"value": "-99.999"}), "in €", "about -€100.00"),
            (json!({"value": "1.41421", "approximate": true}), "x", "about 1.41421"),
            (json!({"value": 7}), "x", "7"),
            (json!({"value": "1e30"}), "$", "$1e30"),
        ] {
            assert_eq!(figure(&result, description).as_deref(), Some(shown));
        }
        assert_eq!(figure(&json!({"value": null}), ""), None);
        assert_eq!(figure(&json!("text"), ""), None);
    }
}
