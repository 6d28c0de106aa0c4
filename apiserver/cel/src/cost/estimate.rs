//! The cost of a checked expression before it runs, as a range.
//!
//! Sizes of values come from literals, from what calls say about their results, and from a [`SizeEstimator`], which
//! knows how large the values of variables and their fields can be.

use std::collections::HashMap;

use crate::ast::{ACCUMULATOR, Call, Comprehension, Expr, ExprKind, Id, Literal};
use crate::cost::{LIST, MAP, OBJECT, Range, SELECT};
use crate::declare::DeclType;
use crate::environment::Checked;
use crate::types::Type;

/// Knows the sizes of values that come from outside.
pub trait SizeEstimator {
    /// The size of what a path reaches: a variable, then names of fields, `@items`, `@keys`, `@values`, `@indices`.
    fn size(&self, path: &[&str]) -> Option<Range>;
}

/// The sizes of declared variables.
#[derive(Clone, Debug, Default)]
pub struct DeclSizes<'a> {
    /// The declared types of variables by name.
    pub variables: HashMap<&'a str, &'a DeclType>,
}

impl SizeEstimator for DeclSizes<'_> {
    fn size(&self, path: &[&str]) -> Option<Range> {
        let (variable, steps) = path.split_first()?;
        let start = *self.variables.get(variable)?;
        let reached = steps.iter().try_fold(start, |at, step| at.step(step))?;
        Some(Range { min: 0, max: reached.elements_max })
    }
}

/// What a call costs, and how large its result is.
#[derive(Clone, Copy, Debug)]
pub struct CallEstimate {
    /// The cost without that of the arguments.
    pub cost: Range,
    /// The size of the result, where it has one.
    pub result_size: Option<Range>,
}

impl CallEstimate {
    /// A cost alone.
    #[must_use]
    pub fn cost(cost: Range) -> CallEstimate {
        CallEstimate { cost, result_size: None }
    }

    /// A cost and the size of the result.
    #[must_use]
    pub fn sized(cost: Range, result_size: Range) -> CallEstimate {
        CallEstimate { cost, result_size: Some(result_size) }
    }
}

/// A call whose cost is asked for.
pub struct EstimateCall<'a> {
    /// The name of the function.
    pub function: &'a str,
    /// The overload.
    pub overload: &'a str,
    /// The target, in `target.function()`.
    pub target: Option<EstimateNode<'a>>,
    /// The arguments.
    pub args: Vec<EstimateNode<'a>>,
    sizes: &'a dyn SizeEstimator,
}

/// The target or an argument of such a call.
#[derive(Clone)]
pub struct EstimateNode<'a> {
    /// The path from a variable, if the value comes straight from one; see [`SizeEstimator::size`].
    pub path: Vec<&'a str>,
    /// The type.
    pub ty: Type,
    /// The expression.
    pub expr: &'a Expr,
    /// The size, as far as the expression and its types say it.
    pub computed_size: Option<Range>,
}

impl EstimateCall<'_> {
    /// The size of the target or an argument; unknown if nothing says it.
    #[must_use]
    pub fn size(&self, node: &EstimateNode<'_>) -> Range {
        node.computed_size.or_else(|| self.sizes.size(&node.path)).unwrap_or(Range::UNKNOWN)
    }

    /// The size of the items of a list that comes from a variable; unknown if nothing says it.
    #[must_use]
    pub fn item_size(&self, node: &EstimateNode<'_>) -> Range {
        if node.path.is_empty() {
            return Range::UNKNOWN;
        }
        let mut path = node.path.clone();
        path.push("@items");
        self.sizes.size(&path).unwrap_or(Range::UNKNOWN)
    }
}

/// The size of entries of a list or map that an expression makes.
#[derive(Clone, Copy)]
struct EntrySize {
    is_list: bool,
    key: Range,
    value: Range,
}

impl EntrySize {
    fn union(self, other: EntrySize) -> EntrySize {
        EntrySize { is_list: self.is_list, key: self.key.union(other.key), value: self.value.union(other.value) }
    }
}

/// A variable of a comprehension.
struct Local<'a> {
    path: Vec<&'a str>,
    size: Option<Range>,
    entry: Option<EntrySize>,
}

