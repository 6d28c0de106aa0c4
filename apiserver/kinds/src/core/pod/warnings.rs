//! Warnings about Pods and pod templates that are accepted all the same.

mod ports;
mod volumes;

use std::collections::HashSet;

use kubernel_meta::field::Path;
use kubernel_meta::{Object, validation as meta};
use serde_json::Value;

use super::amounts;
use super::validation::all_containers;
use crate::core::node_labels::{self, BadValues};
use crate::tree::{int, items, set, text};
use crate::validate;

/// Annotations that do nothing any more.
const OLD_ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    ("security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
];
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER_PREFIX: &str = "container.seccomp.security.alpha.kubernetes.io/";
const APPARMOR_PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
const SELECTS_NOTHING: &str = "a null labelSelector results in matching no pod";

/// The warnings about a new Pod, and about the addresses in a status. Other changes of Pods are machines' work.
pub(super) fn of_pod(pod: &Object, old: Option<&Object>) -> Vec<String> {
    if let Some(old) = old {
        let written = pod.at(&["status"]) != old.at(&["status"]);
        return if written { status_addresses(pod) } else { Vec::new() };
    }
    let mut warnings = Vec::new();
    let wrong = meta::dns1123_label(pod.name());
    if !wrong.is_empty() {
        warnings.push(format!(
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is \
             recommended: [{}]",
            wrong.join(" ")
        ));
    }
    let metadata = pod.at(&["metadata"]).unwrap_or(&Value::Null);
    let spec = Spec { path: Path::root("spec"), metadata_path: Path::root("metadata"), template: false, metadata };
    warnings.extend(spec.warnings(pod.at(&["spec"]).unwrap_or(&Value::Null)));
    warnings
}

/// The warnings about the template at a path of an object that is new or of which something was desired anew.
pub fn of_template(path: &[&str], object: &Object, old: Option<&Object>) -> Vec<String> {
    if old.is_some_and(|old| old.generation() == object.generation()) {
        return Vec::new();
    }
    let Some(template) = object.at(path) else { return Vec::new() };
    let at = path.iter().fold(Path::root(""), |at, field| at.child(field));
    let metadata = template.get("metadata").unwrap_or(&Value::Null);
    let spec = Spec { path: at.child("spec"), metadata_path: at.child("metadata"), template: true, metadata };
    spec.warnings(template.get("spec").unwrap_or(&Value::Null))
}

/// Where a pod spec stands, and the metadata beside it.
struct Spec<'a> {
    path: Path,
    metadata_path: Path,
    template: bool,
    metadata: &'a Value,
}

impl Spec<'_> {
    fn warnings(&self, spec: &Value) -> Vec<String> {
        let path = &self.path;
        let mut warnings = old_labels(path, spec);
        warnings.extend(self.old_annotations());
        warnings.extend(volumes::warnings(&path.child("volumes"), items(spec, "volumes")));
        warnings.extend(repeated(path, spec));
        warnings.extend(fractions(&path.child("overhead"), spec.get("overhead")));
        let context = spec.get("securityContext").unwrap_or(&Value::Null);
        if set(context, "seccompProfile").is_none() {
            warnings.extend(self.seccomp(SECCOMP_POD));
        }
        for (at, container) in all_containers(path, spec) {
            warnings.extend(self.container(&at, container, context));
        }
        warnings.extend(ports::warnings(path, spec));
        if int(spec, "terminationGracePeriodSeconds") < 0 {
            let at = path.child("terminationGracePeriodSeconds");
            warnings.push(format!("{at}: must be >= 0; negative values are invalid and will be treated as 1"));
        }
        warnings.extend(selectorless_terms(&path.child("affinity"), spec.get("affinity").unwrap_or(&Value::Null)));
        warnings.extend(addresses(path, spec));
        warnings
    }

    fn annotation(&self, key: &str) -> Option<Path> {
        self.metadata.get("annotations")?.get(key)?;
        Some(self.metadata_path.child("annotations").key(key))
    }

    fn old_annotations(&self) -> impl Iterator<Item = String> {
        OLD_ANNOTATIONS.iter().filter_map(|(key, message)| Some(format!("{}: {message}", self.annotation(key)?)))
    }

    fn seccomp(&self, key: &str) -> Option<String> {
        let at = self.annotation(key)?;
        Some(format!("{at}: non-functional in v1.27+; use the \"seccompProfile\" field instead"))
    }

    fn container(&self, path: &Path, container: &Value, pod_context: &Value) -> Vec<String> {
        let context = container.get("securityContext").unwrap_or(&Value::Null);
        let name = text(container, "name");
        let mut warnings = Vec::new();
        if set(context, "seccompProfile").is_none() {
            warnings.extend(self.seccomp(&format!("{SECCOMP_CONTAINER_PREFIX}{name}")));
        }
        // A Pod's own annotation has become a field by now, so that it is told from the fields of the request.
        let profiled = self.template && [context, pod_context].iter().any(|c| set(c, "appArmorProfile").is_some());
        if let Some(at) = self.annotation(&format!("{APPARMOR_PREFIX}{name}")).filter(|_| !profiled) {
            warnings.push(format!("{at}: deprecated since v1.30; use the \"appArmorProfile\" field instead"));
        }
        let resources = container.get("resources").unwrap_or(&Value::Null);
        for resource in ["memory", "ephemeral-storage"] {
            for list in ["limits", "requests"] {
                let amount = resources.get(list).and_then(|list| list.get(resource));
                warnings.extend(fraction(&path.child("resources").child(list).key(resource), amount));
            }
        }
        warnings.extend(hidden_variables(&path.child("env"), items(container, "env")));
        warnings
    }
}

