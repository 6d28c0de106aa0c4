//! Sources of volumes: of hosts, clouds, vendors and network file systems, in Pods and in PersistentVolumes.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use super::volume_paths as paths;
use crate::tree::{flag, int, items, set, text};
use crate::validate::{TextRule, required, texts};

/// The most characters of a volume's name, a colon and the portal together, where an initiator has a name.
const NAME_AND_PORTAL_LENGTH_MAX: usize = 64;
/// What is said beyond that.
pub(crate) const NAME_AND_PORTAL: &str = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 \
                                          characters if iscsi.initiatorName is specified.";
const CSI_DRIVER_LENGTH_MAX: usize = 63;
const HOST_PATH_TYPES: [&str; 8] =
    ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

pub(crate) fn host_path(path: &Path, source: &Value) -> Vec<Error> {
    let target = text(source, "path");
    if target.is_empty() {
        return vec![path.child("path").required("")];
    }
    let mut errors: Vec<Error> = paths::no_backsteps(&path.child("path"), target).into_iter().collect();
    let kind = text(source, "type");
    if !HOST_PATH_TYPES.contains(&kind) {
        errors.push(path.child("type").not_supported(kind, &HOST_PATH_TYPES));
    }
    errors
}

pub(crate) fn local(path: &Path, source: &Value) -> Vec<Error> {
    let (at, target) = (path.child("path"), text(source, "path"));
    if target.is_empty() {
        return vec![at.required("")];
    }
    paths::no_backsteps(&at, target).into_iter().collect()
}

pub(crate) fn git_repo(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = required(path, source, &["repository"]);
    errors.extend(paths::descending(&path.child("directory"), text(source, "directory")));
    errors
}

pub(crate) fn gce_disk(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = required(path, source, &["pdName"]);
    errors.extend(partition(path, source));
    errors
}

