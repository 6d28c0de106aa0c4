//! `==`, `!=`, `<`, `<=`, `>`, `>=`; numbers are compared across their types.

use std::cmp::Ordering;

use crate::ast::operators;
use crate::cost::{CallEstimate, EstimateCall, Range, STRING_TRAVERSAL, size_of, traversal};
use crate::error::EvalError;
use crate::function::{Call, Functions, Overload};
use crate::types::Type;
use crate::value::{Value, compare, equal};

pub(super) fn register(functions: &mut Functions) {
    let both = [Type::param("A"), Type::param("A")];
    functions.add(
        operators::EQUALS,
        [costed(Overload::global("equals", both.clone(), Type::Bool, |args| match args {
            [left, right] => Ok(Value::Bool(equal(left, right))),
            _ => Err(EvalError::no_such_overload()),
        }))],
    );
    functions.add(
        operators::NOT_EQUALS,
        [costed(Overload::global("not_equals", both, Type::Bool, |args| match args {
            [left, right] => Ok(Value::Bool(!equal(left, right))),
            _ => Err(EvalError::no_such_overload()),
        }))],
    );
    functions.add(operators::LESS, relations(&LESS, |args| relation(args, Ordering::is_lt)));
    functions.add(operators::LESS_EQUALS, relations(&LESS_EQUALS, |args| relation(args, Ordering::is_le)));
    functions.add(operators::GREATER, relations(&GREATER, |args| relation(args, Ordering::is_gt)));
    functions.add(operators::GREATER_EQUALS, relations(&GREATER_EQUALS, |args| relation(args, Ordering::is_ge)));
}

/// The names of the overloads, in the order of [`operands`].
macro_rules! names {
    ($relation:literal) => {
        [
            concat!($relation, "_bool"),
            concat!($relation, "_int64"),
            concat!($relation, "_int64_double"),
            concat!($relation, "_int64_uint64"),
            concat!($relation, "_uint64"),
            concat!($relation, "_uint64_double"),
            concat!($relation, "_uint64_int64"),
            concat!($relation, "_double"),
            concat!($relation, "_double_int64"),
            concat!($relation, "_double_uint64"),
            concat!($relation, "_string"),
            concat!($relation, "_bytes"),
            concat!($relation, "_timestamp"),
            concat!($relation, "_duration"),
        ]
    };
}

const LESS: [&str; 14] = names!("less");
const LESS_EQUALS: [&str; 14] = names!("less_equals");
const GREATER: [&str; 14] = names!("greater");
const GREATER_EQUALS: [&str; 14] = names!("greater_equals");

fn operands() -> [(Type, Type); 14] {
    [
        (Type::Bool, Type::Bool),
        (Type::Int, Type::Int),
        (Type::Int, Type::Double),
        (Type::Int, Type::Uint),
        (Type::Uint, Type::Uint),
        (Type::Uint, Type::Double),
        (Type::Uint, Type::Int),
        (Type::Double, Type::Double),
        (Type::Double, Type::Int),
        (Type::Double, Type::Uint),
        (Type::String, Type::String),
        (Type::Bytes, Type::Bytes),
        (Type::Timestamp, Type::Timestamp),
        (Type::Duration, Type::Duration),
    ]
}

fn relations(ids: &[&'static str; 14], call: Call) -> Vec<Overload> {
    ids.iter()
        .zip(operands())
        .map(|(id, (left, right))| {
            let sized = matches!(left, Type::String | Type::Bytes);
            let overload = Overload::global(id, [left, right], Type::Bool, call);
            if sized { costed(overload) } else { overload }
        })
        .collect()
}

fn relation<'a>(args: &[Value<'a>], holds: fn(Ordering) -> bool) -> Result<Value<'a>, EvalError> {
    match args {
        // With NaN no order holds.
        [left, right] => Ok(Value::Bool(compare(left, right).is_some_and(holds))),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// A comparison goes through the smaller operand.
fn costed(overload: Overload) -> Overload {
    let overload = overload.costing(estimate, |args, _| match args {
        [left, right] => Some(traversal(size_of(left).min(size_of(right)), STRING_TRAVERSAL)),
        _ => None,
    });
    Overload { costs_when_dynamic: false, ..overload }
}

fn estimate(call: &EstimateCall<'_>) -> Option<CallEstimate> {
    let [left, right] = call.args.as_slice() else {
        return None;
    };
    let max = call.size(left).max.min(call.size(right).max);
    Some(CallEstimate::cost(Range { min: u64::from(max > 0), max }.times(STRING_TRAVERSAL)))
}
