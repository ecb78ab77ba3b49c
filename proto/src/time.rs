//! Spans of time on the wire.

use std::time::Duration;

use prost_types::Duration as WireDuration;

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
    Duration::try_from(*span).map_err(|_| BadField::new(field, "must not be negative"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}
