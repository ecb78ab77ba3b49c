//! Spans and points of time on the wire.

use std::time::Duration;

use prost_types::{Duration as WireDuration, Timestamp as WireTimestamp};
use sortie_engine::Timestamp;

use crate::BadField;

/// A span as a wire value; longer than the wire can say becomes the longest it can.
#[must_use]
pub fn to_wire(span: Duration) -> WireDuration {
    let longest = WireDuration { seconds: i64::MAX, nanos: 999_999_999 };
    WireDuration::try_from(span).unwrap_or(longest)
}

/// A span out of a wire value.
///
/// # Errors
/// If it is negative.
pub fn from_wire(field: &'static str, span: &WireDuration) -> Result<Duration, BadField> {
    let negative = || BadField::new(field, "must not be negative");
    let span = span.normalized();
    // Asked first: the conversion panics where it cannot turn the sign.
    if span.seconds < 0 || span.nanos < 0 {
        return Err(negative());
    }
    Duration::try_from(span).map_err(|_| negative())
}

/// A point in time as a wire value; later than the wire can say becomes the latest it can.
#[must_use]
pub fn point_to_wire(at: Timestamp) -> WireTimestamp {
    let millis = at.as_millis();
    // Both fit: a thousandth of a u64 is below i64::MAX, and 999 ms are below a second.
    let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
    let nanos = i32::try_from(millis % 1000 * 1_000_000).unwrap_or_default();
    WireTimestamp { seconds, nanos }
}

/// A point in time out of a wire value that must be there; finer than a millisecond is cut off.
///
/// # Errors
/// If it is not set or lies before 1970.
pub fn point_from_wire(
    field: &'static str,
    at: Option<WireTimestamp>,
) -> Result<Timestamp, BadField> {
    optional_point_from_wire(field, at)?.ok_or_else(|| BadField::new(field, "is not set"))
}

/// A point in time out of a wire value that may be missing.
///
/// # Errors
/// If it lies before 1970 or beyond what the engine counts.
pub fn optional_point_from_wire(
    field: &'static str,
    at: Option<WireTimestamp>,
) -> Result<Option<Timestamp>, BadField> {
    let Some(at) = at else { return Ok(None) };
    let seconds = u64::try_from(at.seconds).ok().and_then(|seconds| seconds.checked_mul(1000));
    let millis = u64::try_from(at.nanos).ok().map(|nanos| nanos / 1_000_000);
    let sum = seconds.zip(millis).and_then(|(seconds, millis)| seconds.checked_add(millis));
    let point = sum.map(Timestamp::from_millis);
    point.map(Some).ok_or_else(|| BadField::new(field, "is no time after 1970"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_survive_the_wire() {
        for millis in [0, 999, 1_763_800_000_123, u64::MAX] {
            let at = Timestamp::from_millis(millis);
            assert_eq!(point_from_wire("at", Some(point_to_wire(at))), Ok(at));
        }
        assert_eq!(point_from_wire("at", None).unwrap_err().field, "at");
        let early = WireTimestamp { seconds: -1, nanos: 0 };
        assert_eq!(point_from_wire("at", Some(early)).unwrap_err().field, "at");
    }

    #[test]
    fn spans_survive_the_wire() {
        for span in [Duration::ZERO, Duration::from_millis(1500), Duration::from_secs(1 << 40)] {
            assert_eq!(from_wire("t", &to_wire(span)), Ok(span));
        }
        assert_eq!(to_wire(Duration::MAX).seconds, i64::MAX);
    }

    #[test]
    fn negative_spans_are_refused_by_name() {
        let refusal = from_wire("timeout", &WireDuration { seconds: -1, nanos: 0 }).unwrap_err();
        assert_eq!(refusal.to_string(), "field `timeout` must not be negative");
        for (seconds, nanos) in [(i64::MIN, 0), (i64::MIN, i32::MIN), (0, -1)] {
            assert_eq!(from_wire("t", &WireDuration { seconds, nanos }).unwrap_err().field, "t");
        }
    }
}
