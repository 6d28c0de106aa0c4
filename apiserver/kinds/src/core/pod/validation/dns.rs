//! DNS policy, DNS configuration and host aliases.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation as meta;
use serde_json::Value;

use crate::tree::{items, set, text};
use crate::validate::{self, texts};

const NAMESERVERS_MAX: usize = 3;
const SEARCHES_MAX: usize = 32;
const SEARCH_LIST_CHARS_MAX: usize = 2048;
const POLICIES: [&str; 4] = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

/// What is wrong with the policy.
pub(super) fn policy(path: &Path, spec: &Value) -> Option<Error> {
    match text(spec, "dnsPolicy") {
        "" => Some(path.required("")),
        policy if POLICIES.contains(&policy) => None,
        other => Some(path.not_supported(other, &POLICIES)),
    }
}

/// What is wrong with the configuration.
pub(super) fn config(path: &Path, spec: &Value) -> Vec<Error> {
    let config = set(spec, "dnsConfig");
    let servers = config.map_or(&[][..], |config| items(config, "nameservers"));
    if text(spec, "dnsPolicy") == "None" {
        if config.is_none() {
            return vec![path.required("must provide `dnsConfig` when `dnsPolicy` is None")];
        }
        if servers.is_empty() {
            let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            return vec![path.child("nameservers").required(detail)];
        }
    }
    let Some(config) = config else { return Vec::new() };
    let mut errors = Vec::new();
    let at = path.child("nameservers");
    if servers.len() > NAMESERVERS_MAX {
        errors.push(at.invalid(servers.to_vec(), format!("must not have more than {NAMESERVERS_MAX} nameservers")));
    }
    for (i, server) in servers.iter().enumerate() {
        errors.extend(validate::ip(&at.index(i), server.as_str().unwrap_or_default()));
    }
    errors.extend(searches(&path.child("searches"), items(config, "searches")));
    for (i, option) in items(config, "options").iter().enumerate() {
        if text(option, "name").is_empty() {
            errors.push(path.child("options").index(i).required("must not be empty"));
        }
    }
    errors
}

fn searches(path: &Path, searches: &[Value]) -> Vec<Error> {
    let mut errors = Vec::new();
    let names: Vec<&str> = searches.iter().filter_map(Value::as_str).collect();
    if names.len() > SEARCHES_MAX {
        let detail = format!("must not have more than {SEARCHES_MAX} search paths");
        errors.push(path.invalid(searches.to_vec(), detail));
    }
    if names.join(" ").len() > SEARCH_LIST_CHARS_MAX {
        let detail =
            format!("must not have more than {SEARCH_LIST_CHARS_MAX} characters (including spaces) in the search list");
        errors.push(path.invalid(searches.to_vec(), detail));
    }
    for (i, name) in names.into_iter().enumerate().filter(|(_, name)| *name != ".") {
        let name = name.strip_suffix('.').unwrap_or(name);
        errors.extend(texts(&path.index(i), name, subdomain_with_underscore(name)));
    }
    errors
}

/// A DNS subdomain whose labels may begin with `_` and hold it anywhere but at the end.
fn subdomain_with_underscore(name: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if name.len() > 253 {
        errors.push(meta::max_length_error(253));
    }
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let label = |label: &str| {
        let label = label.strip_prefix('_').unwrap_or(label);
        edge(label.chars().next())
            && edge(label.chars().last())
            && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
    };
    if !name.split('.').all(label) {
        errors.push(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and \
             must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
             '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')"
                .to_owned(),
        );
    }
    errors
}

/// What is wrong with host aliases.
pub(super) fn host_aliases(path: &Path, spec: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    for (i, alias) in items(spec, "hostAliases").iter().enumerate() {
        errors.extend(validate::ip(&path.index(i).child("ip"), text(alias, "ip")));
        for (j, name) in items(alias, "hostnames").iter().enumerate() {
            let name = name.as_str().unwrap_or_default();
            let at = path.index(i).child("hostnames").index(j);
            errors.extend(texts(&at, name, meta::dns1123_subdomain(name)));
        }
    }
    errors
}
