//! Times of the API: `metav1.Time`, `metav1.MicroTime`, and ages as kubectl shows them. No clock: now comes in.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

const MINUTE_SECS: i64 = 60;
const HOUR_SECS: i64 = 60 * MINUTE_SECS;
const DAY_HOURS: i64 = 24;
const YEAR_DAYS: i64 = 365;

/// A time that cannot be read, in the words of Go's `time.Parse`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum TimeError {
    #[error("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {expected:?}")]
    Layout { text: String, layout: &'static str, rest: String, expected: &'static str },
    #[error("parsing time {text:?}: {part} out of range")]
    Range { text: String, part: &'static str },
}

/// Whether a layout has fractions of a second.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fraction {
    /// Optional, of any length (Go accepts it for any layout).
    Optional,
    /// Exactly six digits.
    Micros,
}

/// Reads a `metav1.Time`: RFC 3339; fractions of a second are read (and lost when it is written).
pub fn parse(text: &str) -> Result<Timestamp, TimeError> {
    read(text, "2006-01-02T15:04:05Z07:00", Fraction::Optional)
}

/// Reads a `metav1.MicroTime`: RFC 3339 with exactly six digits of fraction.
pub fn parse_micro(text: &str) -> Result<Timestamp, TimeError> {
    read(text, "2006-01-02T15:04:05.000000Z07:00", Fraction::Micros)
}

/// Writes a `metav1.Time`: `2024-01-02T03:04:05Z`.
pub fn format(time: Timestamp) -> String {
    let time = TimeZone::UTC.to_datetime(time);
    let (date, clock) = (time.date(), time.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        date.year(),
        date.month(),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    )
}

/// Writes a `metav1.MicroTime`: `2024-01-02T03:04:05.000006Z`.
pub fn format_micro(time: Timestamp) -> String {
    let mut text = format(time);
    text.pop();
    let micros = TimeZone::UTC.to_datetime(time).time().subsec_nanosecond() / 1000;
    format!("{text}.{micros:06}Z")
}

/// The age of something as kubectl shows it: two to three significant figures, `5s`, `2m30s`, `3h`, `5d6h`, `2y3d`
/// (duration.HumanDuration).
pub fn human_duration(seconds: i64) -> String {
    if let Some(text) = almost_now(seconds) {
        return text;
    }
    if seconds < 2 * MINUTE_SECS {
        return format!("{seconds}s");
    }
    let (minutes, hours) = (seconds / MINUTE_SECS, seconds / HOUR_SECS);
    let days = hours / DAY_HOURS;
    let two = |big: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{big}{unit}"),
        _ => format!("{big}{unit}{small}{small_unit}"),
    };
    match () {
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 3 * 60 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 2 * DAY_HOURS => format!("{hours}h"),
        () if days < 8 => two(days, "d", hours % DAY_HOURS, "h"),
        () if days < 2 * YEAR_DAYS => format!("{days}d"),
        () if days < 8 * YEAR_DAYS => two(days / YEAR_DAYS, "y", days % YEAR_DAYS, "d"),
        () => format!("{}y", days / YEAR_DAYS),
    }
}

/// The same with one unit only (duration.ShortHumanDuration).
pub fn short_human_duration(seconds: i64) -> String {
    if let Some(text) = almost_now(seconds) {
        return text;
    }
    let (minutes, hours) = (seconds / MINUTE_SECS, seconds / HOUR_SECS);
    let days = hours / DAY_HOURS;
    match () {
        () if seconds < MINUTE_SECS => format!("{seconds}s"),
        () if minutes < 60 => format!("{minutes}m"),
        () if hours < DAY_HOURS => format!("{hours}h"),
        () if days < YEAR_DAYS => format!("{days}d"),
        () => format!("{}y", days / YEAR_DAYS),
    }
}

/// The age at `now` of something that happened then: `5m`, or `<unknown>` where that cannot be read.
pub fn age(then: &str, now: Timestamp) -> String {
    match parse(then) {
        Ok(then) => human_duration(now.as_second() - then.as_second()),
        Err(_) => "<unknown>".to_owned(),
    }
}

/// Clocks differ: up to two seconds in the future are now.
fn almost_now(seconds: i64) -> Option<String> {
    match seconds {
        ..-1 => Some("<invalid>".to_owned()),
        -1 => Some("0s".to_owned()),
        _ => None,
    }
}

