//! cel-go's functions on texts (ext/strings, version 2), all but `format`; positions count characters.

use std::sync::Arc;

use super::arguments::{int, list, text};
use super::costs;
use crate::ast::{ExprKind, Literal};
use crate::cost::{CallEstimate, EstimateCall, Range, STRING_TRAVERSAL};
use crate::error::EvalError;
use crate::function::{Call, Functions, Overload};
use crate::types::Type;
use crate::value::Value;

pub(super) fn register(functions: &mut Functions) {
    let string = Type::String;
    let member = |id, others: &[Type], result: Type, call: Call| {
        let mut parameters = vec![Type::String];
        parameters.extend_from_slice(others);
        Overload::member(id, parameters, result, call)
    };
    let same = |overload: Overload| overload.costing(costs::estimate_same_size, costs::traverse);
    let compared = |overload: Overload| overload.costing(costs::estimate_compare, costs::traverse_tree);
    functions.add("charAt", [member("string_char_at_int", &[Type::Int], Type::String, char_at)]);
    let (one, with_int) = ([string.clone()], [string.clone(), Type::Int]);
    functions.add(
        "indexOf",
        [
            compared(member("string_index_of_string", &one, Type::Int, |args| index_of(args, 0))),
            compared(member("string_index_of_string_int", &with_int, Type::Int, |args| index_of(args, int(args, 2)?))),
        ],
    );
    let last: Call = |args| last_index_of(args, None);
    let last_from: Call = |args| last_index_of(args, Some(int(args, 2)?));
    functions.add(
        "lastIndexOf",
        [
            compared(member("string_last_index_of_string", &one, Type::Int, last)),
            compared(member("string_last_index_of_string_int", &with_int, Type::Int, last_from)),
        ],
    );
    let lower: Call = |args| Ok(Value::string(text(args, 0)?.to_ascii_lowercase()));
    functions.add("lowerAscii", [same(member("string_lower_ascii", &[], Type::String, lower))]);
    let upper: Call = |args| Ok(Value::string(text(args, 0)?.to_ascii_uppercase()));
    functions.add("upperAscii", [same(member("string_upper_ascii", &[], Type::String, upper))]);
    let trim: Call = |args| Ok(Value::string(text(args, 0)?.trim()));
    functions.add("trim", [same(member("string_trim", &[], Type::String, trim))]);
    functions.add(
        "substring",
        [
            same(member("string_substring_int", &[Type::Int], Type::String, |args| substring(args, None))),
            same(member("string_substring_int_int", &[Type::Int, Type::Int], Type::String, |args| {
                substring(args, Some(int(args, 2)?))
            })),
        ],
    );
    let replaced = |overload: Overload| overload.costing(estimate_replace, costs::traverse_twice);
    let two = [string.clone(), string.clone()];
    let counted = [string.clone(), string.clone(), Type::Int];
    functions.add(
        "replace",
        [
            replaced(member("string_replace_string_string", &two, Type::String, |args| replace(args, -1))),
            replaced(member("string_replace_string_string_int", &counted, Type::String, |args| {
                replace(args, int(args, 3)?)
            })),
        ],
    );
    let parts = |overload: Overload| overload.costing(estimate_split, costs::traverse_twice);
    let texts = || Type::list(Type::String);
    functions.add(
        "split",
        [
            parts(member("string_split_string", &one, texts(), |args| split(args, -1))),
            parts(member("string_split_string_int", &with_int, texts(), |args| split(args, int(args, 2)?))),
        ],
    );
    let joined = |overload: Overload| overload.costing(estimate_join, costs::make_result);
    let separated: Call = |args| join(args, text(args, 1)?);
    functions.add(
        "join",
        [
            joined(Overload::member("list_join", [texts()], Type::String, |args| join(args, ""))),
            joined(Overload::member("list_join_string", [texts(), Type::String], Type::String, separated)),
        ],
    );
    let quote: Call = |args| Ok(Value::string(quoted(text(args, 0)?)));
    functions.add("strings.quote", [Overload::global("strings_quote", [Type::String], Type::String, quote)]);
}

fn out_of_range(index: i64) -> EvalError {
    EvalError::new(format!("index out of range: {index}"))
}

/// The place in octets of the character at an index; one behind the last character is a place too.
fn place(text: &str, index: i64) -> Result<usize, EvalError> {
    let error = || out_of_range(index);
    let wanted = usize::try_from(index).map_err(|_| error())?;
    let mut places = text.char_indices().map(|(place, _)| place).chain([text.len()]);
    places.nth(wanted).ok_or_else(error)
}

fn index(text: &str, place: usize) -> Value<'static> {
    Value::Int(i64::try_from(text[..place].chars().count()).unwrap_or(i64::MAX))
}

fn char_at<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    let text = text(args, 0)?;
    let place = place(text, int(args, 1)?)?;
    Ok(Value::string(text[place..].chars().take(1).collect::<String>()))
}

