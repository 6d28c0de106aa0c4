//! The AdmissionRequest of a write: what webhooks are sent and what expressions see as `request`.

use kubernel_kinds::Kind;
use kubernel_meta::{DeleteOptions, FieldValidation, Gvk, Gvr, PropagationPolicy, WriteOptions};
use serde_json::{Map, Value, json};

use super::matching::is_namespaces;
use super::{Attributes, Options};
use crate::resources::Resource;

/// The request as a webhook or policy for `matched` sees it; without `uid`, `object` and `oldObject`.
pub(crate) fn request(write: &Attributes<'_>, matched: &Resource) -> Value {
    let own = write.kind.gvr();
    let mut request = json!({
        "kind": kind(&carried(&matched.kind, write.subresource)),
        "resource": resource(&matched.gvr),
        "requestKind": kind(&carried(write.kind, write.subresource)),
        "requestResource": resource(&own),
        "operation": write.operation.name(),
        "userInfo": write.user.to_value(),
        "dryRun": write.dry_run,
        "options": options(write.options),
    });
    // The request of a namespace names itself as the namespace.
    let namespace = if is_namespaces(&own) { write.name } else { write.namespace };
    let texts = [
        ("subResource", write.subresource),
        ("requestSubResource", write.subresource),
        ("name", write.name),
        ("namespace", namespace),
    ];
    for (field, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        request[field] = json!(text);
    }
    request
}

/// The kind that requests for a resource or its subresource carry.
pub(crate) fn carried(of: &Kind, subresource: &str) -> Gvk {
    match of.subresource(subresource).and_then(|sub| sub.kind.as_ref()) {
        Some((group, version, kind)) => Gvk::new(&**group, &**version, &**kind),
        None => of.gvk(),
    }
}

fn kind(kind: &Gvk) -> Value {
    json!({ "group": kind.group, "version": kind.version, "kind": kind.kind })
}

fn resource(resource: &Gvr) -> Value {
    json!({ "group": resource.group, "version": resource.version, "resource": resource.resource })
}

fn options(options: Options<'_>) -> Value {
    match options {
        Options::Create(options) => write_options("CreateOptions", options),
        Options::Update(options) => write_options("UpdateOptions", options),
        Options::Delete(options) => delete_options(options),
        Options::None => Value::Null,
    }
}

fn start(kind: &str, dry_run: bool) -> Map<String, Value> {
    let mut options = Map::new();
    options.insert("kind".to_owned(), json!(kind));
    options.insert("apiVersion".to_owned(), json!("meta.k8s.io/v1"));
    if dry_run {
        options.insert("dryRun".to_owned(), json!(["All"]));
    }
    options
}

fn write_options(kind: &str, options: &WriteOptions) -> Value {
    let mut map = start(kind, options.dry_run);
    if !options.field_manager.is_empty() {
        map.insert("fieldManager".to_owned(), json!(options.field_manager));
    }
    let validation = match options.field_validation {
        FieldValidation::Ignore => Some("Ignore"),
        FieldValidation::Warn => None,
        FieldValidation::Strict => Some("Strict"),
    };
    if let Some(validation) = validation {
        map.insert("fieldValidation".to_owned(), json!(validation));
    }
    Value::Object(map)
}

fn delete_options(options: &DeleteOptions) -> Value {
    let mut map = start("DeleteOptions", options.dry_run);
    let mut add = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            map.insert(field.to_owned(), value);
        }
    };
    add("gracePeriodSeconds", options.grace_secs.map(Value::from));
    add("orphanDependents", options.orphan_dependents.map(Value::from));
    let policy = options.propagation_policy.map(|policy| match policy {
        PropagationPolicy::Orphan => "Orphan",
        PropagationPolicy::Background => "Background",
        PropagationPolicy::Foreground => "Foreground",
    });
    add("propagationPolicy", policy.map(Value::from));
    let wanted = &options.preconditions;
    let mut preconditions = Map::new();
    for (field, value) in [("uid", &wanted.uid), ("resourceVersion", &wanted.resource_version)] {
        if let Some(value) = value {
            preconditions.insert(field.to_owned(), json!(value));
        }
    }
    add("preconditions", (!preconditions.is_empty()).then_some(Value::Object(preconditions)));
    Value::Object(map)
}
