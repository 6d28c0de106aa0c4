//! A policy and a binding as admission needs them: read once, expressions compiled.

use kubernel_cel::admission::{Compiled, Compiler, Features, Purpose};
use kubernel_meta::{LabelSelector, Object, SelectorError};
use serde_json::Value;

use crate::admission::matching::Constraints;

/// An expression, or why it does not compile.
pub(super) type Expression = Result<Compiled, String>;

/// A policy.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) name: String,
    /// `failurePolicy: Ignore`: what cannot be decided is let through.
    pub(super) ignores_failures: bool,
    pub(super) constraints: Constraints,
    /// The kind of the parameters: `apiVersion` and `kind`.
    pub(super) param_kind: Option<(String, String)>,
    pub(super) conditions: Vec<Expression>,
    pub(super) variables: Vec<(String, Expression)>,
    pub(super) validations: Vec<Validation>,
    /// Keys and values.
    pub(super) audit_annotations: Vec<(String, Expression)>,
    pub(super) mutations: Vec<Mutation>,
    /// `reinvocationPolicy: IfNeeded`.
    pub(super) reinvoked: bool,
}

#[derive(Debug)]
pub(super) struct Validation {
    pub(super) expression: Expression,
    pub(super) text: String,
    pub(super) message: String,
    pub(super) message_expression: Option<Expression>,
    pub(super) reason: Option<String>,
}

#[derive(Debug)]
pub(super) enum Mutation {
    Apply(Expression),
    JsonPatch(Expression),
}

/// A binding: to what a policy is applied, with which parameters.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) name: String,
    pub(super) policy: String,
    pub(super) constraints: Option<Constraints>,
    pub(super) parameters: Option<ParamRef>,
    /// `Deny`, `Warn`, `Audit`.
    pub(super) actions: Vec<String>,
}

#[derive(Debug)]
pub(super) struct ParamRef {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) selector: Option<Result<LabelSelector, SelectorError>>,
    /// `parameterNotFoundAction: Deny`.
    pub(super) must_exist: bool,
}

impl Policy {
    pub(super) fn parse(object: &Object, mutating: bool) -> Self {
        let list = |field: &str| object.list_at(&["spec", field]);
        let param_kind = object.map_at(&["spec", "paramKind"]).map(|kind| {
            let of = |field: &str| kind.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            (of("apiVersion"), of("kind"))
        });
        let features = Features { params: param_kind.is_some(), patches: mutating };
        let plain = Compiler::new(Features { patches: false, ..features });
        let condition = |condition: &Value| plain.compile(text(condition, "expression").trim(), Purpose::Condition);
        let conditions = list("matchConditions").iter().map(condition).collect();
        let mut compiler = Compiler::new(features);
        let mut variables = Vec::new();
        for variable in list("variables") {
            let name = text(variable, "name");
            variables.push((name.to_owned(), compiler.variable(name, text(variable, "expression"))));
        }
        let audit = |annotation: &Value| {
            let value = compiler.compile(text(annotation, "valueExpression").trim(), Purpose::Audit);
            (text(annotation, "key").to_owned(), value)
        };
        Self {
            name: object.name().to_owned(),
            ignores_failures: object.str_at(&["spec", "failurePolicy"]) == "Ignore",
            constraints: Constraints::parse(object.at(&["spec", "matchConstraints"]).unwrap_or(&Value::Null)),
            param_kind,
            conditions,
            validations: list("validations").iter().map(|found| Validation::parse(&compiler, found)).collect(),
            audit_annotations: list("auditAnnotations").iter().map(audit).collect(),
            mutations: list("mutations").iter().map(|found| Mutation::parse(&compiler, found)).collect(),
            reinvoked: object.str_at(&["spec", "reinvocationPolicy"]) == "IfNeeded",
            variables,
        }
    }
}

impl Validation {
    fn parse(compiler: &Compiler, validation: &Value) -> Self {
        let message = text(validation, "messageExpression");
        Self {
            expression: compiler.compile(text(validation, "expression"), Purpose::Condition),
            text: text(validation, "expression").trim().to_owned(),
            message: text(validation, "message").trim().to_owned(),
            message_expression: (!message.is_empty()).then(|| compiler.compile(message, Purpose::Message)),
            reason: validation.get("reason").and_then(Value::as_str).map(str::to_owned),
        }
    }
}

impl Mutation {
    fn parse(compiler: &Compiler, mutation: &Value) -> Self {
        let expression = |field: &str| text(mutation.get(field).unwrap_or(&Value::Null), "expression");
        if text(mutation, "patchType") == "JSONPatch" {
            Self::JsonPatch(compiler.compile(expression("jsonPatch"), Purpose::JsonPatch))
        } else {
            Self::Apply(compiler.compile(expression("applyConfiguration"), Purpose::Apply))
        }
    }
}

impl Binding {
    pub(super) fn parse(object: &Object) -> Self {
        let parameters = object.at(&["spec", "paramRef"]).filter(|reference| reference.is_object());
        Self {
            name: object.name().to_owned(),
            policy: object.str_at(&["spec", "policyName"]).to_owned(),
            constraints: object.at(&["spec", "matchResources"]).map(Constraints::parse),
            parameters: parameters.map(|reference| ParamRef {
                name: text(reference, "name").to_owned(),
                namespace: text(reference, "namespace").to_owned(),
                selector: reference.get("selector").map(LabelSelector::from_value),
                must_exist: text(reference, "parameterNotFoundAction") == "Deny",
            }),
            actions: object
                .list_at(&["spec", "validationActions"])
                .iter()
                .filter_map(|action| action.as_str().map(str::to_owned))
                .collect(),
        }
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}
