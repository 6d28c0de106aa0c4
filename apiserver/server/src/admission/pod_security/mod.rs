//! PodSecurity: what the Pod Security Standards that a namespace's labels name allow its Pods (KEP-2579).
//!
//! `enforce` refuses Pods, `warn` warns of Pods and of whatever has a Pod template; `audit` is accepted as a label and
//! has no effect, since no audit log is written. `policy` reads the labels, `standard` is the table of the checks,
//! `baseline` and `restricted` are the checks. A namespace without labels costs the lookup of its labels.

mod baseline;
mod pod;
mod policy;
mod restricted;
mod standard;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use kubernel_meta::{ApiError, Object};
use serde_json::{Map, Value};

use self::pod::Pod;
use self::policy::{Level, Policy};
use super::{Attributes, Operation, View};

/// How many Pods of a namespace are looked at when its labels change.
const PODS_MAX: usize = 3000;
/// Subresources of Pods that cannot change what a Pod may do.
const HARMLESS: [&str; 8] = ["attach", "binding", "eviction", "exec", "log", "portforward", "proxy", "status"];
/// The resources with a Pod template, and where it is.
const TEMPLATES: [(&str, &str, &[&str]); 8] = [
    ("", "podtemplates", &["template"]),
    ("", "replicationcontrollers", &["spec", "template"]),
    ("apps", "daemonsets", &["spec", "template"]),
    ("apps", "deployments", &["spec", "template"]),
    ("apps", "replicasets", &["spec", "template"]),
    ("apps", "statefulsets", &["spec", "template"]),
    ("batch", "cronjobs", &["spec", "jobTemplate", "spec", "template"]),
    ("batch", "jobs", &["spec", "template"]),
];

/// Refuses a write or returns the texts of its warnings.
pub(super) async fn check(
    view: &View<'_>,
    request: &Attributes<'_>,
    object: &Object,
    old: Option<&Object>,
) -> Result<Vec<String>, ApiError> {
    if !matches!(request.operation, Operation::Create | Operation::Update) {
        return Ok(Vec::new());
    }
    if request.is_main("", "namespaces") {
        return check_namespace(view, request, object, old).await;
    }
    if request.is_of("", "pods") {
        if HARMLESS.contains(&request.subresource) || old.is_some_and(|old| !is_significant(object, old)) {
            return Ok(Vec::new());
        }
        let policy = policy_of(view, request.namespace).await?;
        return check_pod(request, &policy, object.map());
    }
    let Some((.., path)) = TEMPLATES.iter().find(|(group, plural, _)| request.is_main(group, plural)) else {
        return Ok(Vec::new());
    };
    let warn = policy_of(view, request.namespace).await?.warn;
    let template = object.map_at(path).filter(|_| warn.level != Level::Privileged);
    let violations = template.map(|template| warn.violations(&Pod::new(template))).unwrap_or_default();
    Ok(would_violate(&warn, &violations).into_iter().collect())
}

fn check_pod(request: &Attributes<'_>, policy: &Policy, pod: &Map<String, Value>) -> Result<Vec<String>, ApiError> {
    let Policy { enforce, warn } = policy;
    if enforce.level == Level::Privileged && warn.level == Level::Privileged {
        return Ok(Vec::new());
    }
    let pod = Pod::new(pod);
    let violations = enforce.violations(&pod);
    if !violations.is_empty() {
        let details = standard::details(&violations);
        return Err(request.forbidden(format!("violates PodSecurity \"{enforce}\": {details}")));
    }
    Ok(would_violate(warn, &warn.violations(&pod)).into_iter().collect())
}

fn would_violate(warn: &policy::Standard, violations: &[standard::Violation]) -> Option<String> {
    let details = || format!("would violate PodSecurity \"{warn}\": {}", standard::details(violations));
    (!violations.is_empty()).then(details)
}

/// The policy of a namespace; labels that cannot be read count as the strictest.
async fn policy_of(view: &View<'_>, namespace: &str) -> Result<Policy, ApiError> {
    let namespace = view.get(&format!("/registry/core/namespaces/{namespace}")).await?;
    Ok(namespace.map(|namespace| Policy::parse(&namespace).0).unwrap_or_default())
}

/// Labels must be right when they are set; a stricter level warns of the Pods that would not be accepted any more.
async fn check_namespace(
    view: &View<'_>,
    request: &Attributes<'_>,
    namespace: &Object,
    old: Option<&Object>,
) -> Result<Vec<String>, ApiError> {
    let (policy, wrong) = Policy::parse(namespace);
    let (old_policy, old_wrong) = old.map(Policy::parse).unwrap_or_default();
    if !wrong.is_empty() && (old.is_none() || wrong != old_wrong) {
        return Err(ApiError::invalid(&request.kind.gvk(), namespace.name(), &wrong));
    }
    let (new, old_enforce) = (policy.enforce, old_policy.enforce);
    let relaxed = new.version == old_enforce.version && new.level <= old_enforce.level;
    if old.is_none() || new.level == Level::Privileged || relaxed {
        return Ok(Vec::new());
    }
    let prefix = format!("/registry/core/pods/{}/", namespace.name());
    let (pods, count) = view.list_first(&prefix, PODS_MAX).await?;
    let mut by_reason: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for pod in &pods {
        let violations = new.violations(&Pod::new(pod.map()));
        if !violations.is_empty() {
            by_reason.entry(standard::reasons(&violations)).or_default().push(pod.name());
        }
    }
    let mut warnings = Vec::new();
    if count > pods.len() {
        let checked = pods.len();
        warnings.push(format!(
            "new PodSecurity enforce level only checked against the first {checked} of {count} existing pods"
        ));
    }
    if !by_reason.is_empty() {
        let name = namespace.name();
        warnings
            .push(format!("existing pods in namespace \"{name}\" violate the new PodSecurity enforce level \"{new}\""));
    }
    let mut lines: Vec<String> = by_reason.iter().map(|(reason, names)| line(names, reason)).collect();
    lines.sort();
    warnings.append(&mut lines);
    Ok(warnings)
}

fn line(names: &[&str], reason: &str) -> String {
    let first = names.iter().min().unwrap_or(&"");
    match names.len() {
        1 => format!("{first}: {reason}"),
        2 => format!("{first} (and 1 other pod): {reason}"),
        count => format!("{first} (and {} other pods): {reason}", count - 1),
    }
}

/// Whether an update touches what the checks look at: of a running Pod only images, ephemeral containers and the seccomp
/// annotations can change.
fn is_significant(new: &Object, old: &Object) -> bool {
    let seccomp = |object: &Object| -> Vec<(String, String)> {
        let mut found: Vec<_> = object
            .annotations()
            .filter(|(key, _)| key.contains("seccomp.security.alpha.kubernetes.io/"))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        found.sort();
        found
    };
    let images = |object: &Object, list: &str| -> Vec<(String, String)> {
        let word = |container: &Value, key: &str| container[key].as_str().unwrap_or_default().to_owned();
        object.list_at(&["spec", list]).iter().map(|c| (word(c, "name"), word(c, "image"))).collect()
    };
    let added = || {
        let known = images(old, "ephemeralContainers");
        images(new, "ephemeralContainers").iter().any(|container| !known.contains(container))
    };
    seccomp(new) != seccomp(old)
        || images(new, "containers") != images(old, "containers")
        || images(new, "initContainers") != images(old, "initContainers")
        || added()
}
