//! Literals that would fail whenever they are evaluated are refused at once.

use crate::ast::{Comprehension, Expr, ExprKind, Id, Literal};
use crate::pattern;
use crate::value::{Duration, Timestamp};

/// Complains about literal arguments of `duration`, `timestamp` and `matches` that mean nothing.
pub(super) fn validate(expr: &Expr, complain: &mut dyn FnMut(Id, String)) {
    match &expr.kind {
        ExprKind::Unspecified | ExprKind::Literal(_) | ExprKind::Ident(_) => {}
        ExprKind::Select { operand, .. } => validate(operand, complain),
        ExprKind::Call(call) => {
            if let Some(Expr { id, kind: ExprKind::Literal(Literal::String(text)) }) = call.args.last() {
                let valid = match call.function.as_str() {
                    "duration" => Duration::parse(text).is_some(),
                    "timestamp" => Timestamp::parse(text).is_some(),
                    "matches" => pattern::compile(text).is_ok(),
                    _ => true,
                };
                if !valid {
                    complain(*id, format!("invalid {} argument", call.function));
                }
            }
            call.target.iter().for_each(|target| validate(target, complain));
            call.args.iter().for_each(|arg| validate(arg, complain));
        }
        ExprKind::List { elements, .. } => elements.iter().for_each(|element| validate(element, complain)),
        ExprKind::Map(entries) => {
            for entry in entries {
                validate(&entry.key, complain);
                validate(&entry.value, complain);
            }
        }
        ExprKind::Struct { fields, .. } => fields.iter().for_each(|field| validate(&field.value, complain)),
        ExprKind::Comprehension(fold) => {
            let Comprehension { iter_range, accu_init, loop_condition, loop_step, result, .. } = &**fold;
            for part in [iter_range, accu_init, loop_condition, loop_step, result] {
                validate(part, complain);
            }
        }
    }
}
