//! A pod spec as a whole (upstream's ValidatePodSpec).

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use super::{
    Holder, affinity, containers, dns, env, ephemeral, pod_resources, resource_claims, restart, scheduling, security,
    volumes, windows,
};
use crate::tree::{flag, items, set, text};
use crate::validate::{pairs, texts};

const DEADLINE_SECS_MAX: i64 = i32::MAX as i64;
/// What Linux holds of a host's name.
const HOSTNAME_BYTES_MAX: usize = 64;

/// What the parts of a spec need to know of the whole.
pub(super) struct Context<'a> {
    pub(super) spec: &'a Value,
    pub(super) volumes: volumes::Known<'a>,
    /// The names in `spec.resourceClaims`.
    pub(super) claims: Vec<&'a str>,
}

impl Context<'_> {
    /// `terminationGracePeriodSeconds`.
    pub(super) fn grace_secs(&self) -> Option<i64> {
        self.spec.get("terminationGracePeriodSeconds").and_then(Value::as_i64)
    }

    /// Whether containers see the host's users.
    pub(super) fn host_users(&self) -> bool {
        self.spec.get("hostUsers").and_then(Value::as_bool).unwrap_or(true)
    }
}

/// What is wrong with a pod spec. `pod_name` is empty for templates.
pub fn validate_spec(path: &Path, spec: &Value, pod_name: &str, holder: Holder) -> Vec<Error> {
    let mut errors = Vec::new();
    if set(spec, "terminationGracePeriodSeconds").is_none() {
        errors.push(path.child("terminationGracePeriodSeconds").required(""));
    }
    let (known, volume_errors) = volumes::validate(&path.child("volumes"), spec, pod_name, holder);
    errors.extend(volume_errors);
    let claims = resource_claims::names(spec);
    errors.extend(resource_claims::validate(&path.child("resourceClaims"), spec));
    let context = Context { spec, volumes: known, claims };
    errors.extend(containers::regular(&path.child("containers"), &context));
    errors.extend(containers::init(&path.child("initContainers"), &context));
    errors.extend(ephemeral::validate(&path.child("ephemeralContainers"), &context));
    errors.extend(pod_resources::validate(&path.child("resources"), &context));
    errors.extend(containers::host_network_ports(path, spec, holder));
    errors.extend(restart::policy(&path.child("restartPolicy"), spec));
    errors.extend(dns::policy(&path.child("dnsPolicy"), spec));
    errors.extend(meta::labels(pairs(spec.get("nodeSelector")), &path.child("nodeSelector")));
    errors.extend(security::pod(path, spec));
    errors.extend(affinity::validate(&path.child("affinity"), spec.get("affinity").unwrap_or(&Value::Null)));
    errors.extend(dns::config(&path.child("dnsConfig"), spec));
    errors.extend(scheduling::readiness_gates(&path.child("readinessGates"), spec));
    errors.extend(scheduling::gates(&path.child("schedulingGates"), spec));
    errors.extend(scheduling::spread(&path.child("topologySpreadConstraints"), spec));
    errors.extend(windows::host_process(path, spec));
    errors.extend(security::host_users(path, spec));
    errors.extend(hostname_override(path, spec));
    errors.extend(names(path, spec));
    errors.extend(windows::os(path, spec));
    errors.extend(env::files(path, spec));
    errors
}

fn names(path: &Path, spec: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let named = |field: &str, rule: fn(&str) -> Vec<String>| {
        let name = text(spec, field);
        if name.is_empty() { Vec::new() } else { texts(&path.child(field), name, rule(name)).collect() }
    };
    errors.extend(named("serviceAccountName", meta::dns1123_subdomain));
    errors.extend(named("nodeName", meta::dns1123_subdomain));
    if let Some(secs) = spec.get("activeDeadlineSeconds").and_then(Value::as_i64) {
        let range = meta::in_range(secs, 1, DEADLINE_SECS_MAX);
        errors.extend(range.into_iter().map(|text| path.child("activeDeadlineSeconds").invalid(secs, text)));
    }
    errors.extend(named("hostname", meta::dns1123_label));
    errors.extend(named("subdomain", meta::dns1123_label));
    errors.extend(scheduling::tolerations(&path.child("tolerations"), items(spec, "tolerations")));
    errors.extend(dns::host_aliases(&path.child("hostAliases"), spec));
    errors.extend(named("priorityClassName", meta::dns1123_subdomain));
    if set(spec, "runtimeClassName").is_some() {
        let name = text(spec, "runtimeClassName");
        errors.extend(texts(&path.child("runtimeClassName"), name, meta::dns1123_subdomain(name)));
    }
    errors.extend(scheduling::preemption(&path.child("preemptionPolicy"), spec));
    errors.extend(super::resources::overhead(&path.child("overhead"), spec, "overhead"));
    errors
}

fn hostname_override(path: &Path, spec: &Value) -> Vec<Error> {
    let Some(name) = spec.get("hostnameOverride").and_then(Value::as_str) else { return Vec::new() };
    let at = path.child("hostnameOverride");
    let mut errors = Vec::new();
    if flag(spec, "setHostnameAsFQDN") {
        errors.push(at.forbidden("may not be specified when setHostnameAsFQDN is true"));
    }
    if flag(spec, "hostNetwork") {
        errors.push(at.forbidden("may not be specified when hostNetwork is true"));
    }
    if name.len() > HOSTNAME_BYTES_MAX {
        errors.push(at.too_long(HOSTNAME_BYTES_MAX));
    }
    errors.extend(texts(&at, name, meta::dns1123_subdomain(name)));
    errors
}
