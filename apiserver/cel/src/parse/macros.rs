//! Macros: calls that become other expressions while they are parsed.
//!
//! The language's own (`has`, `all`, `exists`, `exists_one`, `map`, `filter`), those of optional values (`optMap`,
//! `optFlatMap`), and those with two variables (`all`, `exists`, `existsOne`, `transformList`, `transformMap`,
//! `transformMapEntry`).

use crate::ast::{ACCUMULATOR, Call, Comprehension, Expr, ExprKind, Literal, MapEntry, UNUSED_ITER_VAR, operators};
use crate::parse::parser::Parser;

/// The expression that a call becomes; the call itself if it is not one of a macro.
pub(super) fn expand(parser: &mut Parser<'_, '_>, at: usize, call: Call) -> Expr {
    let Call { function, target, args } = call;
    match (function.as_str(), target, args.len()) {
        (operators::HAS, None, 1) => has(parser, at, args),
        ("all", Some(on), 2) => fold(parser, at, *on, args, Fold::All),
        ("all", Some(on), 3) => fold(parser, at, *on, args, Fold::All),
        ("exists", Some(on), 2 | 3) => fold(parser, at, *on, args, Fold::Exists),
        ("exists_one", Some(on), 2) => fold(parser, at, *on, args, Fold::ExistsOne),
        ("existsOne", Some(on), 2 | 3) => fold(parser, at, *on, args, Fold::ExistsOne),
        ("map", Some(on), 2 | 3) => map(parser, at, *on, args),
        ("filter", Some(on), 2) => filter(parser, at, *on, args),
        ("transformList", Some(on), 3 | 4) => transform(parser, at, *on, args, Transform::List),
        ("transformMap", Some(on), 3 | 4) => transform(parser, at, *on, args, Transform::Map),
        ("transformMapEntry", Some(on), 3 | 4) => transform(parser, at, *on, args, Transform::Entry),
        ("optMap", Some(on), 2) => optional(parser, at, *on, args, false),
        ("optFlatMap", Some(on), 2) => optional(parser, at, *on, args, true),
        (_, target, _) => parser.node(at, ExprKind::Call(Call { function, target, args })),
    }
}

#[derive(Clone, Copy)]
enum Fold {
    All,
    Exists,
    ExistsOne,
}

#[derive(Clone, Copy, PartialEq)]
enum Transform {
    List,
    Map,
    Entry,
}

fn has(parser: &mut Parser<'_, '_>, at: usize, args: Vec<Expr>) -> Expr {
    let Some(arg) = args.into_iter().next() else {
        return unspecified(parser, at);
    };
    let place = parser.position(arg.id);
    match arg.kind {
        ExprKind::Select { operand, field, test_only: false } => {
            parser.node(at, ExprKind::Select { operand, field, test_only: true })
        }
        ExprKind::Unspecified => unspecified(parser, at),
        _ => {
            parser.complain(place, "invalid argument to has() macro");
            unspecified(parser, at)
        }
    }
}

/// `on.all(x, p)`, `on.exists(i, x, p)` and so on.
fn fold(parser: &mut Parser<'_, '_>, at: usize, on: Expr, args: Vec<Expr>, kind: Fold) -> Expr {
    let Some((first, second, mut rest)) = variables(parser, args, 1, "argument must be a simple name") else {
        return unspecified(parser, at);
    };
    let Some(predicate) = rest.pop() else {
        return unspecified(parser, at);
    };
    let accumulator = |parser: &mut Parser<'_, '_>| ident(parser, at, ACCUMULATOR);
    let (init, condition, step, result) = match kind {
        Fold::All => {
            let init = literal(parser, at, Literal::Bool(true));
            let accu = accumulator(parser);
            let condition = call(parser, at, operators::NOT_STRICTLY_FALSE, vec![accu]);
            let accu = accumulator(parser);
            let step = call(parser, at, operators::AND, vec![accu, predicate]);
            (init, condition, step, accumulator(parser))
        }
        Fold::Exists => {
            let init = literal(parser, at, Literal::Bool(false));
            let accu = accumulator(parser);
            let not = call(parser, at, operators::NOT, vec![accu]);
            let condition = call(parser, at, operators::NOT_STRICTLY_FALSE, vec![not]);
            let accu = accumulator(parser);
            let step = call(parser, at, operators::OR, vec![accu, predicate]);
            (init, condition, step, accumulator(parser))
        }
        Fold::ExistsOne => {
            let init = literal(parser, at, Literal::Int(0));
            let condition = literal(parser, at, Literal::Bool(true));
            let (accu, one) = (accumulator(parser), literal(parser, at, Literal::Int(1)));
            let add = call(parser, at, operators::ADD, vec![accu, one]);
            let accu = accumulator(parser);
            let step = call(parser, at, operators::CONDITIONAL, vec![predicate, add, accu]);
            let (accu, one) = (accumulator(parser), literal(parser, at, Literal::Int(1)));
            (init, condition, step, call(parser, at, operators::EQUALS, vec![accu, one]))
        }
    };
    comprehension(parser, at, on, (first, second), ACCUMULATOR, [init, condition, step, result])
}

