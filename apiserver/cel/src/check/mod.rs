//! From a syntax tree to a typed one: what names and calls mean, and which types everything has.
//!
//! [`assign`] says which types go together, [`validate`] refuses literals that would fail whenever they are evaluated.

mod assign;
mod validate;

use std::collections::HashMap;

use crate::ast::{Call, Comprehension, Expr, ExprKind, Id, Literal, MapEntry, StructField, operators};
use crate::check::assign::{Mapping, most_general};
use crate::environment::{Environment, Name, Reference};
use crate::error::Issues;
use crate::function::Function;
use crate::parse::Parsed;
use crate::source::{Reports, Source};
use crate::types::Type;

/// What the checker found out.
pub(crate) struct Outcome {
    pub(crate) types: Vec<Type>,
    pub(crate) calls: HashMap<Id, Reference>,
    pub(crate) names: HashMap<Id, Name>,
}

/// Checks a tree.
pub(crate) fn check(environment: &Environment, source: &Source<'_>, parsed: &Parsed) -> Result<Outcome, Issues> {
    let mut checker = Checker {
        environment,
        source,
        parsed,
        reports: Reports::default(),
        mapping: Mapping::default(),
        variables: 0,
        scopes: Vec::new(),
        types: vec![None; parsed.id_end()],
        calls: HashMap::new(),
        names: HashMap::new(),
    };
    checker.check(&parsed.expr);
    let Checker { mut reports, mapping, types, calls, names, .. } = checker;
    if reports.is_empty() {
        validate::validate(&parsed.expr, &mut |id, message| reports.report(source, parsed.position(id), message));
    }
    reports.into_result(source)?;
    let types = types.into_iter().map(|ty| ty.map_or(Type::Dyn, |ty| mapping.substitute(&ty, true))).collect();
    Ok(Outcome { types, calls, names })
}

struct Checker<'a> {
    environment: &'a Environment,
    source: &'a Source<'a>,
    parsed: &'a Parsed,
    reports: Reports,
    mapping: Mapping,
    variables: usize,
    scopes: Vec<(&'a str, Type)>,
    types: Vec<Option<Type>>,
    calls: HashMap<Id, Reference>,
    names: HashMap<Id, Name>,
}

impl<'a> Checker<'a> {
    fn report(&mut self, id: Id, message: String) {
        self.reports.report(self.source, self.parsed.position(id), message);
    }

    fn set(&mut self, expr: &Expr, ty: Type) {
        if let Some(place) = self.types.get_mut(expr.id) {
            *place = Some(ty);
        }
    }

    fn ty(&self, expr: &Expr) -> Type {
        self.types.get(expr.id).cloned().flatten().unwrap_or(Type::Error)
    }

    fn fresh(&mut self) -> Type {
        self.variables += 1;
        Type::Param(format!("_var{}", self.variables - 1).into())
    }

    fn check(&mut self, expr: &'a Expr) {
        match &expr.kind {
            ExprKind::Unspecified => self.set(expr, Type::Error),
            ExprKind::Literal(literal) => self.set(expr, literal_type(literal)),
            ExprKind::Ident(name) => match self.lookup(name) {
                Some((name, ty)) => self.resolve(expr, name, ty),
                None => self.undeclared(expr, name),
            },
            ExprKind::Select { operand, field, test_only } => self.select(expr, operand, field, *test_only),
            ExprKind::Call(call) => self.call(expr, call),
            ExprKind::List { elements, optional } => self.list(expr, elements, optional),
            ExprKind::Map(entries) => self.map(expr, entries),
            ExprKind::Struct { name, fields } => self.object(expr, name, fields),
            ExprKind::Comprehension(fold) => self.comprehension(expr, fold),
        }
    }

    fn undeclared(&mut self, expr: &Expr, name: &str) {
        self.report(expr.id, format!("undeclared reference to '{name}' (in container '')"));
        self.set(expr, Type::Error);
    }

    fn resolve(&mut self, expr: &Expr, name: Name, ty: Type) {
        self.names.insert(expr.id, name);
        self.set(expr, ty);
    }

