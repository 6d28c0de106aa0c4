//! Conversions between types, and `type` and `dyn`.

use crate::cost::{CallEstimate, Range, STRING_TRAVERSAL, size_of, traversal};
use crate::error::EvalError;
use crate::function::{Functions, Overload};
use crate::types::Type;
use crate::value::{Duration, Timestamp, Value, show};

pub(super) fn register(functions: &mut Functions) {
    let any = Type::param("A");
    functions.add(
        "type",
        [Overload::global("type", [any.clone()], Type::type_of(any.clone()), |args| match args {
            [value] => Ok(Value::Type(value.ty())),
            _ => Err(EvalError::no_such_overload()),
        })],
    );
    functions.add(
        "dyn",
        [Overload::global("to_dyn", [any], Type::Dyn, |args| match args {
            [value] => Ok(value.clone()),
            _ => Err(EvalError::no_such_overload()),
        })],
    );
    functions.add(
        "bool",
        [
            Overload::global("bool_to_bool", [Type::Bool], Type::Bool, to_bool),
            Overload::global("string_to_bool", [Type::String], Type::Bool, to_bool),
        ],
    );
    let string_to_bytes = Overload::global("string_to_bytes", [Type::String], Type::Bytes, to_bytes).costing(
        |call| {
            let size = call.size(call.args.first()?);
            // A character has up to four octets.
            let result = Range { min: size.min, max: size.max.wrapping_mul(4) };
            Some(CallEstimate::sized(size.times(STRING_TRAVERSAL), result))
        },
        |args, _| args.first().map(|arg| traversal(size_of(arg), STRING_TRAVERSAL)),
    );
    functions.add(
        "bytes",
        [
            Overload::global("bytes_to_bytes", [Type::Bytes], Type::Bytes, to_bytes),
            Overload { costs_when_dynamic: false, ..string_to_bytes },
        ],
    );
    functions.add(
        "double",
        [
            Overload::global("double_to_double", [Type::Double], Type::Double, to_double),
            Overload::global("int64_to_double", [Type::Int], Type::Double, to_double),
            Overload::global("string_to_double", [Type::String], Type::Double, to_double),
            Overload::global("uint64_to_double", [Type::Uint], Type::Double, to_double),
        ],
    );
    functions.add(
        "duration",
        [
            Overload::global("duration_to_duration", [Type::Duration], Type::Duration, to_duration),
            Overload::global("int64_to_duration", [Type::Int], Type::Duration, to_duration),
            Overload::global("string_to_duration", [Type::String], Type::Duration, to_duration),
        ],
    );
    functions.add(
        "int",
        [
            Overload::global("int64_to_int64", [Type::Int], Type::Int, to_int),
            Overload::global("double_to_int64", [Type::Double], Type::Int, to_int),
            Overload::global("duration_to_int64", [Type::Duration], Type::Int, to_int),
            Overload::global("string_to_int64", [Type::String], Type::Int, to_int),
            Overload::global("timestamp_to_int64", [Type::Timestamp], Type::Int, to_int),
            Overload::global("uint64_to_int64", [Type::Uint], Type::Int, to_int),
        ],
    );
    let bytes_to_string = Overload::global("bytes_to_string", [Type::Bytes], Type::String, to_string).costing(
        |call| {
            let size = call.size(call.args.first()?);
            let result = Range { min: size.min / 4, max: size.max };
            Some(CallEstimate::sized(size.times(STRING_TRAVERSAL), result))
        },
        |args, _| args.first().map(|arg| traversal(size_of(arg), STRING_TRAVERSAL)),
    );
    functions.add(
        "string",
        [
            Overload::global("string_to_string", [Type::String], Type::String, to_string),
            Overload::global("bool_to_string", [Type::Bool], Type::String, to_string),
            Overload { costs_when_dynamic: false, ..bytes_to_string },
            Overload::global("double_to_string", [Type::Double], Type::String, to_string),
            Overload::global("duration_to_string", [Type::Duration], Type::String, to_string),
            Overload::global("int64_to_string", [Type::Int], Type::String, to_string),
            Overload::global("timestamp_to_string", [Type::Timestamp], Type::String, to_string),
            Overload::global("uint64_to_string", [Type::Uint], Type::String, to_string),
        ],
    );
    functions.add(
        "timestamp",
        [
            Overload::global("timestamp_to_timestamp", [Type::Timestamp], Type::Timestamp, to_timestamp),
            Overload::global("int64_to_timestamp", [Type::Int], Type::Timestamp, to_timestamp),
            Overload::global("string_to_timestamp", [Type::String], Type::Timestamp, to_timestamp),
        ],
    );
    functions.add(
        "uint",
        [
            Overload::global("uint64_to_uint64", [Type::Uint], Type::Uint, to_uint),
            Overload::global("double_to_uint64", [Type::Double], Type::Uint, to_uint),
            Overload::global("int64_to_uint64", [Type::Int], Type::Uint, to_uint),
            Overload::global("string_to_uint64", [Type::String], Type::Uint, to_uint),
        ],
    );
}

