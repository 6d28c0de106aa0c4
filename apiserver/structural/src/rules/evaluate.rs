//! Evaluates rules over an object, in the order and words of upstream.

use kubernel_cel::declare::DeclType;
use kubernel_cel::value::{Map as CelMap, from_typed_json};
use kubernel_cel::{Activation, EvalError, Value as CelValue};
use kubernel_meta::field::{Error, Path, Reason};
use serde_json::{Map, Value};

use super::{BUDGET, CALL_COST_MAX, Ready, Rules};
use crate::lists;
use crate::node::{Kind, Node, Rule};
use crate::trail::Trail;

/// The longest message that an expression may make, in bytes.
const MESSAGE_BYTES_MAX: usize = 5 * 1024;
const BUDGET_SPENT: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";

/// Evaluates all rules; what is wrong is added to `errors`, and to the list that comes back where it was wrong before and
/// did not change.
pub(crate) fn check(
    rules: &Rules,
    node: &Node,
    new: &Map<String, Value>,
    old: Option<&Map<String, Value>>,
    trail: Trail<'_>,
    errors: &mut Vec<Error>,
) -> Vec<Error> {
    let mut run = Run { left: BUDGET, errors, let_through: Vec::new() };
    let at = At { rules, node, trail: &trail };
    let _ = run.own(&at, Thing::Map(new), old.map(Thing::Map), old == Some(new));
    if !run.spent() {
        let _ = run.map(&at, new, old, old == Some(new), old.is_some());
    }
    run.let_through
}

/// The same for a value that is new, such as a default.
pub(crate) fn check_value(rules: &Rules, node: &Node, new: &Value, trail: Trail<'_>, errors: &mut Vec<Error>) {
    let mut run = Run { left: BUDGET, errors, let_through: Vec::new() };
    let _ = run.value(&At { rules, node, trail: &trail }, new, None, false, false);
}

/// Ends the run: the budget is spent.
struct Spent;

struct Run<'a> {
    left: u64,
    errors: &'a mut Vec<Error>,
    let_through: Vec<Error>,
}

/// A level of the schema, and where it is in the object.
struct At<'a> {
    rules: &'a Rules,
    node: &'a Node,
    trail: &'a Trail<'a>,
}

/// A value, or the root object, which is a map without a value around it.
#[derive(Clone, Copy)]
enum Thing<'a> {
    Value(&'a Value),
    Map(&'a Map<String, Value>),
}

struct Variables<'a> {
    new: CelValue<'a>,
    old: Option<CelValue<'a>>,
}

impl Activation for Variables<'_> {
    fn resolve(&self, name: &str) -> Option<Result<CelValue<'_>, EvalError>> {
        match name {
            "self" => Some(Ok(self.new.clone())),
            "oldSelf" => self.old.clone().map(Ok),
            _ => None,
        }
    }
}