fn index_of<'a>(args: &[Value<'a>], from: i64) -> Result<Value<'a>, EvalError> {
    let (text, part) = (text(args, 0)?, text(args, 1)?);
    if part.is_empty() {
        return Ok(Value::Int(from));
    }
    if from < 0 {
        return Err(out_of_range(from));
    }
    let Ok(start) = place(text, from) else { return Ok(Value::Int(-1)) };
    Ok(text[start..].find(part).map_or(Value::Int(-1), |found| index(text, start + found)))
}

fn last_index_of<'a>(args: &[Value<'a>], from: Option<i64>) -> Result<Value<'a>, EvalError> {
    let (text, part) = (text(args, 0)?, text(args, 1)?);
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    if part.is_empty() {
        return Ok(Value::Int(from.unwrap_or(length)));
    }
    let from = from.unwrap_or((length - 1).max(0));
    if from < 0 {
        return Err(out_of_range(from));
    }
    // What starts at the place or before it may reach beyond.
    let Ok(start) = place(text, from) else { return Ok(Value::Int(-1)) };
    let mut end = (start + part.len()).min(text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    Ok(text[..end].rfind(part).filter(|found| *found <= start).map_or(Value::Int(-1), |found| index(text, found)))
}

fn substring<'a>(args: &[Value<'a>], end: Option<i64>) -> Result<Value<'a>, EvalError> {
    let (text, start) = (text(args, 0)?, int(args, 1)?);
    if let Some(end) = end.filter(|end| start > *end) {
        return Err(EvalError::new(format!("invalid substring range. start: {start}, end: {end}")));
    }
    let from = place(text, start)?;
    let to = end.map_or(Ok(text.len()), |end| place(text, end))?;
    Ok(Value::string(&text[from..to]))
}

/// A negative count is no bound.
fn replace<'a>(args: &[Value<'a>], count: i64) -> Result<Value<'a>, EvalError> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    Ok(Value::string(text(args, 0)?.replacen(text(args, 1)?, text(args, 2)?, count)))
}

fn split<'a>(args: &[Value<'a>], count: i64) -> Result<Value<'a>, EvalError> {
    let (text, separator) = (text(args, 0)?, text(args, 1)?);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let parts: Arc<[Value<'a>]> = if separator.is_empty() {
        characters(text, count).into_iter().map(Value::string).collect()
    } else {
        text.splitn(count, separator).map(Value::string).collect()
    };
    Ok(Value::list(parts))
}

/// Each character on its own, the last part with all that is left.
fn characters(text: &str, count: usize) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while parts.len() < count && !rest.is_empty() {
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = if parts.len() + 1 == count { rest.len() } else { first };
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    parts
}

fn join<'a>(args: &[Value<'a>], separator: &str) -> Result<Value<'a>, EvalError> {
    let mut joined = String::new();
    for (at, item) in list(args, 0)?.iter().enumerate() {
        if at > 0 {
            joined.push_str(separator);
        }
        joined.push_str(item.as_str().ok_or_else(EvalError::no_such_overload)?);
    }
    Ok(Value::string(joined))
}

/// A text in double quotes, special characters escaped.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The text is gone through and the result made; the result's size follows from how much is put for how much.
fn estimate_replace(call: &EstimateCall<'_>) -> Option<CallEstimate> {
    let size = call.size(call.target.as_ref()?);
    let [from, to, ..] = call.args.as_slice() else { return None };
    let (from, to) = (call.size(from), call.size(to));
    let (mut count, mut kept) = (Range::ZERO, Range::ZERO);
    // An empty text is found around every character.
    if from.min == 0 {
        count.max = size.max.saturating_add(1);
        kept.max = size.max;
    } else if to.max <= from.min {
        kept.max = size.max;
    } else {
        count.max = (size.max as f64 / from.min as f64).ceil() as u64;
    }
    if from.max == 0 {
        count.min = size.min.saturating_add(1);
        kept.min = size.min;
    } else if from.max <= to.min {
        kept.min = size.min;
    } else {
        count.min = (size.min as f64 / from.max as f64).ceil() as u64;
    }
    Some(CallEstimate::sized(size.times(2.0 * STRING_TRAVERSAL), count * to + kept))
}

/// At worst every character becomes a part, unless a constant bounds their number.
fn estimate_split(call: &EstimateCall<'_>) -> Option<CallEstimate> {
    let size = call.size(call.target.as_ref()?);
    let bound = call.args.get(1).and_then(|count| match &count.expr.kind {
        ExprKind::Literal(Literal::Int(count)) => u64::try_from(*count).ok(),
        _ => None,
    });
    let parts = Range { min: 0, max: bound.unwrap_or(size.max) };
    Some(CallEstimate::sized(size.times(2.0 * STRING_TRAVERSAL), parts))
}

fn estimate_join(call: &EstimateCall<'_>) -> Option<CallEstimate> {
    let target = call.target.as_ref()?;
    let items = call.size(target);
    let mut size = match &target.ty {
        Type::List(_) => items * call.item_size(target),
        _ => Range::ZERO,
    };
    if let Some(separator) = call.args.first() {
        let between = Range { min: items.min.saturating_sub(1), max: items.max.saturating_sub(1) };
        size = size + call.size(separator) * between;
    }
    Some(CallEstimate::sized(size.times(STRING_TRAVERSAL), size))
}
