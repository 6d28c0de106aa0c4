//! Going through the nodes of a program.

use std::cmp::Ordering;

use regex::Regex;

use crate::ast::operators;
use crate::cost::{LIST, MAP, OBJECT, REGEX_LENGTH, SELECT, STRING_TRAVERSAL, size_of, traversal};
use crate::environment::{Activation, Outcome};
use crate::error::EvalError;
use crate::evaluate::{Node, Providers};
use crate::function::Overload;
use crate::types::Type;
use crate::value::{Entries, Key, Map, Value, compare, equal, show};

pub(super) type Result<'a> = std::result::Result<Value<'a>, EvalError>;

/// Evaluates a program.
pub(crate) fn run<'a>(
    root: &'a Node,
    slots: usize,
    providers: &'a Providers,
    activation: &'a dyn Activation,
    cost_max: u64,
) -> Outcome<'a> {
    let mut run = Run { activation, providers, slots: vec![Ok(Value::Null); slots], cost: 0, cost_max };
    let value = run.value(root);
    Outcome { value, cost: run.cost }
}

pub(super) struct Run<'a> {
    activation: &'a dyn Activation,
    providers: &'a Providers,
    pub(super) slots: Vec<Result<'a>>,
    cost: u64,
    cost_max: u64,
}

impl<'a> Run<'a> {
    pub(super) fn charge(&mut self, cost: u64) -> std::result::Result<(), EvalError> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > self.cost_max { Err(EvalError::CostLimit) } else { Ok(()) }
    }

    pub(super) fn value(&mut self, node: &'a Node) -> Result<'a> {
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Text(text) => Ok(Value::text(text)),
            Node::Slot { slot, charge } => {
                self.charge(*charge)?;
                self.slots[*slot].clone()
            }
            Node::Variable { name, charge } => {
                self.charge(*charge)?;
                self.activation
                    .resolve(name)
                    .unwrap_or_else(|| Err(EvalError::new(format!("no such attribute(s): {name}"))))
            }
            Node::Select { operand, field, optional, charge } => {
                let on = self.value(operand)?;
                self.select(on, field, *optional, *charge)
            }
            Node::Has { operand, field } => self.has(operand, field),
            Node::Index { operand, index, optional, charge } => {
                let on = self.value(operand)?;
                let index = self.value(index)?;
                self.index(on, index, *optional, *charge)
            }
            Node::Conditional(parts) => self.conditional(parts),
            Node::Logical { parts, decides } => self.logical(parts, *decides),
            Node::Equal { parts, negated } => self.equal(parts, *negated),
            Node::NotStrictlyFalse(part) => self.not_strictly_false(part),
            Node::Otherwise { parts, unwraps } => self.otherwise(parts, *unwraps),
            Node::InConstants { item, constants } => {
                let item = self.value(item)?;
                Ok(Value::Bool(constants.iter().any(|constant| equal(constant, &item))))
            }
            Node::Matches { text, pattern, pattern_length } => self.matches(text, pattern, *pattern_length),
            Node::Call { function, overloads, args } => self.call(function, overloads, args),
            Node::List(elements) => self.list(elements),
            Node::Map(entries) => self.map(entries),
            Node::Object { name, fields } => self.object(name, fields),
            Node::Fold(fold) => self.fold(fold),
        }
    }

    fn has(&mut self, operand: &'a Node, field: &str) -> Result<'a> {
        let on = match self.value(operand)? {
            Value::Optional(None) => {
                self.charge(SELECT)?;
                return Ok(Value::Bool(false));
            }
            Value::Optional(Some(value)) => (*value).clone(),
            other => other,
        };
        self.charge(SELECT)?;
        match &on {
            // Nothing is computed only to see that it is there.
            Value::Map(Map::Lazy(fields)) => Ok(Value::Bool(fields.names().contains(&field))),
            _ => Ok(Value::Bool(field_of(&on, field).transpose()?.is_some())),
        }
    }

    fn conditional(&mut self, parts: &'a [Node; 3]) -> Result<'a> {
        let [condition, yes, no] = parts;
        match self.value(condition)? {
            Value::Bool(true) => self.value(yes),
            Value::Bool(false) => self.value(no),
            _ => Err(EvalError::no_such_overload()),
        }
    }

    fn equal(&mut self, parts: &'a [Node; 2], negated: bool) -> Result<'a> {
        let [left, right] = parts;
        let (left, right) = (self.value(left)?, self.value(right)?);
        self.charge(traversal(size_of(&left).min(size_of(&right)), STRING_TRAVERSAL))?;
        Ok(Value::Bool(equal(&left, &right) != negated))
    }

    fn not_strictly_false(&mut self, part: &'a Node) -> Result<'a> {
        let value = match self.value(part) {
            Err(EvalError::CostLimit) => return Err(EvalError::CostLimit),
            other => other,
        };
        self.charge(1)?;
        Ok(Value::Bool(!matches!(value, Ok(Value::Bool(false)))))
    }

    fn otherwise(&mut self, parts: &'a [Node; 2], unwraps: bool) -> Result<'a> {
        let [on, other] = parts;
        match self.value(on)? {
            Value::Optional(None) => self.value(other),
            Value::Optional(Some(value)) if unwraps => Ok((*value).clone()),
            Value::Optional(Some(value)) => Ok(Value::Optional(Some(value))),
            _ => Err(EvalError::no_such_overload()),
        }
    }

    fn matches(&mut self, text: &'a Node, pattern: &Regex, pattern_length: u64) -> Result<'a> {
        let text = self.value(text)?;
        let Value::String(text) = &text else {
            return Err(no_overload("matches", &[text, Value::text("")]));
        };
        let length = text.chars().count() as u64;
        self.charge(traversal(1 + length, STRING_TRAVERSAL) * traversal(pattern_length, REGEX_LENGTH))?;
        Ok(Value::Bool(pattern.is_match(text)))
    }

    /// A field of a value; of an optional value, an optional field.
    fn select(&mut self, on: Value<'a>, field: &'a str, optional: bool, charge: u64) -> Result<'a> {
        let (on, optional) = match on {
            Value::Optional(None) => return Ok(Value::none()),
            Value::Optional(Some(value)) => ((*value).clone(), true),
            other => (other, optional),
        };
        self.charge(charge)?;
        match (field_of(&on, field), optional) {
            (Some(value), true) => value.map(Value::some),
            (None, true) => Ok(Value::none()),
            (Some(value), false) => value,
            (None, false) => Err(EvalError::new(format!("no such key: {field}"))),
        }
    }

    fn index(&mut self, on: Value<'a>, index: Value<'a>, optional: bool, charge: u64) -> Result<'a> {
        let (on, optional) = match on {
            Value::Optional(None) => return Ok(Value::none()),
            Value::Optional(Some(value)) => ((*value).clone(), true),
            other => (other, optional),
        };
        self.charge(charge)?;
        match (at(&on, &index)?, optional) {
            (Some(value), true) => Ok(Value::some(value)),
            (None, true) => Ok(Value::none()),
            (Some(value), false) => Ok(value),
            (None, false) if matches!(on, Value::List(_)) => {
                Err(EvalError::new(format!("index out of bounds: {}", show(&index))))
            }
            (None, false) => Err(EvalError::new(format!("no such key: {}", show(&index)))),
        }
    }

    /// A part that decides does so also when the other fails.
    fn logical(&mut self, parts: &'a [Node; 2], decides: bool) -> Result<'a> {
        let [left, right] = parts;
        let left = self.value(left);
        match &left {
            Ok(Value::Bool(value)) if *value == decides => return left,
            Err(EvalError::CostLimit) => return left,
            _ => {}
        }
        let right = self.value(right);
        match (left, right) {
            (_, Err(EvalError::CostLimit)) => Err(EvalError::CostLimit),
            (_, Ok(Value::Bool(value))) if value == decides => Ok(Value::Bool(decides)),
            (Ok(Value::Bool(_)), Ok(Value::Bool(_))) => Ok(Value::Bool(!decides)),
            (Err(error), _) | (_, Err(error)) => Err(error),
            (Ok(_), Ok(_)) => Err(EvalError::no_such_overload()),
        }
    }

    fn call(&mut self, function: &str, overloads: &'a [Overload], args: &'a [Node]) -> Result<'a> {
        // Most calls have few arguments; a vector of them is not worth avoiding.
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            values.push(self.value(arg)?);
        }
        let fits = |overload: &&Overload| {
            overload.parameters.iter().zip(&values).all(|(parameter, value)| matching(parameter, value))
        };
        let Some(overload) = overloads.iter().find(fits) else {
            self.charge(1)?;
            return Err(no_overload(function, &values));
        };
        let result = (overload.call)(&values);
        let is_known = overloads.len() == 1 || overload.costs_when_dynamic;
        let cost = overload.cost.filter(|_| is_known).and_then(|cost| cost(&values, result.as_ref().ok())).unwrap_or(1);
        self.charge(cost)?;
        result
    }

    fn list(&mut self, elements: &'a [(Node, bool)]) -> Result<'a> {
        let mut items = Vec::with_capacity(elements.len());
        for (element, optional) in elements {
            let value = self.value(element)?;
            match (optional, value) {
                (false, value) => items.push(value),
                (true, Value::Optional(None)) => {}
                (true, Value::Optional(Some(value))) => items.push((*value).clone()),
                (true, _) => {
                    return Err(EvalError::new("cannot initialize optional list element from non-optional value"));
                }
            }
        }
        self.charge(LIST)?;
        Ok(Value::list(items))
    }

    fn map(&mut self, nodes: &'a [(Node, Node, bool)]) -> Result<'a> {
        let mut entries = Entries::default();
        for (key, value, optional) in nodes {
            let (key, value) = (self.value(key)?, self.value(value)?);
            let value = match (optional, value) {
                (false, value) => value,
                (true, Value::Optional(None)) => continue,
                (true, Value::Optional(Some(value))) => (*value).clone(),
                (true, _) => {
                    let message = format!("cannot initialize optional entry '{}' from non-optional value", show(&key));
                    return Err(EvalError::new(message));
                }
            };
            insert(&mut entries, &key, value)?;
        }
        self.charge(MAP)?;
        Ok(Value::Map(Map::Values(entries.into())))
    }

    fn object(&mut self, name: &str, nodes: &'a [(Box<str>, Node, bool)]) -> Result<'a> {
        let mut fields = Vec::with_capacity(nodes.len());
        for (field, value, optional) in nodes {
            match (optional, self.value(value)?) {
                (false, value) => fields.push((&**field, value)),
                (true, Value::Optional(None)) => {}
                (true, Value::Optional(Some(value))) => fields.push((&**field, (*value).clone())),
                (true, _) => {
                    let message = format!("cannot initialize optional entry '{field}' from non-optional value");
                    return Err(EvalError::new(message));
                }
            }
        }
        self.charge(OBJECT)?;
        let providers = self.providers;
        for provider in providers {
            // Only the provider that knows the type is asked to make one.
            if provider.find_type(name).is_some()
                && let Some(value) = provider.construct(name, std::mem::take(&mut fields))
            {
                return value;
            }
        }
        Err(EvalError::new(format!("unknown type '{name}'")))
    }
}

/// The field of a map, an object or a library's value.
fn field_of<'a>(on: &Value<'a>, field: &str) -> Option<Result<'a>> {
    match on {
        Value::Map(map) => map.get_str(field),
        Value::Opaque(opaque) => opaque.field(field).map(Ok),
        Value::List(_) => Some(Err(EvalError::new("unsupported index type 'string' in list"))),
        _ => None,
    }
}

/// The item of a list at an index, or the value of a map's key.
fn at<'a>(on: &Value<'a>, index: &Value<'a>) -> std::result::Result<Option<Value<'a>>, EvalError> {
    match on {
        Value::Map(map) => map.get(index).transpose(),
        Value::List(list) => {
            let index = match index {
                Value::Int(index) => *index,
                Value::Uint(index) => i64::try_from(*index).unwrap_or(-1),
                Value::Double(number) => match Key::lookup(index) {
                    Some(Key::Int(index)) => index,
                    _ => return Err(EvalError::new(format!("unsupported index value {number} in list"))),
                },
                other => {
                    let message = format!("unsupported index type '{}' in list", other.ty().name());
                    return Err(EvalError::new(message));
                }
            };
            Ok(usize::try_from(index).ok().and_then(|index| list.get(index)))
        }
        _ => Ok(None),
    }
}

pub(super) fn insert<'a>(
    entries: &mut Entries<'a>,
    key: &Value<'a>,
    value: Value<'a>,
) -> std::result::Result<(), EvalError> {
    let Some(known) = Key::of(key) else {
        return Err(EvalError::new("unsupported key type"));
    };
    if entries.insert(known, value) {
        Ok(())
    } else {
        Err(EvalError::new(format!("insert failed: key {} already exists", show(key))))
    }
}

/// Whether a value can be an argument for a parameter of a type.
pub(super) fn matching(parameter: &Type, value: &Value<'_>) -> bool {
    match (parameter, value) {
        (Type::Dyn | Type::Any | Type::Param(_) | Type::Error, _)
        | (Type::Null, Value::Null)
        | (Type::Bool, Value::Bool(_))
        | (Type::Int, Value::Int(_))
        | (Type::Uint, Value::Uint(_))
        | (Type::Double, Value::Double(_))
        | (Type::String, Value::String(_))
        | (Type::Bytes, Value::Bytes(_))
        | (Type::Timestamp, Value::Timestamp(_))
        | (Type::Duration, Value::Duration(_))
        | (Type::List(_), Value::List(_))
        | (Type::Map(..) | Type::Object(_), Value::Map(_))
        | (Type::Type(_), Value::Type(_)) => true,
        (Type::Opaque(..), Value::Optional(_)) => parameter.optional_target().is_some(),
        (Type::Opaque(..) | Type::Object(_), Value::Opaque(opaque)) => opaque.ty().name() == parameter.name(),
        _ => false,
    }
}

/// No overload fits the arguments. Operators whose left operand knows them say less.
fn no_overload(function: &str, args: &[Value<'_>]) -> EvalError {
    let ordered = args.first().is_some_and(|left| compare(left, left) == Some(Ordering::Equal));
    let knows = match function {
        operators::ADD => {
            matches!(args.first(), Some(Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::String(_)))
                || matches!(
                    args.first(),
                    Some(Value::Bytes(_) | Value::List(_) | Value::Timestamp(_) | Value::Duration(_))
                )
        }
        operators::SUBTRACT => matches!(
            args.first(),
            Some(Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::Timestamp(_) | Value::Duration(_))
        ),
        operators::MULTIPLY | operators::DIVIDE => {
            matches!(args.first(), Some(Value::Int(_) | Value::Uint(_) | Value::Double(_)))
        }
        operators::MODULO => matches!(args.first(), Some(Value::Int(_) | Value::Uint(_))),
        operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS => ordered,
        operators::NOT | operators::NEGATE | operators::IN => return EvalError::no_such_overload(),
        _ => {
            let types: Vec<String> = args.iter().map(|arg| arg.ty().name().to_owned()).collect();
            return EvalError::new(format!("no such overload: {function}({})", types.join(", ")));
        }
    };
    if knows { EvalError::no_such_overload() } else { EvalError::new(format!("no such overload: {function}")) }
}
