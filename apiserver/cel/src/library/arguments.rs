//! Reading the arguments of a call. What does not fit was hidden by `dyn`: there is no such overload.

use crate::error::EvalError;
use crate::value::{List, Opaque, Value};

/// The argument at a place.
pub(super) fn value<'v, 'a>(args: &'v [Value<'a>], at: usize) -> Result<&'v Value<'a>, EvalError> {
    args.get(at).ok_or_else(EvalError::no_such_overload)
}

/// A text.
pub(super) fn text<'v>(args: &'v [Value<'_>], at: usize) -> Result<&'v str, EvalError> {
    value(args, at)?.as_str().ok_or_else(EvalError::no_such_overload)
}

/// A whole number.
pub(super) fn int(args: &[Value<'_>], at: usize) -> Result<i64, EvalError> {
    match value(args, at)? {
        Value::Int(number) => Ok(*number),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// A truth value.
pub(super) fn flag(args: &[Value<'_>], at: usize) -> Result<bool, EvalError> {
    value(args, at)?.as_bool().ok_or_else(EvalError::no_such_overload)
}

/// A list.
pub(super) fn list<'v, 'a>(args: &'v [Value<'a>], at: usize) -> Result<&'v List<'a>, EvalError> {
    match value(args, at)? {
        Value::List(list) => Ok(list),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// A library's own value.
pub(super) fn own<'v, T: Opaque>(args: &'v [Value<'_>], at: usize) -> Result<&'v T, EvalError> {
    value(args, at)?.downcast().ok_or_else(EvalError::no_such_overload)
}