/// Estimates the cost of a checked expression.
#[must_use]
pub(crate) fn estimate(checked: &Checked, sizes: &dyn SizeEstimator) -> Range {
    let mut coster = Coster {
        checked,
        sizes,
        paths: HashMap::new(),
        locals: HashMap::new(),
        computed: HashMap::new(),
        entries: HashMap::new(),
    };
    coster.cost(&checked.expr)
}

struct Coster<'a> {
    checked: &'a Checked,
    sizes: &'a dyn SizeEstimator,
    paths: HashMap<Id, Vec<&'a str>>,
    locals: HashMap<&'a str, Vec<Local<'a>>>,
    computed: HashMap<Id, Range>,
    entries: HashMap<Id, EntrySize>,
}

impl<'a> Coster<'a> {
    fn cost(&mut self, expr: &'a Expr) -> Range {
        match &expr.kind {
            ExprKind::Literal(_) | ExprKind::Unspecified => Range::ZERO,
            ExprKind::Ident(name) => {
                let path = self.local(name).map_or_else(|| vec![name.as_str()], |local| local.path.clone());
                self.paths.insert(expr.id, path);
                Range::fixed(SELECT)
            }
            ExprKind::Select { operand, field, test_only } => self.select(expr, operand, field, *test_only),
            ExprKind::Call(call) => self.call(expr, call),
            ExprKind::List { elements, .. } => self.list(expr, elements),
            ExprKind::Map(entries) => {
                let (mut sum, empty) = (Range::ZERO, entries.is_empty());
                let nothing = Range { min: if empty { 0 } else { u64::MAX }, max: 0 };
                let (mut key, mut value) = (nothing, nothing);
                for entry in entries {
                    sum = sum + self.cost(&entry.key) + self.cost(&entry.value);
                    key = key.union(self.size_or_unknown(&entry.key));
                    value = value.union(self.size_or_unknown(&entry.value));
                }
                self.entries.insert(expr.id, EntrySize { is_list: false, key, value });
                sum + Range::fixed(MAP)
            }
            ExprKind::Struct { fields, .. } => {
                fields.iter().fold(Range::fixed(OBJECT), |sum, field| sum + self.cost(&field.value))
            }
            ExprKind::Comprehension(comprehension) => self.comprehension(expr, comprehension),
        }
    }

    fn select(&mut self, expr: &'a Expr, operand: &'a Expr, field: &'a str, test_only: bool) -> Range {
        let sum = self.cost(operand);
        if test_only {
            // The presence test has no cost of its own.
            return sum;
        }
        let step = match self.ty(operand) {
            Type::Map(..) | Type::Object(_) | Type::Param(_) => SELECT,
            _ => 0,
        };
        let mut path = self.path(operand);
        path.push(field);
        self.paths.insert(expr.id, path);
        sum + Range::fixed(step)
    }

    fn list(&mut self, expr: &'a Expr, elements: &'a [Expr]) -> Range {
        let mut sum = Range::ZERO;
        let mut value = Range { min: if elements.is_empty() { 0 } else { u64::MAX }, max: 0 };
        for element in elements {
            sum = sum + self.cost(element);
            value = value.union(self.size_or_unknown(element));
        }
        self.entries.insert(expr.id, EntrySize { is_list: true, key: Range::fixed(1), value });
        sum + Range::fixed(LIST)
    }

