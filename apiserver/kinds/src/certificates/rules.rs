//! Rules of CertificateSigningRequests. Certificates themselves are read by whoever signs them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::{Value, json};

use crate::tree::{condition, text};

const DURATION_SECS_MIN: i64 = 600;
const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

/// What is wrong with a new request.
pub(super) fn create(request: &Object) -> Vec<Error> {
    let path = Path::root("spec");
    let mut errors = Vec::new();
    if request.str_at(&["spec", "request"]).is_empty() {
        errors.push(path.child("request").invalid("", "PEM block type must be CERTIFICATE REQUEST"));
    }
    let usages: Vec<&str> = request.list_at(&["spec", "usages"]).iter().filter_map(Value::as_str).collect();
    let at = path.child("usages");
    if usages.is_empty() {
        errors.push(at.required(""));
    }
    for (index, usage) in usages.iter().enumerate() {
        if !USAGES.contains(usage) {
            errors.push(at.index(index).not_supported(*usage, &USAGES));
        }
        if usages[..index].contains(usage) {
            errors.push(at.index(index).duplicate(*usage));
        }
    }
    errors.extend(signer(&path.child("signerName"), request.str_at(&["spec", "signerName"])));
    if let Some(secs) = request.int_at(&["spec", "expirationSeconds"])
        && secs < DURATION_SECS_MIN
    {
        let message = "may not specify a duration less than 600 seconds (10 minutes)";
        errors.push(path.child("expirationSeconds").invalid(secs, message));
    }
    errors
}

fn signer(path: &Path, name: &str) -> Vec<Error> {
    if name.is_empty() {
        return vec![path.required("")];
    }
    if name == "kubernetes.io/legacy-unknown" {
        return vec![path.invalid(name, "the legacy signerName is not allowed via this API version")];
    }
    let (domain, rest) = match name.split_once('/') {
        Some((domain, rest)) if !rest.contains('/') => (domain, rest),
        _ => {
            return vec![
                path.invalid(name, "must be a fully qualified domain and path of the form 'example.com/signer-name'"),
            ];
        }
    };
    let mut errors = Vec::new();
    let labels: Vec<&str> = domain.split('.').collect();
    for label in &labels {
        for message in meta::dns1123_label(label) {
            errors.push(path.invalid(*label, format!("validating label {label:?}: {message}")));
        }
    }
    if labels.len() < 2 {
        errors.push(path.invalid(domain, "should be a domain with at least two segments separated by dots"));
    }
    for label in rest.split('.') {
        for message in meta::dns1123_subdomain(label) {
            errors.push(path.invalid(label, format!("validating label {label:?}: {message}")));
        }
    }
    errors
}

/// Conditions that came with this write were updated now, and their status changed when it differs from before. The
/// object's own times stand in for the clock where the server gave none.
pub(super) fn stamp_conditions(new: &mut Object, old: &Object) {
    let before = old.list_at(&["status", "conditions"]).to_vec();
    let created = new.at(&["metadata", "creationTimestamp"]).cloned().unwrap_or_default();
    let conditions = new.map_at_mut(&["status"]).get_mut("conditions").and_then(Value::as_array_mut);
    for entry in conditions.into_iter().flatten() {
        let known = condition(&before, text(entry, "type")).cloned();
        for field in ["lastUpdateTime", "lastTransitionTime"] {
            if text(entry, field).is_empty() {
                let kept = known.as_ref().and_then(|known| known.get(field)).filter(|time| !time.is_null()).cloned();
                entry[field] = kept.unwrap_or_else(|| created.clone());
            }
        }
    }
}

/// What is wrong with a change of the status, through `status` or `approval`.
pub(super) fn status(subresource: &str, new: &Object, old: &Object) -> Vec<Error> {
    let path = Path::root("status").child("conditions");
    let (after, before) = (new.list_at(&["status", "conditions"]), old.list_at(&["status", "conditions"]));
    let mut errors = Vec::new();
    for (at, entry) in after.iter().enumerate() {
        let (at, type_) = (path.index(at), text(entry, "type"));
        if type_.is_empty() {
            errors.push(at.child("type").required(""));
        }
        match text(entry, "status") {
            "" => errors.push(at.child("status").required("")),
            "True" => {}
            other if matches!(type_, "Approved" | "Denied" | "Failed") => {
                errors.push(at.child("status").not_supported(other, &["True"]));
            }
            "False" | "Unknown" => {}
            other => errors.push(at.child("status").not_supported(other, &["False", "True", "Unknown"])),
        }
    }
    if condition(after, "Approved").is_some() && condition(after, "Denied").is_some() {
        errors.push(path.invalid("Denied", "Approved and Denied conditions are mutually exclusive"));
    }
    for type_ in ["Approved", "Denied", "Failed"] {
        let (had, has) = (condition(before, type_).is_some(), condition(after, type_).is_some());
        if had && !has {
            errors.push(path.forbidden(format!("updates may not remove a condition of type {}", json!(type_))));
        }
        if !had && has && type_ != "Failed" && subresource != "approval" {
            errors.push(path.forbidden(format!("updates may not add a condition of type {}", json!(type_))));
        }
    }
    let certificate = |object: &Object| object.str_at(&["status", "certificate"]).to_owned();
    let decoded = BASE64_STANDARD.decode(certificate(new)).unwrap_or_default();
    if !decoded.is_empty() && !String::from_utf8_lossy(&decoded).contains("-----BEGIN CERTIFICATE-----") {
        let at = Path::root("status").child("certificate");
        errors.push(at.invalid("<certificate data>", "must contain at least one CERTIFICATE PEM block"));
    }
    if !certificate(old).is_empty() && certificate(old) != certificate(new) {
        let at = Path::root("status").child("certificate");
        errors.push(at.forbidden("updates may not modify existing certificate content"));
    }
    errors
}
