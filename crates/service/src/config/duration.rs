//! Durations as people write them: `90s`, `5m`, `1h30m`, `250ms`.

use std::time::Duration;

const UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a duration. Each number needs a unit: a bare `90` is a mistake nobody can see later.
///
/// # Errors
/// What is wrong and what would be right.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("is `{text}`, must be a duration like 90s, 5m, 1h30m or 250ms");
    let mut rest = text.trim();
    let mut millis: u64 = 0;
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let number: u64 = number.parse().map_err(|_| bad())?;
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(bad)?;
        let part = number.checked_mul(*size).ok_or_else(bad)?;
        millis = millis.checked_add(part).ok_or_else(bad)?;
        rest = tail.trim_start();
    }
    Ok(Duration::from_millis(millis))
}

/// Writes a duration so that [`parse_duration`] reads it back: `1h30m`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, size) in UNITS.iter().rev() {
        if rest >= *size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read_and_written_back() {
        for (text, millis) in [
            ("90s", 90_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("250ms", 250),
            ("0s", 0),
            ("2d", 172_800_000),
        ] {
            let read = parse_duration(text).expect(text);
            assert_eq!(read, Duration::from_millis(millis), "{text}");
            assert_eq!(parse_duration(&format_duration(read)), Ok(read), "{text}");
        }
        assert_eq!(format_duration(Duration::from_secs(5400)), "1h30m");
    }

    #[test]
    fn everything_else_is_refused_with_an_example() {
        for bad in ["", "90", "s", "-1s", "1.5s", "5 minutes", "99999999999999999999s", "9h9é"] {
            let message = parse_duration(bad).expect_err(bad);
            assert!(message.contains("1h30m"), "{message}");
        }
    }
}
