//! Rules of PodCertificateRequests: who is named, which keys are taken, and how a request is answered, once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation};
use serde_json::{Map, Value};

use super::der::{self, Key};
use super::{pem, rules};
use crate::tree::{condition_is_true, text};
use crate::validate;

const UID_LENGTH_MAX: usize = 128;
const ANNOTATIONS_BYTES_MAX: usize = 256 * 1024;
const KEY_BYTES_MAX: usize = 10 * 1024;
const CHAIN_BYTES_MAX: usize = 100 * 1024;
const SECS_MIN: i64 = 3600;
const SECS_MAX: i64 = 91 * 24 * 3600;
/// What Kubernetes' own signers may be asked for.
const OWN_SECS_MAX: i64 = 24 * 3600;
/// How far from a certificate's ends it may be replaced.
const REFRESH_MARGIN_SECS: i64 = 600;
/// How a request ends; one of them at most.
const ENDS: [&str; 3] = ["Issued", "Denied", "Failed"];

/// What is wrong with a new request.
pub(super) fn create(object: &Object) -> Vec<Error> {
    let path = Path::root("spec");
    let spec = object.at(&["spec"]).unwrap_or(&Value::Null);
    let signer = text(spec, "signerName");
    let mut errors = rules::signer(&path.child("signerName"), signer);
    errors.extend(user_annotations(&path.child("unverifiedUserAnnotations"), spec.get("unverifiedUserAnnotations")));
    for (name, uid) in [("podName", "podUID"), ("serviceAccountName", "serviceAccountUID"), ("nodeName", "nodeUID")] {
        let wrong = validation::dns1123_subdomain(text(spec, name));
        errors.extend(validate::texts(&path.child(name), text(spec, name), wrong));
        let (at, uid) = (path.child(uid), text(spec, uid));
        match uid.len() {
            0 => errors.push(at.invalid(uid, "must not be empty")),
            length if length > UID_LENGTH_MAX => errors.push(at.too_long(UID_LENGTH_MAX)),
            _ => {}
        }
    }
    let at = path.child("maxExpirationSeconds");
    let Some(secs) = spec.get("maxExpirationSeconds").and_then(Value::as_i64) else {
        errors.push(at.required("must be set"));
        return errors;
    };
    let is_own =
        signer.split('/').next().is_some_and(|domain| domain == "kubernetes.io" || domain.ends_with(".kubernetes.io"));
    let secs_max = if is_own { OWN_SECS_MAX } else { SECS_MAX };
    if !(SECS_MIN..=secs_max).contains(&secs) {
        errors.push(at.invalid(secs, format!("must be in the range [{SECS_MIN}, {secs_max}]")));
    }
    errors.extend(keys(&path, spec));
    errors
}

/// What is wrong with the key that is asked for: in a request of its own, or as it is, with a proof.
fn keys(path: &Path, spec: &Value) -> Option<Error> {
    let bytes = |field: &str| STANDARD.decode(text(spec, field)).unwrap_or_default();
    let (stub, key, proof) = (bytes("stubPKCS10Request"), bytes("pkixPublicKey"), bytes("proofOfPossession"));
    for (field, bytes) in [("stubPKCS10Request", &stub), ("pkixPublicKey", &key), ("proofOfPossession", &proof)] {
        if bytes.len() > KEY_BYTES_MAX {
            return Some(path.child(field).too_long(KEY_BYTES_MAX));
        }
    }
    match (stub.is_empty(), key.is_empty(), proof.is_empty()) {
        (false, true, true) => {
            let at = path.child("stubPKCS10Request");
            match der::requested_key(&stub) {
                Some(key) => wrong_key(&at, text(spec, "stubPKCS10Request"), key),
                None => Some(at.invalid(text(spec, "stubPKCS10Request"), "must be a valid PKCS#10 CSR")),
            }
        }
        (true, false, false) => wrong_key(&path.child("pkixPublicKey"), text(spec, "pkixPublicKey"), &key),
        _ => {
            let detail = "exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set";
            Some(path.invalid("", detail).shown_as(""))
        }
    }
}

