//! From a checked expression to nodes: names find their places, constants are folded, patterns compiled.

use crate::ast::{Call, Comprehension, Expr, ExprKind, Literal, operators};
use crate::cost::{LIST, SELECT};
use crate::environment::{Checked, Name, Reference};
use crate::error::EvalError;
use crate::evaluate::run::{matching, run};
use crate::evaluate::{Fold, Node, Step};
use crate::pattern;
use crate::value::{Entries, Key, Map, Value};

/// Functions whose calls with a constant are constants.
const CONVERSIONS: [&str; 10] =
    ["bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"];

/// The nodes of an expression, and how many places on the stack they need.
pub(crate) fn plan(checked: &Checked) -> Result<(Node, usize), EvalError> {
    let mut planner = Planner { checked, scope: Vec::new(), slots: 0 };
    let root = planner.node(&checked.expr, true)?;
    Ok((root, planner.slots))
}

struct Planner<'a> {
    checked: &'a Checked,
    /// The variables that are seen, and their places.
    scope: Vec<(&'a str, usize)>,
    slots: usize,
}

impl<'a> Planner<'a> {
    /// The node of an expression. `charge` says whether the identifier at the root of a path is charged for: it is not
    /// within a branch of `?:`, below `has()`, and as an index.
    fn node(&mut self, expr: &'a Expr, charge: bool) -> Result<Node, EvalError> {
        if let Some(name) = self.checked.names.get(&expr.id) {
            return Ok(match name {
                Name::Type(ty) => Node::Constant(Value::Type(ty.clone())),
                Name::Variable(name) => self.variable(name, charge),
            });
        }
        match &expr.kind {
            ExprKind::Unspecified => Err(EvalError::new("unspecified expression")),
            ExprKind::Literal(literal) => Ok(constant(literal)),
            ExprKind::Ident(name) => Ok(self.variable(name, charge)),
            ExprKind::Select { operand, field, test_only: true } => {
                let operand = Box::new(self.node(operand, false)?);
                Ok(Node::Has { operand, field: field.as_str().into() })
            }
            ExprKind::Select { operand, field, .. } => self.select(operand, field, false, charge),
            ExprKind::Call(call) => self.call(expr, call, charge),
            ExprKind::List { elements, optional } => self.list(elements, optional),
            ExprKind::Map(entries) => {
                let mut nodes = Vec::with_capacity(entries.len());
                for entry in entries {
                    nodes.push((self.node(&entry.key, true)?, self.node(&entry.value, true)?, entry.optional));
                }
                Ok(fold_map(nodes))
            }
            ExprKind::Struct { name, fields } => {
                let mut nodes = Vec::with_capacity(fields.len());
                for field in fields {
                    nodes.push((field.name.as_str().into(), self.node(&field.value, true)?, field.optional));
                }
                let name = match self.checked.type_of(expr.id) {
                    crate::Type::Object(name) => &**name,
                    _ => name,
                };
                Ok(Node::Object { name: name.into(), fields: nodes.into() })
            }
            ExprKind::Comprehension(fold) => self.fold(fold),
        }
    }

    fn variable(&self, name: &str, charge: bool) -> Node {
        let charge = u64::from(charge) * SELECT;
        match self.scope.iter().rev().find(|(known, _)| *known == name) {
            Some((_, slot)) => Node::Slot { slot: *slot, charge },
            None => Node::Variable { name: name.into(), charge },
        }
    }

    fn select(&mut self, operand: &'a Expr, field: &str, optional: bool, charge: bool) -> Result<Node, EvalError> {
        let (operand, charge) = self.operand(operand, charge)?;
        Ok(Node::Select { operand, field: field.into(), optional, charge })
    }

    /// What is selected from, and what the selection is charged: one unit, and one for the start of a path that does
    /// not start with an identifier.
    fn operand(&mut self, operand: &'a Expr, charge: bool) -> Result<(Box<Node>, u64), EvalError> {
        if self.is_path(operand) {
            return Ok((Box::new(self.node(operand, charge)?), SELECT));
        }
        Ok((Box::new(self.node(operand, true)?), SELECT + u64::from(charge) * SELECT))
    }

