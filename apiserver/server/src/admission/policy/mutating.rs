//! What mutating policies make of an object: apply configurations laid over it, JSON patches applied to it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use kubernel_cel::Value;
use kubernel_cel::admission::{Budget, POLICY_COST_MAX, Scope, check_type_names};
use kubernel_meta::{ApiError, Cause, Details, Object, Reason};
use kubernel_schema::apply::lay_over;
use kubernel_schema::patch::json;
use kubernel_schema::{Schema, builtin, decode};
use serde_json::Value as Json;

use super::compiled::{Binding, Mutation, Policy};
use super::index::Hook;
use super::parameters;
use super::request::{Seen, between, namespace_of};
use crate::admission::{Attributes, View};
use crate::resources::Resource;
use crate::{ApiServer, codec, crds};

/// What is remembered between the passes of mutation over one object: a policy that asks for it sees the object again
/// when others have changed it.
#[derive(Debug, Default)]
pub(crate) struct Reinvocation {
    /// Whether this is the second pass.
    again: bool,
    /// The object as the policies left it.
    left: Option<Object>,
    /// Who was called and wants to be called again after changes.
    called: BTreeSet<Key>,
    /// Who is to be called again.
    wanted: BTreeSet<Key>,
    /// Whether a policy has changed the object, so that there has to be a second pass.
    changed: bool,
}

/// One use of a policy: its name, its binding's and its parameters'.
type Key = (String, String, String);

impl Reinvocation {
    /// Goes on to the second pass.
    pub(crate) fn start_again(&mut self) {
        self.again = true;
    }

    /// Whether a policy has changed the object.
    pub(crate) fn changed(&self) -> bool {
        self.changed
    }

    /// Something has changed: whoever was called before is to be called again.
    fn require(&mut self) {
        self.wanted.append(&mut self.called);
    }
}

/// Lets the mutating policies change an object, in the order of their names.
pub(crate) async fn mutate(
    server: &ApiServer,
    view: &View<'_>,
    write: &Attributes<'_>,
    object: &mut Object,
    old: Option<&Object>,
    passes: &mut Reinvocation,
) -> Result<(), ApiError> {
    let hooks = server.policies().mutating(&**server.store()).await?;
    if hooks.is_empty() || super::is_exempt(write.kind) {
        return Ok(());
    }
    if passes.again && passes.left.as_ref().is_some_and(|left| left != object) {
        passes.require();
    }
    let mut errors: Vec<String> = Vec::new();
    for hook in hooks.iter() {
        run(server, view, write, object, old, hook, passes, &mut errors).await?;
    }
    passes.left = Some(object.clone());
    if errors.is_empty() { Ok(()) } else { Err(refuse(write, errors)) }
}

#[expect(clippy::too_many_arguments, reason = "what a policy sees of a write is what the caller was given")]
async fn run(
    server: &ApiServer,
    view: &View<'_>,
    write: &Attributes<'_>,
    object: &mut Object,
    old: Option<&Object>,
    hook: &Hook,
    passes: &mut Reinvocation,
    errors: &mut Vec<String>,
) -> Result<(), ApiError> {
    let policy = &*hook.policy;
    let resources = server.resources();
    let matched = match policy.constraints.matches(view, &resources, write, Some(object), old).await {
        Ok(Some(matched)) => matched,
        Ok(None) => return Ok(()),
        Err(error) => {
            report(policy, None, format!("failed to configure policy: {}", error.message()), errors);
            return Ok(());
        }
    };
    let kind_of_parameters = match parameters::resource(policy, &resources) {
        Ok(found) => found,
        Err(error) => {
            report(policy, None, format!("failed to configure policy: {error}"), errors);
            return Ok(());
        }
    };
    for binding in &hook.bindings {
        let unfit = |error: &str| format!("failed to configure binding: {error}");
        if let Some(constraints) = &binding.constraints {
            match constraints.matches(view, &resources, write, Some(object), old).await {
                Ok(Some(_)) => {}
                Ok(None) => continue,
                Err(error) => {
                    report(policy, Some(binding), unfit(error.message()), errors);
                    continue;
                }
            }
        }
        let parameters =
            parameters::collect(server, view, kind_of_parameters.as_deref(), binding, write.namespace).await;
        let parameters = match parameters {
            Ok(parameters) => parameters,
            Err(error) => {
                report(policy, Some(binding), unfit(&error), errors);
                continue;
            }
        };
        for parameter in parameters {
            let key = key(policy, binding, parameter.as_deref());
            let namespace = namespace_of(view, write).await?;
            let before = object.clone();
            let seen = Seen::new(server, write, &matched, namespace.as_deref(), Some(&before), old).await;
            let mut seen = match seen {
                Ok(seen) => seen,
                Err(error) => {
                    report(policy, None, format!("failed to configure policy: {error}"), errors);
                    continue;
                }
            };
            match seen.meets_conditions(policy, parameter.as_deref()) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    report(policy, Some(binding), error, errors);
                    continue;
                }
            }
            if passes.again && !passes.wanted.contains(&key) {
                continue;
            }
            for mutation in &policy.mutations {
                let started = Instant::now();
                let outcome = change(&mut seen, policy, mutation, &matched, parameter.as_ref());
                let error = outcome.as_ref().err().map(String::as_str);
                server.metrics().policies.mutated(&policy.name, &binding.name, error, started.elapsed());
                if let Err(error) = outcome {
                    report(policy, Some(binding), error, errors);
                }
            }
            if let Some(changed) = seen.object() {
                let own = resources.find(&write.kind.group, &write.kind.version, &write.kind.plural);
                let changed = match own {
                    Some(own) if matched.gvr != own.gvr && changed.kind() == write.kind.kind => {
                        between(server, changed, &matched.kind, own).await.map_err(ApiError::internal)?
                    }
                    _ => changed.clone(),
                };
                if changed != before {
                    *object = changed;
                    passes.require();
                    passes.changed = true;
                }
            }
            if policy.reinvoked {
                passes.called.insert(key);
            }
        }
    }
    Ok(())
}

