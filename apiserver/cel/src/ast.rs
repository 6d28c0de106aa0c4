//! The syntax tree of an expression after its macros are expanded.

use std::sync::Arc;

/// Numbers an expression within its tree; from 1, dense.
pub type Id = usize;

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Its number.
    pub id: Id,
    /// What it is.
    pub kind: ExprKind,
}

/// The kinds of expressions.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// Stands where the source is wrong; the tree is not used further.
    Unspecified,
    /// A constant.
    Literal(Literal),
    /// A name; with a leading dot if it is looked up outside of all scopes.
    Ident(String),
    /// `operand.field`, or `has(operand.field)`.
    Select {
        /// On the left of the dot.
        operand: Box<Expr>,
        /// On the right of it.
        field: String,
        /// Whether only the presence of the field is asked for.
        test_only: bool,
    },
    /// A call of a function or an operator.
    Call(Call),
    /// `[a, ?b]`
    List {
        /// The items.
        elements: Vec<Expr>,
        /// The indexes of the items that are optional.
        optional: Vec<usize>,
    },
    /// `{a: b, ?c: d}`
    Map(Vec<MapEntry>),
    /// `Name{a: b, ?c: d}`
    Struct {
        /// The name of the type.
        name: String,
        /// What its fields are set to.
        fields: Vec<StructField>,
    },
    /// What macros such as `all` become.
    Comprehension(Box<Comprehension>),
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the types of the language, as in `Type`")]
pub enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
}

/// A call of a function or an operator (by its name in [`operators`]).
#[derive(Clone, Debug)]
pub struct Call {
    /// The name.
    pub function: String,
    /// On what it is called, in `target.function()`.
    pub target: Option<Box<Expr>>,
    /// The arguments.
    pub args: Vec<Expr>,
}

/// An entry of a map literal.
#[derive(Clone, Debug)]
pub struct MapEntry {
    /// The number of the entry.
    pub id: Id,
    /// The key.
    pub key: Expr,
    /// The value.
    pub value: Expr,
    /// Whether the value is an optional, and the entry left out when it is none.
    pub optional: bool,
}

/// A field of an object literal.
#[derive(Clone, Debug)]
pub struct StructField {
    /// The number of the field.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Expr,
    /// Whether the value is an optional, and the field left out when it is none.
    pub optional: bool,
}

/// A loop: the accumulator starts as `accu_init`; for each item of `iter_range`, while `loop_condition` holds, it becomes
/// `loop_step`; the value is `result`.
#[derive(Clone, Debug)]
pub struct Comprehension {
    /// What is gone through: a list, or the keys of a map.
    pub iter_range: Expr,
    /// The name of the item, or with two variables that of the index or key.
    pub iter_var: String,
    /// With two variables, the name of the item or value.
    pub iter_var2: Option<String>,
    /// The name of the accumulator.
    pub accu_var: String,
    /// What the accumulator is before the first item.
    pub accu_init: Expr,
    /// Whether to go on.
    pub loop_condition: Expr,
    /// What the accumulator becomes.
    pub loop_step: Expr,
    /// The value of the whole.
    pub result: Expr,
}

/// The names of operators as functions.
#[expect(missing_docs, reason = "the names say it")]
pub mod operators {
    pub const CONDITIONAL: &str = "_?_:_";
    pub const AND: &str = "_&&_";
    pub const OR: &str = "_||_";
    pub const NOT: &str = "!_";
    pub const EQUALS: &str = "_==_";
    pub const NOT_EQUALS: &str = "_!=_";
    pub const LESS: &str = "_<_";
    pub const LESS_EQUALS: &str = "_<=_";
    pub const GREATER: &str = "_>_";
    pub const GREATER_EQUALS: &str = "_>=_";
    pub const ADD: &str = "_+_";
    pub const SUBTRACT: &str = "_-_";
    pub const MULTIPLY: &str = "_*_";
    pub const DIVIDE: &str = "_/_";
    pub const MODULO: &str = "_%_";
    pub const NEGATE: &str = "-_";
    pub const INDEX: &str = "_[_]";
    pub const OPTIONAL_INDEX: &str = "_[?_]";
    pub const OPTIONAL_SELECT: &str = "_?._";
    pub const IN: &str = "@in";
    pub const NOT_STRICTLY_FALSE: &str = "@not_strictly_false";
    pub const HAS: &str = "has";
    pub const MAP_INSERT: &str = "cel.@mapInsert";
}

/// The name of the accumulator of the macros.
pub const ACCUMULATOR: &str = "__result__";
/// The name that stands for an iteration variable which nothing uses.
pub const UNUSED_ITER_VAR: &str = "#unused";
