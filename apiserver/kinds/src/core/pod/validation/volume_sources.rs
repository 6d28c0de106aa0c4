//! Volumes of clouds, vendors and network file systems.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use super::paths;
use super::volumes::required;
use crate::tree::{flag, int, items, set, text};

pub(super) fn git_repo(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = required(path, source, &["repository"]);
    errors.extend(paths::descending(&path.child("directory"), text(source, "directory")));
    errors
}

pub(super) fn gce_disk(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = required(path, source, &["pdName"]);
    errors.extend(partition(path, source));
    errors
}

pub(super) fn aws_disk(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = required(path, source, &["volumeID"]);
    errors.extend(partition(path, source));
    errors
}

/// Zero is allowed, whatever the message says.
fn partition(path: &Path, source: &Value) -> Option<Error> {
    let number = int(source, "partition");
    let range = 0..=255;
    let error = || path.child("partition").invalid(number, "must be between 1 and 255, inclusive");
    (!range.contains(&number)).then(error)
}

pub(super) fn nfs(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = required(path, source, &["server", "path"]);
    let target = text(source, "path");
    if !target.starts_with('/') {
        errors.push(path.child("path").invalid(target, "must be an absolute path"));
    }
    errors
}

pub(super) fn iscsi(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = required(path, source, &["targetPortal"]);
    let name = text(source, "iqn");
    if name.is_empty() {
        errors.push(path.child("iqn").required(""));
    } else {
        errors.extend(iscsi_name(&path.child("iqn"), name));
    }
    errors.extend(lun(&path.child("lun"), Some(int(source, "lun"))));
    let authenticated = flag(source, "chapAuthDiscovery") || flag(source, "chapAuthSession");
    if authenticated && set(source, "secretRef").is_none() {
        errors.push(path.child("secretRef").required(""));
    }
    if let Some(initiator) = source.get("initiatorName").and_then(Value::as_str) {
        errors.extend(iscsi_name(&path.child("initiatorname"), initiator));
    }
    errors
}

fn iscsi_name(path: &Path, name: &str) -> Option<Error> {
    let hex = |text: &str, len: &[usize]| len.contains(&text.len()) && text.chars().all(|c| c.is_ascii_hexdigit());
    let fits = if let Some(rest) = name.strip_prefix("iqn") {
        is_iqn(rest)
    } else if let Some(rest) = name.strip_prefix("eui") {
        rest.strip_prefix('.').is_some_and(|rest| hex(rest, &[16]))
    } else if let Some(rest) = name.strip_prefix("naa") {
        rest.strip_prefix('.').is_some_and(|rest| hex(rest, &[16, 32]))
    } else {
        return Some(path.invalid(name, "must be valid format starting with iqn, eui, or naa"));
    };
    (!fits).then(|| path.invalid(name, "must be valid format"))
}

/// `.2001-04.com.example[:any]`.
fn is_iqn(rest: &str) -> bool {
    let Some((date, authority)) = rest.strip_prefix('.').and_then(|rest| rest.split_once('.')) else { return false };
    let digits = |text: &str, len: usize| text.len() == len && text.chars().all(|c| c.is_ascii_digit());
    let dated = date.split_once('-').is_some_and(|(year, month)| digits(year, 4) && digits(month, 2));
    let host = authority.split(':').next().unwrap_or_default();
    dated && !host.is_empty() && !authority.contains(char::is_whitespace)
}

fn lun(path: &Path, lun: Option<i64>) -> Vec<Error> {
    let Some(lun) = lun else { return Vec::new() };
    meta::in_range(lun, 0, 255).into_iter().map(|text| path.invalid(lun, text)).collect()
}

pub(super) fn glusterfs(path: &Path, source: &Value) -> Vec<Error> {
    required(path, source, &["endpoints", "path"])
}

pub(super) fn flocker(path: &Path, source: &Value) -> Vec<Error> {
    let (name, id) = (text(source, "datasetName"), text(source, "datasetUUID"));
    let mut errors = Vec::new();
    if name.is_empty() && id.is_empty() {
        errors.push(path.required("one of datasetName and datasetUUID is required"));
    }
    if !name.is_empty() && !id.is_empty() {
        errors.push(path.invalid("resource", "datasetName and datasetUUID can not be specified simultaneously"));
    }
    if name.contains('/') {
        errors.push(path.child("datasetName").invalid(name, "must not contain '/'"));
    }
    errors
}

pub(super) fn rbd(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = cephfs(path, source);
    errors.extend(required(path, source, &["image"]));
    errors
}

pub(super) fn cephfs(path: &Path, source: &Value) -> Vec<Error> {
    let none = items(source, "monitors").is_empty();
    none.then(|| path.child("monitors").required("")).into_iter().collect()
}

pub(super) fn cinder(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = required(path, source, &["volumeID"]);
    errors.extend(secret_name(path, source, "secretRef"));
    errors
}

fn secret_name(path: &Path, source: &Value, field: &str) -> Option<Error> {
    let nameless = text(set(source, field)?, "name").is_empty();
    nameless.then(|| path.child(field).child("name").required(""))
}

