//! What the functions of the libraries cost: the numbers are upstream's (apiserver/pkg/cel/library/cost.go), because
//! which rules a CustomResourceDefinition may have depends on them.

use crate::cost::{CallEstimate, EstimateCall, REGEX_LENGTH, Range, STRING_TRAVERSAL, size_of, traversal};
use crate::function::Overload;
use crate::types::Type;
use crate::value::{Map, Value};

/// With a cost when it ran, and an estimate of one unit: upstream looks at the size of the target, which a function
/// that is no member has not.
pub(super) fn charged(overload: Overload) -> Overload {
    Overload { cost: Some(traverse), ..overload }
}

/// The first argument is gone through once.
pub(super) fn traverse(args: &[Value<'_>], _: Option<&Value<'_>>) -> Option<u64> {
    Some(traversal(size_of(args.first()?), STRING_TRAVERSAL))
}

/// The first argument is gone through, and as much is made.
pub(super) fn traverse_twice(args: &[Value<'_>], _: Option<&Value<'_>>) -> Option<u64> {
    Some(traversal(size_of(args.first()?), 2.0 * STRING_TRAVERSAL))
}

/// The result is made.
pub(super) fn make_result(_: &[Value<'_>], result: Option<&Value<'_>>) -> Option<u64> {
    Some(traversal(result.map_or(1, size_of), 2.0 * STRING_TRAVERSAL))
}

/// The first argument is gone through as a tree.
pub(super) fn traverse_tree(args: &[Value<'_>], _: Option<&Value<'_>>) -> Option<u64> {
    Some(args.first().map_or(0, tree))
}

fn tree(value: &Value<'_>) -> u64 {
    match value {
        Value::String(text) => (text.len() as f64 * STRING_TRAVERSAL) as u64,
        Value::Bytes(bytes) => (bytes.len() as f64 * STRING_TRAVERSAL) as u64,
        Value::List(list) => list.iter().map(|item| tree(&item)).fold(0, u64::saturating_add),
        Value::Map(map) => entries(map),
        _ => 1,
    }
}

fn entries(map: &Map<'_>) -> u64 {
    let pairs = map.keys().into_iter().map(|key| {
        let value = map.get(&key).and_then(Result::ok);
        tree(&key).saturating_add(value.map_or(0, |value| tree(&value)))
    });
    pairs.fold(0, u64::saturating_add)
}

/// A pattern, the second argument, is looked for in the first.
pub(super) fn search(args: &[Value<'_>], _: Option<&Value<'_>>) -> Option<u64> {
    let (text, pattern) = (size_of(args.first()?), size_of(args.get(1)?));
    Some(traversal(text.saturating_add(1), STRING_TRAVERSAL).saturating_mul(traversal(pattern, REGEX_LENGTH)))
}

/// The estimate of [`search`]; the worst result is every character on its own.
pub(super) fn estimate_search(call: &EstimateCall<'_>) -> Option<CallEstimate> {
    let text = call.size(call.target.as_ref()?);
    let pattern = call.size(call.args.first()?);
    let cost = (text + Range::fixed(1)).times(STRING_TRAVERSAL) * pattern.times(REGEX_LENGTH);
    Some(CallEstimate::sized(cost, Range { min: 0, max: text.max }))
}

/// The only argument is gone through.
pub(super) fn estimate_argument(call: &EstimateCall<'_>) -> Option<CallEstimate> {
    let [argument] = call.args.as_slice() else { return None };
    Some(CallEstimate::cost(call.size(argument).times(STRING_TRAVERSAL)))
}

/// The target is gone through; the result is as large.
pub(super) fn estimate_same_size(call: &EstimateCall<'_>) -> Option<CallEstimate> {
    let size = call.size(call.target.as_ref()?);
    Some(CallEstimate::sized(size.times(STRING_TRAVERSAL), size))
}

/// The items of a list, or the characters of a text, are compared.
pub(super) fn estimate_compare(call: &EstimateCall<'_>) -> Option<CallEstimate> {
    let target = call.target.as_ref()?;
    let size = call.size(target);
    let Type::List(item) = &target.ty else {
        return Some(CallEstimate::cost(size.times(STRING_TRAVERSAL)));
    };
    let mut each = Range::fixed(1);
    if matches!(**item, Type::String | Type::Bytes) {
        each = each + call.item_size(target).times(STRING_TRAVERSAL);
    }
    Some(CallEstimate::cost(size * each))
}