/// Labels of nodes under their old names.
fn old_labels(path: &Path, spec: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    for (label, _) in validate::pairs(spec.get("nodeSelector")) {
        let warning = node_labels::warning(label);
        warnings.extend(warning.map(|warning| format!("{}: {warning}", path.child("nodeSelector").key(label))));
    }
    let at = path.child("affinity").child("nodeAffinity");
    let affinity = spec.pointer("/affinity/nodeAffinity").unwrap_or(&Value::Null);
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    if let Some(required) = set(affinity, REQUIRED) {
        let at = at.child(REQUIRED).child("nodeSelectorTerms");
        let terms = items(required, "nodeSelectorTerms").iter().enumerate();
        warnings.extend(terms.flat_map(|(i, term)| node_labels::term_warnings(&at.index(i), term, BadValues::Refused)));
    }
    for (i, preferred) in items(affinity, PREFERRED).iter().enumerate() {
        let term = preferred.get("preference").unwrap_or(&Value::Null);
        let at = at.child(PREFERRED).index(i).child("preference");
        warnings.extend(node_labels::term_warnings(&at, term, BadValues::Warned));
    }
    for (i, constraint) in items(spec, "topologySpreadConstraints").iter().enumerate() {
        let at = path.child("topologySpreadConstraints").index(i);
        let key = text(constraint, "topologyKey");
        let warning = node_labels::warning(key);
        warnings.extend(warning.map(|warning| format!("{}: {key} is {warning}", at.child("topologyKey"))));
        if set(constraint, "labelSelector").is_none() {
            warnings.push(format!("{}: {SELECTS_NOTHING}", at.child("labelSelector")));
        }
    }
    warnings
}

/// Entries of lists that are there twice, or say nothing.
fn repeated(path: &Path, spec: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    for (list, field) in [("hostAliases", "ip"), ("imagePullSecrets", "name")] {
        let mut seen = HashSet::new();
        for (i, item) in items(spec, list).iter().enumerate() {
            let value = text(item, field);
            if !seen.insert(value) {
                warnings.push(format!("{}: duplicate {field} {value:?}", path.child(list).index(i).child(field)));
            }
        }
    }
    for (i, secret) in items(spec, "imagePullSecrets").iter().enumerate() {
        if text(secret, "name").is_empty() {
            let at = path.child("imagePullSecrets").index(i).child("name");
            warnings.push(format!("{at}: invalid empty name \"\""));
        }
    }
    warnings
}

/// Bytes come whole.
fn fractions(path: &Path, list: Option<&Value>) -> Vec<String> {
    let amount = |resource: &str| list.and_then(|list| list.get(resource));
    ["memory", "ephemeral-storage"].iter().filter_map(|name| fraction(&path.key(name), amount(name))).collect()
}

fn fraction(path: &Path, amount: Option<&Value>) -> Option<String> {
    let amount = amount.and_then(amounts::quantity)?;
    let shown = amount.to_string();
    (!amount.is_integer()).then(|| format!("{path}: fractional byte value {shown:?} is invalid, must be an integer"))
}

fn hidden_variables(path: &Path, variables: &[Value]) -> Vec<String> {
    let mut names = HashSet::new();
    let mut warnings = Vec::new();
    for (i, variable) in variables.iter().enumerate() {
        let (name, value) = (text(variable, "name"), text(variable, "value"));
        let before = format!("$({name})");
        let builds_on = set(variable, "valueFrom").is_none() && value != before && value.contains(&before);
        if !names.insert(name) && !builds_on {
            let at = path.index(i);
            warnings
                .push(format!("{at}: hides previous definition of {name:?}, which may be dropped when using apply"));
        }
    }
    warnings
}

/// Terms of pod affinity that select nothing.
fn selectorless_terms(path: &Path, affinity: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    for kind in ["podAffinity", "podAntiAffinity"] {
        let terms = affinity.get(kind).unwrap_or(&Value::Null);
        for (list, inner) in [
            ("requiredDuringSchedulingIgnoredDuringExecution", None),
            ("preferredDuringSchedulingIgnoredDuringExecution", Some("podAffinityTerm")),
        ] {
            for (i, term) in items(terms, list).iter().enumerate() {
                let at = path.child(kind).child(list).index(i);
                let (at, term) = match inner {
                    Some(inner) => (at.child(inner), term.get(inner).unwrap_or(&Value::Null)),
                    None => (at, term),
                };
                if set(term, "labelSelector").is_none() {
                    warnings.push(format!("{}: {SELECTS_NOTHING}", at.child("labelSelector")));
                }
            }
        }
    }
    warnings
}

/// Addresses that could be written better.
fn addresses(path: &Path, spec: &Value) -> Vec<String> {
    let at = path.child("dnsConfig").child("nameservers");
    let servers = spec.get("dnsConfig").map_or(&[][..], |config| items(config, "nameservers")).iter().enumerate();
    let mut warnings: Vec<String> =
        servers.filter_map(|(i, server)| validate::ip_warning(&at.index(i), server.as_str()?)).collect();
    let aliases = items(spec, "hostAliases").iter().enumerate();
    let at = path.child("hostAliases");
    warnings.extend(aliases.filter_map(|(i, a)| validate::ip_warning(&at.index(i).child("ip"), text(a, "ip"))));
    warnings
}

fn status_addresses(pod: &Object) -> Vec<String> {
    let mut warnings = Vec::new();
    for list in ["podIPs", "hostIPs"] {
        let at = Path::root("status").child(list);
        let entries = pod.list_at(&["status", list]).iter().enumerate();
        warnings
            .extend(entries.filter_map(|(i, entry)| validate::ip_warning(&at.index(i).child("ip"), text(entry, "ip"))));
    }
    warnings
}

/// Whether an init container goes on running beside the others.
fn is_sidecar(container: &Value) -> bool {
    text(container, "restartPolicy") == "Always"
}
