//! The language's own functions and operators, with cel-go's names of overloads.

mod arithmetic;
mod collection;
mod compare;
mod convert;
mod logic;
mod optional;
mod text;
mod time;

use crate::function::Functions;

/// Adds them all.
pub(crate) fn register(functions: &mut Functions) {
    logic::register(functions);
    compare::register(functions);
    arithmetic::register(functions);
    collection::register(functions);
    convert::register(functions);
    text::register(functions);
    time::register(functions);
    optional::register(functions);
}
