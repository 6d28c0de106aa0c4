//! `jsonpatch.escapeKey`, for the paths of JSON patches. Only mutating policies have it.

use super::arguments::text;
use super::costs::charged;
use crate::function::{Call, Functions, Overload};
use crate::types::Type;
use crate::value::Value;

/// Adds the function.
pub fn register(functions: &mut Functions) {
    let escape: Call = |args| Ok(Value::string(text(args, 0)?.replace('~', "~0").replace('/', "~1")));
    let overload = Overload::global("string_jsonpatch_escapeKey_string", [Type::String], Type::String, escape);
    functions.add("jsonpatch.escapeKey", [charged(overload)]);
}
