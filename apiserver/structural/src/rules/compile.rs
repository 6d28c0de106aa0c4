//! Compiles the rules of one level of a schema.

use std::collections::HashMap;
use std::sync::Arc;

use kubernel_cel::cost::DeclSizes;
use kubernel_cel::declare::DeclType;
use kubernel_cel::{Environment, Program, Type};

use super::cardinality_max;
use crate::node::{Node, Rule};

/// What one rule of a definition may be estimated to cost.
pub const COST_MAX: u64 = 10_000_000;

/// What came of a rule.
#[derive(Default)]
pub struct Compiled {
    /// The rule; `None` where it is empty or does not compile.
    pub program: Option<Program>,
    /// Why it does not compile.
    pub error: Option<Fault>,
    /// Whether it compares with the old value.
    pub uses_old_self: bool,
    /// What one evaluation may cost.
    pub cost_max: u64,
    /// How often it may run where nothing else bounds that.
    pub cardinality_max: u64,
    /// The expression of its message.
    pub message: Option<Program>,
    /// Why that does not compile.
    pub message_error: Option<Fault>,
    /// What one evaluation of that may cost.
    pub message_cost_max: u64,
}

/// Why an expression does not compile.
pub struct Fault {
    /// In upstream's words.
    pub detail: String,
}

/// The rules of a node, in their order.
pub fn compile(node: &Node, decl: &Arc<DeclType>) -> Vec<Compiled> {
    if node.rules.is_empty() {
        return Vec::new();
    }
    let ty = decl.cel_type();
    let environment = Environment::base().with_declared("self", decl);
    let plain = environment.clone().with_variable("oldSelf", ty.clone());
    let optional = environment.with_variable("oldSelf", Type::optional(ty));
    let of = |rule: &Rule| {
        let environment = if rule.optional_old_self == Some(true) { &optional } else { &plain };
        one(rule, environment, decl)
    };
    node.rules.iter().map(of).collect()
}

fn one(rule: &Rule, environment: &Environment, decl: &Arc<DeclType>) -> Compiled {
    let mut compiled = Compiled { cardinality_max: cardinality_max(decl), ..Compiled::default() };
    if rule.rule.trim().is_empty() {
        return compiled;
    }
    match expression(&rule.rule, environment, decl, &Type::Bool) {
        Ok(done) => {
            (compiled.cost_max, compiled.uses_old_self) = (done.cost_max, done.uses_old_self);
            compiled.program = Some(done.program);
        }
        Err(Wrong::Type) => return fault(compiled, "cel expression must evaluate to a bool".to_owned()),
        Err(Wrong::Compile(text)) => return fault(compiled, format!("compilation failed: {text}")),
        Err(Wrong::Program(text)) => return fault(compiled, format!("program instantiation failed: {text}")),
    }
    if !rule.message_expression.is_empty() {
        let text = match expression(&rule.message_expression, environment, decl, &Type::String) {
            Ok(done) => {
                compiled.message_cost_max = done.cost_max;
                compiled.message = Some(done.program);
                return compiled;
            }
            Err(Wrong::Type) => "messageExpression must evaluate to a string".to_owned(),
            Err(Wrong::Compile(text)) => format!("messageExpression compilation failed: {text}"),
            Err(Wrong::Program(text)) => format!("messageExpression instantiation failed: {text}"),
        };
        compiled.message_error = Some(Fault { detail: text });
    }
    compiled
}

fn fault(mut compiled: Compiled, detail: String) -> Compiled {
    compiled.error = Some(Fault { detail });
    compiled
}

struct Done {
    program: Program,
    cost_max: u64,
    uses_old_self: bool,
}

enum Wrong {
    Type,
    Compile(String),
    Program(String),
}

fn expression(text: &str, environment: &Environment, decl: &DeclType, wanted: &Type) -> Result<Done, Wrong> {
    let checked = environment.compile(text).map_err(|issues| Wrong::Compile(issues.to_string()))?;
    if checked.output() != wanted {
        return Err(Wrong::Type);
    }
    let sizes = DeclSizes { variables: HashMap::from([("self", decl), ("oldSelf", decl)]) };
    let cost_max = checked.cost(&sizes).max;
    let program = checked.program().map_err(|error| Wrong::Program(error.to_string()))?;
    Ok(Done { program, cost_max, uses_old_self: checked.mentions("oldSelf") })
}
