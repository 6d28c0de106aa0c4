//! `contains`, `startsWith`, `endsWith`, `matches`.

use crate::cost::{CallEstimate, EstimateCall, REGEX_LENGTH, Range, STRING_TRAVERSAL, size_of, traversal};
use crate::error::EvalError;
use crate::function::{Call, Functions, Overload};
use crate::pattern;
use crate::types::Type;
use crate::value::Value;

pub(super) fn register(functions: &mut Functions) {
    let both = [Type::String, Type::String];
    let member = |id, call: Call| Overload::member(id, both.clone(), Type::Bool, call);
    functions.add(
        "contains",
        [member("contains_string", |args| test(args, |text, part| text.contains(part))).costing(
            |call| {
                let text = call.size(call.target.as_ref()?).times(STRING_TRAVERSAL);
                Some(CallEstimate::cost(text * call.size(call.args.first()?).times(STRING_TRAVERSAL)))
            },
            |args, _| match args {
                [text, part] => {
                    Some(traversal(size_of(text), STRING_TRAVERSAL) * traversal(size_of(part), STRING_TRAVERSAL))
                }
                _ => None,
            },
        )],
    );
    functions
        .add("endsWith", [affix(member("ends_with_string", |args| test(args, |text, part| text.ends_with(part))))]);
    functions.add(
        "startsWith",
        [affix(member("starts_with_string", |args| test(args, |text, part| text.starts_with(part))))],
    );
    functions.add(
        "matches",
        [
            Overload::global("matches", both.clone(), Type::Bool, matches),
            member("matches_string", matches).costing(estimate_match, |args, _| match args {
                [text, pattern] => {
                    Some(traversal(1 + size_of(text), STRING_TRAVERSAL) * traversal(size_of(pattern), REGEX_LENGTH))
                }
                _ => None,
            }),
        ],
    );
}

fn test<'a>(args: &[Value<'a>], holds: fn(&str, &str) -> bool) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::String(text), Value::String(part)] => Ok(Value::Bool(holds(text, part))),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn matches<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::String(text), Value::String(pattern)] => {
            let compiled = pattern::compile(pattern).map_err(EvalError::new)?;
            Ok(Value::Bool(compiled.is_match(text)))
        }
        _ => Err(EvalError::no_such_overload()),
    }
}

/// Estimated by the part, charged by the text: that is upstream's count.
fn affix(overload: Overload) -> Overload {
    overload.costing(
        |call| Some(CallEstimate::cost(call.size(call.args.first()?).times(STRING_TRAVERSAL))),
        |args, _| args.first().map(|text| traversal(size_of(text), STRING_TRAVERSAL)),
    )
}

fn estimate_match(call: &EstimateCall<'_>) -> Option<CallEstimate> {
    let text = (call.size(call.target.as_ref()?) + Range::fixed(1)).times(STRING_TRAVERSAL);
    Some(CallEstimate::cost(text * call.size(call.args.first()?).times(REGEX_LENGTH)))
}