/// `on.map(x, f)` and `on.map(x, p, f)`
fn map(parser: &mut Parser<'_, '_>, at: usize, on: Expr, args: Vec<Expr>) -> Expr {
    let mut args = args.into_iter();
    let Some(variable) = args.next().and_then(|arg| variable(parser, &arg, "argument is not an identifier")) else {
        return unspecified(parser, at);
    };
    let (predicate, function) = match (args.next(), args.next()) {
        (Some(function), None) => (None, function),
        (predicate, Some(function)) => (predicate, function),
        (None, None) => return unspecified(parser, at),
    };
    append(parser, at, on, (variable, None), predicate, function)
}

/// `on.filter(x, p)`
fn filter(parser: &mut Parser<'_, '_>, at: usize, on: Expr, args: Vec<Expr>) -> Expr {
    let mut args = args.into_iter();
    let (Some(name), Some(predicate)) = (args.next(), args.next()) else {
        return unspecified(parser, at);
    };
    let Some(variable) = variable(parser, &name, "argument is not an identifier") else {
        return unspecified(parser, at);
    };
    append(parser, at, on, (variable, None), Some(predicate), name)
}

/// A loop that adds items to a list.
fn append(
    parser: &mut Parser<'_, '_>,
    at: usize,
    on: Expr,
    variables: (String, Option<String>),
    predicate: Option<Expr>,
    item: Expr,
) -> Expr {
    let init = parser.node(at, ExprKind::List { elements: Vec::new(), optional: Vec::new() });
    let condition = literal(parser, at, Literal::Bool(true));
    let accu = ident(parser, at, ACCUMULATOR);
    let item = parser.node(at, ExprKind::List { elements: vec![item], optional: Vec::new() });
    let step = call(parser, at, operators::ADD, vec![accu, item]);
    let step = when(parser, at, predicate, step);
    let result = ident(parser, at, ACCUMULATOR);
    comprehension(parser, at, on, variables, ACCUMULATOR, [init, condition, step, result])
}

/// The step where there is no predicate or it holds, else the accumulator as it is.
fn when(parser: &mut Parser<'_, '_>, at: usize, predicate: Option<Expr>, step: Expr) -> Expr {
    match predicate {
        None => step,
        Some(predicate) => {
            let accu = ident(parser, at, ACCUMULATOR);
            call(parser, at, operators::CONDITIONAL, vec![predicate, step, accu])
        }
    }
}

/// `on.transformList(i, x, f)`, `on.transformMap(k, v, p, f)` and so on.
fn transform(parser: &mut Parser<'_, '_>, at: usize, on: Expr, args: Vec<Expr>, kind: Transform) -> Expr {
    let rest = args.len() - 2;
    let Some((first, second, mut rest)) = variables(parser, args, rest, "argument must be a simple name") else {
        return unspecified(parser, at);
    };
    let Some(value) = rest.pop() else {
        return unspecified(parser, at);
    };
    let predicate = rest.pop();
    if kind == Transform::List {
        return append(parser, at, on, (first, second), predicate, value);
    }
    let init = parser.node(at, ExprKind::Map(Vec::<MapEntry>::new()));
    let condition = literal(parser, at, Literal::Bool(true));
    let accu = ident(parser, at, ACCUMULATOR);
    let args = match kind {
        Transform::Entry => vec![accu, value],
        _ => vec![accu, ident(parser, at, &first), value],
    };
    let step = call(parser, at, operators::MAP_INSERT, args);
    let step = when(parser, at, predicate, step);
    let result = ident(parser, at, ACCUMULATOR);
    comprehension(parser, at, on, (first, second), ACCUMULATOR, [init, condition, step, result])
}

/// `on.optMap(x, f)`: the value through `f` if there is one.
fn optional(parser: &mut Parser<'_, '_>, at: usize, on: Expr, args: Vec<Expr>, flat: bool) -> Expr {
    let mut args = args.into_iter();
    let (Some(name), Some(function)) = (args.next(), args.next()) else {
        return unspecified(parser, at);
    };
    let ExprKind::Ident(variable) = &name.kind else {
        let place = parser.position(name.id);
        let macro_name = if flat { "optFlatMap()" } else { "optMap()" };
        parser.complain(place, format!("{macro_name} variable name must be a simple identifier"));
        return unspecified(parser, at);
    };
    if !parser.may_double() {
        return unspecified(parser, at);
    }
    let target = on;
    let again = recount(parser, &target);
    let has_value = member_call(parser, at, target, "hasValue");
    let value = member_call(parser, at, again, "value");
    let range = parser.node(at, ExprKind::List { elements: Vec::new(), optional: Vec::new() });
    let condition = literal(parser, at, Literal::Bool(false));
    let step = ident(parser, at, variable);
    let unused = (UNUSED_ITER_VAR.to_owned(), None);
    let bound = comprehension(parser, at, range, unused, variable, [value, condition, step, function]);
    let yes = if flat { bound } else { call(parser, at, "optional.of", vec![bound]) };
    let no = call(parser, at, "optional.none", Vec::new());
    call(parser, at, operators::CONDITIONAL, vec![has_value, yes, no])
}

