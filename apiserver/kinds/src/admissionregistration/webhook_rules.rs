//! Rules of webhook configurations.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{LabelSelector, Object, validation as meta};
use serde_json::Value;

use super::expressions;
use crate::tree::{int, items, repeated, set, text};
use crate::validate;

const TIMEOUT_SECS_MAX: i64 = 30;

/// What is wrong with a configuration.
pub(super) fn create(object: &Object, mutating: bool) -> Vec<Error> {
    errors_of(object, None, mutating)
}

/// What is wrong with a change; match conditions are looked at again only where any of them changed.
pub(super) fn update(object: &Object, old: &Object, mutating: bool) -> Vec<Error> {
    errors_of(object, Some(old.list_at(&["webhooks"])), mutating)
}

fn errors_of(object: &Object, old: Option<&[Value]>, mutating: bool) -> Vec<Error> {
    let path = Path::root("webhooks");
    let mut errors = Vec::new();
    let webhooks = object.list_at(&["webhooks"]);
    let same = |old: &&[Value]| {
        let conditions =
            |list: &[Value]| list.iter().map(|hook| items(hook, "matchConditions").to_vec()).collect::<Vec<_>>();
        conditions(old) == conditions(webhooks)
    };
    let unchanged = old.filter(same).is_some();
    let twice = repeated(webhooks, |webhook| text(webhook, "name"));
    for (at, webhook) in webhooks.iter().enumerate() {
        let path = path.index(at);
        let name = text(webhook, "name");
        errors.extend(webhook_errors(&path, webhook, mutating, unchanged));
        errors.extend(versions(&path.child("admissionReviewVersions"), items(webhook, "admissionReviewVersions")));
        if !name.is_empty() && twice[at] {
            errors.push(path.child("name").duplicate(name));
        }
    }
    errors
}

fn webhook_errors(path: &Path, webhook: &Value, mutating: bool, unchanged: bool) -> Vec<Error> {
    let mut errors = qualified_name(&path.child("name"), text(webhook, "name"));
    for (at, rule) in items(webhook, "rules").iter().enumerate() {
        errors.extend(rule_errors(&path.child("rules").index(at), rule));
    }
    let one_of = |field: &str, known: &[&str]| {
        let value = set(webhook, field).and_then(Value::as_str)?;
        (!known.contains(&value)).then(|| path.child(field).not_supported(value, known))
    };
    errors.extend(one_of("failurePolicy", &["Fail", "Ignore"]));
    errors.extend(one_of("matchPolicy", &["Equivalent", "Exact"]));
    match set(webhook, "sideEffects").and_then(Value::as_str) {
        None => errors.push(path.child("sideEffects").required("must specify one of None, NoneOnDryRun")),
        Some("None" | "NoneOnDryRun") => {}
        Some(other) => errors.push(path.child("sideEffects").not_supported(other, &["None", "NoneOnDryRun"])),
    }
    if let Some(secs) = webhook.get("timeoutSeconds").and_then(Value::as_i64)
        && !(1..=TIMEOUT_SECS_MAX).contains(&secs)
    {
        let message = "the timeout value must be between 1 and 30 seconds";
        errors.push(path.child("timeoutSeconds").invalid(secs, message));
    }
    for selector in ["namespaceSelector", "objectSelector"] {
        if let Some(value) = set(webhook, selector) {
            errors.extend(LabelSelector::validate_value(value, &path.child(selector)));
        }
    }
    if mutating {
        errors.extend(one_of("reinvocationPolicy", &["IfNeeded", "Never"]));
    }
    errors.extend(client_config(&path.child("clientConfig"), webhook.get("clientConfig").unwrap_or(&Value::Null)));
    errors.extend(expressions::match_conditions(path, webhook, false, unchanged.then_some(webhook)));
    errors
}

/// A name with at least three parts: `a.example.com`.
fn qualified_name(path: &Path, name: &str) -> Vec<Error> {
    if name.is_empty() {
        return vec![path.required("")];
    }
    let mut errors: Vec<Error> = validate::texts(path, name, meta::dns1123_subdomain(name)).collect();
    if errors.is_empty() && name.split('.').count() < 3 {
        errors.push(path.invalid(name, "should be a domain with at least three segments separated by dots"));
    }
    errors
}

fn versions(path: &Path, versions: &[Value]) -> Vec<Error> {
    const KNOWN: [&str; 2] = ["v1", "v1beta1"];
    if versions.is_empty() {
        return vec![path.required("must specify one of v1, v1beta1")];
    }
    let names: Vec<&str> = versions.iter().filter_map(Value::as_str).collect();
    let mut errors = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            errors.push(path.index(at).invalid(*name, "duplicate version"));
            continue;
        }
        errors.extend(validate::texts(&path.index(at), name, meta::dns1035_label(name)));
    }
    if !names.iter().any(|name| KNOWN.contains(name)) {
        errors.push(path.invalid(names, "must include at least one of v1, v1beta1"));
    }
    errors
}

