//! Evaluation: [`plan`] turns a checked expression into nodes once, [`run`] goes through them.
//!
//! What evaluation costs is charged as cel-go charges it with the options of Kubernetes: an identifier costs one unit
//! where a value is taken from it, each selection and index one, a call what its overload says; `&&`, `||`, `?:` and
//! loops cost what their parts cost, constants nothing, and asking for presence only the way to the field.

mod fold;
mod plan;
mod run;

use std::sync::Arc;

use regex::Regex;

use crate::function::Overload;
use crate::value::Value;

pub(crate) use plan::plan;
pub(crate) use run::run;

/// A part of a program.
pub(crate) enum Node {
    /// A value that is always the same.
    Constant(Value<'static>),
    /// Text that is always the same.
    Text(Box<str>),
    /// A variable of a comprehension, by its place on the stack.
    Slot { slot: usize, charge: u64 },
    /// A variable of the environment.
    Variable { name: Box<str>, charge: u64 },
    /// `operand.field`, `operand.?field`
    Select { operand: Box<Node>, field: Box<str>, optional: bool, charge: u64 },
    /// `has(operand.field)`
    Has { operand: Box<Node>, field: Box<str> },
    /// `operand[index]`, `operand[?index]`
    Index { operand: Box<Node>, index: Box<Node>, optional: bool, charge: u64 },
    /// `condition ? yes : no`
    Conditional(Box<[Node; 3]>),
    /// `left && right` or, when true decides, `left || right`
    Logical { parts: Box<[Node; 2]>, decides: bool },
    /// `left == right`, `left != right`
    Equal { parts: Box<[Node; 2]>, negated: bool },
    /// True unless it is false: what keeps loops going over errors.
    NotStrictlyFalse(Box<Node>),
    /// `optional.or(other)`, `optional.orValue(other)`: the other only if there is no value.
    Otherwise { parts: Box<[Node; 2]>, unwraps: bool },
    /// `item in [constants]`
    InConstants { item: Box<Node>, constants: Box<[Value<'static>]> },
    /// `text.matches('constant')`
    Matches { text: Box<Node>, pattern: Arc<Regex>, pattern_length: u64 },
    /// Any other call.
    Call { function: Box<str>, overloads: Box<[Overload]>, args: Box<[Node]> },
    /// `[a, ?b]`
    List(Box<[(Node, bool)]>),
    /// `{a: b, ?c: d}`
    Map(Box<[(Node, Node, bool)]>),
    /// `Name{a: b, ?c: d}`
    Object { name: Box<str>, fields: Box<[(Box<str>, Node, bool)]> },
    /// A loop.
    Fold(Box<Fold>),
}

/// A loop. Its variables have places on the stack: first the accumulator, then the first variable, then the second.
pub(crate) struct Fold {
    range: Node,
    slot: usize,
    two: bool,
    init: Node,
    condition: Node,
    step: Step,
    result: Node,
}

/// What a loop does with each item.
pub(crate) enum Step {
    /// The accumulator becomes the value.
    Set(Node),
    /// The item is appended to the accumulator, a list, where the predicate holds.
    Append { predicate: Option<Node>, item: Node, charge: u64 },
    /// The entry is inserted into the accumulator, a map, where the predicate holds.
    Insert { predicate: Option<Node>, key: Option<Node>, value: Node },
}

/// The providers of types, for objects that expressions construct.
pub(crate) type Providers = [Arc<dyn crate::declare::TypeProvider>];
