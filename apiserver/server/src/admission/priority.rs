//! Priority: a Pod's class becomes its number; there is one default class; the system's own stay.

use std::sync::Arc;

use kubernel_meta::{ApiError, Object};
use serde_json::Value;

use super::{Attributes, Operation, View};

const GROUP: &str = "scheduling.k8s.io";
const PREFIX: &str = "/registry/scheduling.k8s.io/priorityclasses/";
const SYSTEM_CLASSES: [&str; 2] = ["system-cluster-critical", "system-node-critical"];
/// What a class without a policy means.
const PREEMPT: &str = "PreemptLowerPriority";

pub(super) async fn admit(
    view: &View<'_>,
    request: &Attributes<'_>,
    object: &mut Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    if !request.is_main("", "pods") {
        return Ok(());
    }
    if let (Operation::Update, Some(old)) = (request.operation, old) {
        for field in ["priority", "preemptionPolicy"] {
            if let (None, Some(value)) = (object.at(&["spec", field]), old.at(&["spec", field])) {
                object.set(&["spec", field], value.clone());
            }
        }
        return Ok(());
    }
    let name = object.str_at(&["spec", "priorityClassName"]).to_owned();
    let class = if name.is_empty() { default_class(view).await? } else { view.get(&format!("{PREFIX}{name}")).await? };
    let (value, policy) = match &class {
        None if name.is_empty() => (0, PREEMPT),
        None => return Err(request.forbidden(format!("no PriorityClass with name {name} was found"))),
        Some(class) => (
            class.int_at(&["value"]).unwrap_or(0),
            class.at(&["preemptionPolicy"]).and_then(Value::as_str).unwrap_or(PREEMPT),
        ),
    };
    let computed = "must not be provided in pod spec; priority admission controller computed";
    let source = "from the given PriorityClass name";
    if let Some(given) = object.int_at(&["spec", "priority"]).filter(|given| *given != value) {
        return Err(request.forbidden(format!("the integer value of priority ({given}) {computed} {value} {source}")));
    }
    if let Some(given) =
        object.at(&["spec", "preemptionPolicy"]).and_then(Value::as_str).filter(|given| *given != policy)
    {
        let text = format!("the string value of PreemptionPolicy ({given}) {computed} {policy} {source}");
        return Err(request.forbidden(text));
    }
    object.set(&["spec", "priority"], value);
    object.set(&["spec", "preemptionPolicy"], policy);
    if let (true, Some(class)) = (name.is_empty(), &class) {
        object.set(&["spec", "priorityClassName"], class.name());
    }
    Ok(())
}

pub(super) async fn check(view: &View<'_>, request: &Attributes<'_>, object: &Object) -> Result<(), ApiError> {
    if !request.is_main(GROUP, "priorityclasses") || !is_default(object) {
        return Ok(());
    }
    match default_class(view).await? {
        Some(other) if other.name() != object.name() => Err(request.forbidden(format!(
            "PriorityClass {} is already marked as default. Only one default can exist",
            other.name()
        ))),
        _ => Ok(()),
    }
}

pub(super) fn check_delete(request: &Attributes<'_>) -> Result<(), ApiError> {
    if request.is_main(GROUP, "priorityclasses") && SYSTEM_CLASSES.contains(&request.name) {
        return Err(request.forbidden("this is a system priority class and cannot be deleted"));
    }
    Ok(())
}

/// The default class; the one with the lowest value, should there be more.
async fn default_class(view: &View<'_>) -> Result<Option<Arc<Object>>, ApiError> {
    let classes = view.list(PREFIX).await?;
    Ok(classes.into_iter().filter(|class| is_default(class)).min_by_key(|class| class.int_at(&["value"])))
}

fn is_default(class: &Object) -> bool {
    class.at(&["globalDefault"]).and_then(Value::as_bool) == Some(true)
}