/// The text does not say a value of the type.
fn unreadable(ty: &Type) -> EvalError {
    EvalError::new(format!("type conversion error from 'string' to '{}'", ty.name()))
}

fn to_bool<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Bool(value)] => Ok(Value::Bool(*value)),
        [Value::String(text)] => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(unreadable(&Type::Bool)),
        },
        _ => Err(EvalError::no_such_overload()),
    }
}

fn to_bytes<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Bytes(bytes)] => Ok(Value::Bytes(bytes.clone())),
        [Value::String(text)] => Ok(Value::Bytes(text.as_bytes().into())),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn to_double<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Double(value)] => Ok(Value::Double(*value)),
        [Value::Int(value)] => Ok(Value::Double(*value as f64)),
        [Value::Uint(value)] => Ok(Value::Double(*value as f64)),
        [Value::String(text)] => match text.parse::<f64>() {
            // Out of range is infinite here, and an error in Go.
            Ok(value) if value.is_finite() || !text.contains(|next: char| next.is_ascii_digit()) => {
                Ok(Value::Double(value))
            }
            _ => Err(unreadable(&Type::Double)),
        },
        _ => Err(EvalError::no_such_overload()),
    }
}

fn to_duration<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Duration(value)] => Ok(Value::Duration(*value)),
        [Value::Int(nanos)] => Ok(Value::Duration(Duration { nanos: *nanos })),
        [Value::String(text)] => Duration::parse(text).map(Value::Duration).ok_or_else(|| unreadable(&Type::Duration)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn to_int<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    let overflow = || EvalError::new("integer overflow");
    match args {
        [Value::Int(value)] => Ok(Value::Int(*value)),
        // Both ends are outside: a double next to them is not exact.
        [Value::Double(value)] if *value > -(2f64.powi(63)) && *value < 2f64.powi(63) => Ok(Value::Int(*value as i64)),
        [Value::Double(_)] => Err(overflow()),
        [Value::Duration(value)] => Ok(Value::Int(value.nanos)),
        [Value::Timestamp(value)] => Ok(Value::Int(value.secs)),
        [Value::Uint(value)] => i64::try_from(*value).map(Value::Int).map_err(|_| overflow()),
        [Value::String(text)] => text.parse().map(Value::Int).map_err(|_| unreadable(&Type::Int)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn to_uint<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    let overflow = || EvalError::new("unsigned integer overflow");
    match args {
        [Value::Uint(value)] => Ok(Value::Uint(*value)),
        [Value::Double(value)] if *value >= 0.0 && *value < 2f64.powi(64) => Ok(Value::Uint(*value as u64)),
        [Value::Double(_)] => Err(overflow()),
        [Value::Int(value)] => u64::try_from(*value).map(Value::Uint).map_err(|_| overflow()),
        [Value::String(text)] if !text.starts_with('+') => {
            text.parse().map(Value::Uint).map_err(|_| unreadable(&Type::Uint))
        }
        [Value::String(_)] => Err(unreadable(&Type::Uint)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn to_string<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::String(text)] => Ok(Value::String(text.clone())),
        [Value::Bytes(bytes)] => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Value::string(text)),
            Err(_) => Err(EvalError::new("invalid UTF-8 in bytes, cannot convert to string")),
        },
        [value] => Ok(Value::string(show(value))),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn to_timestamp<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Timestamp(value)] => Ok(Value::Timestamp(*value)),
        [Value::Int(secs)] => {
            Timestamp::new(*secs, 0).map(Value::Timestamp).ok_or_else(|| EvalError::new("timestamp overflow"))
        }
        [Value::String(text)] => {
            Timestamp::parse(text).map(Value::Timestamp).ok_or_else(|| unreadable(&Type::Timestamp))
        }
        _ => Err(EvalError::no_such_overload()),
    }
}