fn wrong_key(path: &Path, shown: &str, key: &[u8]) -> Option<Error> {
    match der::key(key) {
        Some(Key::Ed25519 | Key::Elliptic(true) | Key::Rsa(3072 | 4096)) => None,
        Some(Key::Elliptic(false)) => {
            Some(path.invalid("curve P-224", "elliptic public keys must use curve P256 or P384"))
        }
        Some(Key::Rsa(bits)) => {
            Some(path.invalid(format!("{bits}-bit modulus"), "RSA keys must have modulus size 3072 or 4096"))
        }
        Some(Key::Unknown) => {
            Some(path.invalid(shown, "unknown public key type; supported types are Ed25519, ECDSA, and RSA"))
        }
        None => Some(path.invalid(shown, "must be a valid PKIX-serialized public key")),
    }
}

/// What is wrong with what the author of a Pod tells the signer: annotations whose names have a domain.
fn user_annotations(path: &Path, annotations: Option<&Value>) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut size = 0;
    for (key, value) in validate::pairs(annotations) {
        size += key.len() + value.len();
        let key = key.to_lowercase();
        let wrong = validation::label_key(&key);
        match (key.is_empty(), wrong.is_empty()) {
            (true, _) => errors.push(path.required("")),
            (_, false) => errors.extend(validate::texts(path, &key, wrong)),
            (_, true) if !key.contains('/') => {
                errors.push(path.invalid(key, "must be a domain-prefixed key (such as \"acme.io/foo\")"));
            }
            _ => {}
        }
    }
    if size > ANNOTATIONS_BYTES_MAX {
        errors.push(path.too_long(ANNOTATIONS_BYTES_MAX));
    }
    errors
}

/// How a request ended, if it did.
pub(super) fn state(object: &Object) -> Option<&'static str> {
    let conditions = object.list_at(&["status", "conditions"]);
    ENDS.into_iter().find(|end| condition_is_true(conditions, end))
}

