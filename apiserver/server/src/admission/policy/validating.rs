//! What validating policies decide: to refuse, to warn, or to note.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kubernel_cel::admission::{Budget, POLICY_COST_MAX, Scope};
use kubernel_cel::{Type, Value};
use kubernel_meta::{ApiError, Cause, Details, Object, Reason};

use super::compiled::{Binding, Policy, Validation};
use super::index::Hook;
use super::parameters;
use super::request::{Seen, namespace_of};
use crate::ApiServer;
use crate::admission::{Attributes, View};
use crate::resources::{Resource, Resources};

/// Messages that an expression makes may be as long as this.
const MESSAGE_BYTES_MAX: usize = 5 * 1024;

/// Why a write is not let through by a policy.
#[derive(Debug, PartialEq, Eq)]
struct Denial {
    message: String,
    reason: Option<String>,
    /// How long the expression took that says so.
    took: Duration,
    /// It could not be decided, and the policy ignores that.
    ignored: bool,
}

/// Asks the validating policies; gives the texts of warnings.
pub(crate) async fn validate(
    server: &ApiServer,
    view: &View<'_>,
    write: &Attributes<'_>,
    object: Option<&Object>,
    old: Option<&Object>,
) -> Result<Vec<String>, ApiError> {
    let hooks = server.policies().validating(&**server.store()).await?;
    let mut warnings = Vec::new();
    if hooks.is_empty() || super::is_exempt(write.kind) {
        return Ok(warnings);
    }
    let resources = server.resources();
    let mut run = Run { server, view, write, object, old, resources: &resources, refusal: None };
    for hook in hooks.iter() {
        run.hook(hook, &mut warnings).await?;
    }
    match run.refusal {
        None => Ok(warnings),
        Some((message, reason)) => Err(refuse(write, message, reason.as_deref())),
    }
}

struct Run<'a> {
    server: &'a ApiServer,
    view: &'a View<'a>,
    write: &'a Attributes<'a>,
    object: Option<&'a Object>,
    old: Option<&'a Object>,
    resources: &'a Resources,
    /// The first refusal, by which the request fails: its text and reason.
    refusal: Option<(String, Option<String>)>,
}

impl Run<'_> {
    async fn hook(&mut self, hook: &Hook, warnings: &mut Vec<String>) -> Result<(), ApiError> {
        let Self { view, write, object, old, resources, .. } = *self;
        let policy = &*hook.policy;
        let matched = match policy.constraints.matches(view, resources, write, object, old).await {
            Ok(Some(matched)) => matched,
            Ok(None) => return Ok(()),
            Err(error) => {
                self.misconfigured(policy, None, error.message());
                return Ok(());
            }
        };
        let parameters = match parameters::resource(policy, resources) {
            Ok(parameters) => parameters,
            Err(error) => {
                self.misconfigured(policy, None, &error);
                return Ok(());
            }
        };
        for binding in &hook.bindings {
            self.binding(policy, binding, &matched, parameters.as_ref(), warnings).await?;
        }
        Ok(())
    }

    async fn binding(
        &mut self,
        policy: &Policy,
        binding: &Binding,
        matched: &Resource,
        parameters: Option<&Arc<Resource>>,
        warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        let Self { server, view, write, object, old, resources, .. } = *self;
        if let Some(constraints) = &binding.constraints {
            match constraints.matches(view, resources, write, object, old).await {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.misconfigured(policy, Some(binding), error.message());
                    return Ok(());
                }
            }
        }
        let parameters = parameters.map(|resource| &**resource);
        let parameters = match parameters::collect(server, view, parameters, binding, write.namespace).await {
            Ok(parameters) => parameters,
            Err(error) => {
                self.misconfigured(policy, Some(binding), &error);
                return Ok(());
            }
        };
        let namespace = namespace_of(view, write).await?;
        let seen = match Seen::new(server, write, matched, namespace.as_deref(), object, old).await {
            Ok(seen) => seen,
            Err(error) => {
                self.misconfigured(policy, None, &error);
                return Ok(());
            }
        };
        for parameter in parameters {
            for denial in decide(policy, &seen, parameter.as_deref()) {
                self.act(policy, binding, denial, warnings);
            }
        }
        Ok(())
    }

    /// Does with a denial what the binding asks for. Nothing keeps notes for auditors here, so `Audit` alone lets through.
    fn act(&mut self, policy: &Policy, binding: &Binding, denial: Denial, warnings: &mut Vec<String>) {
        let (policy, name) = (&policy.name, &binding.name);
        let found =
            |action: &str| self.server.metrics().policies.found(policy, name, action, &denial.message, denial.took);
        if denial.ignored {
            return found("allow");
        }
        for action in &binding.actions {
            match action.as_str() {
                "Deny" => {
                    found("deny");
                    let message = &denial.message;
                    let text =
                        format!("ValidatingAdmissionPolicy '{policy}' with binding '{name}' denied request: {message}");
                    self.refusal.get_or_insert((text, denial.reason.clone()));
                }
                "Warn" => {
                    found("warn");
                    warnings.push(format!(
                        "Validation failed for ValidatingAdmissionPolicy '{policy}' with binding '{name}': {}",
                        denial.message
                    ));
                }
                _ => found("audit"),
            }
        }
    }

    /// A policy or binding that cannot be put to work refuses, unless it ignores failures.
    fn misconfigured(&mut self, policy: &Policy, binding: Option<&Binding>, error: &str) {
        if policy.ignores_failures {
            return;
        }
        let name = &policy.name;
        let text = match binding {
            Some(binding) => format!(
                "ValidatingAdmissionPolicy '{name}' with binding '{}' denied request: failed to configure binding: {error}",
                binding.name
            ),
            None => format!("ValidatingAdmissionPolicy '{name}' denied request: failed to configure policy: {error}"),
        };
        self.refusal.get_or_insert((text, None));
    }
}

