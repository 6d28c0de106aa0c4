//! `+`, `-`, `*`, `/`, `%` and the sign, without silent overflow.

use crate::ast::operators;
use crate::cost::{CallEstimate, EstimateCall, Range, STRING_TRAVERSAL, size_of, traversal};
use crate::error::EvalError;
use crate::function::{Call, Functions, Overload};
use crate::types::Type;
use crate::value::{Duration, Text, Value};

pub(super) fn register(functions: &mut Functions) {
    let list = Type::list(Type::param("A"));
    let same = |id, ty: Type, call: Call| Overload::global(id, [ty.clone(), ty.clone()], ty, call);
    functions.add(
        operators::ADD,
        [
            joining(same("add_bytes", Type::Bytes, add)),
            same("add_double", Type::Double, add),
            same("add_duration_duration", Type::Duration, add),
            Overload::global("add_duration_timestamp", [Type::Duration, Type::Timestamp], Type::Timestamp, add),
            Overload::global("add_timestamp_duration", [Type::Timestamp, Type::Duration], Type::Timestamp, add),
            same("add_int64", Type::Int, add),
            joining(same("add_list", list, add)),
            joining(same("add_string", Type::String, add)),
            same("add_uint64", Type::Uint, add),
        ],
    );
    functions.add(
        operators::SUBTRACT,
        [
            same("subtract_double", Type::Double, subtract),
            same("subtract_duration_duration", Type::Duration, subtract),
            same("subtract_int64", Type::Int, subtract),
            Overload::global(
                "subtract_timestamp_duration",
                [Type::Timestamp, Type::Duration],
                Type::Timestamp,
                subtract,
            ),
            Overload::global(
                "subtract_timestamp_timestamp",
                [Type::Timestamp, Type::Timestamp],
                Type::Duration,
                subtract,
            ),
            same("subtract_uint64", Type::Uint, subtract),
        ],
    );
    functions.add(
        operators::MULTIPLY,
        [
            same("multiply_double", Type::Double, multiply),
            same("multiply_int64", Type::Int, multiply),
            same("multiply_uint64", Type::Uint, multiply),
        ],
    );
    functions.add(
        operators::DIVIDE,
        [
            same("divide_double", Type::Double, divide),
            same("divide_int64", Type::Int, divide),
            same("divide_uint64", Type::Uint, divide),
        ],
    );
    functions
        .add(operators::MODULO, [same("modulo_int64", Type::Int, modulo), same("modulo_uint64", Type::Uint, modulo)]);
    functions.add(
        operators::NEGATE,
        [
            Overload::global("negate_double", [Type::Double], Type::Double, negate),
            Overload::global("negate_int64", [Type::Int], Type::Int, negate),
        ],
    );
}

fn int<'a>(result: Option<i64>) -> Result<Value<'a>, EvalError> {
    result.map(Value::Int).ok_or_else(|| EvalError::new("integer overflow"))
}

fn uint<'a>(result: Option<u64>) -> Result<Value<'a>, EvalError> {
    result.map(Value::Uint).ok_or_else(|| EvalError::new("unsigned integer overflow"))
}

fn duration<'a>(result: Option<i64>) -> Result<Value<'a>, EvalError> {
    result.map(|nanos| Value::Duration(Duration { nanos })).ok_or_else(|| EvalError::new("duration overflow"))
}

fn add<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Int(left), Value::Int(right)] => int(left.checked_add(*right)),
        [Value::Uint(left), Value::Uint(right)] => uint(left.checked_add(*right)),
        [Value::Double(left), Value::Double(right)] => Ok(Value::Double(left + right)),
        [Value::String(left), Value::String(right)] => {
            let mut text = String::with_capacity(left.len() + right.len());
            text.push_str(left);
            text.push_str(right);
            Ok(Value::String(Text::Owned(text.into())))
        }
        [Value::Bytes(left), Value::Bytes(right)] => Ok(Value::Bytes([&**left, &**right].concat().into())),
        [Value::List(left), Value::List(right)] => Ok(Value::List(left.concat(right))),
        [Value::Timestamp(time), Value::Duration(span)] | [Value::Duration(span), Value::Timestamp(time)] => {
            time.after(*span).map(Value::Timestamp)
        }
        [Value::Duration(left), Value::Duration(right)] => duration(left.nanos.checked_add(right.nanos)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn subtract<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Int(left), Value::Int(right)] => int(left.checked_sub(*right)),
        [Value::Uint(left), Value::Uint(right)] => uint(left.checked_sub(*right)),
        [Value::Double(left), Value::Double(right)] => Ok(Value::Double(left - right)),
        [Value::Timestamp(time), Value::Duration(span)] => match span.nanos.checked_neg() {
            Some(nanos) => time.after(Duration { nanos }).map(Value::Timestamp),
            None => Err(EvalError::new("duration overflow")),
        },
        [Value::Timestamp(left), Value::Timestamp(right)] => left.since(*right).map(Value::Duration),
        [Value::Duration(left), Value::Duration(right)] => duration(left.nanos.checked_sub(right.nanos)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn multiply<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Int(left), Value::Int(right)] => int(left.checked_mul(*right)),
        [Value::Uint(left), Value::Uint(right)] => uint(left.checked_mul(*right)),
        [Value::Double(left), Value::Double(right)] => Ok(Value::Double(left * right)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn divide<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Int(_), Value::Int(0)] | [Value::Uint(_), Value::Uint(0)] => Err(EvalError::new("division by zero")),
        [Value::Int(left), Value::Int(right)] => int(left.checked_div(*right)),
        [Value::Uint(left), Value::Uint(right)] => uint(left.checked_div(*right)),
        [Value::Double(left), Value::Double(right)] => Ok(Value::Double(left / right)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn modulo<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Int(_), Value::Int(0)] | [Value::Uint(_), Value::Uint(0)] => Err(EvalError::new("modulus by zero")),
        [Value::Int(left), Value::Int(right)] => int(left.checked_rem(*right)),
        [Value::Uint(left), Value::Uint(right)] => uint(left.checked_rem(*right)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn negate<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Int(value)] => int(value.checked_neg()),
        [Value::Double(value)] => Ok(Value::Double(-value)),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// Joining texts and octets goes through both; joining lists does not, but its result has a size.
fn joining(overload: Overload) -> Overload {
    let overload = overload.costing(
        |call: &EstimateCall<'_>| {
            let [left, right] = call.args.as_slice() else {
                return None;
            };
            let size = call.size(left) + call.size(right);
            let cost = if call.overload == "add_list" { Range::fixed(1) } else { size.times(STRING_TRAVERSAL) };
            Some(CallEstimate::sized(cost, size))
        },
        |args, _| match args {
            [Value::List(_), _] => None,
            [left, right] => Some(traversal(size_of(left) + size_of(right), STRING_TRAVERSAL)),
            _ => None,
        },
    );
    Overload { costs_when_dynamic: false, ..overload }
}
