//! The rules of a schema when a definition is written: how they are said, whether they compile, what they may cost.

use std::sync::Arc;

use kubernel_cel::declare::DeclType;
use kubernel_meta::field::{Error, Path};
use serde_json::{Map, Value};

use super::text;
use crate::node::{Node, Rule};
use crate::parse;
use crate::rules::{COST_MAX, compile, declared, field_path};

/// What all rules of a schema together may be estimated to cost.
const TOTAL_COST_MAX: u64 = 100_000_000;
/// What costs less than this is not told.
const TOLD_MIN: u64 = TOTAL_COST_MAX / 100;
/// How many of the most expensive rules are told.
const TOLD_MAX: usize = 4;
const REASONS: [&str; 4] = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
const HINT: &str = "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and \
                    strings are declared)";

/// A level of a schema that passed the structural checks, and how often values of it may occur.
pub(super) struct Context<'a> {
    pub(super) node: &'a Node,
    decl: Option<Arc<DeclType>>,
    /// `None`: nothing bounds it.
    cardinality: Option<u64>,
}

/// What the rules seen so far may cost.
#[derive(Default)]
pub(super) struct Total {
    cost: u64,
    most: Vec<(u64, Path)>,
}

impl<'a> Context<'a> {
    pub(super) fn root(node: &'a Node, decl: Option<DeclType>) -> Self {
        Self { node, decl: decl.map(Arc::new), cardinality: Some(1) }
    }

    pub(super) fn property(&self, name: &str) -> Option<Self> {
        Some(self.below(self.node.property(name)?, self.cardinality))
    }

    pub(super) fn additional(&self) -> Option<Self> {
        Some(self.below(self.node.additional_schema()?, self.times(self.node.limits.properties_max)))
    }

    pub(super) fn items(&self) -> Option<Self> {
        Some(self.below(self.node.items.as_deref()?, self.times(self.node.limits.items_max)))
    }

    fn below(&self, node: &'a Node, cardinality: Option<u64>) -> Self {
        let decl = if has_own_rules(node) { declared(node, node.embedded).map(Arc::new) } else { None };
        Self { node, decl, cardinality }
    }

    fn times(&self, max: Option<i64>) -> Option<u64> {
        Some(self.cardinality?.saturating_mul(u64::try_from(max?).unwrap_or(0)))
    }
}

fn has_own_rules(node: &Node) -> bool {
    !node.rules.is_empty()
}

/// What is wrong with the rules of one level. `uncorrelated`: the place in the schema from where on old values cannot
/// be found.
pub(super) fn check(
    json: &Map<String, Value>,
    path: &Path,
    context: Option<&Context<'_>>,
    uncorrelated: Option<&Path>,
    total: &mut Total,
    errors: &mut Vec<Error>,
) {
    let Some(list) = json.get("x-kubernetes-validations").and_then(Value::as_array) else { return };
    if list.is_empty() {
        return;
    }
    let path = path.child("x-kubernetes-validations");
    if text(json, "type").is_none() && !super::flag(json, "x-kubernetes-int-or-string") {
        // Values of which nothing is known have no type that rules could be checked against.
        let keeps = super::flag(json, "x-kubernetes-preserve-unknown-fields");
        let detail = format!(
            "rule declared on schema that does not support validation rules type: '' \
             x-kubernetes-preserve-unknown-fields: '{keeps}'"
        );
        errors.push(path.error(kubernel_meta::field::Reason::Internal, Value::Null, detail));
        return;
    }
    let rules: Vec<Rule> = list.iter().filter_map(Value::as_object).map(parse::rule).collect();
    for (index, rule) in rules.iter().enumerate() {
        said(rule, &path.index(index), context, errors);
    }
    let Some((context, decl)) = context.and_then(|context| Some((context, context.decl.as_ref()?))) else { return };
    for (index, (rule, compiled)) in rules.iter().zip(compile(context.node, decl)).enumerate() {
        let path = path.index(index);
        let at_rule = path.child("rule");
        let times = context.cardinality.unwrap_or(compiled.cardinality_max);
        let cost = compiled.cost_max.saturating_mul(times);
        if cost > COST_MAX {
            errors.push(at_rule.forbidden(too_expensive("estimated rule cost", cost, COST_MAX)));
        }
        total.add(cost, &at_rule);
        if let Some(fault) = &compiled.error {
            errors.push(at_rule.invalid(Value::Null, fault.detail.clone()).shown_as(as_go_prints(rule)));
        }
        if let Some(fault) = &compiled.message_error {
            let at = path.child("messageExpression");
            errors.push(at.invalid(Value::Null, fault.detail.clone()).shown_as(as_go_prints(rule)));
        } else if compiled.message.is_some() {
            let at = path.child("messageExpression");
            let cost = compiled.message_cost_max;
            if cost > COST_MAX {
                errors.push(at.forbidden(too_expensive("estimated messageExpression cost", cost, COST_MAX)));
            }
            total.add(cost, &at);
        }
        if compiled.uses_old_self {
            if let Some(portion) = uncorrelated {
                let detail =
                    format!("oldSelf cannot be used on the uncorrelatable portion of the schema within {portion}");
                errors.push(at_rule.invalid(&*rule.rule, detail));
            }
        } else if let (Some(optional), true) = (rule.optional_old_self, compiled.program.is_some()) {
            let at = path.child("optionalOldSelf");
            errors.push(at.invalid(optional, "may not be set if oldSelf is not used in rule"));
        }
    }
}

