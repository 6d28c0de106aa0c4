//! Rules of Ingresses and their classes.

use std::net::IpAddr;

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::Value;

use crate::tree::{int, items, set, text};
use crate::validate;

const CONTROLLER_LENGTH_MAX: usize = 250;
/// The annotation that preceded `ingressClassName`.
pub(super) const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// What older objects may keep though it is wrong.
#[derive(Clone, Copy, Default)]
struct Kept {
    secret_names: bool,
    rules_of_wildcards: bool,
}

/// What is wrong with a new Ingress.
pub(super) fn create(ingress: &Object) -> Vec<Error> {
    let mut errors = spec_errors(ingress, Kept::default());
    let class = ingress.at(&["spec", "ingressClassName"]).and_then(Value::as_str);
    let annotation = ingress.at(&["metadata", "annotations", CLASS_ANNOTATION]).and_then(Value::as_str);
    if let (Some(class), Some(annotation)) = (class, annotation)
        && class != annotation
    {
        let at = Path::root("annotations").child(CLASS_ANNOTATION);
        errors.push(at.invalid(annotation, "must match `ingressClassName` when both are specified"));
    }
    errors
}

/// What is to be said about a new Ingress that names its class in the annotation alone.
pub(super) fn class_warning(ingress: &Object) -> Option<String> {
    let classless = ingress.at(&["spec", "ingressClassName"]).is_none_or(Value::is_null);
    let annotated = ingress.annotations().any(|(key, _)| key == CLASS_ANNOTATION);
    (classless && annotated)
        .then(|| format!("annotation {CLASS_ANNOTATION:?} is deprecated, please use 'spec.ingressClassName' instead"))
}

/// What is wrong with a change of an Ingress.
pub(super) fn update(ingress: &Object, old: &Object) -> Vec<Error> {
    let tls = old.list_at(&["spec", "tls"]);
    let rules = old.list_at(&["spec", "rules"]);
    let is_broken = |rule: &Value| text(rule, "host").contains('*') && !value_errors(&Path::root(""), rule).is_empty();
    let kept = Kept {
        secret_names: tls.iter().any(|tls| !secret_name_messages(tls).is_empty()),
        rules_of_wildcards: rules.iter().any(is_broken),
    };
    spec_errors(ingress, kept)
}

/// What is wrong with the addresses in a status; those that were there before may stay.
pub(super) fn status(new: &Object, old: &Object) -> Vec<Error> {
    let place = ["status", "loadBalancer", "ingress"];
    let before: Vec<&str> = old.list_at(&place).iter().map(|ingress| text(ingress, "ip")).collect();
    let path = Path::root("status").child("loadBalancer").child("ingress");
    let mut errors = Vec::new();
    for (at, ingress) in new.list_at(&place).iter().enumerate() {
        let (path, ip, host) = (path.index(at), text(ingress, "ip"), text(ingress, "hostname"));
        if !ip.is_empty() && !before.contains(&ip) {
            errors.extend(validate::ip(&path.child("ip"), ip));
        }
        if !host.is_empty() {
            let at = path.child("hostname");
            errors.extend(validate::texts(&at, host, meta::dns1123_subdomain(host)));
            if host.parse::<IpAddr>().is_ok() {
                errors.push(at.invalid(host, "must be a DNS name, not an IP address"));
            }
        }
    }
    errors
}

