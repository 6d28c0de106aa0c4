//! Rules of the expressions of policies and webhooks: each must compile, in the environment in which it will run.

use kubernel_cel::admission::{Compiler, Features, Purpose};
use kubernel_cel::escape::RESERVED;
use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use crate::go_form;
use crate::tree::{items, set, text};
use crate::validate;

const CONDITIONS_MAX: usize = 64;
const AUDIT_ANNOTATIONS_MAX: usize = 20;
const AUDIT_EXPRESSION_BYTES_MAX: usize = 5 * 1024;
/// Reasons that a validation may give, sorted.
const REASONS: [&str; 3] = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
/// What is wrong with match conditions; those that did not change are not looked at again.
pub(super) fn match_conditions(path: &Path, holder: &Value, params: bool, old: Option<&Value>) -> Vec<Error> {
    let conditions = items(holder, "matchConditions");
    if old.is_some_and(|old| {
        items(old, "matchConditions") == conditions && old.get("paramKind") == holder.get("paramKind")
    }) {
        return Vec::new();
    }
    let (path, mut errors) = (path.child("matchConditions"), Vec::new());
    if conditions.len() > CONDITIONS_MAX {
        errors.push(path.too_many(conditions.len(), CONDITIONS_MAX));
    }
    let compiler = Compiler::new(Features { params, patches: false });
    for (at, condition) in conditions.iter().enumerate() {
        let path = path.index(at);
        let expression = text(condition, "expression").trim();
        if expression.is_empty() {
            errors.push(path.child("expression").required(""));
        } else {
            errors.extend(compiled(&compiler, &path.child("expression"), expression, Purpose::Condition));
        }
        let name = text(condition, "name");
        if name.is_empty() {
            errors.push(path.child("name").required(""));
        } else {
            errors.extend(validate::texts(&path.child("name"), name, meta::label_key(name)));
        }
        if !name.is_empty() && conditions[..at].iter().any(|other| text(other, "name") == name) {
            errors.push(path.child("name").duplicate(name));
        }
    }
    errors
}

/// What is wrong with the variables of a policy; later expressions may use them.
pub(super) fn variables(path: &Path, spec: &Value, compiler: &mut Compiler) -> Vec<Error> {
    let mut errors = Vec::new();
    for (at, variable) in items(spec, "variables").iter().enumerate() {
        let path = path.child("variables").index(at);
        let (name, expression) = (text(variable, "name"), text(variable, "expression"));
        if name.trim().is_empty() {
            errors.push(path.child("name").required("name is not specified"));
        } else if !is_identifier(name) {
            errors.push(path.child("name").invalid(name, "name is not a valid CEL identifier"));
        }
        if expression.trim().is_empty() {
            errors.push(path.child("expression").required("expression is not specified"));
        } else if let Err(error) = compiler.variable(name, expression) {
            errors.push(path.child("expression").invalid(expression, error));
        }
    }
    errors
}

/// What is wrong with a validation.
pub(super) fn validation(path: &Path, validation: &Value, compiler: &Compiler) -> Vec<Error> {
    let mut errors = Vec::new();
    let expression = text(validation, "expression");
    if expression.trim().is_empty() {
        errors.push(path.child("expression").required("expression is not specified"));
    } else {
        errors.extend(compiled(compiler, &path.child("expression"), expression, Purpose::Condition));
    }
    let (at, expression) = (path.child("messageExpression"), text(validation, "messageExpression"));
    if !expression.trim().is_empty() {
        errors.extend(compiled(compiler, &at, expression, Purpose::Message));
    } else if !expression.is_empty() {
        errors.push(at.invalid(expression, "must be non-empty if specified"));
    }
    let (at, message) = (path.child("message"), text(validation, "message"));
    if !message.is_empty() && message.trim().is_empty() {
        errors.push(at.invalid(message, "message must be non-empty if specified"));
    } else if message.trim().contains(['\n', '\r']) {
        errors.push(at.invalid(message, "message must not contain line breaks"));
    }
    if let Some(reason) = set(validation, "reason").and_then(Value::as_str)
        && !REASONS.contains(&reason)
    {
        errors.push(path.child("reason").not_supported(reason, &REASONS));
    }
    errors
}

/// What is wrong with the audit annotations of a policy of this name.
pub(super) fn audit_annotations(path: &Path, spec: &Value, policy: &str, compiler: &Compiler) -> Vec<Error> {
    let (path, annotations) = (path.child("auditAnnotations"), items(spec, "auditAnnotations"));
    let mut errors = Vec::new();
    if annotations.len() > AUDIT_ANNOTATIONS_MAX {
        let message = format!("must not have more than {AUDIT_ANNOTATIONS_MAX} auditAnnotations");
        errors.push(go_form::invalid_list(
            &path,
            "io.k8s.api.admissionregistration.v1.AuditAnnotation",
            annotations,
            message,
        ));
    }
    for (at, annotation) in annotations.iter().enumerate() {
        let (path, key) = (path.index(at), text(annotation, "key"));
        if policy.is_empty() {
            errors.push(path.child("key").invalid(key, "requires metadata.name be non-empty"));
        } else {
            let whole = format!("{policy}/{key}");
            errors.extend(validate::texts(&path.child("key"), &whole, meta::label_key(&whole)));
        }
        let (at_value, value) = (path.child("valueExpression"), text(annotation, "valueExpression"));
        let trimmed = value.trim();
        if trimmed.is_empty() {
            errors.push(at_value.required("valueExpression is not specified"));
        } else if trimmed.len() > AUDIT_EXPRESSION_BYTES_MAX {
            errors.push(at_value.required(format!("must not exceed {AUDIT_EXPRESSION_BYTES_MAX} bytes in length")));
        } else if let Err(error) = compiler.compile(trimmed, Purpose::Audit) {
            errors.push(at_value.invalid(value, error));
        }
        if annotations[..at].iter().any(|other| text(other, "key") == key) {
            errors.push(path.child("key").duplicate(key));
        }
    }
    errors
}

/// What is wrong with an expression.
pub(super) fn compiled(compiler: &Compiler, path: &Path, expression: &str, purpose: Purpose) -> Option<Error> {
    compiler.compile(expression, purpose).err().map(|error| path.invalid(expression, error))
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first == '_' || first.is_ascii_alphabetic())
        && chars.all(|c| c == '_' || c.is_ascii_alphanumeric())
        && !RESERVED.contains(&name)
        && !["true", "false", "null", "in"].contains(&name)
}
