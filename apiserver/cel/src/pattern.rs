//! Regular expressions as Go's `regexp` (RE2) reads them, for a library that reads them a little differently.
//!
//! In Go the classes `\d`, `\w`, `\s` and `\b` are of ASCII, a bracket within a class is a bracket, and `\Q…\E` quotes.
//! Matching takes time in proportion to the text, whatever the pattern.

mod refuse;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use regex::{Regex, RegexBuilder};

/// How many compiled patterns are kept; when there are more, all are forgotten.
const KEPT_MAX: usize = 1024;
/// How many octets a compiled pattern may take.
const COMPILED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How deep groups may nest, as in Go.
const DEPTH_MAX: u32 = 250;

static KEPT: LazyLock<Mutex<HashMap<Box<str>, Arc<Regex>>>> = LazyLock::new(Mutex::default);

/// Compiles a pattern, or finds it compiled. The error is Go's text: ``error parsing regexp: missing closing ]: `[a` ``.
pub fn compile(pattern: &str) -> Result<Arc<Regex>, String> {
    if let Some(found) = KEPT.lock().get(pattern) {
        return Ok(found.clone());
    }
    refuse::check(pattern)?;
    let compiled = RegexBuilder::new(&translate(pattern)?)
        .size_limit(COMPILED_BYTES_MAX)
        .nest_limit(DEPTH_MAX)
        .build()
        .map_err(|error| fail(&why(&error), pattern))?;
    let compiled = Arc::new(compiled);
    let mut kept = KEPT.lock();
    if kept.len() >= KEPT_MAX {
        kept.clear();
    }
    kept.insert(pattern.into(), compiled.clone());
    Ok(compiled)
}

fn fail(why: &str, part: &str) -> String {
    format!("error parsing regexp: {why}: `{part}`")
}

/// The library's complaint in Go's words, as near as they come.
fn why(error: &regex::Error) -> String {
    const WORDS: [(&str, &str); 6] = [
        ("unclosed group", "missing closing )"),
        ("unopened group", "unexpected )"),
        ("unclosed character class", "missing closing ]"),
        ("repetition operator missing expression", "missing argument to repetition operator"),
        ("invalid character class range", "invalid character class range"),
        ("look-around", "invalid or unsupported Perl syntax"),
    ];
    let text = error.to_string();
    let known = WORDS.iter().find(|(theirs, _)| text.contains(theirs));
    known.map_or("invalid escape sequence", |(_, go)| go).to_owned()
}

fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = match c {
            '\\' => escape(&mut out, rest, false)?,
            '[' => class(&mut out, rest)?,
            // Go takes a brace that says no count as itself.
            '{' if refuse::repetition(rest).is_none() => {
                out.push_str("\\{");
                &rest[1..]
            }
            _ => {
                out.push(c);
                &rest[c.len_utf8()..]
            }
        };
    }
    Ok(out)
}

/// An escape sequence at the start of `rest`; gives what follows it.
fn escape<'a>(out: &mut String, rest: &'a str, in_class: bool) -> Result<&'a str, String> {
    let Some(c) = rest[1..].chars().next() else { return Err(fail("trailing backslash at end of expression", "")) };
    let after = &rest[1 + c.len_utf8()..];
    match (c, in_class) {
        ('d', false) => out.push_str("[0-9]"),
        ('d', true) => out.push_str("0-9"),
        ('D', _) => out.push_str("[^0-9]"),
        ('w', false) => out.push_str("[0-9A-Za-z_]"),
        ('w', true) => out.push_str("0-9A-Za-z_"),
        ('W', _) => out.push_str("[^0-9A-Za-z_]"),
        ('s', false) => out.push_str("[\\t\\n\\x0C\\r ]"),
        ('s', true) => out.push_str("\\t\\n\\x0C\\r "),
        ('S', _) => out.push_str("[^\\t\\n\\x0C\\r ]"),
        ('b' | 'B', false) => out.push_str(&format!("(?-u:\\{c})")),
        ('Q', false) => {
            let (quoted, after) = after.split_once("\\E").unwrap_or((after, ""));
            out.push_str(&regex::escape(quoted));
            return Ok(after);
        }
        ('E', false) => {}
        _ if c.is_ascii_punctuation() => out.push_str(&regex::escape(&c.to_string())),
        ('1'..='9' | 'Z' | 'G' | 'k' | 'K' | 'R' | 'X' | 'h' | 'H', _) => {
            return Err(fail("invalid escape sequence", &rest[..1 + c.len_utf8()]));
        }
        _ => {
            out.push('\\');
            out.push(c);
        }
    }
    Ok(after)
}

/// A class at the start of `rest`; gives what follows it.
fn class<'a>(out: &mut String, rest: &'a str) -> Result<&'a str, String> {
    let (start, mut at) = (rest, &rest[1..]);
    out.push('[');
    if let Some(after) = at.strip_prefix('^') {
        out.push('^');
        at = after;
    }
    let mut first = true;
    loop {
        let Some(c) = at.chars().next() else { return Err(fail("missing closing ]", start)) };
        let after = &at[c.len_utf8()..];
        at = match c {
            ']' if !first => {
                out.push(']');
                return Ok(after);
            }
            '\\' => escape(out, at, true)?,
            '[' if after.starts_with(':') && after.contains(":]") => {
                let end = after.find(":]").map_or(after.len(), |end| end + 2);
                out.push('[');
                out.push_str(&after[..end]);
                &after[end..]
            }
            '[' | ']' | '&' | '~' => {
                out.push('\\');
                out.push(c);
                after
            }
            // Two dashes would be a difference of classes; the second is the end of a range.
            '-' if after.starts_with('-') => {
                out.push_str("-\\-");
                &after[1..]
            }
            _ => {
                out.push(c);
                after
            }
        };
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_go() {
        let cases = [
            (r"^\d+$", "12", true),
            (r"^\d+$", "١٢", false),
            (r"^\w+$", "ä", false),
            (r"^[\w.-]+$", "a.b-c", true),
            (r"^[[a]+$", "[a[", true),
            (r"^[]a]+$", "]a", true),
            (r"^[^\d]+$", "ab", true),
            (r"^[[:alpha:]]+$", "ab", true),
            (r"^\Qa.b\E$", "a.b", true),
            (r"^\Qa.b\E$", "axb", false),
            (r"\bfoo\b", "a foo b", true),
            (r"^a\/b$", "a/b", true),
            (r"^[a&&b]+$", "a&b", true),
            (r"(?i)^ABC$", "abc", true),
            (r"^{a}{1,2}$", "{a}}", true),
            (r"^a{2}$", "aa", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(compile(pattern).unwrap().is_match(text), expected, "{pattern} {text}");
        }
        let refused = |pattern: &str| compile(pattern).unwrap_err();
        assert_eq!(refused("[a"), "error parsing regexp: missing closing ]: `[a`");
        assert_eq!(refused("(a"), "error parsing regexp: missing closing ): `(a`");
        assert_eq!(refused("a\\"), "error parsing regexp: trailing backslash at end of expression: ``");
        assert_eq!(refused("\\1"), "error parsing regexp: invalid escape sequence: `\\1`");
    }
}
