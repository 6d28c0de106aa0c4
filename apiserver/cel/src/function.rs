//! Functions, and the registry through which libraries add them.
//!
//! A function is a name with overloads. An overload says its type, how it is called (`f(x)` or `x.f()`), what it does,
//! and, where that is not one unit, what it costs: as estimated by [`crate::cost`] before it runs, and when it ran.

use std::collections::HashMap;

use crate::cost::{CallEstimate, EstimateCall};
use crate::error::EvalError;
use crate::types::Type;
use crate::value::Value;

/// What an overload does. Arguments are never errors; their types fit the overload, except where `dyn` hid them.
pub type Call = for<'a> fn(&[Value<'a>]) -> Result<Value<'a>, EvalError>;

/// What a call is estimated to cost, without its arguments; `None` for one unit.
pub type Estimate = fn(&EstimateCall<'_>) -> Option<CallEstimate>;

/// What a call did cost; `None` for one unit. Gets the arguments (the target first) and the result, if there is one.
pub type Cost = for<'a, 'b> fn(&'b [Value<'a>], Option<&'b Value<'a>>) -> Option<u64>;

/// One overload of a function.
#[derive(Clone, Debug)]
pub struct Overload {
    /// The name by which costs and messages know it, such as `add_int64`.
    pub id: &'static str,
    /// Whether it is called on a target: `x.f()`.
    pub member: bool,
    /// The types of the target, if any, and of the arguments.
    pub parameters: Vec<Type>,
    /// The type of the result.
    pub result: Type,
    /// What it does.
    pub call: Call,
    /// What it is estimated to cost.
    pub estimate: Option<Estimate>,
    /// What it costs.
    pub cost: Option<Cost>,
    /// Whether it costs that also when only the evaluation finds out which overload it is; if not, it costs one unit
    /// then, as the language's own functions do.
    pub costs_when_dynamic: bool,
}

/// A function with all its overloads.
#[derive(Clone, Debug, Default)]
pub struct Function {
    /// In the order of their declaration, in which the checker tries them.
    pub overloads: Vec<Overload>,
}

/// All functions of an environment, by name.
#[derive(Clone, Debug, Default)]
pub struct Functions {
    by_name: HashMap<&'static str, Function>,
}

impl Overload {
    /// An overload that is called as `f(x)`.
    pub fn global(id: &'static str, parameters: impl Into<Vec<Type>>, result: Type, call: Call) -> Overload {
        Overload {
            id,
            member: false,
            parameters: parameters.into(),
            result,
            call,
            estimate: None,
            cost: None,
            costs_when_dynamic: true,
        }
    }

    /// An overload that is called as `x.f()`; the target's type is the first parameter.
    pub fn member(id: &'static str, parameters: impl Into<Vec<Type>>, result: Type, call: Call) -> Overload {
        Overload { member: true, ..Overload::global(id, parameters, result, call) }
    }

    /// With a cost that is not one unit.
    #[must_use]
    pub fn costing(mut self, estimate: Estimate, cost: Cost) -> Overload {
        self.estimate = Some(estimate);
        self.cost = Some(cost);
        self
    }
}

impl Functions {
    /// Adds overloads to the function of a name.
    pub fn add(&mut self, name: &'static str, overloads: impl IntoIterator<Item = Overload>) {
        self.by_name.entry(name).or_default().overloads.extend(overloads);
    }

    /// The function of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Function> {
        self.by_name.get(name)
    }
}