    /// Whether an expression is an identifier, or selects from something.
    fn is_path(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Ident(_) => !matches!(self.checked.names.get(&expr.id), Some(Name::Type(_))),
            ExprKind::Select { test_only, .. } => !test_only,
            ExprKind::Call(call) => matches!(
                call.function.as_str(),
                operators::INDEX | operators::OPTIONAL_INDEX | operators::OPTIONAL_SELECT | operators::CONDITIONAL
            ),
            _ => false,
        }
    }

    fn call(&mut self, expr: &'a Expr, call: &'a Call, charge: bool) -> Result<Node, EvalError> {
        let function = call.function.as_str();
        match (function, call.args.as_slice()) {
            (operators::OPTIONAL_SELECT, [on, Expr { kind: ExprKind::Literal(Literal::String(field)), .. }]) => {
                return self.select(on, field, true, charge);
            }
            (operators::INDEX | operators::OPTIONAL_INDEX, [on, index]) => {
                let (operand, charge) = self.operand(on, charge)?;
                let index = Box::new(self.node(index, false)?);
                return Ok(Node::Index { operand, index, optional: function == operators::OPTIONAL_INDEX, charge });
            }
            (operators::CONDITIONAL, [condition, yes, no]) => {
                let nodes = [self.node(condition, true)?, self.node(yes, false)?, self.node(no, false)?];
                return Ok(Node::Conditional(Box::new(nodes)));
            }
            (operators::AND | operators::OR, [left, right]) => {
                let parts = Box::new([self.node(left, true)?, self.node(right, true)?]);
                return Ok(Node::Logical { parts, decides: function == operators::OR });
            }
            (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => {
                let parts = Box::new([self.node(left, true)?, self.node(right, true)?]);
                return Ok(Node::Equal { parts, negated: function == operators::NOT_EQUALS });
            }
            (operators::NOT_STRICTLY_FALSE, [arg]) => {
                return Ok(Node::NotStrictlyFalse(Box::new(self.node(arg, true)?)));
            }
            _ => {}
        }
        let Some(Reference { function, member, overloads }) = self.checked.calls.get(&expr.id) else {
            return Err(EvalError::new(format!("unknown function: {function}")));
        };
        let mut args = Vec::with_capacity(call.args.len() + 1);
        for part in call.target.as_deref().filter(|_| *member).into_iter().chain(&call.args) {
            args.push(self.node(part, true)?);
        }
        if let (Some("optional_or_optional" | "optional_orValue_value"), 2) =
            (overloads.first().map(|overload| overload.id), args.len())
            && let (Some(other), Some(on)) = (args.pop(), args.pop())
        {
            return Ok(Node::Otherwise { parts: Box::new([on, other]), unwraps: function == "orValue" });
        }
        self.resolved(function, overloads, args)
    }

    fn resolved(
        &self,
        function: &str,
        overloads: &[crate::function::Overload],
        mut args: Vec<Node>,
    ) -> Result<Node, EvalError> {
        let only = match overloads {
            [overload] => overload.id,
            _ => "",
        };
        if matches!(function, "matches" | "find" | "findAll")
            && let Some(Node::Text(text)) = args.get(1)
        {
            // A constant pattern that means nothing is found out before anything is evaluated.
            pattern::compile(text).map_err(EvalError::new)?;
        }
        if only == "matches_string"
            && let [_, Node::Text(text)] = args.as_slice()
        {
            let compiled = pattern::compile(text).map_err(EvalError::new)?;
            let pattern_length = text.chars().count() as u64;
            args.truncate(1);
            if let Some(text) = args.pop() {
                return Ok(Node::Matches { text: Box::new(text), pattern: compiled, pattern_length });
            }
        }
        if only == "in_list"
            && let [_, Node::Constant(Value::List(list))] = args.as_slice()
            && list.iter().all(|item| is_primitive(&item))
            && same_type(&list.iter().collect::<Vec<_>>())
        {
            let constants: Vec<Value<'static>> = list.iter().collect();
            args.truncate(1);
            if let Some(item) = args.pop() {
                return Ok(Node::InConstants { item: Box::new(item), constants: constants.into() });
            }
        }
        let folds = CONVERSIONS.contains(&function) && matches!(args.as_slice(), [Node::Constant(_) | Node::Text(_)]);
        let node = Node::Call { function: function.into(), overloads: overloads.into(), args: args.into() };
        if !folds {
            return Ok(node);
        }
        let activation: [(&str, Value<'_>); 0] = [];
        let value = run(&node, 0, &[], &activation, u64::MAX).value?;
        Ok(detached(&value).map_or(node, Node::Constant))
    }

    fn list(&mut self, elements: &'a [Expr], optional: &[usize]) -> Result<Node, EvalError> {
        let mut nodes = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            nodes.push((self.node(element, true)?, optional.contains(&index)));
        }
        let values: Option<Vec<Value<'static>>> =
            nodes.iter().map(|(node, optional)| if *optional { None } else { value_of(node) }).collect();
        Ok(match values {
            Some(values) => Node::Constant(Value::list(values)),
            None => Node::List(nodes.into()),
        })
    }

    fn fold(&mut self, fold: &'a Comprehension) -> Result<Node, EvalError> {
        let range = self.node(&fold.iter_range, true)?;
        let init = self.node(&fold.accu_init, true)?;
        let depth = self.scope.len();
        // Places are given back when a loop ends: loops one after another share them.
        let slot = self.scope.iter().map(|(_, slot)| slot + 1).max().unwrap_or(0);
        self.scope.push((&fold.accu_var, slot));
        self.scope.push((&fold.iter_var, slot + 1));
        if let Some(name) = &fold.iter_var2 {
            self.scope.push((name, slot + 2));
        }
        self.slots = self.slots.max(slot + 3);
        let condition = self.node(&fold.loop_condition, true)?;
        let step = self.step(fold)?;
        self.scope.truncate(depth + 1);
        let result = self.node(&fold.result, true)?;
        self.scope.truncate(depth);
        let two = fold.iter_var2.is_some();
        Ok(Node::Fold(Box::new(Fold { range, slot, two, init, condition, step, result })))
    }

    /// Steps that add to the accumulator do so in place, or loops over long lists would copy it again and again.
    fn step(&mut self, fold: &'a Comprehension) -> Result<Step, EvalError> {
        let is_accumulator = |expr: &Expr| matches!(&expr.kind, ExprKind::Ident(name) if *name == fold.accu_var);
        let (predicate, step) = match &fold.loop_step.kind {
            ExprKind::Call(Call { function, args, .. }) if function == operators::CONDITIONAL => {
                match args.as_slice() {
                    [predicate, step, accumulator] if is_accumulator(accumulator) => (Some(predicate), step),
                    _ => (None, &fold.loop_step),
                }
            }
            _ => (None, &fold.loop_step),
        };
        if let ExprKind::Call(Call { function, args, .. }) = &step.kind
            && args.first().is_some_and(is_accumulator)
        {
            let predicate = |planner: &mut Self| predicate.map(|expr| planner.node(expr, true)).transpose();
            match (function.as_str(), &args[1..]) {
                (operators::ADD, [Expr { kind: ExprKind::List { elements, optional }, .. }])
                    if matches!(&fold.accu_init.kind, ExprKind::List { elements, .. } if elements.is_empty())
                        && optional.is_empty() =>
                {
                    if let [item] = elements.as_slice() {
                        let predicate = predicate(self)?;
                        let item = self.node(item, true)?;
                        // The accumulator, the list around the item, and the sum.
                        let list = if value_of(&item).is_some() { 0 } else { LIST };
                        return Ok(Step::Append { predicate, item, charge: SELECT + list + 1 });
                    }
                }
                (operators::MAP_INSERT, [key, value]) => {
                    let predicate = predicate(self)?;
                    let (key, value) = (Some(self.node(key, true)?), self.node(value, true)?);
                    return Ok(Step::Insert { predicate, key, value });
                }
                (operators::MAP_INSERT, [entries]) => {
                    let predicate = predicate(self)?;
                    let value = self.node(entries, true)?;
                    return Ok(Step::Insert { predicate, key: None, value });
                }
                _ => {}
            }
        }
        Ok(Step::Set(self.node(&fold.loop_step, true)?))
    }
}

fn constant(literal: &Literal) -> Node {
    Node::Constant(match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Int(value) => Value::Int(*value),
        Literal::Uint(value) => Value::Uint(*value),
        Literal::Double(value) => Value::Double(*value),
        Literal::String(text) => return Node::Text(text.to_string().into()),
        Literal::Bytes(bytes) => Value::Bytes(bytes.clone()),
    })
}

