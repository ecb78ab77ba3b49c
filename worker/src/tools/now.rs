//! `now`: the date and the time, in UTC or at a fixed distance from it.
//!
//! Names of places (`Europe/Lisbon`) are refused: they need a table that changes every year.

use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use chrono::{DateTime, FixedOffset};
use serde::Deserialize;
use serde_json::{Value, json};
use sortie_engine::{BadSchema, Effect, Failure, FailureKind, ToolSpec};

use super::{Description, invalid, parse_input, spec};
use crate::tool::{Call, Tool};

const SECONDS_PER_MINUTE: i32 = 60;
const MINUTES_PER_HOUR: i32 = 60;
/// The largest distance from UTC that is in use anywhere.
const MAX_OFFSET_HOURS: i32 = 14;

/// Where the time comes from.
#[derive(Clone, Copy)]
pub struct Clock(fn() -> SystemTime);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(SystemTime::now)
    }
}

/// Tells the date and the time.
pub struct Now {
    spec: ToolSpec,
    clock: Clock,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(default)]
    timezone: Option<String>,
}

impl Now {
    /// The tool over a clock.
    ///
    /// # Errors
    /// If its schemas are broken, which a test rules out.
    pub fn new(clock: Clock) -> Result<Self, BadSchema> {
        let text = || json!({"type": "string"});
        let spec = spec(Description {
            name: "now",
            text: "The current date, time and day of the week. Use it for goals that say today, \
                   this year or ago. `timezone` is UTC (default) or an offset such as +02:00.",
            effect: Effect::Read,
            input: json!({
                "type": "object",
                "additionalProperties": false,
                "properties": {"timezone": {
                    "type": "string", "minLength": 1, "maxLength": 16,
                    "description": "UTC, or an offset such as +02:00",
                }},
            }),
            output: json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["iso", "unix", "date", "time", "weekday", "timezone"],
                "properties": {
                    "iso": text(), "unix": {"type": "integer"}, "date": text(), "time": text(),
                    "weekday": text(), "timezone": text(),
                },
            }),
            max_result_bytes: 1024,
        })?;
        Ok(Self { spec, clock })
    }
}

#[async_trait]
impl Tool for Now {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    async fn call(&self, input: Value, _: &Call) -> Result<Value, Failure> {
        let input: Input = parse_input(input)?;
        let timezone = input.timezone.as_deref().map_or("UTC", str::trim);
        let offset = offset(timezone).ok_or_else(|| {
            invalid(format!("`{timezone}` is no time zone: write UTC or an offset such as +02:00"))
        })?;
        let unix = (self.clock.0)()
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|since| i64::try_from(since.as_secs()).ok());
        let now = unix
            .and_then(|unix| DateTime::from_timestamp(unix, 0))
            .ok_or_else(|| Failure::new(FailureKind::ToolFailed, "the clock is set wrong"))?
            .with_timezone(&offset);
        let utc = offset.local_minus_utc() == 0;
        Ok(json!({
            "iso": now.to_rfc3339_opts(chrono::SecondsFormat::Secs, utc),
            "unix": now.timestamp(),
            "date": now.format("%Y-%m-%d").to_string(),
            "time": now.format("%H:%M:%S").to_string(),
            "weekday": now.format("%A").to_string(),
            "timezone": if utc { "UTC".to_owned() } else { offset.to_string() },
        }))
    }
}

/// `UTC`, `Z`, `GMT`, or a sign with hours and maybe minutes: `+2`, `+02:00`, `-0330`, `UTC+1`.
fn offset(text: &str) -> Option<FixedOffset> {
    let upper = text.to_ascii_uppercase();
    let rest = ["UTC", "GMT", "Z"]
        .iter()
        .find_map(|name| upper.strip_prefix(name))
        .unwrap_or(upper.as_str());
    if rest.is_empty() {
        return FixedOffset::east_opt(0);
    }
    let (sign, digits) = match rest.strip_prefix('+') {
        Some(digits) => (1, digits),
        None => (-1, rest.strip_prefix(['-', '−'])?),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 && digits.is_ascii() => digits.split_at(2),
        None => (digits, "0"),
    };
    let number = |text: &str| {
        let plain = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse::<i32>().ok()).flatten()
    };
    let minutes = number(hours)? * MINUTES_PER_HOUR + number(minutes).filter(|m| *m < 60)?;
    let allowed = minutes <= MAX_OFFSET_HOURS * MINUTES_PER_HOUR;
    allowed.then(|| FixedOffset::east_opt(sign * minutes * SECONDS_PER_MINUTE)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::tests::call;
    use std::time::Duration;

    async fn at(unix: u64, input: Value) -> Result<Value, Failure> {
        assert_eq!(unix, 1_709_164_799, "a fixed clock has one time");
        let clock = Clock(|| UNIX_EPOCH + Duration::from_secs(1_709_164_799));
        Now::new(clock).unwrap().call(input, &call()).await
    }

    #[tokio::test]
    async fn the_same_moment_has_another_date_elsewhere() {
        let utc = at(1_709_164_799, json!({})).await.unwrap();
        assert_eq!(
            utc,
            json!({
                "iso": "2024-02-28T23:59:59Z", "unix": 1_709_164_799, "date": "2024-02-28",
                "time": "23:59:59", "weekday": "Wednesday", "timezone": "UTC",
            })
        );
        let east = at(1_709_164_799, json!({"timezone": "+02:00"})).await.unwrap();
        assert_eq!(east["iso"], "2024-02-29T01:59:59+02:00");
        assert_eq!((&east["weekday"], &east["timezone"]), (&json!("Thursday"), &json!("+02:00")));
    }

    #[tokio::test]
    async fn offsets_come_in_several_spellings_and_nothing_else_is_guessed() {
        for (text, seconds) in [
            ("utc", 0),
            ("Z", 0),
            ("GMT+1", 3600),
            ("-0330", -12_600),
            ("+2", 7200),
            ("−5", -18_000),
        ] {
            assert_eq!(offset(text).map(|o| o.local_minus_utc()), Some(seconds), "{text}");
        }
        for bad in ["", "Europe/Lisbon", "+25", "+2:99", "+", "2", "+1:2:3", "++1", "+é2", "CET"] {
            assert!(offset(bad).is_none() || bad.is_empty(), "{bad}");
        }
        let failure = at(1_709_164_799, json!({"timezone": "Mars"})).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::InvalidInput);
        assert!(failure.message.contains("`Mars`"));
    }
}
