//! How long a provider asks to be left alone.

use std::time::{Duration, SystemTime};

use chrono::DateTime;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// The longest wish that is heard. Behind more than that is a mistake, or a quota for the day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads `retry-after-ms`, then `retry-after` as seconds or as a date.
pub(super) fn of(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let millis = text("retry-after-ms").and_then(|millis| seconds(millis, 0.001));
    let said = millis.or_else(|| {
        let after = text(RETRY_AFTER.as_str())?;
        seconds(after, 1.0).or_else(|| until(after, now))
    })?;
    Some(said.min(LONGEST))
}

/// Reads `34s` or `1.5s`, as Gemini writes it into the body.
pub(super) fn of_text(text: &str) -> Option<Duration> {
    seconds(text.strip_suffix('s')?, 1.0).map(|said| said.min(LONGEST))
}

fn seconds(text: &str, unit: f64) -> Option<Duration> {
    let number: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(number * unit).ok()
}

fn until(date: &str, now: SystemTime) -> Option<Duration> {
    let then = DateTime::parse_from_rfc2822(date).ok()?.timestamp();
    let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    Some(Duration::from_secs(u64::try_from(then).ok()?.saturating_sub(now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        of(&headers, now)
    }

    #[test]
    fn every_way_to_say_it_is_read() {
        for (name, value, millis) in [
            ("retry-after", "7", Some(7_000)),
            ("retry-after", "0.5", Some(500)),
            ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT", Some(30_000)),
            ("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("retry-after", "99999999999", Some(86_400_000)),
            ("retry-after-ms", "250", Some(250)),
            ("retry-after", "-1", None),
            ("retry-after", "soon", None),
            ("retry-after", "NaN", None),
        ] {
            assert_eq!(read(name, value), millis.map(Duration::from_millis), "{name}: {value}");
        }
        assert_eq!(of_text("34.5s"), Some(Duration::from_millis(34_500)));
        assert_eq!(of_text("34"), None);
    }
}
