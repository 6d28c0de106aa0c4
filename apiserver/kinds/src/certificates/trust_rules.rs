//! What may be in a ClusterTrustBundle: certificates of authorities, each once, under a name that says who signs.

use std::collections::BTreeMap;

use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, validation};

use super::pem::{self, Block};
use super::{der, rules};

/// Where the certificates are.
pub(super) const BUNDLE: [&str; 2] = ["spec", "trustBundle"];
const BYTES_MAX: usize = 1024 * 1024;
/// Certificates are not repeated in messages.
const OMITTED: &str = "<value omitted>";

/// What is wrong with the signer's name and with the object's name, which begins with the signer's.
pub(super) fn signer(object: &Object) -> Vec<Error> {
    let (name, signer) = (object.name(), object.str_at(&["spec", "signerName"]));
    let path = Path::root("metadata").child("name");
    if signer.is_empty() {
        if name.contains(':') {
            return vec![path.invalid(name, "ClusterTrustBundle without signer name must not have \":\" in its name")];
        }
        return validation::dns1123_subdomain(name).into_iter().map(|text| path.invalid(name, text)).collect();
    }
    let prefix = format!("{}:", signer.replace('/', ":"));
    let mut errors: Vec<Error> = match name.strip_prefix(&prefix) {
        None => {
            let text = format!("ClusterTrustBundle for signerName {signer} must be named with prefix {prefix}");
            vec![path.invalid(name, text)]
        }
        Some(rest) => validation::dns1123_subdomain(rest).into_iter().map(|text| path.invalid(name, text)).collect(),
    };
    errors.extend(rules::signer(&Path::root("spec").child("signerName"), signer));
    errors
}

/// What is wrong with the certificates.
pub(super) fn bundle(object: &Object) -> Vec<Error> {
    let path = Path::root("spec").child("trustBundle");
    let text = object.str_at(&BUNDLE);
    if text.len() > BYTES_MAX {
        return vec![path.too_long(BYTES_MAX)];
    }
    let mut errors = Vec::new();
    let mut places: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    for (at, block) in pem::blocks(text).into_iter().enumerate() {
        match judge(block) {
            Ok(der) => places.entry(der).or_default().push(at),
            Err(why) => errors.push(path.invalid(OMITTED, format!("entry {at} {why}"))),
        }
    }
    if !errors.is_empty() {
        return errors;
    }
    if places.is_empty() {
        return vec![path.invalid(OMITTED, "at least one trust anchor must be provided")];
    }
    for indices in places.values().filter(|indices| indices.len() > 1) {
        let indices: Vec<String> = indices.iter().map(ToString::to_string).collect();
        let text = format!("duplicate trust anchor (indices [{}])", indices.join(" "));
        errors.push(path.invalid(OMITTED, text));
    }
    errors
}

/// The certificate in a block, or what is wrong with it.
fn judge(block: Block<'_>) -> Result<Vec<u8>, String> {
    if block.label != "CERTIFICATE" {
        return Err(format!("has bad block type: {}", block.label));
    }
    if block.has_headers {
        return Err("has PEM block headers".to_owned());
    }
    let Some(certificate) = der::certificate(&block.body) else { return Err("does not parse as X.509".to_owned()) };
    if !certificate.is_authority {
        return Err("does not have the CA bit set".to_owned());
    }
    Ok(block.body)
}