/// What is wrong with an answer.
pub(super) fn status(new: &Object, old: &Object) -> Vec<Error> {
    let path = Path::root("status");
    let conditions = new.list_at(&["status", "conditions"]);
    let mut errors = Vec::new();
    for (at, condition) in conditions.iter().enumerate() {
        // Upstream writes the index as a field's name.
        let at_path = path.child("conditions").child(&format!("[{at}]"));
        let (type_, status) = (text(condition, "type"), text(condition, "status"));
        if !ENDS.contains(&type_) {
            errors.push(at_path.child("type").not_supported(type_, &["Denied", "Failed", "Issued"]));
            continue;
        }
        if conditions[..at].iter().any(|other| ENDS.contains(&text(other, "type"))) {
            let detail = "There may be at most one condition with type \"Issued\", \"Denied\", or \"Failed\"";
            errors.push(at_path.child("type").invalid(type_, detail));
        }
        if status != "True" {
            errors.push(at_path.child("status").not_supported(status, &["True"]));
        }
    }
    errors.extend(validate::conditions(&path.child("conditions"), conditions));
    if !errors.is_empty() {
        return errors;
    }
    let of = |object: &Object| object.at(&["status"]).cloned().unwrap_or_else(|| Value::Object(Map::new()));
    let wrong = |detail: &str| vec![path.invalid("", detail).shown_as("")];
    if state(old).is_some() {
        return match of(new) == of(old) {
            true => Vec::new(),
            false => wrong("immutable after PodCertificateRequest is issued, denied, or failed"),
        };
    }
    match state(new) {
        Some("Issued") => issued(&path, new).err().unwrap_or_default(),
        Some(_) => {
            let others = ["certificateChain", "notBefore", "beginRefreshAt", "notAfter"];
            let is_bare = others.iter().all(|field| new.at(&["status", field]).is_none_or(is_empty));
            let detail = "non-condition status fields must be empty when denying or failing the PodCertificateRequest";
            if is_bare { Vec::new() } else { wrong(detail) }
        }
        None if of(new) == of(old) => Vec::new(),
        None => wrong("status is immutable unless transitioning to \"Issued\", \"Denied\", or \"Failed\""),
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// What is wrong with the certificate of an answer. Whether it begins about now the server's admission checks.
fn issued(path: &Path, object: &Object) -> Result<(), Vec<Error>> {
    let chain = object.str_at(&["status", "certificateChain"]);
    let at = path.child("certificateChain");
    let wrong = |detail: &str| vec![at.invalid(chain, detail)];
    if chain.len() > CHAIN_BYTES_MAX {
        return Err(vec![at.too_long(CHAIN_BYTES_MAX)]);
    }
    let blocks = pem::blocks(chain);
    let Some((leaf, others)) = blocks.split_first() else {
        return Err(wrong("issued certificate chain must contain at least one certificate"));
    };
    if leaf.label != "CERTIFICATE" {
        return Err(wrong("issued certificate chain must consist entirely of CERTIFICATE PEM blocks"));
    }
    let leaf = der::certificate(&leaf.body).ok_or_else(|| wrong("leaf certificate does not parse as valid X.509"))?;
    let mut errors = Vec::new();
    for name in &leaf.dns_names {
        let bad = [
            (name.is_empty(), "leaf certificate should not contain empty DNSName"),
            (name.contains(".."), "leaf certificate's DNSName should not contain '..'"),
            (
                name.starts_with('.') || name.ends_with('.'),
                "leaf certificate's DNSName should not start or end with '.'",
            ),
        ];
        errors.extend(bad.iter().filter(|(is, _)| *is).map(|(_, detail)| at.invalid(name.as_str(), *detail)));
    }
    if !is_for(object, leaf.key) {
        errors.extend(wrong("leaf certificate was not issued to the requested public key"));
        return Err(errors);
    }
    let time = |field: &str| object.str_at(&["status", field]).parse::<jiff::Timestamp>().ok();
    let missing = [
        ("notBefore", "must be present and consistent with the issued certificate"),
        ("notAfter", "must be present and consistent with the issued certificate"),
        ("beginRefreshAt", "must be present and in the range [notbefore+10min, notafter-10min]"),
    ];
    errors.extend(
        missing
            .iter()
            .filter(|(field, _)| time(field).is_none())
            .map(|(field, detail)| path.child(field).required(*detail)),
    );
    let (Some(not_before), Some(not_after), Some(refresh)) =
        (time("notBefore"), time("notAfter"), time("beginRefreshAt"))
    else {
        return Err(errors);
    };
    if !errors.is_empty() {
        return Err(errors);
    }
    let of =
        |field: &str, detail: &str| Err(vec![path.child(field).invalid(object.str_at(&["status", field]), detail)]);
    if not_before != leaf.not_before {
        return of("notBefore", "must be set to the NotBefore time encoded in the leaf certificate");
    }
    if not_after != leaf.not_after {
        return of("notAfter", "must be set to the NotAfter time encoded in the leaf certificate");
    }
    let secs = leaf.not_after.as_second() - leaf.not_before.as_second();
    let secs_max = object.int_at(&["spec", "maxExpirationSeconds"]).unwrap_or_default();
    if secs < SECS_MIN {
        return Err(vec![at.invalid(secs * NANOS, "leaf certificate lifetime must be >= 1 hour")]);
    }
    if secs > secs_max {
        let detail = format!("leaf certificate lifetime must be <= spec.maxExpirationSeconds ({secs_max})");
        return Err(vec![at.invalid(secs * NANOS, detail)]);
    }
    if refresh.as_second() < not_before.as_second() + REFRESH_MARGIN_SECS {
        return of("beginRefreshAt", "must be at least 10 minutes after status.notBefore");
    }
    if refresh.as_second() > not_after.as_second() - REFRESH_MARGIN_SECS {
        return of("beginRefreshAt", "must be at least 10 minutes before status.notAfter");
    }
    for block in others {
        if block.label != "CERTIFICATE" {
            return Err(wrong("issued certificate chain must consist entirely of CERTFICATE PEM blocks"));
        }
        if der::certificate(&block.body).is_none() {
            return Err(wrong("intermediate certificate does not parse as valid X.509"));
        }
    }
    Ok(())
}

/// Durations in messages are in nanoseconds.
const NANOS: i64 = 1_000_000_000;

/// Whether a key is the one that was asked for.
fn is_for(object: &Object, key: &[u8]) -> bool {
    let bytes = |field: &str| STANDARD.decode(object.str_at(&["spec", field])).unwrap_or_default();
    let stub = bytes("stubPKCS10Request");
    match stub.is_empty() {
        true => bytes("pkixPublicKey") == key,
        false => der::requested_key(&stub) == Some(key),
    }
}