pub(super) fn quobyte(path: &Path, source: &Value) -> Vec<Error> {
    const PAIRS: &str = "must be a host:port pair or multiple pairs separated by commas";
    let registry = text(source, "registry");
    let mut errors = Vec::new();
    if registry.is_empty() {
        errors.push(path.child("registry").required(PAIRS));
    } else if text(source, "tenant").len() >= 65 {
        let detail = "must be a UUID and may not exceed a length of 64 characters";
        errors.push(path.child("tenant").required(detail));
    } else {
        let wrong = registry.split(',').filter(|pair| pair.matches(':').count() != 1 && !pair.starts_with('['));
        errors.extend(wrong.map(|_| path.child("registry").invalid(registry, PAIRS)));
    }
    errors.extend(required(path, source, &["volume"]));
    errors
}

pub(super) fn fc(path: &Path, source: &Value) -> Vec<Error> {
    let (names, ids) = (items(source, "targetWWNs"), items(source, "wwids"));
    let at = path.child("targetWWNs");
    let mut errors = Vec::new();
    if names.is_empty() && ids.is_empty() {
        errors.push(at.required("must specify either targetWWNs or wwids, but not both"));
    }
    if !names.is_empty() && !ids.is_empty() {
        let detail = "targetWWNs and wwids can not be specified simultaneously";
        errors.push(at.invalid(names.to_vec(), detail));
    }
    if !names.is_empty() {
        match source.get("lun").and_then(Value::as_i64) {
            None => errors.push(path.child("lun").required("lun is required if targetWWNs is specified")),
            number => errors.extend(lun(&path.child("lun"), number)),
        }
    }
    errors
}

pub(super) fn flex(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = required(path, source, &["driver"]);
    for (key, _) in crate::validate::pairs(source.get("options")) {
        let namespace = format!(".{}", key.split('/').next().unwrap_or_default().to_lowercase());
        if namespace.ends_with(".kubernetes.io") || namespace.ends_with(".k8s.io") {
            let detail = "kubernetes.io and k8s.io namespaces are reserved";
            errors.push(path.child("options").key(key).invalid(key, detail));
        }
    }
    errors
}

pub(super) fn azure_file(path: &Path, source: &Value) -> Vec<Error> {
    required(path, source, &["secretName", "shareName"])
}

pub(super) fn azure_disk(path: &Path, source: &Value) -> Vec<Error> {
    const MANAGED: &str =
        "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
    const BLOB: &str = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
    let mut errors = required(path, source, &["diskName", "diskURI"]);
    let choices: [(&str, [&str; 3]); 2] =
        [("cachingMode", ["None", "ReadOnly", "ReadWrite"]), ("kind", ["Dedicated", "Managed", "Shared"])];
    for (field, allowed) in choices {
        if let Some(value) = source.get(field).and_then(Value::as_str)
            && !allowed.contains(&value)
        {
            errors.push(path.child(field).not_supported(value, &allowed));
        }
    }
    let uri = text(source, "diskURI");
    match source.get("kind").and_then(Value::as_str) {
        Some("Managed") if !uri.starts_with("/subscriptions/") => {
            errors.push(path.child("diskURI").not_supported(uri, &[MANAGED]));
        }
        Some(kind) if kind != "Managed" && !uri.starts_with("https://") => {
            errors.push(path.child("diskURI").not_supported(uri, &[BLOB]));
        }
        _ => {}
    }
    errors
}

pub(super) fn vsphere(path: &Path, source: &Value) -> Vec<Error> {
    required(path, source, &["volumePath"])
}

pub(super) fn photon(path: &Path, source: &Value) -> Vec<Error> {
    required(path, source, &["pdID"])
}

pub(super) fn portworx(path: &Path, source: &Value) -> Vec<Error> {
    required(path, source, &["volumeID"])
}

pub(super) fn storageos(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let name = text(source, "volumeName");
    if name.is_empty() {
        errors.push(path.child("volumeName").required(""));
    } else {
        let wrong = meta::dns1123_label(name).into_iter();
        errors.extend(wrong.map(|text| path.child("volumeName").invalid(name, text)));
    }
    let namespace = text(source, "volumeNamespace");
    if !namespace.is_empty() {
        let wrong = meta::dns1123_label(namespace).into_iter();
        errors.extend(wrong.map(|text| path.child("volumeNamespace").invalid(namespace, text)));
    }
    errors.extend(secret_name(path, source, "secretRef"));
    errors
}

pub(super) fn scale_io(path: &Path, source: &Value) -> Vec<Error> {
    required(path, source, &["gateway", "system", "volumeName"])
}

pub(super) fn csi(path: &Path, source: &Value) -> Vec<Error> {
    let name = text(source, "driver");
    let at = path.child("driver");
    let mut errors = Vec::new();
    if name.is_empty() {
        errors.push(at.required(""));
    } else {
        if name.len() > 63 {
            errors.push(at.too_long(63));
        }
        let wrong = meta::dns1123_subdomain(&name.to_lowercase()).into_iter();
        errors.extend(wrong.map(|text| at.invalid(name, text)));
    }
    if let Some(reference) = set(source, "nodePublishSecretRef") {
        let (name, at) = (text(reference, "name"), path.child("nodePublishSecretRef").child("name"));
        if name.is_empty() {
            errors.push(at.required(""));
        } else {
            errors.extend(meta::dns1123_subdomain(name).into_iter().map(|text| at.invalid(name, text)));
        }
    }
    errors
}