pub(super) fn rule_errors(path: &Path, rule: &Value) -> Vec<Error> {
    const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
    let mut errors = Vec::new();
    let star = |field: &str| items(rule, field).iter().any(|value| value == "*");
    let at = path.child("operations");
    let operations = items(rule, "operations");
    if operations.is_empty() {
        errors.push(at.required(""));
    }
    if operations.len() > 1 && star("operations") {
        errors.push(at.invalid(operations.to_vec(), "if '*' is present, must not specify other operations"));
    }
    for (index, operation) in operations.iter().filter_map(Value::as_str).enumerate() {
        if !OPERATIONS.contains(&operation) {
            errors.push(at.index(index).not_supported(operation, &OPERATIONS));
        }
    }
    for (field, word) in [("apiGroups", "API groups"), ("apiVersions", "API versions")] {
        let (at, values) = (path.child(field), items(rule, field));
        if values.is_empty() {
            errors.push(at.required(""));
        }
        if values.len() > 1 && star(field) {
            errors.push(at.invalid(values.to_vec(), format!("if '*' is present, must not specify other {word}")));
        }
        for (index, value) in values.iter().filter_map(Value::as_str).enumerate() {
            if value.is_empty() && field == "apiVersions" {
                errors.push(at.index(index).required(""));
            }
        }
    }
    let (at, resources) = (path.child("resources"), items(rule, "resources"));
    if resources.is_empty() {
        errors.push(at.required(""));
    }
    errors.extend(resource_errors(&at, resources));
    match set(rule, "scope").and_then(Value::as_str) {
        None | Some("*" | "Cluster" | "Namespaced") => {}
        Some(other) => errors.push(path.child("scope").not_supported(other, &["*", "Cluster", "Namespaced"])),
    }
    errors
}

fn resource_errors(path: &Path, resources: &[Value]) -> Vec<Error> {
    let names: Vec<&str> = resources.iter().filter_map(Value::as_str).collect();
    let mut errors = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() {
            errors.push(path.index(at).required(""));
        }
        let Some((resource, sub)) = name.split_once('/') else { continue };
        for wide in [format!("{resource}/*"), format!("*/{sub}")] {
            if names[..at].contains(&wide.as_str()) {
                let message = format!("if '{wide}' is present, must not specify {name}");
                errors.push(path.index(at).invalid(*name, message));
            }
        }
    }
    // Upstream looks at the last of these names only.
    let last = names.iter().rfind(|name| !name.is_empty() && !name.contains('/'));
    if names.len() > 1 && names.contains(&"*/*") {
        errors.push(path.invalid(resources.to_vec(), "if '*/*' is present, must not specify other resources"));
    }
    if names.contains(&"*") && last.is_some_and(|last| *last != "*") {
        let message = "if '*' is present, must not specify other resources without subresources";
        errors.push(path.invalid(resources.to_vec(), message));
    }
    errors
}

/// What is wrong with where a webhook is: a URL or a Service.
pub(crate) fn client_config(path: &Path, config: &Value) -> Vec<Error> {
    match (set(config, "url").and_then(Value::as_str), set(config, "service")) {
        (None, None) | (Some(_), Some(_)) => vec![path.required("exactly one of url or service is required")],
        (Some(url), None) => url_errors(&path.child("url"), url),
        (None, Some(service)) => {
            let path = path.child("service");
            let mut errors = Vec::new();
            for (field, word) in [("name", "service name"), ("namespace", "service namespace")] {
                if text(service, field).is_empty() {
                    errors.push(path.child(field).required(format!("{word} is required")));
                }
            }
            let port = int(service, "port");
            if !meta::port_number(port).is_empty() {
                let message = "port is not valid: must be between 1 and 65535, inclusive";
                errors.push(path.child("port").invalid(port, message));
            }
            if let Some(route) = set(service, "path").and_then(Value::as_str) {
                errors.extend(path_errors(&path.child("path"), route));
            }
            errors
        }
    }
}

fn url_errors(path: &Path, url: &str) -> Vec<Error> {
    const FORM: &str = "; desired format: https://host[/path]";
    let Some((scheme, rest)) = url.split_once("://") else {
        return vec![path.invalid(url, format!("'https' is the only allowed URL scheme{FORM}"))];
    };
    let mut errors = Vec::new();
    if scheme != "https" {
        errors.push(path.invalid(scheme, format!("'https' is the only allowed URL scheme{FORM}")));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        errors.push(path.invalid("", format!("host must be specified{FORM}")));
    }
    if authority.contains('@') {
        let user = authority.split('@').next().unwrap_or_default();
        errors.push(path.invalid(user, "user information is not permitted in the URL"));
    }
    if let Some((_, fragment)) = url.split_once('#') {
        errors.push(path.invalid(fragment, "fragments are not permitted in the URL"));
    }
    if let Some((_, query)) = url.split_once('?') {
        errors.push(path.invalid(query, "query parameters are not permitted in the URL"));
    }
    errors
}

fn path_errors(path: &Path, route: &str) -> Vec<Error> {
    if route == "/" || route.is_empty() {
        return Vec::new();
    }
    if route == "//" {
        return vec![path.invalid(route, "segment[0] may not be empty")];
    }
    if !route.starts_with('/') {
        return vec![path.invalid(route, "must start with a '/'")];
    }
    let trimmed = route[1..].strip_suffix('/').unwrap_or(&route[1..]);
    let mut errors = Vec::new();
    for (at, segment) in trimmed.split('/').enumerate() {
        if segment.is_empty() {
            errors.push(path.invalid(route, format!("segment[{at}] may not be empty")));
            continue;
        }
        for message in meta::dns1123_subdomain(segment) {
            errors.push(path.invalid(route, format!("segment[{at}]: {message}")));
        }
    }
    errors
}
