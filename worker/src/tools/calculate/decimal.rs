//! Decimal numbers as text: reading, shifting, rounding and showing them loses no digit.

use sortie_engine::Failure;

use super::super::{clip, invalid};

/// Exact results are kept up to this length; what has more digits is a power or a quotient whose
/// tail says nothing.
const MAX_EXACT_DIGITS: usize = 40;
/// What remains of longer ones: more than a double has.
const ROUNDED_DIGITS: usize = 20;

/// Digits without separators. A comma must separate thousands and nothing else.
pub(super) fn plain_decimal(typed: &str) -> Result<String, Failure> {
    let shown = clip(typed, 40);
    let (whole, fraction) = typed.split_once('.').unwrap_or((typed, ""));
    if fraction.contains(['.', ',', '_']) || (typed.contains('.') && fraction.is_empty()) {
        return Err(invalid(format!("`{shown}` is not a number: write 1234567.89")));
    }
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let grouped = whole.contains(',');
    if grouped && !((1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3)) {
        return Err(invalid(format!(
            "`{shown}` is ambiguous: a comma separates thousands (150,000), a point decimals (1.5)"
        )));
    }
    let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
    let whole = if whole.is_empty() { "0" } else { &whole };
    Ok(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

/// The number times a power of ten, exactly.
pub(super) fn shifted(plain: &str, power: i32) -> String {
    if power == 0 {
        return plain.to_owned();
    }
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let zeros = "0".repeat(power.unsigned_abs() as usize);
    let (digits, point) = if power > 0 {
        (format!("{whole}{fraction}{zeros}"), whole.len() + zeros.len())
    } else {
        (format!("{zeros}{whole}{fraction}"), whole.len())
    };
    let (whole, fraction) = digits.split_at(point);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// A number of bearable length, and whether that changed it. Whole digits always stay.
pub(super) fn rounded(number: &str) -> (String, bool) {
    let Some((whole, fraction)) = number.split_once('.') else { return (number.to_owned(), false) };
    if whole.len() + fraction.len() <= MAX_EXACT_DIGITS {
        return (number.to_owned(), false);
    }
    let significant = whole.trim_start_matches(['-', '0']).len();
    let zeros = fraction.len() - fraction.trim_start_matches('0').len();
    let zeros = if significant == 0 { zeros } else { 0 };
    let kept = (zeros + ROUNDED_DIGITS.saturating_sub(significant)).min(fraction.len());
    let up = fraction.as_bytes().get(kept).is_some_and(|digit| *digit >= b'5');
    let mut digits = format!("{whole}.{}", &fraction[..kept]).into_bytes();
    if up {
        carry(&mut digits);
    }
    let text = String::from_utf8_lossy(&digits);
    (text.trim_end_matches('0').trim_end_matches('.').to_owned(), true)
}

/// Adds one to the last digit.
fn carry(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        match *digit {
            b'9' => *digit = b'0',
            b'0'..=b'8' => {
                *digit += 1;
                return;
            }
            _ => {}
        }
    }
    let first = usize::from(digits.first() == Some(&b'-'));
    digits.insert(first, b'1');
}

/// Digits with thousands separated, for people.
pub(super) fn grouped(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    if !whole.bytes().all(|b| b.is_ascii_digit()) {
        return number.to_owned();
    }
    let mut shown = String::from(sign);
    for (index, digit) in whole.char_indices() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifting_is_exact() {
        for (plain, power, expected) in [
            ("1.5", 3, "1500"),
            ("30", -2, "0.3"),
            ("12.5", -2, "0.125"),
            ("0", -2, "0"),
            ("100", -2, "1"),
            ("0.05", 2, "5"),
        ] {
            assert_eq!(shifted(plain, power), expected, "{plain} {power}");
        }
    }

    #[test]
    fn only_endless_fractions_are_rounded() {
        let nines = format!("9.{}", "9".repeat(50));
        let long = format!("1234.{}", "5".repeat(50));
        let tiny = format!("-0.{}{}", "0".repeat(30), "67".repeat(20));
        for (number, expected) in [
            ("0.3", ("0.3", false)),
            ("18446744073709551616", ("18446744073709551616", false)),
            (&"7".repeat(100), (&*"7".repeat(100), false)),
            (&long, ("1234.5555555555555556", true)),
            (&nines, ("10", true)),
            (&format!("-{nines}"), ("-10", true)),
            (&tiny, (&*format!("-0.{}67676767676767676768", "0".repeat(30)), true)),
        ] {
            assert_eq!(rounded(number), (expected.0.to_owned(), expected.1), "{number}");
        }
    }

    #[test]
    fn thousands_are_separated_for_people() {
        assert_eq!(grouped("-1234.56789"), "-1,234.56789");
        assert_eq!(grouped("1234567"), "1,234,567");
        assert_eq!(grouped("999"), "999");
        assert_eq!(grouped("1e5"), "1e5");
    }
}
