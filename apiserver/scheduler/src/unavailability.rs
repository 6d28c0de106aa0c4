//! When a node will not be there, as its annotation says it: an interval of ISO 8601, `2026-11-24T02:00:00Z/PT2H`, or its
//! beginning alone when nobody knows the end. Pure.

use jiff::{SignedDuration, Timestamp};
use kubernel_kernel::Unavailability;

/// The annotation of a Node that is to be taken down for maintenance.
pub const UNAVAILABILITY_ANNOTATION: &str = "kernel.kubernel.io/unavailability";

/// What the annotation says; `None` if it is no such interval.
pub(crate) fn parse(text: &str) -> Option<Unavailability> {
    let (start, duration) = match text.split_once('/') {
        Some((start, duration)) => (start, Some(duration.parse::<SignedDuration>().ok()?)),
        None => (text, None),
    };
    let start_ns = i64::try_from(start.parse::<Timestamp>().ok()?.as_nanosecond()).ok()?;
    let duration_ns = duration.map(|duration| i64::try_from(duration.as_nanos())).transpose().ok()?;
    (duration_ns.unwrap_or_default() >= 0).then_some(Unavailability { start_ns, duration_ns })
}

/// An interval as the annotation says it.
pub fn unavailability_text(of: Unavailability) -> String {
    // Every number of 64 bits is a time in the calendar.
    let start = Timestamp::from_nanosecond(i128::from(of.start_ns)).unwrap_or_default();
    match of.duration_ns {
        Some(duration) => format!("{start}/{}", SignedDuration::from_nanos(duration)),
        None => start.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn intervals_are_read_as_they_are_written() {
        for (text, start_ns, duration_ns) in [
            ("1970-01-01T00:00:01Z/PT2H", SECOND, Some(7_200 * SECOND)),
            ("1970-01-01T00:00:01.000000005Z/PT0.000000007S", SECOND + 5, Some(7)),
            ("1969-12-31T23:59:59Z", -SECOND, None),
            ("1970-01-01T00:00:00Z/PT0S", 0, Some(0)),
        ] {
            let unavailability = Unavailability { start_ns, duration_ns };
            assert_eq!((parse(text), &*unavailability_text(unavailability)), (Some(unavailability), text));
        }
        for text in
            ["", "tomorrow", "1970-01-01T00:00:00Z/", "1970-01-01T00:00:00Z/-PT1S", "1970-01-01T00:00:00Z/2h/3h"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