    /// What a name stands for: a variable of a comprehension or the environment, or a type.
    fn lookup(&self, name: &str) -> Option<(Name, Type)> {
        let global = name.strip_prefix('.');
        if global.is_none()
            && let Some((_, ty)) = self.scopes.iter().rev().find(|(known, _)| *known == name)
        {
            return Some((Name::Variable(name.to_owned()), ty.clone()));
        }
        let name = global.unwrap_or(name);
        if let Some(ty) = self.environment.variables.get(name) {
            return Some((Name::Variable(name.to_owned()), ty.clone()));
        }
        let ty = built_in_type(name)
            .or_else(|| self.environment.providers.iter().find_map(|provider| provider.find_type(name)))?;
        Some((Name::Type(ty.clone()), Type::type_of(ty)))
    }

    fn select(&mut self, expr: &'a Expr, operand: &'a Expr, field: &str, test_only: bool) {
        if !test_only
            && let Some(path) = path(expr)
            && let Some((name, ty)) = self.lookup(&path)
        {
            return self.resolve(expr, name, ty);
        }
        let result = self.select_field(expr, operand, field, false);
        let result = if test_only { Type::Bool } else { result };
        let result = self.mapping.substitute(&result, false);
        self.set(expr, result);
    }

    fn select_field(&mut self, expr: &'a Expr, operand: &'a Expr, field: &str, optional: bool) -> Type {
        self.check(operand);
        let operand = self.mapping.substitute(&self.ty(operand), false);
        let target = operand.optional_target().unwrap_or(&operand);
        let result = match target {
            Type::Map(_, value) => (**value).clone(),
            Type::Object(name) => self.field(expr.id, name, field).unwrap_or(Type::Error),
            Type::Param(_) => {
                self.mapping.assign(&Type::Dyn, target);
                Type::Dyn
            }
            Type::Error | Type::Dyn | Type::Any => Type::Dyn,
            other => {
                let message = format!("type '{other}' does not support field selection");
                self.report(expr.id, message);
                Type::Dyn
            }
        };
        if optional || operand.optional_target().is_some() { Type::optional(result) } else { result }
    }

    fn field(&mut self, id: Id, type_name: &str, field: &str) -> Option<Type> {
        let providers = &self.environment.providers;
        if !providers.iter().any(|provider| provider.find_type(type_name).is_some()) {
            self.report(id, format!("unexpected failed resolution of '{type_name}'"));
            return None;
        }
        let found = providers.iter().find_map(|provider| provider.find_field(type_name, field));
        if found.is_none() {
            self.report(id, format!("undefined field '{field}'"));
        }
        found
    }

    fn call(&mut self, expr: &'a Expr, call: &'a Call) {
        if call.function == operators::OPTIONAL_SELECT
            && let [operand, Expr { kind: ExprKind::Literal(Literal::String(field)), .. }] = call.args.as_slice()
        {
            let result = self.select_field(expr, operand, field, true);
            let result = self.mapping.substitute(&result, false);
            return self.set(expr, result);
        }
        for arg in &call.args {
            self.check(arg);
        }
        let environment = self.environment;
        let Some(target) = &call.target else {
            let name = call.function.strip_prefix('.').unwrap_or(&call.function);
            return match environment.functions.get(name) {
                Some(function) => self.overload(expr, name, function, None, &call.args),
                None => self.undeclared(expr, &call.function),
            };
        };
        // What looks like a target may be the first part of the function's name.
        if let Some(path) = path(target) {
            let name = format!("{}.{}", path.strip_prefix('.').unwrap_or(&path), call.function);
            if let Some(function) = environment.functions.get(&name) {
                return self.overload(expr, &name, function, None, &call.args);
            }
        }
        self.check(target);
        match environment.functions.get(&call.function) {
            Some(function) => self.overload(expr, &call.function, function, Some(target), &call.args),
            None => self.undeclared(expr, &call.function),
        }
    }

