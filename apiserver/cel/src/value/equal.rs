//! Equality and order, across kinds of numbers too.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use crate::value::list::{map_key, set_key};
use crate::value::map::member_type;
use crate::value::{List, ListKind, Map, Value};

/// `left == right`. Values of different types are not equal; numbers of different types are compared as numbers.
#[must_use]
pub fn equal(left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::String(left), Value::String(right)) => **left == **right,
        (Value::Bytes(left), Value::Bytes(right)) => left == right,
        (Value::Timestamp(left), Value::Timestamp(right)) => left == right,
        (Value::Duration(left), Value::Duration(right)) => left == right,
        (Value::Type(left), Value::Type(right)) => left.name() == right.name(),
        (Value::Optional(left), Value::Optional(right)) => match (left, right) {
            (None, None) => true,
            (Some(left), Some(right)) => equal(left, right),
            _ => false,
        },
        (Value::Opaque(left), Value::Opaque(right)) => left.equal(&**right),
        (Value::List(left), Value::List(right)) => equal_lists(left, right),
        (Value::Map(left), Value::Map(right)) => equal_maps(left, right),
        _ => compare_numbers(left, right) == Some(Ordering::Equal),
    }
}

/// How two values of an ordered type lie; `None` where they have no order, as with NaN.
#[must_use]
pub fn compare(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::String(left), Value::String(right)) => Some((**left).cmp(&**right)),
        (Value::Bytes(left), Value::Bytes(right)) => Some(left.cmp(right)),
        (Value::Timestamp(left), Value::Timestamp(right)) => Some(left.cmp(right)),
        (Value::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
        _ => compare_numbers(left, right),
    }
}

fn compare_numbers(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Uint(left), Value::Uint(right)) => Some(left.cmp(right)),
        (Value::Double(left), Value::Double(right)) => left.partial_cmp(right),
        (Value::Int(left), Value::Uint(right)) => Some(i128::from(*left).cmp(&i128::from(*right))),
        (Value::Uint(left), Value::Int(right)) => Some(i128::from(*left).cmp(&i128::from(*right))),
        (Value::Int(whole), Value::Double(double)) => compare_whole(i128::from(*whole), *double),
        (Value::Uint(whole), Value::Double(double)) => compare_whole(i128::from(*whole), *double),
        (Value::Double(double), Value::Int(whole)) => compare_whole(i128::from(*whole), *double).map(Ordering::reverse),
        (Value::Double(double), Value::Uint(whole)) => {
            compare_whole(i128::from(*whole), *double).map(Ordering::reverse)
        }
        _ => None,
    }
}

/// A 64-bit integer against a double, without rounding the integer.
fn compare_whole(whole: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    if double >= 2f64.powi(64) {
        return Some(Ordering::Less);
    }
    if double < -(2f64.powi(63)) {
        return Some(Ordering::Greater);
    }
    let floor = double.floor();
    Some(whole.cmp(&(floor as i128)).then(if double > floor { Ordering::Less } else { Ordering::Equal }))
}

/// The list on the left says how: a set and a map are equal to lists with the same items in any order.
fn equal_lists(left: &List<'_>, right: &List<'_>) -> bool {
    if left.len() != right.len() {
        return false;
    }
    match left.kind() {
        ListKind::Atomic => left.iter().zip(right.iter()).all(|(left, right)| equal(&left, &right)),
        ListKind::Set => {
            let known: HashSet<String> = left.iter().map(|item| set_key(&item)).collect();
            right.iter().all(|item| known.contains(&set_key(&item)))
        }
        ListKind::Map(keys) => {
            let known: HashMap<String, Value<'_>> = left.iter().map(|item| (map_key(&item, keys), item)).collect();
            right.iter().all(|item| known.get(&map_key(&item, keys)).is_some_and(|other| equal(other, &item)))
        }
    }
}

fn equal_maps(left: &Map<'_>, right: &Map<'_>) -> bool {
    if left.len() != right.len() {
        return false;
    }
    if let (Map::Json { members, declared: Some(declared) }, Map::Json { members: others, .. }) = (left, right) {
        return members.iter().all(|(key, value)| match member_type(declared, key) {
            // A declared field that is null is absent, and so equal to nothing.
            Some(_) => match (left.get_json_key(key), right.get_json_key(key)) {
                (Some(Value::Null), Some(_)) if declared.as_object().is_some() => false,
                (Some(left), Some(right)) => equal(&left, &right),
                _ => false,
            },
            // What no schema knows is compared as JSON where both have it.
            None => others.get(key).is_none_or(|other| other == value),
        });
    }
    left.keys().iter().all(|key| match (left.get(key), get_any(right, key)) {
        (Some(Ok(left)), Some(right)) => equal(&left, &right),
        _ => false,
    })
}

fn get_any<'a>(map: &Map<'a>, key: &Value<'_>) -> Option<Value<'a>> {
    match key {
        Value::String(text) => map.get_str(text)?.ok(),
        Value::Bool(value) => map.get(&Value::Bool(*value))?.ok(),
        Value::Int(value) => map.get(&Value::Int(*value))?.ok(),
        Value::Uint(value) => map.get(&Value::Uint(*value))?.ok(),
        _ => None,
    }
}