pub(crate) fn aws_disk(path: &Path, source: &Value) -> Vec<Error> {
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

pub(crate) fn nfs(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = required(path, source, &["server", "path"]);
    let target = text(source, "path");
    if !target.starts_with('/') {
        errors.push(path.child("path").invalid(target, "must be an absolute path"));
    }
    errors
}

pub(crate) fn iscsi(path: &Path, source: &Value) -> Vec<Error> {
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
    if !["iqn", "eui", "naa"].iter().any(|prefix| name.starts_with(prefix)) {
        return Some(path.invalid(name, "must be valid format starting with iqn, eui, or naa"));
    }
    (!is_iscsi_name(name)).then(|| path.invalid(name, "must be valid format"))
}

/// `iqn.2001-04.com.example:any`, `eui.` and 16, or `naa.` and 32 letters or digits (RFC 3720).
fn is_iscsi_name(name: &str) -> bool {
    let id = |rest: &str, length: usize| {
        let mut chars = rest.chars().skip(1);
        rest.chars().count() == length + 1 && chars.all(|c| c.is_ascii_alphanumeric())
    };
    match name.split_at_checked(3) {
        Some(("iqn", _)) => name.match_indices("iqn.").any(|(at, prefix)| is_dated_name(&name[at + prefix.len()..])),
        Some(("eui", rest)) => id(rest, 16),
        Some(("naa", rest)) => id(rest, 32),
        _ => false,
    }
}

/// `2001-04.com.example:any`.
fn is_dated_name(text: &str) -> bool {
    let digits = |text: &str, len: usize| text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    let Some((date, rest)) = text.split_once('.') else { return false };
    let dated = date.split_once('-').is_some_and(|(year, month)| digits(year, 4) && digits(month, 2));
    let Some((host, own)) = rest.split_once(':') else { return false };
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let is_own = |c: char| !matches!(c, ',' | ';' | '*' | '&' | '$' | '|') && !c.is_ascii_whitespace();
    dated && !host.is_empty() && host.chars().all(is_host) && !own.is_empty() && own.chars().all(is_own)
}

/// What is wrong with a PersistentVolume's iSCSI source; `volume` is its name.
pub(crate) fn persistent_iscsi(path: &Path, source: &Value, volume: &str) -> Vec<Error> {
    const FORMAT: &str = "must be valid format";
    let mut errors = required(path, source, &["targetPortal"]);
    let (portal, initiator) = (text(source, "targetPortal"), source.get("initiatorName").and_then(Value::as_str));
    if initiator.is_some() && volume.len() + 1 + portal.len() > NAME_AND_PORTAL_LENGTH_MAX {
        errors.push(path.child("targetportal").invalid(portal, NAME_AND_PORTAL));
    }
    let name = text(source, "iqn");
    if name.is_empty() {
        errors.push(path.child("iqn").required(""));
    } else if !is_iscsi_name(name) {
        errors.push(path.child("iqn").invalid(name, FORMAT));
    }
    errors.extend(lun(&path.child("lun"), Some(int(source, "lun"))));
    let authenticated = flag(source, "chapAuthDiscovery") || flag(source, "chapAuthSession");
    if authenticated && set(source, "secretRef").is_none() {
        errors.push(path.child("secretRef").required(""));
    }
    errors.extend(secret_fields(path, source, &["name"]));
    if let Some(initiator) = initiator.filter(|initiator| !is_iscsi_name(initiator)) {
        errors.push(path.child("initiatorname").invalid(initiator, FORMAT));
    }
    errors
}

fn lun(path: &Path, lun: Option<i64>) -> Vec<Error> {
    let Some(lun) = lun else { return Vec::new() };
    meta::in_range(lun, 0, 255).into_iter().map(|text| path.invalid(lun, text)).collect()
}

pub(crate) fn glusterfs(path: &Path, source: &Value) -> Vec<Error> {
    required(path, source, &["endpoints", "path"])
}

pub(crate) fn persistent_glusterfs(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = glusterfs(path, source);
    let at = path.child("endpointsNamespace");
    match source.get("endpointsNamespace").and_then(Value::as_str) {
        Some("") => {
            errors.push(at.invalid("", "if the endpointnamespace is set, it must be a valid namespace name"));
        }
        Some(namespace) => errors.extend(texts(&at, namespace, meta::dns1123_label(namespace))),
        None => {}
    }
    errors
}

pub(crate) fn flocker(path: &Path, source: &Value) -> Vec<Error> {
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

pub(crate) fn rbd(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = cephfs(path, source);
    errors.extend(required(path, source, &["image"]));
    errors
}

pub(crate) fn cephfs(path: &Path, source: &Value) -> Vec<Error> {
    let none = items(source, "monitors").is_empty();
    none.then(|| path.child("monitors").required("")).into_iter().collect()
}

pub(crate) fn cinder(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = required(path, source, &["volumeID"]);
    errors.extend(secret_fields(path, source, &["name"]));
    errors
}

pub(crate) fn persistent_cinder(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = required(path, source, &["volumeID"]);
    errors.extend(secret_fields(path, source, &["name", "namespace"]));
    errors
}

/// What a `secretRef` must say, where there is one.
fn secret_fields(path: &Path, source: &Value, fields: &[&str]) -> Vec<Error> {
    let Some(reference) = set(source, "secretRef") else { return Vec::new() };
    required(&path.child("secretRef"), reference, fields)
}

pub(crate) fn quobyte(path: &Path, source: &Value) -> Vec<Error> {
    const PAIRS: &str = "must be a host:port pair or multiple pairs separated by commas";
    let registry = text(source, "registry");
    let mut errors = Vec::new();
    if registry.is_empty() {
        errors.push(path.child("registry").required(PAIRS));
    } else if text(source, "tenant").len() >= 65 {
        let detail = "must be a UUID and may not exceed a length of 64 characters";
        errors.push(path.child("tenant").required(detail));
    } else {
        let wrong = registry.split(',').filter(|pair| !is_host_and_port(pair));
        errors.extend(wrong.map(|_| path.child("registry").invalid(registry, PAIRS)));
    }
    errors.extend(required(path, source, &["volume"]));
    errors
}

/// Whether Go's `net.SplitHostPort` takes the text apart.
fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').is_some_and(|inner| !inner.contains(['[', ']'])) && !port.contains(']'),
        None => !text.contains(['[', ']']) && !host.contains(':'),
    }
}

