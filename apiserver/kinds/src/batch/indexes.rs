//! Texts like `1-5,7`: indexes of a Job's Pods, in intervals.

/// First and last index of each interval, in rising order.
pub(super) type Intervals = Vec<(i64, i64)>;

/// Reads intervals of indexes below `completions`; the error is what upstream says.
pub(super) fn parse(text: &str, completions: i64) -> Result<Intervals, String> {
    let mut intervals = Intervals::new();
    if text.is_empty() {
        return Ok(intervals);
    }
    for part in text.split(',') {
        let (first, last) = interval(part, completions)?;
        if let Some((_, before)) = intervals.last().filter(|(_, before)| *before >= first) {
            return Err(falling(*before, first));
        }
        intervals.push((first, last));
    }
    Ok(intervals)
}

/// The first index that is in both texts; intervals that cannot be read are passed over.
pub(super) fn overlap(one: &str, other: &str, completions: i64) -> Option<i64> {
    let read =
        |text: &str| -> Intervals { text.split(',').filter_map(|part| interval(part, completions).ok()).collect() };
    let (one, other) = (read(one), read(other));
    let (mut i, mut j) = (0, 0);
    while let (Some((first, last)), Some((other_first, other_last))) = (one.get(i), other.get(j)) {
        if first <= other_last && other_first <= last {
            return Some(*first.max(other_first));
        }
        if first <= other_first { i += 1 } else { j += 1 }
    }
    None
}

fn interval(text: &str, completions: i64) -> Result<(i64, i64), String> {
    let parts: Vec<&str> = text.split('-').collect();
    let index = |part: &str| match part.parse::<i64>() {
        Ok(index) if index >= completions => Err(format!("too large index: {part:?}")),
        Ok(index) => Ok(index),
        Err(_) => Err(format!("cannot convert string to integer for index: {part:?}")),
    };
    match parts[..] {
        [only] => index(only).map(|index| (index, index)),
        [first, last] => {
            let (first, last) = (index(first)?, index(last)?);
            if first >= last { Err(falling(first, last)) } else { Ok((first, last)) }
        }
        _ => Err(format!(
            "the fragment {text:?} violates the requirement that an index interval can have at most two parts separated \
             by '-'"
        )),
    }
}

fn falling(previous: i64, current: i64) -> String {
    format!("non-increasing order, previous: {previous}, current: {current}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text and the intervals it should be read as, or why it is none.
    type Case = (&'static str, Result<&'static [(i64, i64)], &'static str>);

    #[test]
    fn reads_as_upstream() {
        let cases: [Case; 7] = [
            ("", Ok(&[])),
            ("0,2-4", Ok(&[(0, 0), (2, 4)])),
            ("2-1", Err("non-increasing order, previous: 2, current: 1")),
            ("1,1", Err("non-increasing order, previous: 1, current: 1")),
            ("5", Err("too large index: \"5\"")),
            ("a", Err("cannot convert string to integer for index: \"a\"")),
            (
                "1-2-3",
                Err(
                    "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two parts \
                     separated by '-'",
                ),
            ),
        ];
        for (text, wanted) in cases {
            assert_eq!(parse(text, 5).as_deref().map_err(String::as_str), wanted, "{text}");
        }
    }

    #[test]
    fn finds_what_is_in_both() {
        for (one, other, wanted) in
            [("0-2,4", "3", None), ("0-2,4", "3-4", Some(4)), ("x,1", "1", Some(1)), ("", "", None)]
        {
            assert_eq!(overlap(one, other, 5), wanted, "{one} {other}");
        }
    }
}
