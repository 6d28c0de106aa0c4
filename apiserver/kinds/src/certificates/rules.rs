//! Rules of CertificateSigningRequests. Certificates themselves are read by whoever signs them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation as meta};
use serde_json::{Value, json};

use crate::tree::{condition, text};

const DURATION_SECS_MIN: i64 = 600;
/// The signer of the API's first version, which took any name.
const LEGACY: &str = "kubernetes.io/legacy-unknown";
const DOMAIN_LENGTH_MAX: usize = 253;
/// A domain, a name of a domain's and a label's length, and what is between them.
const SIGNER_LENGTH_MAX: usize = 253 + 1 + 253 + 1 + 63;
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
    let asked = request.str_at(&["spec", "request"]);
    if labels(asked).first().is_none_or(|label| label != "CERTIFICATE REQUEST") {
        errors.push(path.child("request").invalid(asked, "PEM block type must be CERTIFICATE REQUEST"));
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
    let (at, name) = (path.child("signerName"), request.str_at(&["spec", "signerName"]));
    match name {
        LEGACY => errors.push(at.invalid(name, "the legacy signerName is not allowed via this API version")),
        _ => errors.extend(signer(&at, name)),
    }
    if let Some(secs) = request.int_at(&["spec", "expirationSeconds"])
        && secs < DURATION_SECS_MIN
    {
        let message = "may not specify a duration less than 600 seconds (10 minutes)";
        errors.push(path.child("expirationSeconds").invalid(secs, message));
    }
    errors
}

/// The labels of the PEM blocks in base64-encoded text, whatever is in them.
fn labels(encoded: &str) -> Vec<String> {
    let decoded = BASE64_STANDARD.decode(encoded).unwrap_or_default();
    let text = String::from_utf8_lossy(&decoded);
    let begun = text.split("-----BEGIN ").skip(1);
    let whole = begun.filter_map(|block| {
        let (label, rest) = block.split_once("-----")?;
        rest.contains(&format!("\n-----END {label}-----")).then(|| label.to_owned())
    });
    whole.collect()
}

/// What is wrong with the name of a signer.
pub(super) fn signer(path: &Path, name: &str) -> Vec<Error> {
    if name.is_empty() {
        return vec![path.required("")];
    }
    let (domain, rest) = match name.split_once('/') {
        Some((domain, rest)) if !rest.contains('/') => (domain, rest),
        _ => {
            return vec![
                path.invalid(name, "must be a fully qualified domain and path of the form 'example.com/signer-name'"),
            ];
        }
    };
    // The first label that is wrong speaks for the others.
    let wrong = |whole: &str, rule: fn(&str) -> Vec<String>| -> Vec<Error> {
        let texts = whole.split('.').map(|label| (label, rule(label))).find(|(_, texts)| !texts.is_empty());
        let (label, texts) = texts.unwrap_or_default();
        texts.iter().map(|text| path.invalid(whole, format!("validating label {label:?}: {text}"))).collect()
    };
    let mut errors = Vec::new();
    if domain.len() > DOMAIN_LENGTH_MAX {
        errors.push(path.too_long(DOMAIN_LENGTH_MAX));
    }
    errors.extend(wrong(domain, meta::dns1123_label));
    if !domain.contains('.') {
        errors.push(path.invalid(domain, "should be a domain with at least two segments separated by dots"));
    }
    errors.extend(wrong(rest, meta::dns1123_subdomain));
    if name.len() > SIGNER_LENGTH_MAX {
        errors.push(path.too_long(SIGNER_LENGTH_MAX));
    }
    errors
}

/// Approvals and denials are not changed through `status`: where there are as many as before, they stay as they were.
pub(super) fn keep_decisions(new: &mut Object, old: &Object) {
    for type_ in ["Approved", "Denied"] {
        let is_one = |entry: &&Value| text(entry, "type") == type_;
        let before: Vec<Value> = old.list_at(&["status", "conditions"]).iter().filter(is_one).cloned().collect();
        if new.list_at(&["status", "conditions"]).iter().filter(is_one).count() != before.len() {
            continue;
        }
        let conditions = new.map_at_mut(&["status"]).get_mut("conditions").and_then(Value::as_array_mut);
        let entries = conditions.into_iter().flatten().filter(|entry| text(entry, "type") == type_);
        entries.zip(before).for_each(|(entry, before)| *entry = before);
    }
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

fn both(conditions: &[Value]) -> bool {
    condition(conditions, "Approved").is_some() && condition(conditions, "Denied").is_some()
}

/// Whether a type of conditions is there twice.
fn repeats(conditions: &[Value]) -> bool {
    let types = || conditions.iter().map(|entry| text(entry, "type"));
    types().enumerate().any(|(at, type_)| types().take(at).any(|other| other == type_))
}

/// What is wrong with a change of the status, through `status` or `approval`.
pub(super) fn status(subresource: &str, new: &Object, old: &Object) -> Vec<Error> {
    let path = Path::root("status").child("conditions");
    let (after, before) = (new.list_at(&["status", "conditions"]), old.list_at(&["status", "conditions"]));
    let mut errors = Vec::new();
    for (at_index, entry) in after.iter().enumerate() {
        let (at, type_) = (path.index(at_index), text(entry, "type"));
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
        let earlier = &after[..at_index];
        let opposite = match type_ {
            "Approved" => "Denied",
            "Denied" => "Approved",
            _ => "",
        };
        if !opposite.is_empty() && !both(before) && condition(earlier, opposite).is_some() {
            errors.push(path.invalid(type_, "Approved and Denied conditions are mutually exclusive"));
        }
        if !repeats(before) && condition(earlier, type_).is_some() {
            errors.push(at.child("type").duplicate(type_));
        }
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
    if certificate(old) != certificate(new) && !certificate(new).is_empty() {
        let found = labels(&certificate(new));
        let wrong = match found.iter().find(|label| *label != "CERTIFICATE") {
            None if found.is_empty() => Some("must contain at least one CERTIFICATE PEM block".to_owned()),
            None => None,
            Some(label) => Some(format!("only CERTIFICATE PEM blocks are allowed, found {label:?}")),
        };
        let at = Path::root("status").child("certificate");
        errors.extend(wrong.map(|wrong| at.invalid("<certificate data>", wrong)));
    }
    if !certificate(old).is_empty() && certificate(old) != certificate(new) {
        let at = Path::root("status").child("certificate");
        errors.push(at.forbidden("updates may not modify existing certificate content"));
    }
    errors
}