pub(crate) fn fc(path: &Path, source: &Value) -> Vec<Error> {
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

pub(crate) fn flex(path: &Path, source: &Value) -> Vec<Error> {
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

pub(crate) fn azure_file(path: &Path, source: &Value) -> Vec<Error> {
    required(path, source, &["secretName", "shareName"])
}

pub(crate) fn persistent_azure_file(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = azure_file(path, source);
    if source.get("secretNamespace").and_then(Value::as_str) == Some("") {
        errors.push(path.child("secretNamespace").required(""));
    }
    errors
}

pub(crate) fn azure_disk(path: &Path, source: &Value) -> Vec<Error> {
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

pub(crate) fn vsphere(path: &Path, source: &Value) -> Vec<Error> {
    required(path, source, &["volumePath"])
}

pub(crate) fn photon(path: &Path, source: &Value) -> Vec<Error> {
    required(path, source, &["pdID"])
}

pub(crate) fn portworx(path: &Path, source: &Value) -> Vec<Error> {
    required(path, source, &["volumeID"])
}

pub(crate) fn storageos(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = storageos_volume(path, source);
    errors.extend(secret_fields(path, source, &["name"]));
    errors
}

pub(crate) fn persistent_storageos(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = storageos_volume(path, source);
    errors.extend(secret_fields(path, source, &["name", "namespace"]));
    errors
}

fn storageos_volume(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = required(path, source, &["volumeName"]);
    for field in ["volumeName", "volumeNamespace"] {
        let name = text(source, field);
        if !name.is_empty() {
            errors.extend(texts(&path.child(field), name, meta::dns1123_label(name)));
        }
    }
    errors
}

pub(crate) fn scale_io(path: &Path, source: &Value) -> Vec<Error> {
    required(path, source, &["gateway", "system", "volumeName"])
}

pub(crate) fn csi(path: &Path, source: &Value) -> Vec<Error> {
    let mut errors = csi_driver(&path.child("driver"), text(source, "driver"));
    if let Some(reference) = set(source, "nodePublishSecretRef") {
        let name = text(reference, "name");
        if name.is_empty() {
            errors.push(path.child("nodePublishSecretRef").child("name").required(""));
        } else {
            // Upstream's path leaves out the reference.
            errors.extend(texts(&path.child("name"), name, meta::dns1123_subdomain(name)));
        }
    }
    errors
}

pub(crate) fn persistent_csi(path: &Path, source: &Value) -> Vec<Error> {
    const SECRETS: [&str; 4] =
        ["controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"];
    let mut errors = csi_driver(&path.child("driver"), text(source, "driver"));
    errors.extend(required(path, source, &["volumeHandle"]));
    for field in SECRETS {
        let Some(reference) = set(source, field) else { continue };
        let rules: [(&str, TextRule); 2] = [("name", meta::dns1123_subdomain), ("namespace", meta::dns1123_label)];
        for (part, rule) in rules {
            let (at, name) = (path.child(field).child(part), text(reference, part));
            if name.is_empty() {
                errors.push(at.required(""));
            } else {
                errors.extend(texts(&at, name, rule(name)));
            }
        }
    }
    errors
}

/// What is wrong with the name of a CSI driver.
fn csi_driver(path: &Path, name: &str) -> Vec<Error> {
    if name.is_empty() {
        return vec![path.required("")];
    }
    let mut errors = Vec::new();
    if name.len() > CSI_DRIVER_LENGTH_MAX {
        errors.push(path.too_long(CSI_DRIVER_LENGTH_MAX));
    }
    errors.extend(texts(path, name, meta::dns1123_subdomain(&name.to_lowercase())));
    errors
}