    /// Finds the overloads that fit the arguments.
    fn overload(&mut self, expr: &Expr, name: &str, function: &Function, target: Option<&Expr>, args: &[Expr]) {
        let args: Vec<Type> = target.into_iter().chain(args).map(|arg| self.ty(arg)).collect();
        let mut overloads = Vec::new();
        let mut result: Option<Type> = None;
        for overload in &function.overloads {
            if overload.member != target.is_some() || overload.parameters.len() != args.len() {
                continue;
            }
            let mut fresh = Mapping::default();
            for parameter in overload.parameters.iter().chain([&overload.result]) {
                self.instantiate(parameter, &mut fresh);
            }
            let parameters: Vec<Type> =
                overload.parameters.iter().map(|parameter| fresh.substitute(parameter, false)).collect();
            if !self.mapping.assign_all(&args, &parameters) {
                continue;
            }
            overloads.push(overload.clone());
            let own = self.mapping.substitute(&fresh.substitute(&overload.result, false), false);
            result = Some(match result {
                None => own,
                Some(known) if known.is_dyn() || known == own => known,
                Some(_) => Type::Dyn,
            });
        }
        match result {
            Some(result) => {
                let reference = Reference { function: name.to_owned(), member: target.is_some(), overloads };
                self.calls.insert(expr.id, reference);
                self.set(expr, result);
            }
            None => {
                let names: Vec<String> =
                    args.iter().map(|arg| self.mapping.substitute(arg, true).to_string()).collect();
                let signature = match (target, names.split_first()) {
                    (Some(_), Some((on, rest))) => format!("{on}.({})", rest.join(", ")),
                    _ => format!("({})", names.join(", ")),
                };
                self.report(expr.id, format!("found no matching overload for '{name}' applied to '{signature}'"));
                self.set(expr, Type::Error);
            }
        }
    }

    /// Gives the type parameters of an overload names of their own.
    fn instantiate(&mut self, ty: &Type, fresh: &mut Mapping) {
        match ty {
            Type::Param(name) if !fresh.knows(name) => {
                let variable = self.fresh();
                fresh.bind(name.clone(), variable);
            }
            Type::List(element) => self.instantiate(element, fresh),
            Type::Map(key, value) => {
                self.instantiate(key, fresh);
                self.instantiate(value, fresh);
            }
            Type::Type(Some(target)) => self.instantiate(target, fresh),
            Type::Opaque(_, parameters) => parameters.iter().for_each(|parameter| self.instantiate(parameter, fresh)),
            _ => {}
        }
    }

    fn mismatch(&mut self, expr: &Expr, expected: &Type, actual: &Type) {
        self.report(expr.id, format!("expected type '{expected}' but found '{actual}'"));
    }

    /// The type of a value that may be optional: what it holds.
    fn unwrapped(&mut self, expr: &Expr, optional: bool) -> Type {
        let ty = self.ty(expr);
        if !optional {
            return ty;
        }
        match ty.optional_target() {
            Some(target) => target.clone(),
            None => {
                if !ty.is_dyn() {
                    self.mismatch(expr, &Type::optional(ty.clone()), &ty);
                }
                ty
            }
        }
    }

    /// The type of an aggregate that has items of both types.
    fn join(&mut self, expr: &Expr, previous: Option<Type>, current: Type) -> Type {
        let Some(previous) = previous else {
            return current;
        };
        if self.mapping.assign(&previous, &current) {
            return most_general(previous, current);
        }
        self.mismatch(expr, &previous, &current);
        Type::Error
    }

    fn list(&mut self, expr: &Expr, elements: &'a [Expr], optional: &[usize]) {
        let mut joined = None;
        for (index, element) in elements.iter().enumerate() {
            self.check(element);
            let ty = self.unwrapped(element, optional.contains(&index));
            joined = Some(self.join(element, joined, ty));
        }
        let element = joined.unwrap_or_else(|| self.fresh());
        self.set(expr, Type::list(element));
    }

    fn map(&mut self, expr: &Expr, entries: &'a [MapEntry]) {
        let (mut keys, mut values) = (None, None);
        for entry in entries {
            self.check(&entry.key);
            let key = self.ty(&entry.key);
            keys = Some(self.join(&entry.key, keys, key));
            self.check(&entry.value);
            let value = self.unwrapped(&entry.value, entry.optional);
            values = Some(self.join(&entry.value, values, value));
        }
        let key = keys.unwrap_or_else(|| self.fresh());
        let value = values.unwrap_or_else(|| self.fresh());
        self.set(expr, Type::map(key, value));
    }

