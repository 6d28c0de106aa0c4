//! SubjectAccessReview and its kin: what the authorizers say of somebody.

use std::collections::BTreeMap;

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{ApiError, Gvk, Object, validation};
use serde_json::{Map, Value, json};

use crate::authz::{Attributes, Decision, authorize};
use crate::{ApiServer, User};

pub(super) async fn self_review(server: &ApiServer, user: &User, review: Object) -> Result<Object, ApiError> {
    let mut errors = check_target(&review);
    errors.extend(check_meta(&review, "must be empty"));
    refuse(&errors)?;
    answer(server, user.clone(), review).await
}

pub(super) async fn review(server: &ApiServer, review: Object) -> Result<Object, ApiError> {
    let mut errors = check_spec(&review);
    errors.extend(check_meta(&review, "must be empty"));
    refuse(&errors)?;
    let user = subject(&review);
    answer(server, user, review).await
}

pub(super) async fn local_review(server: &ApiServer, namespace: &str, mut review: Object) -> Result<Object, ApiError> {
    if review.namespace().is_empty() {
        review.set(&["metadata", "namespace"], namespace);
    }
    let mut errors = check_spec(&review);
    errors.extend(check_meta(&review, "must be empty except for namespace"));
    let spec = Path::root("spec");
    if let Some(target) = review.map_at(&["spec", "resourceAttributes"]) {
        let other = text(target, "namespace");
        if other != review.namespace() {
            let path = spec.child("resourceAttributes").child("namespace");
            errors.push(path.invalid(other, "must match metadata.namespace"));
        }
    }
    if let Some(target) = review.map_at(&["spec", "nonResourceAttributes"]) {
        let value = path_value(target);
        errors.push(spec.child("nonResourceAttributes").invalid(value, "disallowed on this kind of request"));
    }
    refuse(&errors)?;
    let user = subject(&review);
    answer(server, user, review).await
}

async fn answer(server: &ApiServer, user: User, mut review: Object) -> Result<Object, ApiError> {
    let status = match authorize(server, &attributes(user, &review)).await {
        Decision::Allow(reason) if reason.is_empty() => json!({ "allowed": true }),
        Decision::Allow(reason) => json!({ "allowed": true, "reason": reason }),
        Decision::Deny(reason) if reason.is_empty() => json!({ "allowed": false }),
        Decision::Deny(reason) => json!({ "allowed": false, "reason": reason }),
    };
    review.set(&["status"], status);
    Ok(review)
}

fn subject(review: &Object) -> User {
    let spec = review.map_at(&["spec"]);
    let of = |key: &str| spec.map(|spec| text(spec, key)).unwrap_or_default().to_owned();
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let extra: BTreeMap<String, Vec<String>> = review
        .map_at(&["spec", "extra"])
        .into_iter()
        .flatten()
        .map(|(key, values)| (key.to_ascii_lowercase(), list(values)))
        .collect();
    let groups = review.at(&["spec", "groups"]).map(list).unwrap_or_default();
    User { name: of("user"), uid: of("uid"), groups, extra }
}

fn attributes(user: User, review: &Object) -> Attributes {
    if let Some(target) = review.map_at(&["spec", "nonResourceAttributes"]) {
        let of = |key: &str| text(target, key).to_owned();
        return Attributes { user, verb: of("verb"), path: of("path"), ..Attributes::default() };
    }
    let empty = Map::new();
    let target = review.map_at(&["spec", "resourceAttributes"]).unwrap_or(&empty);
    let of = |key: &str| text(target, key).to_owned();
    Attributes {
        user,
        is_resource: true,
        verb: of("verb"),
        group: of("group"),
        version: of("version"),
        resource: of("resource"),
        subresource: of("subresource"),
        namespace: of("namespace"),
        name: of("name"),
        ..Attributes::default()
    }
}

fn check_spec(review: &Object) -> Vec<Error> {
    let mut errors = check_target(review);
    if review.str_at(&["spec", "user"]).is_empty() && review.list_at(&["spec", "groups"]).is_empty() {
        errors.push(Path::root("spec").child("user").invalid("", "at least one of user or group must be specified"));
    }
    errors
}

/// There must be one target, of a resource or of a path, with sound selectors.
fn check_target(review: &Object) -> Vec<Error> {
    let spec = Path::root("spec");
    let resource = review.map_at(&["spec", "resourceAttributes"]);
    let path = review.map_at(&["spec", "nonResourceAttributes"]);
    let mut errors = Vec::new();
    match (resource, path) {
        (Some(_), Some(path)) => errors.push(
            spec.child("nonResourceAttributes")
                .invalid(path_value(path), "cannot be specified in combination with resourceAttributes"),
        ),
        (None, None) => errors.push(
            spec.child("resourceAttributes")
                .invalid(Value::Null, "exactly one of nonResourceAttributes or resourceAttributes must be specified"),
        ),
        _ => {}
    }
    for (key, of_labels) in [("fieldSelector", false), ("labelSelector", true)] {
        if let Some(selector) = resource.and_then(|resource| resource.get(key)?.as_object()) {
            check_selector(selector, &spec.child("resourceAttributes").child(key), of_labels, &mut errors);
        }
    }
    errors
}

fn check_selector(selector: &Map<String, Value>, path: &Path, of_labels: bool, errors: &mut Vec<Error>) {
    let raw = text(selector, "rawSelector");
    let requirements = selector.get("requirements").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if !raw.is_empty() && !requirements.is_empty() {
        errors.push(path.child("rawSelector").invalid(raw, "may not specified at the same time as requirements"));
    }
    if raw.is_empty() && requirements.is_empty() {
        let detail = format!("when {path} is specified, requirements or rawSelector is required");
        errors.push(path.child("requirements").required(detail));
    }
    for (index, requirement) in requirements.iter().enumerate() {
        let path = path.child("requirements").index(index);
        let of = |key: &str| requirement[key].as_str().unwrap_or_default();
        let values = requirement["values"].as_array().map_or(&[][..], Vec::as_slice);
        // An operator that is not known here may be known to a newer authorizer.
        match of("operator") {
            "In" | "NotIn" if values.is_empty() => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(path.child("values").required(detail));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(path.child("values").forbidden(detail));
            }
            _ => {}
        }
        let key = of("key");
        if of_labels {
            let wrong = validation::label_key(key);
            errors.extend(wrong.into_iter().map(|detail| path.child("key").invalid(key, detail)));
        } else if key.is_empty() {
            errors.push(path.child("key").required("must be specified"));
        }
    }
}

fn check_meta(review: &Object, detail: &str) -> Option<Error> {
    let metadata = review.map_at(&["metadata"])?;
    let allowed = |key: &str| key == "managedFields" || (key == "namespace" && detail.ends_with("namespace"));
    let rest = metadata.iter().filter(|(key, value)| !allowed(key) && !value.is_null());
    (rest.count() > 0).then(|| Path::root("metadata").invalid(Value::Object(metadata.clone()), detail))
}

fn refuse(errors: &[Error]) -> Result<(), ApiError> {
    if errors.is_empty() {
        return Ok(());
    }
    // Upstream names no kind here.
    Err(ApiError::invalid(&Gvk::new("authorization.k8s.io", "v1", ""), "", errors))
}

/// A path target as upstream prints it in errors: by the names of Go's fields.
fn path_value(target: &Map<String, Value>) -> Value {
    json!({ "Path": text(target, "path"), "Verb": text(target, "verb") })
}

fn text<'a>(map: &'a Map<String, Value>, key: &str) -> &'a str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}