fn value_of(node: &Node) -> Option<Value<'static>> {
    match node {
        Node::Constant(value) => Some(value.clone()),
        Node::Text(text) => Some(Value::string(&**text)),
        _ => None,
    }
}

/// A map of constants is a constant.
fn fold_map(nodes: Vec<(Node, Node, bool)>) -> Node {
    let mut entries = Entries::default();
    for (key, value, optional) in &nodes {
        let inserted = match (value_of(key).as_ref().and_then(Key::of), value_of(value)) {
            (Some(key), Some(value)) => !optional && entries.insert(key, value),
            _ => false,
        };
        if !inserted {
            return Node::Map(nodes.into());
        }
    }
    Node::Constant(Value::Map(Map::Values(entries.into())))
}

/// The same value without borrowed parts, for the simple values that conversions make.
fn detached(value: &Value<'_>) -> Option<Value<'static>> {
    Some(match value {
        Value::Null => Value::Null,
        Value::Bool(value) => Value::Bool(*value),
        Value::Int(value) => Value::Int(*value),
        Value::Uint(value) => Value::Uint(*value),
        Value::Double(value) => Value::Double(*value),
        Value::String(text) => Value::string(&**text),
        Value::Bytes(bytes) => Value::Bytes(bytes.clone()),
        Value::Timestamp(timestamp) => Value::Timestamp(*timestamp),
        Value::Duration(duration) => Value::Duration(*duration),
        Value::Type(ty) => Value::Type(ty.clone()),
        _ => return None,
    })
}

fn is_primitive(value: &Value<'_>) -> bool {
    matches!(value, Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::String(_))
}

fn same_type(values: &[Value<'_>]) -> bool {
    values.windows(2).all(|pair| matching(&pair[0].ty(), &pair[1]))
}
