//! How a text is written: plain where nobody can take it for something else.

/// The four ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    /// Line by line behind a bar.
    Literal,
}

/// What plain texts must not be, because they mean something: YAML 1.1's words.
const WORDS: [&str; 40] = [
    "", "~", "null", "Null", "NULL", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE", "n", "N",
    "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE", ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF",
    "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", "<<",
];

/// How a text is written; `breaks` is false for keys, which stay on their line.
pub(super) fn style_of(text: &str, breaks: bool) -> Style {
    let shape = Shape::of(text);
    if text.contains('\n') {
        return if breaks && shape.block { Style::Literal } else { Style::Double };
    }
    match text {
        _ if means_something(text) => Style::Double,
        _ if shape.plain => Style::Plain,
        _ if shape.single => Style::Single,
        _ => Style::Double,
    }
}

/// A character between double quotes.
pub(super) fn escape(character: char) -> String {
    let short = match character {
        '\0' => "\\0",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '\u{1b}' => "\\e",
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{85}' => "\\N",
        '\u{a0}' => "\\_",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        _ if is_printable(character) => return character.to_string(),
        _ => {
            let code = u32::from(character);
            return match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    short.to_owned()
}

/// Which ways its characters leave open to a text.
struct Shape {
    plain: bool,
    single: bool,
    block: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        let characters: Vec<char> = text.chars().collect();
        let is_blank_at = |at: usize| characters.get(at).is_none_or(|c| matches!(c, ' ' | '\t') || is_break(*c));
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut breaks, mut space_break, mut break_space) = (false, false, false, false);
        for (at, &character) in characters.iter().enumerate() {
            let blank_before = at == 0 || is_blank_at(at - 1);
            indicators |= match character {
                '#' => blank_before,
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => at == 0,
                '-' | '?' => at == 0 && is_blank_at(1),
                ':' => is_blank_at(at + 1),
                _ => false,
            };
            special |= !is_printable(character) || character == '\u{feff}';
            breaks |= is_break(character);
            space_break |= character == ' ' && characters.get(at + 1).is_some_and(|next| is_break(*next));
            break_space |= is_break(character) && characters.get(at + 1) == Some(&' ');
        }
        let (first, last) = (characters.first().copied().unwrap_or(' '), characters.last().copied().unwrap_or(' '));
        let edges = [first, last].into_iter().any(|c| c == ' ' || is_break(c));
        let odd = special || space_break;
        Self {
            plain: !(indicators || edges || breaks || break_space || odd),
            single: !(break_space || odd),
            block: !(odd || last == ' '),
        }
    }
}

fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(character: char) -> bool {
    matches!(character,
        '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
        && character != '\u{feff}'
}

/// Whether a reader would take a plain text for a flag, a number, a time or nothing.
fn means_something(text: &str) -> bool {
    if WORDS.contains(&text) {
        return true;
    }
    match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-') => is_time(text) || is_number(text) || is_base_60(text),
        Some(b'.') => text.parse::<f64>().is_ok(),
        _ => false,
    }
}

fn is_number(text: &str) -> bool {
    let text = text.replace('_', "");
    let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let radix = |prefix: [&str; 2], radix| {
        let rest = prefix.iter().find_map(|prefix| digits.strip_prefix(prefix));
        rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix)))
    };
    if radix(["0x", "0X"], 16) || radix(["0o", "0O"], 8) || radix(["0b", "0B"], 2) {
        return true;
    }
    // An exponent needs its sign to make a number.
    let (mantissa, exponent) = digits.split_once(['e', 'E']).map_or((digits, None), |(m, e)| (m, Some(e)));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or(("", mantissa));
    let exponent = exponent.is_none_or(|exponent| {
        exponent.strip_prefix(['+', '-']).is_some_and(|digits| !digits.is_empty() && is_digits(digits))
    });
    is_digits(whole) && !fraction.is_empty() && is_digits(fraction) && exponent
}

/// `1:30`, which was a number in base 60 once.
fn is_base_60(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let is_part = |part: &str| part.len() <= 2 && part.parse::<u8>().is_ok_and(|part| part < 60);
    let rest: Vec<&str> = parts.collect();
    first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
        && !rest.is_empty()
        && rest.into_iter().all(is_part)
        && fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

/// `2006-1-2`, alone or with a time of day.
fn is_time(text: &str) -> bool {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let numbers = |text: &str, separator: char, lengths: &[std::ops::RangeInclusive<usize>]| {
        let parts: Vec<&str> = text.split(separator).collect();
        parts.len() == lengths.len()
            && parts
                .iter()
                .zip(lengths)
                .all(|(part, length)| length.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if !numbers(date, '-', &[4..=4, 1..=2, 1..=2]) {
        return false;
    }
    let Some(time) = time else { return true };
    let (clock, zone) = match time.find(['Z', '+', '-']) {
        Some(at) => (&time[..at], &time[at..]),
        None => (time, ""),
    };
    let clock = clock.split_once('.').map_or(clock, |(clock, _)| clock);
    let zoned = match text.find(' ') {
        Some(_) => zone.is_empty(),
        None => zone == "Z" || zone.strip_prefix(['+', '-']).is_some_and(|zone| numbers(zone, ':', &[2..=2, 2..=2])),
    };
    numbers(clock, ':', &[1..=2, 1..=2, 1..=2]) && zoned
}
