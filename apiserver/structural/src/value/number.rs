//! Numbers: ranges and multiples, with the native type of the value as upstream compares.

use kubernel_meta::field::Reason;
use serde_json::{Number, Value};

use super::Found;
use crate::node::{Kind, Node};
use crate::trail::Trail;

pub(super) fn check(node: &Node, number: &Number, trail: &Trail<'_>, found: &mut Found) {
    let limits = &node.limits;
    if node.kind == Some(Kind::Integer) && !is_integer(number) {
        let detail = format!("Checked value must be of type integer (default format) in {}", trail.name());
        found.about_object(trail, detail);
    }
    let value = || Value::Number(number.clone());
    let name = || trail.name();
    if let Some(factor) = &limits.multiple_of {
        match multiple(number, factor) {
            Multiple::Yes => {}
            Multiple::No => {
                let detail = format!("{} in body should be a multiple of {}", name(), shown(factor));
                found.add(trail, Reason::Invalid, value(), detail);
            }
            Multiple::FactorNotPositive(factor) => {
                let factor = shown(&factor);
                let detail = format!("factor MultipleOf declared for {} must be positive: {factor}", name());
                found.add(trail, Reason::Invalid, parsed(&factor), detail);
            }
        }
    }
    // Upstream reports the maximum before the minimum.
    if let Some(max) = limits.maximum.as_ref().filter(|max| exceeds(number, max, limits.exclusive_maximum)) {
        let or_equal = if limits.exclusive_maximum { "" } else { " or equal to" };
        let detail = format!("{} in body should be less than{or_equal} {}", name(), shown(max));
        found.add(trail, Reason::Invalid, value(), detail);
    }
    if let Some(min) = limits.minimum.as_ref().filter(|min| exceeds(min, number, limits.exclusive_minimum)) {
        let or_equal = if limits.exclusive_minimum { "" } else { " or equal to" };
        let detail = format!("{} in body should be greater than{or_equal} {}", name(), shown(min));
        found.add(trail, Reason::Invalid, value(), detail);
    }
}

enum Multiple {
    Yes,
    No,
    /// The factor, cut to an integer for an integer, is not positive.
    FactorNotPositive(Number),
}

/// Integers are divided by the factor's integral part, doubles by the factor.
fn multiple(number: &Number, factor: &Number) -> Multiple {
    let Some(factor_double) = factor.as_f64() else { return Multiple::Yes };
    if let Some(integer) = number.as_i64() {
        let factor = whole(factor);
        return match factor {
            ..=0 => Multiple::FactorNotPositive(factor.into()),
            _ if integer % factor == 0 => Multiple::Yes,
            _ => Multiple::No,
        };
    }
    let Some(double) = number.as_f64() else { return Multiple::Yes };
    if factor_double <= 0.0 {
        return Multiple::FactorNotPositive(factor.clone());
    }
    let quotient = if factor_double < 1.0 { 1.0 / factor_double * double } else { double / factor_double };
    if is_integral(quotient) { Multiple::Yes } else { Multiple::No }
}

/// Whether `a` is beyond `b`. An integer is compared with the integral part of a bound.
fn exceeds(a: &Number, b: &Number, exclusive: bool) -> bool {
    if a.is_i64() && b.is_i64() {
        let (a, b) = (whole(a), whole(b));
        return a > b || (exclusive && a == b);
    }
    let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) else { return false };
    a > b || (exclusive && (a - b).abs() == 0.0)
}

#[expect(clippy::cast_possible_truncation, reason = "as upstream cuts bounds for integers")]
fn whole(number: &Number) -> i64 {
    number.as_i64().unwrap_or_else(|| number.as_f64().unwrap_or_default() as i64)
}

fn is_integer(number: &Number) -> bool {
    number.is_i64() || number.as_f64().is_some_and(|double| double.fract() == 0.0 && double.abs() < 9.2e18)
}

/// Whether a double is an integer, but for the last bits (swag.IsFloat64AJSONInteger).
fn is_integral(double: f64) -> bool {
    const EPSILON: f64 = 1e-9;
    let distance = (double - double.trunc()).abs();
    let size = double.abs() + double.trunc().abs();
    distance == 0.0 || distance / size < EPSILON || (1.0 - distance).abs() / size < EPSILON
}

/// A number as Go's `%v` prints it: integral doubles without a fraction.
fn shown(number: &Number) -> String {
    match number.as_f64() {
        Some(double) if number.is_f64() => kubernel_cel::value::double_text(double),
        _ => number.to_string(),
    }
}

fn parsed(text: &str) -> Value {
    text.parse::<Number>().map_or(Value::Null, Value::Number)
}
