//! `&&`, `||`, `!`, `?:`. What they do is in the evaluator, which does not evaluate all operands; here are their types.

use crate::ast::operators;
use crate::error::EvalError;
use crate::function::{Functions, Overload};
use crate::types::Type;
use crate::value::Value;

pub(super) fn register(functions: &mut Functions) {
    let any = Type::param("A");
    let both = [Type::Bool, Type::Bool];
    let choice = [Type::Bool, any.clone(), any.clone()];
    functions.add(operators::CONDITIONAL, [Overload::global("conditional", choice, any, choose)]);
    functions.add(operators::AND, [Overload::global("logical_and", both.clone(), Type::Bool, and)]);
    functions.add(operators::OR, [Overload::global("logical_or", both, Type::Bool, or)]);
    functions.add(operators::NOT, [Overload::global("logical_not", [Type::Bool], Type::Bool, not)]);
    functions.add(
        operators::NOT_STRICTLY_FALSE,
        [Overload::global("not_strictly_false", [Type::Bool], Type::Bool, |args| {
            Ok(Value::Bool(!matches!(args, [Value::Bool(false)])))
        })],
    );
}

fn choose<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Bool(true), yes, _] => Ok(yes.clone()),
        [Value::Bool(false), _, no] => Ok(no.clone()),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn and<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Bool(left), Value::Bool(right)] => Ok(Value::Bool(*left && *right)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn or<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Bool(left), Value::Bool(right)] => Ok(Value::Bool(*left || *right)),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn not<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    match args {
        [Value::Bool(value)] => Ok(Value::Bool(!value)),
        _ => Err(EvalError::no_such_overload()),
    }
}