/// The same expression with numbers of its own.
fn recount(parser: &mut Parser<'_, '_>, expr: &Expr) -> Expr {
    let mut copy = expr.clone();
    renumber(parser, &mut copy);
    copy
}

fn renumber(parser: &mut Parser<'_, '_>, expr: &mut Expr) {
    let place = parser.position(expr.id);
    expr.id = parser.id(place);
    match &mut expr.kind {
        ExprKind::Unspecified | ExprKind::Literal(_) | ExprKind::Ident(_) => {}
        ExprKind::Select { operand, .. } => renumber(parser, operand),
        ExprKind::Call(call) => {
            for part in call.target.as_deref_mut().into_iter().chain(&mut call.args) {
                renumber(parser, part);
            }
        }
        ExprKind::List { elements, .. } => elements.iter_mut().for_each(|element| renumber(parser, element)),
        ExprKind::Map(entries) => {
            for entry in entries {
                entry.id = parser.id(place);
                renumber(parser, &mut entry.key);
                renumber(parser, &mut entry.value);
            }
        }
        ExprKind::Struct { fields, .. } => {
            for field in fields {
                field.id = parser.id(place);
                renumber(parser, &mut field.value);
            }
        }
        ExprKind::Comprehension(fold) => {
            let Comprehension { iter_range, accu_init, loop_condition, loop_step, result, .. } = &mut **fold;
            for part in [iter_range, accu_init, loop_condition, loop_step, result] {
                renumber(parser, part);
            }
        }
    }
}

/// One or two names before the last `rest` arguments.
fn variables(
    parser: &mut Parser<'_, '_>,
    mut args: Vec<Expr>,
    rest: usize,
    complaint: &str,
) -> Option<(String, Option<String>, Vec<Expr>)> {
    let names: Vec<Expr> = args.drain(..args.len() - rest).collect();
    let first = variable(parser, names.first()?, complaint)?;
    let second = match names.get(1) {
        None => None,
        Some(name) => {
            let second = variable(parser, name, complaint)?;
            if second == first {
                let place = parser.position(name.id);
                parser.complain(place, format!("duplicate variable name: {second}"));
                return None;
            }
            Some(second)
        }
    };
    Some((first, second, args))
}

fn variable(parser: &mut Parser<'_, '_>, name: &Expr, complaint: &str) -> Option<String> {
    let place = parser.position(name.id);
    match &name.kind {
        ExprKind::Ident(name) if name == ACCUMULATOR => {
            parser.complain(place, "iteration variable overwrites accumulator variable");
            None
        }
        ExprKind::Ident(name) if !name.starts_with('.') => Some(name.clone()),
        _ => {
            parser.complain(place, complaint);
            None
        }
    }
}

fn comprehension(
    parser: &mut Parser<'_, '_>,
    at: usize,
    iter_range: Expr,
    (iter_var, iter_var2): (String, Option<String>),
    accu_var: &str,
    [accu_init, loop_condition, loop_step, result]: [Expr; 4],
) -> Expr {
    let fold = Comprehension {
        iter_range,
        iter_var,
        iter_var2,
        accu_var: accu_var.to_owned(),
        accu_init,
        loop_condition,
        loop_step,
        result,
    };
    parser.node(at, ExprKind::Comprehension(Box::new(fold)))
}

fn literal(parser: &mut Parser<'_, '_>, at: usize, value: Literal) -> Expr {
    parser.node(at, ExprKind::Literal(value))
}

fn ident(parser: &mut Parser<'_, '_>, at: usize, name: &str) -> Expr {
    parser.node(at, ExprKind::Ident(name.to_owned()))
}

fn call(parser: &mut Parser<'_, '_>, at: usize, function: &str, args: Vec<Expr>) -> Expr {
    parser.node(at, ExprKind::Call(Call { function: function.to_owned(), target: None, args }))
}

fn member_call(parser: &mut Parser<'_, '_>, at: usize, target: Expr, function: &str) -> Expr {
    let call = Call { function: function.to_owned(), target: Some(Box::new(target)), args: Vec::new() };
    parser.node(at, ExprKind::Call(call))
}

fn unspecified(parser: &mut Parser<'_, '_>, at: usize) -> Expr {
    parser.node(at, ExprKind::Unspecified)
}
