//! The Pod's claims of dynamically allocated resources.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::{Value, json};

use crate::tree::{items, repeated, set, text};
use crate::validate::texts;

/// The names of the claims.
pub(super) fn names(spec: &Value) -> Vec<&str> {
    items(spec, "resourceClaims").iter().map(|claim| text(claim, "name")).filter(|name| !name.is_empty()).collect()
}

/// What is wrong with `resourceClaims`.
pub(super) fn validate(path: &Path, spec: &Value) -> Vec<Error> {
    let claims = items(spec, "resourceClaims");
    let twice = repeated(claims, |claim| text(claim, "name"));
    let mut errors = Vec::new();
    for (i, claim) in claims.iter().enumerate() {
        let (at, name) = (path.index(i), text(claim, "name"));
        if name.is_empty() {
            errors.push(at.child("name").required(""));
        } else if twice[i] {
            errors.push(at.child("name").duplicate(name));
        } else {
            errors.extend(texts(&at.child("name"), name, meta::dns1123_label(name)));
        }
        let sources = ["resourceClaimName", "resourceClaimTemplateName"].map(|field| (field, set(claim, field)));
        // Errors show Go's own form of the claim.
        let shown =
            || json!({"Name": name, "ResourceClaimName": sources[0].1, "ResourceClaimTemplateName": sources[1].1});
        match sources.iter().filter(|(_, source)| source.is_some()).count() {
            0 => {
                let detail = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`";
                errors.push(at.invalid(shown(), detail));
            }
            2 => {
                let detail = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
                errors.push(at.invalid(shown(), detail));
            }
            _ => {}
        }
        for (field, source) in sources {
            if let Some(name) = source.and_then(Value::as_str) {
                errors.extend(texts(&at.child(field), name, meta::dns1123_subdomain(name)));
            }
        }
    }
    errors
}
