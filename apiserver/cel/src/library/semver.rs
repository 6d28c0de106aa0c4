//! Semantic versions: `semver("1.2.3").isLessThan(semver("1.10.0"))`.

use std::any::Any;
use std::cmp::Ordering;

use super::arguments::{flag, own, text};
use super::costs::charged;
use crate::error::EvalError;
use crate::function::{Call, Functions, Overload};
use crate::types::Type;
use crate::value::{Opaque, Value};

/// A version; what builds it is made of does not count in comparisons.
#[derive(Debug)]
struct Version {
    numbers: [u64; 3],
    before: Vec<Part>,
}

/// A part of what comes before a release: numbers come before words.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Word(String),
}

impl Opaque for Version {
    fn ty(&self) -> Type {
        ty()
    }

    fn equal(&self, other: &dyn Opaque) -> bool {
        other.as_any().downcast_ref::<Version>().is_some_and(|other| self.compare(other) == Ordering::Equal)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Version {
    fn parse(text: &str) -> Result<Version, String> {
        if text.is_empty() {
            return Err("Version string empty".to_owned());
        }
        let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
        // The third number ends where what comes before the release begins; the first two hold no dash.
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("No Major.Minor.Patch elements found".to_owned());
        };
        let (patch, before) = rest.split_once('-').map_or((rest, None), |(patch, before)| (patch, Some(before)));
        let numbers =
            [number("major", "Major", major)?, number("minor", "Minor", minor)?, number("patch", "Patch", patch)?];
        let before = before.map_or(Ok(Vec::new()), |before| before.split('.').map(Part::parse).collect())?;
        for part in build.into_iter().flat_map(|build| build.split('.')) {
            match part {
                "" => return Err("Build meta data is empty".to_owned()),
                _ if !is_word(part) => return Err(format!("Invalid character(s) found in build meta data {part:?}")),
                _ => {}
            }
        }
        Ok(Version { numbers, before })
    }

    /// Reads also what people write: a leading `v`, leading zeros, missing numbers.
    fn parse_tolerant(text: &str) -> Result<Version, String> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts: Vec<String> = text.splitn(3, '.').map(without_zeros).collect();
        if parts.len() < 3 && parts.last().is_some_and(|last| last.contains(['+', '-'])) {
            return Err("short version cannot contain PreRelease/Build meta data".to_owned());
        }
        parts.resize(3, "0".to_owned());
        Version::parse(&parts.join("."))
    }

    fn compare(&self, other: &Version) -> Ordering {
        let released = |version: &Version| version.before.is_empty();
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| released(self).cmp(&released(other)))
            .then_with(|| self.before.cmp(&other.before))
    }
}

impl Part {
    fn parse(text: &str) -> Result<Part, String> {
        match text {
            "" => Err("Prerelease is empty".to_owned()),
            _ if text.bytes().all(|b| b.is_ascii_digit()) => {
                if text.len() > 1 && text.starts_with('0') {
                    return Err(format!("Numeric PreRelease version must not contain leading zeroes {text:?}"));
                }
                text.parse().map(Part::Number).map_err(|_| out_of_range(text))
            }
            _ if is_word(text) => Ok(Part::Word(text.to_owned())),
            _ => Err(format!("Invalid character(s) found in prerelease {text:?}")),
        }
    }
}

fn number(name: &str, title: &str, text: &str) -> Result<u64, String> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("Invalid character(s) found in {name} number {text:?}"));
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err(format!("{title} number must not contain leading zeroes {text:?}"));
    }
    text.parse().map_err(|_| out_of_range(text))
}

fn out_of_range(text: &str) -> String {
    let why = if text.is_empty() { "invalid syntax" } else { "value out of range" };
    format!("strconv.ParseUint: parsing {text:?}: {why}")
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn without_zeros(part: &str) -> String {
    if part.len() <= 1 {
        return part.to_owned();
    }
    let rest = part.trim_start_matches('0');
    if rest.starts_with(|first: char| first.is_ascii_digit()) { rest.to_owned() } else { format!("0{rest}") }
}

fn ty() -> Type {
    Type::object("kubernetes.Semver")
}

pub(super) fn register(functions: &mut Functions) {
    let (strict, tolerant) = (|| [Type::String], || [Type::String, Type::Bool]);
    functions.add(
        "semver",
        [
            charged(Overload::global("string_to_semver", strict(), ty(), |args| make(args, false))),
            charged(Overload::global("string_bool_to_semver", tolerant(), ty(), |args| make(args, flag(args, 1)?))),
        ],
    );
    let is: Call = |args| Ok(Value::Bool(read(args, false)?.is_ok()));
    let is_tolerant: Call = |args| Ok(Value::Bool(read(args, flag(args, 1)?)?.is_ok()));
    functions.add(
        "isSemver",
        [
            charged(Overload::global("is_semver_string", strict(), Type::Bool, is)),
            charged(Overload::global("is_semver_string_bool", tolerant(), Type::Bool, is_tolerant)),
        ],
    );
    let two = || [ty(), ty()];
    let greater: Call = |args| Ok(Value::Bool(order(args)? == Ordering::Greater));
    functions.add("isGreaterThan", [Overload::member("semver_is_greater_than", two(), Type::Bool, greater)]);
    let less: Call = |args| Ok(Value::Bool(order(args)? == Ordering::Less));
    functions.add("isLessThan", [Overload::member("semver_is_less_than", two(), Type::Bool, less)]);
    let compare: Call = |args| Ok(Value::Int(order(args)? as i64));
    functions.add("compareTo", [Overload::member("semver_compare_to", two(), Type::Int, compare)]);
    let numbers: [(&'static str, &'static str, Call); 3] = [
        ("major", "semver_major", |args| part(args, 0)),
        ("minor", "semver_minor", |args| part(args, 1)),
        ("patch", "semver_patch", |args| part(args, 2)),
    ];
    for (name, id, call) in numbers {
        functions.add(name, [Overload::member(id, [ty()], Type::Int, call)]);
    }
}

fn read(args: &[Value<'_>], tolerant: bool) -> Result<Result<Version, String>, EvalError> {
    let text = text(args, 0)?;
    Ok(if tolerant { Version::parse_tolerant(text) } else { Version::parse(text) })
}

fn make<'a>(args: &[Value<'a>], tolerant: bool) -> Result<Value<'a>, EvalError> {
    read(args, tolerant)?.map(Value::opaque).map_err(EvalError::new)
}

fn order(args: &[Value<'_>]) -> Result<Ordering, EvalError> {
    Ok(own::<Version>(args, 0)?.compare(own(args, 1)?))
}

fn part<'a>(args: &[Value<'a>], at: usize) -> Result<Value<'a>, EvalError> {
    Ok(Value::Int(i64::try_from(own::<Version>(args, 0)?.numbers[at]).unwrap_or(i64::MAX)))
}