/// Reads RFC 3339 from left to right, so that an error says where Go's does.
fn read(text: &str, layout: &'static str, fraction: Fraction) -> Result<Timestamp, TimeError> {
    let fail = |rest: &str, expected: &'static str| TimeError::Layout {
        text: text.to_owned(),
        layout,
        rest: rest.to_owned(),
        expected,
    };
    let out_of_range = |part: &'static str| TimeError::Range { text: text.to_owned(), part };
    let mut rest = text;
    let mut fields = [0_i16; 6];
    const PARTS: [(usize, &str, &str); 6] =
        [(4, "2006", "-"), (2, "01", "-"), (2, "02", "T"), (2, "15", ":"), (2, "04", ":"), (2, "05", "")];
    for (field, (digits, expected, separator)) in fields.iter_mut().zip(PARTS) {
        let number = rest.get(..digits).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        *field = number.and_then(|part| part.parse().ok()).ok_or_else(|| fail(rest, expected))?;
        rest = &rest[digits..];
        rest = rest.strip_prefix(separator).ok_or_else(|| fail(rest, separator))?;
    }
    let mut nanos = 0_i32;
    let digits = rest.strip_prefix('.').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    if fraction == Fraction::Micros && digits != 6 {
        return Err(fail(rest, ".000000"));
    }
    if digits > 0 {
        for (index, byte) in rest[1..=digits].bytes().enumerate().take(9) {
            let place = 8 - u32::try_from(index).unwrap_or(8);
            nanos += i32::from(byte - b'0') * 10_i32.pow(place);
        }
        rest = &rest[digits + 1..];
    }
    let offset = offset(rest).ok_or_else(|| fail(rest, "Z07:00"))?;
    let [year, month, day, hour, minute, second] = fields;
    for (part, value, bounds) in [
        ("month", month, 1..=12),
        ("hour", hour, 0..=23),
        ("minute", minute, 0..=59),
        ("second", second, 0..=59),
        ("day", day, 1..=31),
    ] {
        if !bounds.contains(&value) {
            return Err(out_of_range(part));
        }
    }
    let small = |value: i16| i8::try_from(value).unwrap_or(i8::MAX);
    let date = jiff::civil::Date::new(year, small(month), small(day)).map_err(|_| out_of_range("day"))?;
    let clock = jiff::civil::Time::new(small(hour), small(minute), small(second), nanos);
    let time = date.to_datetime(clock.map_err(|_| out_of_range("second"))?);
    offset.to_timestamp(time).map_err(|_| out_of_range("year"))
}

/// `Z` or `+07:00`, and nothing after it.
fn offset(text: &str) -> Option<Offset> {
    if text == "Z" {
        return Some(Offset::UTC);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |part: &str| if part.len() == 2 { part.parse::<i32>().ok() } else { None };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    if hours > 24 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let check = |text: &str, normal: &str| assert_eq!(format(parse(text).unwrap()), normal, "{text}");
        check("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z");
        check("2024-01-02T03:04:05.999Z", "2024-01-02T03:04:05Z");
        check("2024-01-01T02:00:00+02:00", "2024-01-01T00:00:00Z");
        check("2024-02-29T00:00:00-01:30", "2024-02-29T01:30:00Z");
        let micro = parse_micro("2024-01-01T02:00:00.000050+02:00").unwrap();
        assert_eq!(format_micro(micro), "2024-01-01T00:00:00.000050Z");
    }

    #[test]
    fn time_errors() {
        let check = |text: &str, message: &str| assert_eq!(parse(text).unwrap_err().to_string(), message);
        let layout = "\"2006-01-02T15:04:05Z07:00\"";
        check("yesterday", &format!("parsing time \"yesterday\" as {layout}: cannot parse \"yesterday\" as \"2006\""));
        check("", &format!("parsing time \"\" as {layout}: cannot parse \"\" as \"2006\""));
        check("2024-13-01T00:00:00Z", "parsing time \"2024-13-01T00:00:00Z\": month out of range");
        check("2023-02-29T00:00:00Z", "parsing time \"2023-02-29T00:00:00Z\": day out of range");
        check("2024-01-01", &format!("parsing time \"2024-01-01\" as {layout}: cannot parse \"\" as \"T\""));
        let micro = parse_micro("2024-01-01T02:00:00.5+02:00").unwrap_err().to_string();
        assert!(micro.ends_with("cannot parse \".5+02:00\" as \".000000\""), "{micro}");
        for odd in ["é", "2024é01-01T00:00:00Z", "2024-01-01T00:00:00+é:00", "2024-01-01T00:00:00."] {
            assert!(parse(odd).is_err());
        }
    }

    #[test]
    fn ages() {
        const MINUTE: i64 = 60;
        const HOUR: i64 = 60 * MINUTE;
        const DAY: i64 = 24 * HOUR;
        let cases = [
            (-2, "<invalid>", "<invalid>"),
            (-1, "0s", "0s"),
            (5, "5s", "5s"),
            (119, "119s", "1m"),
            (120, "2m", "2m"),
            (150, "2m30s", "2m"),
            (10 * MINUTE + 5, "10m", "10m"),
            (179 * MINUTE, "179m", "2h"),
            (3 * HOUR + 5 * MINUTE, "3h5m", "3h"),
            (8 * HOUR + 5 * MINUTE, "8h", "8h"),
            (47 * HOUR, "47h", "1d"),
            (50 * HOUR, "2d2h", "2d"),
            (9 * DAY, "9d", "9d"),
            (729 * DAY, "729d", "1y"),
            (735 * DAY, "2y5d", "2y"),
            (9 * 365 * DAY, "9y", "9y"),
        ];
        for (seconds, long, short) in cases {
            assert_eq!((human_duration(seconds).as_str(), short_human_duration(seconds).as_str()), (long, short));
        }
    }
}