fn spec_errors(ingress: &Object, kept: Kept) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), ingress.at(&["spec"]).unwrap_or(&Value::Null));
    let mut errors = Vec::new();
    let rules = items(spec, "rules");
    let default = set(spec, "defaultBackend");
    if rules.is_empty() && default.is_none() {
        let message = "either `defaultBackend` or `rules` must be specified";
        errors.push(path.invalid(Value::Null, message));
    }
    if let Some(default) = default {
        errors.extend(backend(&path.child("defaultBackend"), default));
    }
    for (at, rule) in rules.iter().enumerate() {
        errors.extend(rule_errors(&path.child("rules").index(at), rule, kept));
    }
    for (at, tls) in items(spec, "tls").iter().enumerate() {
        let path = path.child("tls").index(at);
        for (index, host) in items(tls, "hosts").iter().filter_map(Value::as_str).enumerate() {
            errors.extend(validate::texts(&path.child("hosts").index(index), host, host_messages(host)));
        }
        if !kept.secret_names {
            let name = text(tls, "secretName");
            errors.extend(validate::texts(&path.child("secretName"), name, secret_name_messages(tls)));
        }
    }
    if let Some(class) = set(spec, "ingressClassName").and_then(Value::as_str) {
        errors.extend(validate::texts(&path.child("ingressClassName"), class, meta::dns1123_subdomain(class)));
    }
    errors
}

fn secret_name_messages(tls: &Value) -> Vec<String> {
    match text(tls, "secretName") {
        "" => Vec::new(),
        name => meta::dns1123_subdomain(name),
    }
}

fn host_messages(host: &str) -> Vec<String> {
    if host.contains('*') { meta::wildcard_dns1123_subdomain(host) } else { meta::dns1123_subdomain(host) }
}

fn rule_errors(path: &Path, rule: &Value, kept: Kept) -> Vec<Error> {
    let (at, host) = (path.child("host"), text(rule, "host"));
    let mut errors = Vec::new();
    if !host.is_empty() {
        if host.parse::<IpAddr>().is_ok() {
            errors.push(at.invalid(host, "must be a DNS name, not an IP address"));
        }
        errors.extend(validate::texts(&at, host, host_messages(host)));
    }
    if !(kept.rules_of_wildcards && host.contains('*')) {
        errors.extend(value_errors(path, rule));
    }
    errors
}

/// What is wrong with what a rule does.
fn value_errors(path: &Path, rule: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let Some(http) = set(rule, "http") else { return errors };
    let at = path.child("http").child("paths");
    if items(http, "paths").is_empty() {
        errors.push(at.required(""));
    }
    for (index, entry) in items(http, "paths").iter().enumerate() {
        let at = at.index(index);
        errors.extend(path_errors(&at, entry));
        if set(entry, "pathType").is_none() {
            continue;
        }
        errors.extend(backend(&at.child("backend"), entry.get("backend").unwrap_or(&Value::Null)));
    }
    errors
}

fn path_errors(path: &Path, entry: &Value) -> Vec<Error> {
    const ANYWHERE: [&str; 4] = ["//", "/./", "/../", "%2f"];
    const AT_END: [&str; 2] = ["/..", "/."];
    let (kind, at) = (text(entry, "pathType"), path.child("path"));
    let route = text(entry, "path");
    match kind {
        "Exact" | "Prefix" => {
            let mut errors = Vec::new();
            if !route.starts_with('/') {
                errors.push(at.invalid(route, "must be an absolute path"));
            }
            for part in ANYWHERE.iter().chain(&["%2F"]).filter(|part| route.contains(**part)) {
                errors.push(at.invalid(route, format!("must not contain '{part}'")));
            }
            for part in AT_END.iter().filter(|part| route.ends_with(**part)) {
                errors.push(at.invalid(route, format!("cannot end with '{part}'")));
            }
            errors
        }
        "ImplementationSpecific" if !route.is_empty() && !route.starts_with('/') => {
            vec![at.invalid(route, "must be an absolute path")]
        }
        "ImplementationSpecific" => Vec::new(),
        "" if set(entry, "pathType").is_none() => {
            vec![path.child("pathType").required("pathType must be specified")]
        }
        other => {
            let known = ["Exact", "ImplementationSpecific", "Prefix"];
            vec![path.child("pathType").not_supported(other, &known)]
        }
    }
}