/// What a policy denies of a write, with one set of parameters.
fn decide(policy: &Policy, seen: &Seen<'_>, parameter: Option<&Object>) -> Vec<Denial> {
    let started = Instant::now();
    let failed = |message: String, took: Duration| {
        let ignored = policy.ignores_failures;
        Denial { message, reason: None, took, ignored }
    };
    match seen.meets_conditions(policy, parameter) {
        Ok(true) => {}
        Ok(false) => return Vec::new(),
        Err(error) => return vec![failed(error, started.elapsed())],
    }
    let scope = Scope::new(seen.bindings(parameter), &policy.variables);
    let mut budget = Budget::new(POLICY_COST_MAX);
    let mut outcomes = Vec::with_capacity(policy.validations.len());
    for validation in &policy.validations {
        let started = Instant::now();
        match scope.evaluate(&validation.expression, &mut budget) {
            Ok(outcome) => outcomes.push((validation, outcome, started.elapsed())),
            Err(spent) => return vec![failed(spent.to_string(), started.elapsed())],
        }
    }
    let mut denials = Vec::new();
    for (validation, outcome, took) in outcomes {
        match outcome {
            Err(error) => denials.push(failed(error, took)),
            Ok(value) if value.as_bool() == Some(true) => {}
            Ok(_) => {
                let (message, reason) = (message(validation, &scope, &mut budget), validation.reason.clone());
                denials.push(Denial { message, reason, took, ignored: false });
            }
        }
    }
    let started = Instant::now();
    let wrong = wrong_audit_annotations(policy, &scope);
    denials.extend(wrong.into_iter().map(|message| failed(message, started.elapsed())));
    denials
}

/// What to say of a validation that failed: what its expression says, else its message, else the expression itself.
fn message(validation: &Validation, scope: &Scope<'_>, budget: &mut Budget) -> String {
    let made = validation.message_expression.as_ref().and_then(|expression| {
        let value = scope.evaluate(expression, budget).ok()?.ok()?;
        let text = value.as_str()?.trim().to_owned();
        let fits = !text.is_empty() && text.len() <= MESSAGE_BYTES_MAX && !text.contains('\n');
        fits.then_some(text)
    });
    match made {
        Some(text) => text,
        None if !validation.message.is_empty() => validation.message.clone(),
        None => format!("failed expression: {}", validation.text),
    }
}

/// Audit annotations are worked out although nobody keeps them: one that fails is a denial.
fn wrong_audit_annotations(policy: &Policy, scope: &Scope<'_>) -> Vec<String> {
    let mut budget = Budget::new(POLICY_COST_MAX);
    let mut wrong = Vec::new();
    for (_, expression) in &policy.audit_annotations {
        match scope.evaluate(expression, &mut budget) {
            Err(spent) => return vec![spent.to_string()],
            Ok(Err(error)) => wrong.push(error),
            Ok(Ok(Value::String(_) | Value::Null)) => {}
            Ok(Ok(value)) => {
                let text = expression.as_ref().map_or("", |compiled| &compiled.text);
                wrong.push(unsupported(text, &value.ty()));
            }
        }
    }
    wrong
}

fn unsupported(text: &str, ty: &Type) -> String {
    format!(
        "valueExpression '{text}' resulted in unsupported return type: {}. Return type must be either string or null.",
        ty.name()
    )
}

fn refuse(write: &Attributes<'_>, message: String, reason: Option<&str>) -> ApiError {
    let (code, reason) = match reason {
        Some("Unauthorized") => (401, Reason::Unauthorized),
        Some("Forbidden") => (403, Reason::Forbidden),
        Some("RequestEntityTooLarge") => (413, Reason::RequestEntityTooLarge),
        _ => (422, Reason::Invalid),
    };
    let forbidden = write.forbidden(&message);
    let gvr = write.kind.gvr();
    let details = Details { name: write.name.to_owned(), group: gvr.group, kind: gvr.resource, ..Details::default() };
    ApiError::new(code, reason, forbidden.message().to_owned())
        .with_details(details)
        .with_cause(Cause { message, ..Cause::default() })
}
