//! Points and spans of time: reading, writing, arithmetic. No clock.

use std::fmt;

use crate::error::EvalError;

const NANOS_PER_SEC: i64 = 1_000_000_000;
const DAY_SECS: i64 = 24 * 60 * 60;
/// 0001-01-01T00:00:00Z.
const SECS_MIN: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z.
const SECS_MAX: i64 = 253_402_300_799;

/// A point in time between the years 1 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub secs: i64,
    /// Nanoseconds after that second.
    pub nanos: u32,
}

/// A span of time in nanoseconds, as Go's `time.Duration` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    /// Nanoseconds.
    pub nanos: i64,
}

/// A day and a time of day, somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The year.
    pub year: i64,
    /// The month, from 1.
    pub month: i64,
    /// The day of the month, from 1.
    pub day: i64,
    /// The day of the year, from 0.
    pub day_of_year: i64,
    /// The day of the week, from Sunday, which is 0.
    pub weekday: i64,
    /// Seconds since midnight.
    pub secs: i64,
}

impl Timestamp {
    /// A point in time; `None` outside of the years 1 to 9999.
    #[must_use]
    pub fn new(secs: i64, nanos: u32) -> Option<Timestamp> {
        (SECS_MIN..=SECS_MAX).contains(&secs).then_some(Timestamp { secs, nanos })
    }

    /// Reads RFC 3339; fractions of any length are read, those below a nanosecond dropped.
    #[must_use]
    pub fn parse(text: &str) -> Option<Timestamp> {
        let bytes = text.as_bytes();
        let rest = text.get(19..)?;
        if bytes[4] != b'-' || bytes[7] != b'-' || bytes[10] != b'T' || bytes[13] != b':' || bytes[16] != b':' {
            return None;
        }
        let (hour, minute, second) = (digits(text, 11, 13)?, digits(text, 14, 16)?, digits(text, 17, 19)?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = parse_days(text.get(..10)?)?;
        let (nanos, rest) = match rest.strip_prefix(['.', ',']) {
            Some(fraction) => {
                let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
                if length == 0 {
                    return None;
                }
                let text: String = fraction[..length].chars().chain("000000000".chars()).take(9).collect();
                (text.parse::<u32>().ok()?, &fraction[length..])
            }
            None => (0, rest),
        };
        let offset_secs = match rest.as_bytes() {
            b"Z" => 0,
            [sign @ (b'+' | b'-'), _, _, b':', _, _] if rest.len() == 6 => {
                let (hours, minutes) = (digits(rest, 1, 3)?, digits(rest, 4, 6)?);
                if hours > 24 || minutes > 60 {
                    return None;
                }
                (hours * 3600 + minutes * 60) * if *sign == b'-' { -1 } else { 1 }
            }
            _ => return None,
        };
        Timestamp::new(days * DAY_SECS + hour * 3600 + minute * 60 + second - offset_secs, nanos)
    }

    /// Reads what the formats `date-time` and `date` of a schema allow.
    #[must_use]
    pub fn parse_day_or_time(text: &str) -> Option<Timestamp> {
        if text.len() == 10 {
            return Timestamp::new(parse_days(text)? * DAY_SECS, 0);
        }
        let upper = text.to_ascii_uppercase();
        Timestamp::parse(&upper)
    }

    /// The day and time of day at an offset from UTC.
    #[must_use]
    pub fn civil(self, offset_secs: i64) -> Civil {
        let local = self.secs + offset_secs;
        let days = local.div_euclid(DAY_SECS);
        let (year, month, day) = day_of(days);
        Civil {
            year,
            month,
            day,
            day_of_year: days - days_since(year, 1, 1),
            weekday: (days + 4).rem_euclid(7),
            secs: local.rem_euclid(DAY_SECS),
        }
    }

    /// A span later; an error outside of the years 1 to 9999.
    pub fn after(self, span: Duration) -> Result<Timestamp, EvalError> {
        let nanos = i64::from(self.nanos) + span.nanos.rem_euclid(NANOS_PER_SEC);
        let secs = self.secs + span.nanos.div_euclid(NANOS_PER_SEC) + nanos / NANOS_PER_SEC;
        Timestamp::new(secs, (nanos % NANOS_PER_SEC) as u32).ok_or_else(|| EvalError::new("timestamp overflow"))
    }

    /// The span since an earlier time.
    pub fn since(self, earlier: Timestamp) -> Result<Duration, EvalError> {
        let nanos = i128::from(self.secs - earlier.secs) * i128::from(NANOS_PER_SEC) + i128::from(self.nanos)
            - i128::from(earlier.nanos);
        i64::try_from(nanos).map(|nanos| Duration { nanos }).map_err(|_| EvalError::new("duration overflow"))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with the digits of the fraction that are not zero.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = self.civil(0);
        let (hour, minute, second) = (civil.secs / 3600, civil.secs / 60 % 60, civil.secs % 60);
        write!(out, "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}", civil.year, civil.month, civil.day)?;
        if self.nanos > 0 {
            let fraction = format!("{:09}", self.nanos);
            write!(out, ".{}", fraction.trim_end_matches('0'))?;
        }
        out.write_str("Z")
    }
}

impl Duration {
    /// Reads what Go's `time.ParseDuration` reads: `-1h2m3.5s`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Duration> {
        let (negative, mut rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Some(Duration { nanos: 0 });
        }
        if rest.is_empty() {
            return None;
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let whole_end = rest.find(|next: char| !next.is_ascii_digit())?;
            let (whole, after) = rest.split_at(whole_end);
            let (fraction, after) = match after.strip_prefix('.') {
                Some(after) => after.split_at(after.find(|next: char| !next.is_ascii_digit())?),
                None => ("", after),
            };
            if whole.is_empty() && fraction.is_empty() {
                return None;
            }
            let unit_end = after.find(|next: char| next == '.' || next.is_ascii_digit()).unwrap_or(after.len());
            let (unit, after) = after.split_at(unit_end);
            let unit = unit_nanos(unit)?;
            let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
            let mut nanos = whole.checked_mul(unit)?;
            let mut place = unit as f64;
            let mut part = 0.0;
            for digit in fraction.bytes() {
                place /= 10.0;
                part += f64::from(digit - b'0') * place;
            }
            // Rounded before it is cut: sums of decimal places are a hair too small.
            nanos = nanos.checked_add((part + 1e-6) as u64)?;
            total = total.checked_add(nanos)?;
            rest = after;
        }
        match negative {
            true if total <= 1 << 63 => Some(Duration { nanos: (total as i64).wrapping_neg() }),
            true => None,
            false => i64::try_from(total).ok().map(|nanos| Duration { nanos }),
        }
    }

