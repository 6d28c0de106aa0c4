//! Kubernetes' functions on lists: `isSorted`, `sum`, `min`, `max`, `indexOf`, `lastIndexOf`.

use std::cmp::Ordering;

use super::arguments::{list, value};
use super::costs;
use crate::error::EvalError;
use crate::function::{Call, Functions, Overload};
use crate::types::Type;
use crate::value::{Duration, Value, compare, equal};

/// The types that have an order, by the names that overloads give them.
macro_rules! ordered {
    ($($name:literal => $type:ident),*) => {
        [$((concat!("list_", $name, "_is_sorted_bool"), concat!("list_", $name, "_min_", $name),
            concat!("list_", $name, "_max_", $name), Type::$type)),*]
    };
}

pub(super) fn register(functions: &mut Functions) {
    let costed = |overload: Overload| overload.costing(costs::estimate_compare, costs::traverse_tree);
    for (sorted, least, greatest, ty) in ordered!("int" => Int, "uint" => Uint, "double" => Double, "bool" => Bool,
        "duration" => Duration, "timestamp" => Timestamp, "string" => String, "bytes" => Bytes)
    {
        let of = || Type::list(ty.clone());
        functions.add("isSorted", [costed(Overload::member(sorted, [of()], Type::Bool, is_sorted))]);
        functions
            .add("min", [costed(Overload::member(least, [of()], ty.clone(), |args| extreme(args, Ordering::Less)))]);
        let max: Call = |args| extreme(args, Ordering::Greater);
        functions.add("max", [costed(Overload::member(greatest, [of()], ty.clone(), max))]);
    }
    let sums: [(&str, Type, Call); 4] = [
        ("list_int_sum_int", Type::Int, |args| sum(args, Value::Int(0))),
        ("list_uint_sum_uint", Type::Uint, |args| sum(args, Value::Uint(0))),
        ("list_double_sum_double", Type::Double, |args| sum(args, Value::Double(0.0))),
        ("list_duration_sum_duration", Type::Duration, |args| sum(args, Value::Duration(Duration { nanos: 0 }))),
    ];
    for (id, ty, call) in sums {
        functions.add("sum", [costed(Overload::member(id, [Type::list(ty.clone())], ty, call))]);
    }
    let item = || Type::param("T");
    let of_any = || [Type::list(item()), item()];
    let first: Call = |args| position(args, list(args, 0)?.iter().enumerate());
    let last: Call = |args| {
        let items: Vec<_> = list(args, 0)?.iter().enumerate().collect();
        position(args, items.into_iter().rev())
    };
    functions.add("indexOf", [costed(Overload::member("list_a_index_of_int", of_any(), Type::Int, first))]);
    functions.add("lastIndexOf", [costed(Overload::member("list_a_last_index_of_int", of_any(), Type::Int, last))]);
}

fn is_sorted<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    let items: Vec<Value<'a>> = list(args, 0)?.iter().collect();
    for pair in items.windows(2) {
        if order(&pair[0], &pair[1])? == Ordering::Greater {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn extreme<'a>(args: &[Value<'a>], wanted: Ordering) -> Result<Value<'a>, EvalError> {
    let mut found: Option<Value<'a>> = None;
    for item in list(args, 0)?.iter() {
        let better = match &found {
            Some(found) => order(&item, found)? == wanted,
            None => true,
        };
        if better {
            found = Some(item);
        }
    }
    let name = if wanted == Ordering::Less { "min" } else { "max" };
    found.ok_or_else(|| EvalError::new(format!("{name} called on empty list")))
}

fn order(left: &Value<'_>, right: &Value<'_>) -> Result<Ordering, EvalError> {
    compare(left, right).ok_or_else(EvalError::no_such_overload)
}

fn sum<'a>(args: &[Value<'a>], zero: Value<'a>) -> Result<Value<'a>, EvalError> {
    let overflow = || EvalError::new("integer overflow");
    let items = list(args, 0)?;
    let mut total = zero;
    for item in items.iter() {
        total = match (total, item) {
            (Value::Int(a), Value::Int(b)) => Value::Int(a.checked_add(b).ok_or_else(overflow)?),
            (Value::Uint(a), Value::Uint(b)) => {
                Value::Uint(a.checked_add(b).ok_or_else(|| EvalError::new("unsigned integer overflow"))?)
            }
            (Value::Double(a), Value::Double(b)) => Value::Double(a + b),
            (Value::Duration(a), Value::Duration(b)) => {
                Value::Duration(Duration { nanos: a.nanos.checked_add(b.nanos).ok_or_else(overflow)? })
            }
            _ => return Err(EvalError::no_such_overload()),
        };
    }
    Ok(total)
}

fn position<'a>(
    args: &[Value<'a>],
    mut items: impl Iterator<Item = (usize, Value<'a>)>,
) -> Result<Value<'a>, EvalError> {
    let wanted = value(args, 1)?;
    let found = items.find(|(_, item)| equal(item, wanted));
    Ok(Value::Int(found.map_or(-1, |(at, _)| i64::try_from(at).unwrap_or(i64::MAX))))
}