fn said(rule: &Rule, path: &Path, context: Option<&Context<'_>>, errors: &mut Vec<Error>) {
    let (text, message) = (rule.rule.trim(), rule.message.trim());
    if text.is_empty() {
        errors.push(path.child("rule").required("rule is not specified"));
    } else if !rule.message.is_empty() && message.is_empty() {
        errors.push(path.child("message").invalid(&*rule.message, "message must be non-empty if specified"));
    } else if message.contains('\n') {
        errors.push(path.child("message").invalid(&*rule.message, "message must not contain line breaks"));
    } else if text.contains('\n') && message.is_empty() {
        errors.push(path.child("message").required("message must be specified if rule contains line breaks"));
    }
    if !rule.message_expression.is_empty() && rule.message_expression.trim().is_empty() {
        let detail = "messageExpression must be non-empty if specified";
        errors.push(path.child("messageExpression").required(detail));
    }
    if let Some(reason) = rule.reason.as_deref().filter(|reason| !REASONS.contains(reason)) {
        errors.push(path.child("reason").not_supported(reason, &REASONS));
    }
    if rule.field_path.is_empty() {
        return;
    }
    let (at, value) = (path.child("fieldPath"), &*rule.field_path);
    if value.trim().is_empty() {
        errors.push(at.invalid(value, "fieldPath must be non-empty if specified"));
    }
    if value.contains('\n') {
        errors.push(at.invalid(value, "fieldPath must not contain line breaks"));
    }
    if context.is_some_and(|context| field_path(value, context.node, true).is_err()) {
        errors.push(at.invalid(value, "must be a valid path"));
    }
}

impl Total {
    fn add(&mut self, cost: u64, path: &Path) {
        self.cost = self.cost.saturating_add(cost);
        if cost < TOLD_MIN {
            return;
        }
        let at = self.most.iter().position(|(known, _)| cost > *known).unwrap_or(self.most.len());
        self.most.insert(at, (cost, path.clone()));
        self.most.truncate(TOLD_MAX);
    }

    /// What is wrong with all costs together, in the schema at `path`.
    pub(super) fn errors(&self, path: &Path) -> Vec<Error> {
        if self.cost <= TOTAL_COST_MAX {
            return Vec::new();
        }
        let told = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
        let mut errors: Vec<Error> = self.most.iter().map(|(_, path)| path.forbidden(told)).collect();
        let whole = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
        errors.push(path.forbidden(too_expensive(whole, self.cost, TOTAL_COST_MAX)));
        errors
    }
}

#[expect(clippy::cast_precision_loss, reason = "a factor for people")]
fn too_expensive(what: &str, cost: u64, max: u64) -> String {
    let factor = cost as f64 / max as f64;
    let factor = if factor > 100.0 {
        "more than 100x".to_owned()
    } else if factor < 1.5 {
        format!("{factor:.6}x")
    } else {
        format!("{factor:.1}x")
    };
    format!("{what} exceeds budget by factor of {factor} {HINT}")
}

/// A rule as upstream prints its internal struct.
fn as_go_prints(rule: &Rule) -> String {
    let quoted = |text: &str| {
        let json = Value::from(text).to_string();
        json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
    };
    let reason = rule.reason.as_deref().map_or("null".to_owned(), quoted);
    let optional = rule.optional_old_self.map_or("null".to_owned(), |flag| flag.to_string());
    format!(
        "{{\"Rule\":{},\"Message\":{},\"MessageExpression\":{},\"Reason\":{reason},\"FieldPath\":{},\
         \"OptionalOldSelf\":{optional}}}",
        quoted(&rule.rule),
        quoted(&rule.message),
        quoted(&rule.message_expression),
        quoted(&rule.field_path)
    )
}