    /// Reads what the format `duration` of a schema allows: also days, weeks, and units written out.
    #[must_use]
    pub fn parse_format(text: &str) -> Option<Duration> {
        if let Some(span) = Duration::parse(text) {
            return Some(span);
        }
        let mut total: i64 = 0;
        let mut rest = text.trim();
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let (number, after) = rest.split_at(rest.find(|next: char| !next.is_ascii_digit())?);
            let after = after.trim_start();
            let end = after.find(|next: char| !next.is_alphabetic()).unwrap_or(after.len());
            let (unit, after) = after.split_at(end);
            let unit = i64::try_from(written_unit_nanos(unit)?).ok()?;
            total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
            rest = after.trim_start();
        }
        Some(Duration { nanos: total })
    }
}

impl fmt::Display for Duration {
    /// Seconds, as protobuf's JSON form: `3600s`, `1.5s`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secs, nanos) = ((self.nanos / NANOS_PER_SEC).unsigned_abs(), (self.nanos % NANOS_PER_SEC).unsigned_abs());
        write!(out, "{}{secs}", if self.nanos < 0 { "-" } else { "" })?;
        if nanos > 0 {
            let fraction = format!("{nanos:09}");
            write!(out, ".{}", fraction.trim_end_matches('0'))?;
        }
        out.write_str("s")
    }
}

fn unit_nanos(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => NANOS_PER_SEC as u64,
        "m" => 60 * NANOS_PER_SEC as u64,
        "h" => 3600 * NANOS_PER_SEC as u64,
        _ => return None,
    })
}

fn written_unit_nanos(unit: &str) -> Option<u64> {
    let singular = unit.strip_suffix('s').filter(|stem| stem.len() > 1).unwrap_or(unit);
    Some(match singular {
        "nano" | "nanosecond" => 1,
        "micro" | "microsecond" => 1_000,
        "milli" | "millisecond" => 1_000_000,
        "sec" | "second" => NANOS_PER_SEC as u64,
        "min" | "minute" => 60 * NANOS_PER_SEC as u64,
        "hr" | "hour" => 3600 * NANOS_PER_SEC as u64,
        "d" | "day" => 24 * 3600 * NANOS_PER_SEC as u64,
        "w" | "wk" | "week" => 7 * 24 * 3600 * NANOS_PER_SEC as u64,
        _ => return unit_nanos(unit),
    })
}

fn digits(text: &str, from: usize, to: usize) -> Option<i64> {
    let part = text.get(from..to)?;
    part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
}

/// Days since 1970-01-01 of `2006-01-02`.
fn parse_days(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (digits(text, 0, 4)?, digits(text, 5, 7)?, digits(text, 8, 10)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=length).contains(&day).then(|| days_since(year, month, day))
}

/// Days since 1970-01-01 in the Gregorian calendar. Years start in March here, so that leap days come last.
fn days_since(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The reverse of [`days_since`].
fn day_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}
