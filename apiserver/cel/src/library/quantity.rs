//! Kubernetes quantities: `quantity("1.5Gi").isGreaterThan(quantity("1G"))`.

use std::any::Any;
use std::cmp::Ordering;

use kubernel_meta::{Quantity, QuantityFormat};

use super::arguments::{int, own, text};
use super::costs::charged;
use crate::error::EvalError;
use crate::function::{Call, Functions, Overload};
use crate::types::Type;
use crate::value::{Opaque, Value};

#[derive(Debug)]
struct Amount(Quantity);

impl Opaque for Amount {
    fn ty(&self) -> Type {
        ty()
    }

    fn equal(&self, other: &dyn Opaque) -> bool {
        other.as_any().downcast_ref::<Amount>().is_some_and(|other| other.0 == self.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn ty() -> Type {
    Type::object("kubernetes.Quantity")
}

pub(super) fn register(functions: &mut Functions) {
    let parse: Call = |args| {
        let amount = Quantity::parse(text(args, 0)?).map_err(|error| EvalError::new(error.to_string()))?;
        Ok(Value::opaque(Amount(amount)))
    };
    functions.add("quantity", [charged(Overload::global("string_to_quantity", [Type::String], ty(), parse))]);
    let is: Call = |args| Ok(Value::Bool(Quantity::parse(text(args, 0)?).is_ok()));
    functions.add("isQuantity", [charged(Overload::global("is_quantity_string", [Type::String], Type::Bool, is))]);
    let two = || [ty(), ty()];
    let greater: Call = |args| Ok(Value::Bool(order(args)? == Ordering::Greater));
    functions.add("isGreaterThan", [Overload::member("quantity_is_greater_than", two(), Type::Bool, greater)]);
    let less: Call = |args| Ok(Value::Bool(order(args)? == Ordering::Less));
    functions.add("isLessThan", [Overload::member("quantity_is_less_than", two(), Type::Bool, less)]);
    let compare: Call = |args| Ok(Value::Int(order(args)? as i64));
    functions.add("compareTo", [Overload::member("quantity_compare_to", two(), Type::Int, compare)]);
    let one: [(&'static str, &'static str, Type, Call); 3] = [
        ("asApproximateFloat", "quantity_get_float", Type::Double, |args| {
            Ok(Value::Double(own::<Amount>(args, 0)?.0.approximate()))
        }),
        ("asInteger", "quantity_get_int", Type::Int, |args| {
            let amount = whole(&own::<Amount>(args, 0)?.0);
            amount.map(Value::Int).ok_or_else(|| EvalError::new("cannot convert value to integer"))
        }),
        ("isInteger", "quantity_is_integer", Type::Bool, |args| {
            Ok(Value::Bool(whole(&own::<Amount>(args, 0)?.0).is_some()))
        }),
    ];
    for (name, id, result, call) in one {
        functions.add(name, [Overload::member(id, [ty()], result, call)]);
    }
    // Upstream declares this one as a function that is called on nothing.
    let sign: Call = |args| Ok(Value::Int(own::<Amount>(args, 0)?.0.signum().into()));
    functions.add("sign", [Overload::global("quantity_sign", [ty()], Type::Int, sign)]);
    let with_int = || [ty(), Type::Int];
    functions.add(
        "add",
        [
            Overload::member("quantity_add", two(), ty(), |args| combine(args, Quantity::add, other)),
            Overload::member("quantity_add_int", with_int(), ty(), |args| combine(args, Quantity::add, units)),
        ],
    );
    functions.add(
        "sub",
        [
            Overload::member("quantity_sub", two(), ty(), |args| combine(args, Quantity::sub, other)),
            Overload::member("quantity_sub_int", with_int(), ty(), |args| combine(args, Quantity::sub, units)),
        ],
    );
}

fn order(args: &[Value<'_>]) -> Result<Ordering, EvalError> {
    Ok(own::<Amount>(args, 0)?.0.cmp(&own::<Amount>(args, 1)?.0))
}

/// The amount as an integer, where it is one.
fn whole(amount: &Quantity) -> Option<i64> {
    (amount.is_integer() && Quantity::from_value(amount.value(), amount.format()) == *amount).then(|| amount.value())
}

fn combine<'a>(
    args: &[Value<'a>],
    with: fn(&Quantity, &Quantity) -> Quantity,
    second: fn(&[Value<'_>]) -> Result<Quantity, EvalError>,
) -> Result<Value<'a>, EvalError> {
    Ok(Value::opaque(Amount(with(&own::<Amount>(args, 0)?.0, &second(args)?))))
}

fn other(args: &[Value<'_>]) -> Result<Quantity, EvalError> {
    Ok(own::<Amount>(args, 1)?.0.clone())
}

fn units(args: &[Value<'_>]) -> Result<Quantity, EvalError> {
    Ok(Quantity::from_value(int(args, 1)?, QuantityFormat::DecimalExponent))
}