    fn call(&mut self, expr: &'a Expr, call: &'a Call) -> Range {
        if call.function == "dyn"
            && let [arg] = call.args.as_slice()
        {
            let cost = self.cost(arg);
            if let Some(size) = self.size(arg) {
                self.computed.insert(expr.id, size);
            }
            if let Some(entry) = self.entry_size(arg) {
                self.entries.insert(expr.id, entry);
            }
            return cost + Range::fixed(1);
        }
        let mut args = Vec::with_capacity(call.args.len());
        let mut arg_costs = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            arg_costs.push(self.cost(arg));
            args.push(self.node(arg));
        }
        let Some(reference) = self.checked.calls.get(&expr.id) else {
            return Range::ZERO;
        };
        let mut sum = Range::ZERO;
        let mut target = None;
        if let (Some(on), true) = (&call.target, reference.member) {
            sum = sum + self.cost(on);
            target = Some(self.node(on));
        }
        let mut cost = Range { min: u64::MAX, max: 0 };
        let mut result_size: Option<Range> = None;
        for overload in &reference.overloads {
            let call = EstimateCall {
                function: &reference.function,
                overload: overload.id,
                target: target.clone(),
                args: args.clone(),
                sizes: self.sizes,
            };
            let estimate = match overload.id {
                "logical_or" | "logical_and" => CallEstimate::cost(Range {
                    min: arg_costs[0].min,
                    max: arg_costs[0].max.saturating_add(arg_costs[1].max),
                }),
                "conditional" => self.conditional(expr, &call.args, &arg_costs),
                _ => {
                    let before = overload
                        .estimate
                        .and_then(|estimate| estimate(&call))
                        .unwrap_or(CallEstimate::cost(Range::fixed(1)));
                    let spent = arg_costs.iter().fold(before.cost, |sum, cost| sum + *cost);
                    CallEstimate { cost: spent, ..before }
                }
            };
            if matches!(overload.id, "add_list" | "add_string" | "add_bytes")
                && let [left, right] = call.args.as_slice()
                && let (Some(left), Some(right)) = (self.entry_size(left.expr), self.entry_size(right.expr))
            {
                self.entries.insert(expr.id, left.union(right));
            }
            cost = cost.union(estimate.cost);
            if let Some(size) = estimate.result_size {
                result_size = Some(result_size.map_or(size, |known| known.union(size)));
            }
            let step = match overload.id {
                "index_list" => "@items",
                "index_map" => "@values",
                _ => "",
            };
            if let (false, Some(on)) = (step.is_empty(), call.args.first()) {
                result_size = self.entry_size(on.expr).map(|entry| entry.value);
                let mut path = self.path(on.expr);
                path.push(step);
                self.paths.insert(expr.id, path);
            }
            if result_size.is_none() {
                result_size = self.size(expr);
            }
        }
        if let Some(size) = result_size {
            self.computed.insert(expr.id, size);
        }
        sum + cost
    }

    fn conditional(&mut self, expr: &'a Expr, args: &[EstimateNode<'a>], costs: &[Range]) -> CallEstimate {
        let unknown = |node: &EstimateNode<'_>| node.computed_size.unwrap_or(Range::UNKNOWN);
        let size = unknown(&args[1]).union(unknown(&args[2]));
        if let (Some(left), Some(right)) = (self.entry_size(args[1].expr), self.entry_size(args[2].expr)) {
            self.entries.insert(expr.id, left.union(right));
        }
        CallEstimate::sized(costs[0] + costs[1].union(costs[2]), size)
    }

    fn comprehension(&mut self, expr: &'a Expr, fold: &'a Comprehension) -> Range {
        if is_bind(fold) {
            let sum = self.cost(&fold.iter_range) + self.cost(&fold.accu_init);
            self.push_accumulator(fold);
            let sum = sum + self.cost(&fold.result);
            self.pop(&fold.accu_var);
            if let Some(size) = self.size(&fold.result) {
                self.computed.insert(expr.id, size);
            }
            if let Some(entry) = self.entry_size(&fold.result) {
                self.entries.insert(expr.id, entry);
            }
            return sum;
        }
        let sum = self.cost(&fold.iter_range) + self.cost(&fold.accu_init);
        self.push_accumulator(fold);
        let entry = self.entry_size(&fold.iter_range);
        let is_list = entry.map_or_else(|| matches!(self.ty(&fold.iter_range), Type::List(_)), |entry| entry.is_list);
        let (key, value) = (entry.map(|entry| entry.key), entry.map(|entry| entry.value));
        let range = &fold.iter_range;
        match &fold.iter_var2 {
            Some(second) => {
                self.push_step(&fold.iter_var, range, if is_list { "@indices" } else { "@keys" }, key);
                self.push_step(second, range, if is_list { "@items" } else { "@values" }, value);
            }
            None if is_list => self.push_step(&fold.iter_var, range, "@items", value),
            None => self.push_step(&fold.iter_var, range, "@keys", key),
        }
        let each = self.cost(&fold.loop_condition);
        let each = self.cost(&fold.loop_step) + each;
        self.pop(&fold.iter_var);
        if let Some(second) = &fold.iter_var2 {
            self.pop(second);
        }
        let sum = sum + self.cost(&fold.result);
        self.pop(&fold.accu_var);
        let times = self.size_or_unknown(&fold.iter_range);
        match &fold.accu_init.kind {
            ExprKind::Literal(_) => {
                if let Some(size) = self.size(&fold.accu_init) {
                    self.computed.insert(expr.id, size);
                }
            }
            ExprKind::List { .. } | ExprKind::Map(_) => {
                self.computed.insert(expr.id, times);
                if let Some(entry) = self.entry_size(&fold.loop_step) {
                    self.entries.insert(expr.id, entry);
                }
            }
            _ => {}
        }
        sum + times * each
    }

    fn push_accumulator(&mut self, fold: &'a Comprehension) {
        let local = Local {
            path: self.path(&fold.accu_init),
            size: self.size(&fold.accu_init),
            entry: self.entry_size(&fold.accu_init),
        };
        self.locals.entry(&fold.accu_var).or_default().push(local);
    }

    fn push_step(&mut self, name: &'a str, range: &'a Expr, step: &'a str, size: Option<Range>) {
        let mut path = self.path(range);
        path.push(step);
        self.locals.entry(name).or_default().push(Local { path, size, entry: None });
    }

    fn pop(&mut self, name: &str) {
        if let Some(stack) = self.locals.get_mut(name) {
            stack.pop();
        }
    }

    fn local(&self, name: &str) -> Option<&Local<'a>> {
        self.locals.get(name)?.last()
    }

    fn ty(&self, expr: &Expr) -> Type {
        self.checked.types.get(expr.id).cloned().unwrap_or(Type::Dyn)
    }

    fn path(&self, expr: &'a Expr) -> Vec<&'a str> {
        if let ExprKind::Ident(name) = &expr.kind
            && let Some(local) = self.local(name)
        {
            return local.path.clone();
        }
        self.paths.get(&expr.id).cloned().unwrap_or_default()
    }

    fn node(&mut self, expr: &'a Expr) -> EstimateNode<'a> {
        let mut path = self.path(expr);
        if path.first().is_some_and(|root| *root == ACCUMULATOR) {
            path.clear();
        }
        EstimateNode { path, ty: self.ty(expr), expr, computed_size: self.size(expr) }
    }

    fn size_or_unknown(&mut self, expr: &'a Expr) -> Range {
        self.size(expr).unwrap_or(Range::UNKNOWN)
    }

    fn size(&mut self, expr: &'a Expr) -> Option<Range> {
        if let Some(size) = self.computed.get(&expr.id) {
            return Some(*size);
        }
        if let Some(size) = literal_size(expr) {
            return Some(Range::fixed(size));
        }
        let path = self.path(expr);
        if !path.is_empty()
            && let Some(size) = self.sizes.size(&path)
        {
            self.computed.insert(expr.id, size);
            return Some(size);
        }
        if is_scalar(&self.ty(expr)) {
            return Some(Range::fixed(1));
        }
        match &expr.kind {
            ExprKind::Ident(name) => self.local(name)?.size,
            _ => None,
        }
    }

    fn entry_size(&self, expr: &Expr) -> Option<EntrySize> {
        if let Some(entry) = self.entries.get(&expr.id) {
            return Some(*entry);
        }
        match &expr.kind {
            ExprKind::Ident(name) => self.local(name)?.entry,
            _ => None,
        }
    }
}

/// What `cel.bind` and `optMap` become: a loop over nothing.
fn is_bind(fold: &Comprehension) -> bool {
    matches!(&fold.iter_range.kind, ExprKind::List { elements, .. } if elements.is_empty())
        && matches!(fold.loop_condition.kind, ExprKind::Literal(Literal::Bool(false)))
        && fold.accu_var != ACCUMULATOR
}

fn literal_size(expr: &Expr) -> Option<u64> {
    let size = match &expr.kind {
        ExprKind::Literal(Literal::String(text)) => text.chars().count(),
        ExprKind::Literal(Literal::Bytes(bytes)) => bytes.len(),
        ExprKind::Literal(_) => 1,
        ExprKind::List { elements, .. } => elements.len(),
        ExprKind::Map(entries) => entries.len(),
        _ => return None,
    };
    Some(size as u64)
}

/// Whether values of the type always have the same size.
fn is_scalar(ty: &Type) -> bool {
    match ty {
        Type::Bool | Type::Double | Type::Duration | Type::Int | Type::Timestamp | Type::Uint => true,
        other => other.optional_target().is_some_and(is_scalar),
    }
}
