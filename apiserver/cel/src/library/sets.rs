//! Lists as sets: `sets.contains`, `sets.equivalent`, `sets.intersects`.

use super::arguments::list;
use crate::cost::{CallEstimate, EstimateCall, Range, size_of};
use crate::error::EvalError;
use crate::function::{Call, Functions, Overload};
use crate::types::Type;
use crate::value::{List, Value};

pub(super) fn register(functions: &mut Functions) {
    let of_items = || [Type::list(Type::param("T")), Type::list(Type::param("T"))];
    let contains: Call = |args| ask(args, includes);
    functions.add(
        "sets.contains",
        [Overload::global("list_sets_contains_list", of_items(), Type::Bool, contains)
            .costing(|call| estimate(call, 1), |args, _| cost(args, 1))],
    );
    let equivalent: Call = |args| ask(args, |a, b| includes(a, b) && includes(b, a));
    functions.add(
        "sets.equivalent",
        [Overload::global("list_sets_equivalent_list", of_items(), Type::Bool, equivalent)
            .costing(|call| estimate(call, 2), |args, _| cost(args, 2))],
    );
    let intersects: Call = |args| ask(args, |a, b| b.iter().any(|item| a.contains(&item)));
    functions.add(
        "sets.intersects",
        [Overload::global("list_sets_intersects_list", of_items(), Type::Bool, intersects)
            .costing(|call| estimate(call, 1), |args, _| cost(args, 1))],
    );
}

fn ask<'a>(args: &[Value<'a>], question: fn(&List<'_>, &List<'_>) -> bool) -> Result<Value<'a>, EvalError> {
    Ok(Value::Bool(question(list(args, 0)?, list(args, 1)?)))
}

fn includes(all: &List<'_>, some: &List<'_>) -> bool {
    some.iter().all(|item| all.contains(&item))
}

/// Every item is compared with every item, so many times over.
fn cost(args: &[Value<'_>], factor: u64) -> Option<u64> {
    let pairs = size_of(args.first()?).saturating_mul(size_of(args.get(1)?));
    Some(pairs.saturating_mul(factor).saturating_add(1))
}

fn estimate(call: &EstimateCall<'_>, factor: u64) -> Option<CallEstimate> {
    let [left, right] = call.args.as_slice() else { return None };
    Some(CallEstimate::cost(call.size(left) * call.size(right) * Range::fixed(factor) + Range::fixed(1)))
}
