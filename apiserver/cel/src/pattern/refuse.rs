//! Patterns that Go refuses, in Go's words: each names the part that is wrong.

use super::fail;

/// How often a part may be repeated.
const REPEAT_MAX: u32 = 1000;

/// What Go says about a pattern, unless it takes it.
pub(super) fn check(pattern: &str) -> Result<(), String> {
    let mut depth = 0usize;
    let mut may_repeat = false;
    let mut repeated: Option<&str> = None;
    let mut rest = pattern;
    while let Some(next) = rest.chars().next() {
        let start = rest;
        rest = &rest[next.len_utf8()..];
        let mut operator = false;
        match next {
            '\\' => {
                rest = after_escape(rest);
                may_repeat = true;
            }
            '[' => {
                let end = class_end(rest).ok_or_else(|| fail("missing closing ]", start))?;
                rest = &rest[end..];
                may_repeat = true;
            }
            '(' => {
                if let Some(look) = ["(?=", "(?!", "(?<=", "(?<!"].iter().find(|look| start.starts_with(**look)) {
                    return Err(fail("invalid or unsupported Perl syntax", look));
                }
                depth += 1;
                may_repeat = false;
                if rest.starts_with('?') {
                    // Flags and names are not repeated; flags alone close their own group.
                    let end = rest.find([')', ':', '>']).map_or(rest.len(), |end| end + 1);
                    depth -= usize::from(rest[..end].ends_with(')'));
                    rest = &rest[end..];
                }
            }
            ')' => {
                depth = depth.checked_sub(1).ok_or_else(|| fail("unexpected )", pattern))?;
                may_repeat = true;
            }
            '|' => may_repeat = false,
            '*' | '+' | '?' => operator = true,
            '{' => match repetition(start) {
                Some((length, counts)) => {
                    operator = true;
                    rest = &start[length..];
                    let (least, most) = counts;
                    if least > REPEAT_MAX || most.is_some_and(|most| most > REPEAT_MAX || most < least) {
                        return Err(fail("invalid repeat count", &start[..length]));
                    }
                }
                None => may_repeat = true,
            },
            _ => may_repeat = true,
        }
        if operator {
            if !may_repeat {
                return Err(fail("missing argument to repetition operator", &start[..start.len() - rest.len()]));
            }
            // A question mark behind it is a part of it.
            rest = rest.strip_prefix('?').unwrap_or(rest);
            if let Some(before) = repeated {
                return Err(fail("invalid nested repetition operator", &before[..before.len() - rest.len()]));
            }
        }
        repeated = operator.then_some(start);
    }
    if depth > 0 {
        return Err(fail("missing closing )", pattern));
    }
    Ok(())
}

/// `{n}`, `{n,}` or `{n,m}` at the start of a text: its length, and the counts. Any other brace is itself.
pub(super) fn repetition(text: &str) -> Option<(usize, (u32, Option<u32>))> {
    let (inside, _) = text.strip_prefix('{')?.split_once('}')?;
    let (least, most) = inside.split_once(',').unwrap_or((inside, inside));
    let count = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // More digits than fit are too many in any case.
        is_number.then(|| text.parse().unwrap_or(u32::MAX))
    };
    let most = if most.is_empty() { None } else { Some(count(most)?) };
    Some((inside.len() + 2, (count(least)?, most)))
}

/// What follows an escape sequence, whose backslash is behind us.
fn after_escape(rest: &str) -> &str {
    if let Some(quoted) = rest.strip_prefix('Q') {
        return quoted.split_once("\\E").map_or("", |(_, after)| after);
    }
    if matches!(rest.as_bytes(), [b'p' | b'P' | b'x', b'{', ..]) {
        return rest.split_once('}').map_or("", |(_, after)| after);
    }
    rest.chars().next().map_or("", |escaped| &rest[escaped.len_utf8()..])
}

/// Where a class ends, behind its `[`.
fn class_end(text: &str) -> Option<usize> {
    let mut rest = text.strip_prefix('^').unwrap_or(text);
    rest = rest.strip_prefix(']').unwrap_or(rest);
    loop {
        let next = rest.chars().next()?;
        if let Some(end) = rest.strip_prefix("[:").and_then(|name| name.find(":]")) {
            rest = &rest[end + 4..];
            continue;
        }
        rest = &rest[next.len_utf8()..];
        match next {
            ']' => return Some(text.len() - rest.len()),
            '\\' => rest = &rest[rest.chars().next()?.len_utf8()..],
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_words_of_go() {
        for (pattern, expected) in [
            ("*a", "missing argument to repetition operator: `*`"),
            ("(|+)", "missing argument to repetition operator: `+`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{3,2}", "invalid repeat count: `{3,2}`"),
            ("a)", "unexpected ): `a)`"),
            ("((a)", "missing closing ): `((a)`"),
            ("x[a", "missing closing ]: `[a`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ] {
            assert_eq!(check(pattern).unwrap_err(), format!("error parsing regexp: {expected}"), "{pattern}");
        }
        for pattern in
            ["a{,2}", "{a}", "^{$", "a{2}", "a{2,}?", "(?i)a", "(?P<n>a)+", "[]a]*", "[[:alpha:]]+", "\\Q*\\E+"]
        {
            assert_eq!(check(pattern), Ok(()), "{pattern}");
        }
    }
}
