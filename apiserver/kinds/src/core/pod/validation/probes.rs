//! Probes and lifecycle hooks.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use crate::tree::{int, items, set, text};
use crate::validate::{non_negative, port_or_name, texts};

const SCHEMES: [&str; 2] = ["HTTP", "HTTPS"];
const ONE_HANDLER: &str = "may not specify more than 1 handler type";

/// What is wrong with a container's three probes.
pub(super) fn probes(path: &Path, container: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(value) = set(container, name) else { continue };
        let at = path.child(name);
        errors.extend(probe(&at, value));
        if name == "readinessProbe" {
            if let Some(secs) = set(value, "terminationGracePeriodSeconds") {
                let detail = "must not be set for readinessProbes";
                errors.push(at.child("terminationGracePeriodSeconds").invalid(secs.clone(), detail));
            }
        } else if int(value, "successThreshold") != 1 {
            errors.push(at.child("successThreshold").invalid(int(value, "successThreshold"), "must be 1"));
        }
    }
    errors
}

fn probe(path: &Path, probe: &Value) -> Vec<Error> {
    let mut errors = handler(path, probe, &["exec", "httpGet", "tcpSocket", "grpc"], None);
    for field in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
        errors.extend(non_negative(&path.child(field), probe.get(field)));
    }
    if let Some(secs) = probe.get("terminationGracePeriodSeconds").and_then(Value::as_i64)
        && secs <= 0
    {
        errors.push(path.child("terminationGracePeriodSeconds").invalid(secs, "must be greater than 0"));
    }
    errors
}

/// What is wrong with the hooks around a container's life.
pub(super) fn lifecycle(path: &Path, container: &Value, grace_secs: Option<i64>) -> Vec<Error> {
    let Some(lifecycle) = set(container, "lifecycle") else { return Vec::new() };
    let mut errors = Vec::new();
    for hook in ["postStart", "preStop"] {
        if let Some(value) = set(lifecycle, hook) {
            let at = path.child("lifecycle").child(hook);
            errors.extend(handler(&at, value, &["exec", "httpGet", "tcpSocket", "sleep"], grace_secs));
        }
    }
    errors
}

fn handler(path: &Path, holder: &Value, kinds: &[&str], grace_secs: Option<i64>) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut handlers = 0;
    for kind in kinds {
        let Some(action) = set(holder, kind) else { continue };
        let at = path.child(kind);
        handlers += 1;
        if handlers > 1 {
            errors.push(at.forbidden(ONE_HANDLER));
            continue;
        }
        match *kind {
            "exec" if items(action, "command").is_empty() => errors.push(at.child("command").required("")),
            "httpGet" => errors.extend(http_get(&at, action)),
            "tcpSocket" | "grpc" => errors.extend(port(&at.child("port"), action)),
            "sleep" => errors.extend(sleep(&at, action, grace_secs)),
            _ => {}
        }
    }
    if handlers == 0 {
        errors.push(path.required("must specify a handler type"));
    }
    errors
}

fn port(path: &Path, action: &Value) -> Vec<Error> {
    let zero = Value::from(0);
    port_or_name(path, Some(set(action, "port").unwrap_or(&zero)))
}

fn http_get(path: &Path, action: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    if text(action, "path").is_empty() {
        errors.push(path.child("path").required(""));
    }
    errors.extend(port(&path.child("port"), action));
    let scheme = text(action, "scheme");
    if !SCHEMES.contains(&scheme) {
        errors.push(path.child("scheme").not_supported(scheme, &SCHEMES));
    }
    for header in items(action, "httpHeaders") {
        let name = text(header, "name");
        errors.extend(texts(&path.child("httpHeaders"), name, meta::http_header_name(name)));
    }
    errors
}

fn sleep(path: &Path, action: &Value, grace_secs: Option<i64>) -> Option<Error> {
    let (secs, grace_secs) = (int(action, "seconds"), grace_secs?);
    let detail = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace_secs})");
    (secs < 0 || secs > grace_secs).then(|| path.invalid(secs, detail))
}
