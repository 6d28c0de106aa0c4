//! `size`, `in`, `[]`, and what the macros with two variables need.

use crate::ast::operators;
use crate::cost::{CallEstimate, size_of};
use crate::error::EvalError;
use crate::function::{Functions, Overload};
use crate::types::Type;
use crate::value::{Entries, Key, Map, Value};

pub(super) fn register(functions: &mut Functions) {
    let any = Type::param("A");
    let value = Type::param("B");
    let list = Type::list(any.clone());
    let map = Type::map(any.clone(), value.clone());
    functions.add(
        "size",
        [
            Overload::global("size_bytes", [Type::Bytes], Type::Int, size),
            Overload::member("bytes_size", [Type::Bytes], Type::Int, size),
            Overload::global("size_list", [list.clone()], Type::Int, size),
            Overload::member("list_size", [list.clone()], Type::Int, size),
            Overload::global("size_map", [map.clone()], Type::Int, size),
            Overload::member("map_size", [map.clone()], Type::Int, size),
            Overload::global("size_string", [Type::String], Type::Int, size),
            Overload::member("string_size", [Type::String], Type::Int, size),
        ],
    );
    let in_list = Overload::global("in_list", [any.clone(), list.clone()], Type::Bool, contains).costing(
        |call| Some(CallEstimate::cost(call.size(call.args.get(1)?).times(1.0))),
        |args, _| args.get(1).map(size_of),
    );
    functions.add(
        operators::IN,
        [
            Overload { costs_when_dynamic: false, ..in_list },
            Overload::global("in_map", [any.clone(), map.clone()], Type::Bool, contains),
        ],
    );
    functions.add(
        operators::INDEX,
        [
            Overload::global("index_list", [list, Type::Int], any.clone(), unreachable_index),
            Overload::global("index_map", [map.clone(), any.clone()], value.clone(), unreachable_index),
        ],
    );
    functions.add(
        operators::MAP_INSERT,
        [
            Overload::global("@mapInsert_map_map", [map.clone(), map.clone()], map.clone(), insert),
            Overload::global("@mapInsert_map_key_value", [map.clone(), any, value], map, insert),
        ],
    );
}

fn size<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    let size = args.first().and_then(Value::size).and_then(|size| i64::try_from(size).ok());
    size.map(Value::Int).ok_or_else(EvalError::no_such_overload)
}

fn contains<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [item, Value::List(list)] => Ok(Value::Bool(list.contains(item))),
        [key, Value::Map(map)] => Ok(Value::Bool(map.get(key).is_some())),
        _ => Err(EvalError::no_such_overload()),
    }
}

/// Indexing is a part of the evaluator, which knows optional values; here are its types only.
fn unreachable_index<'a>(_: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    Err(EvalError::no_such_overload())
}

fn insert<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    let mut entries = Entries::default();
    let mut put = |key: &Value<'a>, value: Value<'a>| {
        let known = Key::of(key).ok_or_else(|| EvalError::new("unsupported key type"))?;
        if entries.insert(known, value) {
            return Ok(());
        }
        Err(EvalError::new(format!("insert failed: key {} already exists", crate::value::show(key))))
    };
    let (into, more) = match args {
        [Value::Map(into), more @ ..] => (into, more),
        _ => return Err(EvalError::no_such_overload()),
    };
    for key in into.keys() {
        put(&key, into.get(&key).unwrap_or(Ok(Value::Null))?)?;
    }
    match more {
        [Value::Map(more)] => {
            for key in more.keys() {
                put(&key, more.get(&key).unwrap_or(Ok(Value::Null))?)?;
            }
        }
        [key, value] => put(key, value.clone())?,
        _ => return Err(EvalError::no_such_overload()),
    }
    Ok(Value::Map(Map::Values(entries.into())))
}