fn backend(path: &Path, backend: &Value) -> Vec<Error> {
    let (service, resource) = (set(backend, "service"), set(backend, "resource"));
    let mut errors = Vec::new();
    match (service, resource) {
        (None, None) => errors.push(path.invalid("", "resource or service backend is required")),
        (Some(_), Some(_)) => errors.push(path.invalid("", "cannot set both resource and service backends")),
        (None, Some(resource)) => errors.extend(reference(&path.child("resource"), resource)),
        (Some(service), None) => {
            let (at, name) = (path.child("service").child("name"), text(service, "name"));
            if name.is_empty() {
                errors.push(at.required(""));
            } else {
                errors.extend(validate::texts(&at, name, meta::dns1123_label(name)));
            }
            errors.extend(service_port(path, service.get("port").unwrap_or(&Value::Null)));
        }
    }
    errors
}

fn service_port(path: &Path, port: &Value) -> Vec<Error> {
    let (name, number) = (text(port, "name"), int(port, "number"));
    let at = path.child("service").child("port");
    match (name.is_empty(), number) {
        (false, 0) => validate::texts(&at.child("name"), name, meta::port_name(name)).collect(),
        (false, _) => vec![path.invalid("", "cannot set both port name & port number")],
        (true, 0) => vec![path.required("port name or number is required")],
        (true, number) => {
            meta::port_number(number).into_iter().map(|message| at.child("number").invalid(number, message)).collect()
        }
    }
}

/// What is wrong with a reference to another object by group, kind and name.
fn reference(path: &Path, reference: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    if let Some(group) = set(reference, "apiGroup").and_then(Value::as_str) {
        errors.extend(validate::texts(&path.child("apiGroup"), group, meta::dns1123_subdomain(group)));
    }
    for field in ["kind", "name"] {
        let (at, value) = (path.child(field), text(reference, field));
        if value.is_empty() {
            errors.push(at.required(""));
        } else {
            errors.extend(validate::texts(&at, value, meta::path_segment_name(value)));
        }
    }
    errors
}

/// What is wrong with an IngressClass.
pub(super) fn class(class: &Object) -> Vec<Error> {
    let (path, spec) = (Path::root("spec"), class.at(&["spec"]).unwrap_or(&Value::Null));
    let (at, controller) = (path.child("controller"), text(spec, "controller"));
    let mut errors = Vec::new();
    if controller.len() > CONTROLLER_LENGTH_MAX {
        errors.push(at.too_long(CONTROLLER_LENGTH_MAX));
    }
    errors.extend(validate::domain_prefixed_path(&at, controller));
    if let Some(parameters) = set(spec, "parameters") {
        errors.extend(parameter_errors(&path.child("parameters"), parameters));
    }
    errors
}

fn parameter_errors(path: &Path, parameters: &Value) -> Vec<Error> {
    let mut errors = reference(path, parameters);
    let namespace = set(parameters, "namespace").and_then(Value::as_str);
    match set(parameters, "scope").and_then(Value::as_str) {
        None => errors.push(path.child("scope").required("")),
        Some("Namespace") => match namespace {
            None => errors.push(path.child("namespace").required("`parameters.scope` is set to 'Namespace'")),
            Some(name) => errors.extend(validate::texts(&path.child("namespace"), name, meta::dns1123_label(name))),
        },
        Some("Cluster") if namespace.is_some() => {
            errors.push(path.child("namespace").forbidden("`parameters.scope` is set to 'Cluster'"));
        }
        Some("Cluster") => {}
        Some(other) => errors.push(path.child("scope").not_supported(other, &["Cluster", "Namespace"])),
    }
    errors
}

/// What is wrong with a change: the controller stays.
pub(super) fn class_update(new: &Object, old: &Object) -> Vec<Error> {
    let path = Path::root("spec").child("controller");
    let field = ["spec", "controller"];
    let mut errors: Vec<Error> = validate::immutable(&path, new.at(&field), old.at(&field)).into_iter().collect();
    errors.extend(class(new));
    errors
}
