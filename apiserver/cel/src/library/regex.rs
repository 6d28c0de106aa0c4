//! Kubernetes' functions with regular expressions: `find`, `findAll`.

use std::sync::Arc;

use super::arguments::{int, text};
use super::costs;
use crate::error::EvalError;
use crate::function::{Functions, Overload};
use crate::pattern;
use crate::types::Type;
use crate::value::Value;

pub(super) fn register(functions: &mut Functions) {
    let costed = |overload: Overload| overload.costing(costs::estimate_search, costs::search);
    let texts = || Type::list(Type::String);
    let find = Overload::member("string_find_string", [Type::String, Type::String], Type::String, find);
    functions.add("find", [costed(find)]);
    let all = [Type::String, Type::String];
    let some = [Type::String, Type::String, Type::Int];
    functions.add(
        "findAll",
        [
            costed(Overload::member("string_find_all_string", all, texts(), |args| find_all(args, -1))),
            costed(Overload::member("string_find_all_string_int", some, texts(), |args| find_all(args, int(args, 2)?))),
        ],
    );
}

fn find<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    let found = compile(text(args, 1)?)?.find(text(args, 0)?).map_or("", |found| found.as_str()).to_owned();
    Ok(Value::string(found))
}

fn find_all<'a>(args: &[Value<'a>], count_max: i64) -> Result<Value<'a>, EvalError> {
    // A negative number is none.
    let count_max = usize::try_from(count_max).unwrap_or(usize::MAX);
    let pattern = compile(text(args, 1)?)?;
    let found: Arc<[Value<'a>]> =
        pattern.find_iter(text(args, 0)?).take(count_max).map(|found| Value::string(found.as_str())).collect();
    Ok(Value::list(found))
}

fn compile(text: &str) -> Result<Arc<::regex::Regex>, EvalError> {
    pattern::compile(text).map_err(|error| EvalError::new(format!("Illegal regex: {error}")))
}
