//! The parts of points and spans of time: `getFullYear`, `getHours('Europe/Berlin')` and so on. UTC if no time zone is
//! named.

use jiff::tz::TimeZoneDatabase;

use crate::error::EvalError;
use crate::function::{Call, Functions, Overload};
use crate::types::Type;
use crate::value::time::Civil;
use crate::value::{Duration, Timestamp, Value};

const NANOS_PER_MILLI: i64 = 1_000_000;
const NANOS_PER_SEC: i64 = 1_000 * NANOS_PER_MILLI;

pub(super) fn register(functions: &mut Functions) {
    type Names = (&'static str, &'static str, &'static str);
    let calendar: [(Names, Call); 6] = [
        (("getFullYear", "timestamp_to_year", "timestamp_to_year_with_tz"), |args| part(args, |at, _| at.year)),
        (("getMonth", "timestamp_to_month", "timestamp_to_month_with_tz"), |args| part(args, |at, _| at.month - 1)),
        (("getDayOfYear", "timestamp_to_day_of_year", "timestamp_to_day_of_year_with_tz"), |args| {
            part(args, |at, _| at.day_of_year)
        }),
        (("getDayOfMonth", "timestamp_to_day_of_month", "timestamp_to_day_of_month_with_tz"), |args| {
            part(args, |at, _| at.day - 1)
        }),
        (("getDate", "timestamp_to_day_of_month_1_based", "timestamp_to_day_of_month_1_based_with_tz"), |args| {
            part(args, |at, _| at.day)
        }),
        (("getDayOfWeek", "timestamp_to_day_of_week", "timestamp_to_day_of_week_with_tz"), |args| {
            part(args, |at, _| at.weekday)
        }),
    ];
    for ((name, plain, zoned), call) in calendar {
        functions.add(name, on_timestamp(plain, zoned, call));
    }
    let clock: [(Names, &'static str, Call, Call); 4] = [
        (
            ("getHours", "timestamp_to_hours", "timestamp_to_hours_tz"),
            "duration_to_hours",
            |args| part(args, |at, _| at.secs / 3600),
            |args| span(args, 3600 * NANOS_PER_SEC),
        ),
        (
            ("getMinutes", "timestamp_to_minutes", "timestamp_to_minutes_tz"),
            "duration_to_minutes",
            |args| part(args, |at, _| at.secs / 60 % 60),
            |args| span(args, 60 * NANOS_PER_SEC),
        ),
        (
            ("getSeconds", "timestamp_to_seconds", "timestamp_to_seconds_tz"),
            "duration_to_seconds",
            |args| part(args, |at, _| at.secs % 60),
            |args| span(args, NANOS_PER_SEC),
        ),
        (
            ("getMilliseconds", "timestamp_to_milliseconds", "timestamp_to_milliseconds_tz"),
            "duration_to_milliseconds",
            |args| part(args, |_, nanos| nanos / NANOS_PER_MILLI),
            |args| span(args, NANOS_PER_MILLI),
        ),
    ];
    for ((name, plain, zoned), of_span, call, call_span) in clock {
        functions.add(name, on_timestamp(plain, zoned, call));
        functions.add(name, [Overload::member(of_span, [Type::Duration], Type::Int, call_span)]);
    }
}

fn on_timestamp(plain: &'static str, zoned: &'static str, call: Call) -> [Overload; 2] {
    [
        Overload::member(plain, [Type::Timestamp], Type::Int, call),
        Overload::member(zoned, [Type::Timestamp, Type::String], Type::Int, call),
    ]
}

fn part<'a>(args: &[Value<'a>], part: fn(&Civil, i64) -> i64) -> Result<Value<'a>, EvalError> {
    let (at, offset_secs) = match args {
        [Value::Timestamp(at)] => (at, 0),
        [Value::Timestamp(at), Value::String(zone)] => (at, offset(zone, *at)?),
        _ => return Err(EvalError::no_such_overload()),
    };
    Ok(Value::Int(part(&at.civil(offset_secs), i64::from(at.nanos))))
}

fn span<'a>(args: &[Value<'a>], unit_nanos: i64) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Duration(Duration { nanos })] => Ok(Value::Int(nanos / unit_nanos)),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// The offset of a time zone from UTC: a name, or `+05:30`.
fn offset(zone: &str, at: Timestamp) -> Result<i64, EvalError> {
    if let Some((hours, minutes)) = zone.split_once(':') {
        let number = |text: &str| {
            text.parse::<i64>().map_err(|_| EvalError::new(format!("strconv.Atoi: parsing \"{text}\": invalid syntax")))
        };
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        let minutes = if zone.starts_with('-') { -minutes } else { minutes };
        return Ok((hours.clamp(-24, 24) * 60 + minutes.clamp(-60, 60)) * 60);
    }
    if zone.is_empty() || zone == "UTC" {
        return Ok(0);
    }
    let unknown = || EvalError::new(format!("unknown time zone {zone}"));
    let zone = TimeZoneDatabase::bundled().get(zone).map_err(|_| unknown())?;
    // The library's last days of the year 9999 are two hours short; rules do not change there.
    let secs = at.secs.min(jiff::Timestamp::MAX.as_second());
    let at = jiff::Timestamp::from_second(secs).map_err(|_| unknown())?;
    Ok(i64::from(zone.to_offset(at).seconds()))
}