    fn object(&mut self, expr: &Expr, name: &str, fields: &'a [StructField]) {
        let Some((_, ty)) = self.lookup(name) else {
            return self.undeclared(expr, name);
        };
        let result = match &ty {
            Type::Type(Some(target)) => match &**target {
                Type::Object(_) => (**target).clone(),
                other => {
                    let message = format!("'{}' is not a message type", other.name());
                    self.report(expr.id, message);
                    Type::Error
                }
            },
            other => {
                let message = format!("'{}' is not a type", other.name());
                self.report(expr.id, message);
                Type::Error
            }
        };
        self.set(expr, result.clone());
        for field in fields {
            self.check(&field.value);
            let declared = match &result {
                Type::Object(name) => self.field(field.id, name, &field.name).unwrap_or(Type::Error),
                _ => Type::Error,
            };
            let value = self.unwrapped(&field.value, field.optional);
            if !self.mapping.assign(&declared, &value) {
                let name = &field.name;
                let message = format!("expected type of field '{name}' is '{declared}' but provided type is '{value}'");
                self.report(field.id, message);
            }
        }
    }

    fn comprehension(&mut self, expr: &Expr, fold: &'a Comprehension) {
        self.check(&fold.iter_range);
        self.check(&fold.accu_init);
        let range = self.mapping.substitute(&self.ty(&fold.iter_range), false);
        let accumulator = self.ty(&fold.accu_init);
        let (first, second) = match &range {
            Type::List(element) if fold.iter_var2.is_some() => (Type::Int, (**element).clone()),
            Type::List(element) => ((**element).clone(), Type::Dyn),
            Type::Map(key, value) => ((**key).clone(), (**value).clone()),
            Type::Dyn | Type::Any | Type::Error | Type::Param(_) => {
                self.mapping.assign(&Type::Dyn, &range);
                (Type::Dyn, Type::Dyn)
            }
            other => {
                let message = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                self.report(fold.iter_range.id, message);
                (Type::Error, Type::Error)
            }
        };
        let depth = self.scopes.len();
        self.scopes.push((&fold.accu_var, accumulator.clone()));
        self.scopes.push((&fold.iter_var, first));
        if let Some(name) = &fold.iter_var2 {
            self.scopes.push((name, second));
        }
        self.check(&fold.loop_condition);
        self.assert(&fold.loop_condition, &Type::Bool);
        self.check(&fold.loop_step);
        self.assert(&fold.loop_step, &accumulator);
        // The result sees the accumulator only.
        self.scopes.truncate(depth + 1);
        self.check(&fold.result);
        self.scopes.truncate(depth);
        let result = self.mapping.substitute(&self.ty(&fold.result), false);
        self.set(expr, result);
    }

    fn assert(&mut self, expr: &Expr, expected: &Type) {
        let actual = self.ty(expr);
        if !self.mapping.assign(expected, &actual) {
            self.mismatch(expr, expected, &actual);
        }
    }
}

/// `a.b.c`, if an expression is names with dots between them.
fn path(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Ident(name) => Some(name.clone()),
        ExprKind::Select { operand, field, test_only: false } => Some(format!("{}.{field}", path(operand)?)),
        _ => None,
    }
}

fn literal_type(literal: &Literal) -> Type {
    match literal {
        Literal::Null => Type::Null,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) => Type::Int,
        Literal::Uint(_) => Type::Uint,
        Literal::Double(_) => Type::Double,
        Literal::String(_) => Type::String,
        Literal::Bytes(_) => Type::Bytes,
    }
}

/// The types that expressions can name.
fn built_in_type(name: &str) -> Option<Type> {
    Some(match name {
        "bool" => Type::Bool,
        "int" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "list" => Type::list(Type::Dyn),
        "map" => Type::map(Type::Dyn, Type::Dyn),
        "null_type" => Type::Null,
        "type" => Type::Type(None),
        "optional_type" => Type::optional(Type::Dyn),
        "google.protobuf.Timestamp" => Type::Timestamp,
        "google.protobuf.Duration" => Type::Duration,
        "google.protobuf.Any" => Type::Any,
        _ => return None,
    })
}
