//! Optional values: `optional.of(x)`, `x.orValue(y)`, `list.first()` and so on. `or` and `orValue` evaluate their
//! argument only when they need it, which is the evaluator's business.

use crate::ast::operators;
use crate::error::EvalError;
use crate::function::{Functions, Overload};
use crate::types::Type;
use crate::value::{Duration, List, Value};

pub(super) fn register(functions: &mut Functions) {
    let held = Type::param("V");
    let key = Type::param("K");
    let optional = Type::optional(held.clone());
    let list = Type::list(held.clone());
    let map = Type::map(key.clone(), held.clone());
    functions.add("optional.of", [Overload::global("optional_of", [held.clone()], optional.clone(), of)]);
    functions.add(
        "optional.ofNonZeroValue",
        [Overload::global("optional_ofNonZeroValue", [held.clone()], optional.clone(), of_non_zero)],
    );
    functions.add("optional.none", [Overload::global("optional_none", [], optional.clone(), |_| Ok(Value::none()))]);
    functions.add("value", [Overload::member("optional_value", [optional.clone()], held.clone(), value)]);
    functions.add(
        "hasValue",
        [Overload::member("optional_hasValue", [optional.clone()], Type::Bool, |args| {
            Ok(Value::Bool(matches!(args, [Value::Optional(Some(_))])))
        })],
    );
    functions.add(
        "or",
        [Overload::member("optional_or_optional", [optional.clone(), optional.clone()], optional.clone(), or)],
    );
    functions.add(
        "orValue",
        [Overload::member("optional_orValue_value", [optional.clone(), held.clone()], held.clone(), or)],
    );
    functions
        .add("first", [Overload::member("list_first", [list.clone()], optional.clone(), |args| end_of(args, |_| 0))]);
    functions.add(
        "last",
        [Overload::member("list_last", [list.clone()], optional.clone(), |args| {
            end_of(args, |length| length.wrapping_sub(1))
        })],
    );
    let optionals = Type::list(optional.clone());
    functions.add("optional.unwrap", [Overload::global("optional_unwrap", [optionals.clone()], list.clone(), unwrap)]);
    functions.add("unwrapOpt", [Overload::member("optional_unwrapOpt", [optionals], list.clone(), unwrap)]);
    let (optional_list, optional_map) = (Type::optional(list.clone()), Type::optional(map.clone()));
    functions.add(
        operators::INDEX,
        [
            Overload::global("optional_list_index_value", [optional_list.clone(), Type::Int], optional.clone(), |_| {
                Err(EvalError::no_such_overload())
            }),
            Overload::global("optional_map_index_value", [optional_map.clone(), key.clone()], optional.clone(), |_| {
                Err(EvalError::no_such_overload())
            }),
        ],
    );
    functions.add(
        operators::OPTIONAL_INDEX,
        [
            ("list_optindex_optional_int", [list, Type::Int]),
            ("optional_list_optindex_optional_int", [optional_list, Type::Int]),
            ("map_optindex_optional_value", [map, key.clone()]),
            ("optional_map_optindex_optional_value", [optional_map, key]),
        ]
        .map(|(id, parameters)| {
            Overload::global(id, parameters, optional.clone(), |_| Err(EvalError::no_such_overload()))
        }),
    );
}

fn of<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [value] => Ok(Value::some(value.clone())),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn of_non_zero<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [value] if is_zero(value) => Ok(Value::none()),
        _ => of(args),
    }
}

fn is_zero(value: &Value<'_>) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Int(0) | Value::Uint(0) | Value::Optional(None) => true,
        Value::Double(number) => *number == 0.0,
        Value::Duration(Duration { nanos }) => *nanos == 0,
        other => other.size() == Some(0),
    }
}

fn value<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Optional(Some(value))] => Ok((**value).clone()),
        [Value::Optional(None)] => Err(EvalError::new("optional.none() dereference")),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn or<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Optional(None), other] => Ok(other.clone()),
        [Value::Optional(Some(held)), Value::Optional(_)] => Ok(Value::Optional(Some(held.clone()))),
        [Value::Optional(Some(held)), _] => Ok((**held).clone()),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn end_of<'a>(args: &[Value<'a>], index: fn(usize) -> usize) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::List(list)] => Ok(list.get(index(list.len())).map_or(Value::none(), Value::some)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn unwrap<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    let [Value::List(list)] = args else {
        return Err(EvalError::no_such_overload());
    };
    let mut items = Vec::with_capacity(list.len());
    for item in List::iter(list) {
        match item {
            Value::Optional(Some(value)) => items.push((*value).clone()),
            Value::Optional(None) => {}
            _ => return Err(EvalError::no_such_overload()),
        }
    }
    Ok(Value::list(items))
}
