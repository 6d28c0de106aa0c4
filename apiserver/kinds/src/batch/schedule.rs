//! Cron schedules, read to tell what is wrong with them in the words of the parser that upstream uses.

/// A field of a schedule: its bounds, and names for its values.
struct Field {
    min: u32,
    max: u32,
    names: &'static [(&'static str, u32)],
}

const MONTHS: &[(&str, u32)] = &[
    ("jan", 1),
    ("feb", 2),
    ("mar", 3),
    ("apr", 4),
    ("may", 5),
    ("jun", 6),
    ("jul", 7),
    ("aug", 8),
    ("sep", 9),
    ("oct", 10),
    ("nov", 11),
    ("dec", 12),
];
const DAYS: &[(&str, u32)] = &[("sun", 0), ("mon", 1), ("tue", 2), ("wed", 3), ("thu", 4), ("fri", 5), ("sat", 6)];

const FIELDS: [Field; 5] = [
    Field { min: 0, max: 59, names: &[] },
    Field { min: 0, max: 23, names: &[] },
    Field { min: 1, max: 31, names: &[] },
    Field { min: 1, max: 12, names: MONTHS },
    Field { min: 0, max: 6, names: DAYS },
];

/// What is wrong with a schedule; `None` where it can be read.
pub(super) fn error(schedule: &str) -> Option<String> {
    let mut spec = schedule;
    if schedule.starts_with("TZ=") || schedule.starts_with("CRON_TZ=") {
        spec = schedule.split_once(' ').map_or("", |(_, rest)| rest).trim();
    }
    if spec.is_empty() {
        return Some("empty spec string".to_owned());
    }
    if spec.starts_with('@') {
        return descriptor_error(spec);
    }
    let words: Vec<&str> = spec.split_whitespace().collect();
    if words.len() != FIELDS.len() {
        return Some(format!("expected exactly 5 fields, found {}: [{}]", words.len(), words.join(" ")));
    }
    let mut errors = words.iter().zip(&FIELDS).filter_map(|(word, field)| {
        word.split(',').filter(|part| !part.is_empty()).find_map(|part| range_error(part, field))
    });
    errors.next()
}

fn descriptor_error(spec: &str) -> Option<String> {
    match spec {
        "@yearly" | "@annually" | "@monthly" | "@weekly" | "@daily" | "@midnight" | "@hourly" => None,
        _ => match spec.strip_prefix("@every ") {
            Some(duration) => duration_error(duration).map(|error| format!("failed to parse duration {spec}: {error}")),
            None => Some(format!("unrecognized descriptor: {spec}")),
        },
    }
}

fn range_error(text: &str, field: &Field) -> Option<String> {
    let (min, max) = (field.min, field.max);
    let steps: Vec<&str> = text.split('/').collect();
    let ends: Vec<&str> = steps[0].split('-').collect();
    let (start, mut end);
    if matches!(ends[0], "*" | "?") {
        (start, end) = (min, max);
    } else {
        start = match number_or_name(ends[0], field.names) {
            Ok(number) => number,
            Err(error) => return Some(error),
        };
        end = match ends.as_slice() {
            [_] => start,
            [_, last] => match number_or_name(last, field.names) {
                Ok(number) => number,
                Err(error) => return Some(error),
            },
            _ => return Some(format!("too many hyphens: {text}")),
        };
    }
    let step = match steps.as_slice() {
        [_] => 1,
        [_, step] => match number(step) {
            Ok(step) => {
                end = if ends.len() == 1 { max } else { end };
                step
            }
            Err(error) => return Some(error),
        },
        _ => return Some(format!("too many slashes: {text}")),
    };
    if start < min {
        Some(format!("beginning of range ({start}) below minimum ({min}): {text}"))
    } else if end > max {
        Some(format!("end of range ({end}) above maximum ({max}): {text}"))
    } else if start > end {
        Some(format!("beginning of range ({start}) beyond end of range ({end}): {text}"))
    } else if step == 0 {
        Some(format!("step of range should be a positive number: {text}"))
    } else {
        None
    }
}

fn number_or_name(text: &str, names: &[(&str, u32)]) -> Result<u32, String> {
    let lower = text.to_lowercase();
    match names.iter().find(|(name, _)| *name == lower) {
        Some((_, number)) => Ok(*number),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u32, String> {
    match text.parse::<i64>() {
        Ok(number) if number < 0 => Err(format!("negative number ({number}) not allowed: {text}")),
        Ok(number) => Ok(u32::try_from(number).unwrap_or(u32::MAX)),
        Err(_) => Err(format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax")),
    }
}

/// What is wrong with a duration as Go reads it (`1h30m`).
fn duration_error(text: &str) -> Option<String> {
    const UNITS: [&str; 7] = ["ns", "us", "µs", "ms", "s", "m", "h"];
    let invalid = || Some(format!("time: invalid duration {text:?}"));
    let mut rest = text.trim_start_matches(['+', '-']);
    if rest == "0" {
        return None;
    }
    if rest.is_empty() {
        return invalid();
    }
    while !rest.is_empty() {
        let number = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        if number.len() == rest.len() {
            return invalid();
        }
        let unit_end = number.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(number.len());
        let unit = &number[..unit_end];
        if unit.is_empty() {
            return Some(format!("time: missing unit in duration {text:?}"));
        }
        if !UNITS.contains(&unit) {
            return Some(format!("time: unknown unit {unit:?} in duration {text:?}"));
        }
        rest = &number[unit_end..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::error;

    #[test]
    fn errors_read_as_upstreams() {
        let cases = [
            ("*/5 * * * *", None),
            ("0 0 1 JAN mon-fri", None),
            ("@daily", None),
            ("@every 1h30m", None),
            ("* * * *", Some("expected exactly 5 fields, found 4: [* * * *]")),
            ("60 * * * *", Some("end of range (60) above maximum (59): 60")),
            ("0 0 0 * *", Some("beginning of range (0) below minimum (1): 0")),
            ("5-1 * * * *", Some("beginning of range (5) beyond end of range (1): 5-1")),
            ("*/0 * * * *", Some("step of range should be a positive number: */0")),
            ("@often", Some("unrecognized descriptor: @often")),
            ("@every 5", Some("failed to parse duration @every 5: time: missing unit in duration \"5\"")),
        ];
        for (schedule, wanted) in cases {
            assert_eq!(error(schedule).as_deref(), wanted, "{schedule}");
        }
    }
}