fn key(policy: &Policy, binding: &Binding, parameter: Option<&Object>) -> Key {
    let parameter = parameter.map(|object| format!("{}/{}", object.namespace(), object.name()));
    (policy.name.clone(), binding.name.clone(), parameter.unwrap_or_default())
}

/// One mutation; the error is upstream's text.
fn change(
    seen: &mut Seen<'_>,
    policy: &Policy,
    mutation: &Mutation,
    matched: &Resource,
    parameter: Option<&Arc<Object>>,
) -> Result<(), String> {
    let Some(object) = seen.object() else { return Ok(()) };
    let scope = Scope::new(seen.bindings(parameter.map(|object| &**object)), &policy.variables);
    let mut budget = Budget::new(POLICY_COST_MAX);
    let (Mutation::Apply(expression) | Mutation::JsonPatch(expression)) = mutation;
    let value = scope.evaluate(expression, &mut budget).map_err(|spent| spent.to_string())??;
    let changed = match mutation {
        Mutation::Apply(_) => Some(configured(object, &value, matched)?),
        Mutation::JsonPatch(_) => patched(object, &value)?,
    };
    drop(value);
    let Some(changed) = changed else { return Ok(()) };
    drop(scope);
    seen.set_object(sound(matched, changed)?);
    Ok(())
}

/// The object with an apply configuration laid over it.
fn configured(object: &Object, value: &Value<'_>, matched: &Resource) -> Result<Object, String> {
    check_type_names(value).map_err(|error| format!("type mismatch: {error}"))?;
    let made = value.to_json().and_then(|json| Object::from_value(json).ok());
    let mut configuration = made.ok_or_else(|| format!("invalid return type: {}", value.ty().name()))?;
    for field in ["apiVersion", "kind"] {
        configuration.set(&[field], object.str_at(&[field]));
    }
    let schema = schema_of(object, matched).ok_or_else(|| "type converter must not be nil".to_owned())?;
    lay_over(&schema, object, &configuration).map_err(|error| format!("error applying patch: {error}"))
}

/// The object with a JSON patch applied; `None` where one of its tests fails: then nothing of it counts.
fn patched(object: &Object, value: &Value<'_>) -> Result<Option<Object>, String> {
    let unfit = "JSONPath valueExpression evaluated to a type that could not marshal to JSON";
    let Value::List(list) = value else {
        return Err("type mismatch: JSONPatchType.expression should evaluate to array".to_owned());
    };
    let mut operations = Vec::with_capacity(list.len());
    for operation in list.iter() {
        if let Value::Opaque(made) = &operation
            && let Some(content) = made.field("value")
        {
            check_type_names(&content).map_err(|error| format!("type mismatch: {error}"))?;
        }
        operations.push(operation.to_json().ok_or(unfit)?);
    }
    match json::apply_operations(object.map().clone(), operations) {
        Ok(Json::Object(map)) => Ok(Some(Object::new(map))),
        Ok(_) => Err("JSONPath: the patched object is no map".to_owned()),
        Err(failure) if failure.op == "test" => Ok(None),
        Err(failure) => Err(format!(
            "JSONPath: {} operation does not apply: doc is missing path: {:?}: missing value",
            failure.op, failure.path
        )),
    }
}

/// What a mutation made, decoded and defaulted as a request's body would be.
fn sound(matched: &Resource, object: Object) -> Result<Object, String> {
    if object.kind() != matched.gvk.kind {
        return Ok(object);
    }
    if let Some(custom) = &matched.custom {
        let (mut object, _) = crds::revive(matched, custom, object.into_value())?;
        codec::defaults(matched, &mut object);
        return Ok(object);
    }
    let mut object = decode::value(&matched.schema, object.into_value()).map_err(|error| error.to_string())?.object;
    for (field, value) in [("apiVersion", &matched.api_version), ("kind", &matched.gvk.kind)] {
        object.set(&[field], value.as_str());
    }
    codec::defaults(matched, &mut object);
    Ok(object)
}

/// The shape of an object: the resource's, or that of what its subresource carries.
fn schema_of(object: &Object, matched: &Resource) -> Option<Schema> {
    if object.kind() == matched.gvk.kind {
        return Some(matched.schema.clone());
    }
    let types = builtin();
    let root = types.find_kind(object.api_version(), object.kind())?;
    Some(Schema { types: types.clone(), root })
}

/// Notes what went wrong, unless the policy ignores failures.
fn report(policy: &Policy, binding: Option<&Binding>, error: String, errors: &mut Vec<String>) {
    if policy.ignores_failures {
        return;
    }
    let name = &policy.name;
    errors.push(match binding {
        Some(binding) => format!("policy '{name}' with binding '{}' denied request: {error}", binding.name),
        None => format!("policy {name:?} denied request: {error}"),
    });
}

/// The code is that of a refusal, the reason that of an invalid object, as upstream has it.
fn refuse(write: &Attributes<'_>, errors: Vec<String>) -> ApiError {
    let gvr = write.kind.gvr();
    let details = Details { name: write.name.to_owned(), group: gvr.group, kind: gvr.resource, ..Details::default() };
    let first = errors.first().cloned().unwrap_or_default();
    let refused = ApiError::new(403, Reason::Invalid, first).with_details(details);
    errors.into_iter().fold(refused, |refused, message| refused.with_cause(Cause { message, ..Cause::default() }))
}