impl Run<'_> {
    fn spent(&self) -> bool {
        self.left == 0
    }

    /// `same`: this level, or the nearest one around it that has an old value, did not change.
    fn value(&mut self, at: &At<'_>, new: &Value, old: Option<&Value>, same: bool, known: bool) -> Result<(), Spent> {
        if new.is_null() {
            return Ok(());
        }
        let old = old.filter(|old| !old.is_null());
        self.own(at, Thing::Value(new), old.map(Thing::Value), same)?;
        match new {
            Value::Object(map) => self.map(at, map, old.and_then(Value::as_object), same, known),
            Value::Array(list) => self.list(at, list, old.and_then(Value::as_array), same),
            _ => Ok(()),
        }
    }

    fn map(
        &mut self,
        at: &At<'_>,
        new: &Map<String, Value>,
        old: Option<&Map<String, Value>>,
        same: bool,
        known: bool,
    ) -> Result<(), Spent> {
        let old = old.filter(|_| !at.node.atomic);
        for (key, value) in new {
            let child = match (at.rules.property(key), at.node.property(key)) {
                (Some(rules), Some(node)) => Some((rules, node, Trail::Field(at.trail, key))),
                (None, Some(_)) => None,
                _ => at
                    .rules
                    .additional
                    .as_deref()
                    .zip(at.node.additional_schema())
                    .map(|(rules, node)| (rules, node, Trail::Key(at.trail, key))),
            };
            let Some((rules, node, trail)) = child else { continue };
            let old = old.and_then(|old| old.get(key));
            let same = if known && old.is_some() { old == Some(value) } else { same };
            self.value(&At { rules, node, trail: &trail }, value, old, same, known && old.is_some())?;
        }
        Ok(())
    }

    fn list(&mut self, at: &At<'_>, new: &[Value], old: Option<&Vec<Value>>, same: bool) -> Result<(), Spent> {
        let Some((rules, node)) = at.rules.items.as_deref().zip(at.node.items.as_deref()) else { return Ok(()) };
        let correlation = lists::Correlation::new(at.node, old);
        for (index, item) in new.iter().enumerate() {
            let old = correlation.as_ref().and_then(|correlation| correlation.of(item));
            let same = old.map_or(same, |old| old == item);
            let trail = Trail::Index(at.trail, index);
            self.value(&At { rules, node, trail: &trail }, item, old, same, old.is_some())?;
        }
        Ok(())
    }

    /// The rules of one level.
    fn own(&mut self, at: &At<'_>, new: Thing<'_>, old: Option<Thing<'_>>, same: bool) -> Result<(), Spent> {
        if at.rules.own.is_empty() {
            return Ok(());
        }
        let kind = at.node.kind.map_or("", Kind::name);
        if self.spent() {
            self.errors.push(at.trail.path().invalid(kind, BUDGET_SPENT));
            return Err(Spent);
        }
        let decl = at.rules.decl.as_deref();
        let plain = Variables { new: of_value(new, decl), old: old.map(|old| of_value(old, decl)) };
        let optional = Variables {
            new: plain.new.clone(),
            old: Some(plain.old.clone().map_or_else(CelValue::none, CelValue::some)),
        };
        for ready in &at.rules.own {
            let rule = &ready.rule;
            let program = match &ready.program {
                Ok(program) => program,
                Err(text) => {
                    self.errors.push(at.trail.path().invalid(kind, format!("rule compile error: {text}")));
                    continue;
                }
            };
            let is_optional = rule.optional_old_self == Some(true);
            if ready.uses_old_self && old.is_none() && !is_optional {
                continue;
            }
            let variables = if is_optional { &optional } else { &plain };
            let outcome = program.evaluate(variables, CALL_COST_MAX);
            let Some(left) = self.left.checked_sub(outcome.cost) else {
                self.left = 0;
                self.errors.push(at.trail.path().invalid(kind, BUDGET_SPENT));
                return Err(Spent);
            };
            self.left = left;
            match outcome.value {
                Ok(CelValue::Bool(true)) => {}
                Ok(_) => self.failed(at, ready, new, variables, same)?,
                Err(EvalError::CostLimit) => {
                    let detail = format!(
                        "'{}': no further validation rules will be run due to call cost exceeds limit for rule: {}",
                        EvalError::CostLimit,
                        shown(rule)
                    );
                    self.errors.push(at.trail.path().invalid(kind, detail));
                    self.left = 0;
                    return Err(Spent);
                }
                Err(error) => {
                    let text = error.to_string();
                    let detail = if text.starts_with("no such overload") {
                        format!(
                            "'{text}': call arguments did not match a supported operator, function or macro signature \
                             for rule: {}",
                            shown(rule)
                        )
                    } else {
                        format!("{text} evaluating rule: {}", shown(rule))
                    };
                    self.errors.push(at.trail.path().invalid(kind, detail));
                }
            }
        }
        Ok(())
    }

    /// A rule is false.
    fn failed(
        &mut self,
        at: &At<'_>,
        ready: &Ready,
        new: Thing<'_>,
        variables: &Variables<'_>,
        same: bool,
    ) -> Result<(), Spent> {
        let path = match &ready.field {
            Some(field) => below(&at.trail.path(), field),
            None => at.trail.path(),
        };
        let lets_through = same && !ready.uses_old_self;
        let detail = match self.message(ready, variables) {
            Ok(Some(message)) => message,
            Ok(None) if ready.rule.message.is_empty() => format!("failed rule: {}", shown(&ready.rule)),
            Ok(None) => ready.rule.message.trim().to_owned(),
            Err(text) => {
                let wrong = path.invalid(at.node.kind.map_or("", Kind::name), text);
                if lets_through {
                    self.let_through.push(wrong)
                } else {
                    self.errors.push(wrong)
                }
                self.left = 0;
                return Err(Spent);
            }
        };
        let wrong = error(&path, at.node, new, detail, ready.rule.reason.as_deref());
        if lets_through {
            self.let_through.push(wrong)
        } else {
            self.errors.push(wrong)
        }
        Ok(())
    }

    /// What the rule's expression for its message says; `None` where there is none, or it says nothing fit to print; an
    /// error where it cost too much.
    fn message(&mut self, ready: &Ready, variables: &Variables<'_>) -> Result<Option<String>, String> {
        let Some(program) = &ready.message else { return Ok(None) };
        let outcome = program.evaluate(variables, CALL_COST_MAX);
        self.left = self.left.checked_sub(outcome.cost).ok_or(
            "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run",
        )?;
        match outcome.value {
            Err(EvalError::CostLimit) => Err(format!(
                "no further validation rules will be run due to call cost exceeds limit for messageExpression: {}",
                kubernel_meta::field::go_quoted(&ready.rule.message_expression)
            )),
            Err(_) => Ok(None),
            Ok(value) => {
                let text = value.as_str().unwrap_or_default().trim();
                let fit = !text.is_empty() && text.len() <= MESSAGE_BYTES_MAX && !text.contains('\n');
                Ok(fit.then(|| text.to_owned()))
            }
        }
    }
}

fn of_value<'a>(thing: Thing<'a>, declared: Option<&'a DeclType>) -> CelValue<'a> {
    match thing {
        Thing::Value(value) => from_typed_json(value, declared),
        Thing::Map(members) => CelValue::Map(CelMap::Json { members, declared }),
    }
}

/// The field error of a rule's reason. Maps and lists are not shown.
fn error(path: &Path, node: &Node, new: Thing<'_>, detail: String, reason: Option<&str>) -> Error {
    let composite = matches!(node.kind, Some(Kind::Object | Kind::Array));
    let value = match new {
        Thing::Value(value) if !composite => value.clone(),
        _ => Value::Null,
    };
    let error = match reason {
        Some("FieldValueForbidden") => return path.forbidden(detail),
        Some("FieldValueRequired") => return path.required(detail),
        Some("FieldValueDuplicate") => path.duplicate(value),
        _ => path.error(Reason::Invalid, value, detail),
    };
    if composite { error.shown_as("") } else { error }
}

/// The path of a field below another path; the root's has no text of its own.
fn below(path: &Path, field: &str) -> Path {
    if path.as_str() == crate::trail::NOWHERE { Path::root(field) } else { path.child(field) }
}

fn shown(rule: &Rule) -> &str {
    if rule.message.is_empty() { rule.rule.trim() } else { rule.message.trim() }
}
