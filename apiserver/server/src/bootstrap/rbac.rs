//! The default roles and bindings, from the table in `rbac.txt`.

use kubernel_meta::Object;
use serde_json::{Value, json};

use crate::authz::Rule;

const TABLE: &str = include_str!("rbac.txt");
const API: &str = "rbac.authorization.k8s.io/v1";
const GROUP: &str = "rbac.authorization.k8s.io";
const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";
const AGGREGATE_TO: &str = "rbac.authorization.k8s.io/aggregate-to-";
const CONTROLLER: &str = "system:controller:";

/// All default roles and bindings.
pub(crate) fn all() -> Vec<Object> {
    let mut objects: Vec<Object> = Vec::new();
    // A controller's binding comes after its role, so the role that rules belong to is remembered.
    let mut role = 0;
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        if let Some(rule) = line.strip_prefix("  ") {
            if let Some(rules) =
                objects.get_mut(role).and_then(|object| object.map_mut().get_mut("rules")?.as_array_mut())
            {
                rules.push(parse_rule(rule).to_value());
            }
            continue;
        }
        let mut words = line.split(' ');
        let (what, name, rest) = (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words);
        let rest: Vec<&str> = rest.collect();
        match what {
            "cluster-role" => {
                role = objects.len();
                objects.push(cluster_role(name, &rest));
            }
            "controller" => {
                role = objects.len();
                let full = format!("{CONTROLLER}{name}");
                objects.push(cluster_role(&full, &[]));
                let account = format!("account=kube-system/{name}");
                objects.push(binding("ClusterRoleBinding", &full, "ClusterRole", &[&full, &account]));
            }
            "role" => {
                role = objects.len();
                objects.push(object("Role", name, json!({ "rules": [] })));
            }
            "cluster-bind" => objects.push(binding("ClusterRoleBinding", name, "ClusterRole", &rest)),
            _ => objects.push(binding("RoleBinding", name, "Role", &rest)),
        }
    }
    objects
}

/// The role or binding as it should be: with the rules, subjects and labels that `old` lacks of `wanted`. `None` where
/// it lacks nothing, is of another kind, or was taken over by its owner.
pub(super) fn complete(old: &Object, wanted: &Object) -> Option<Object> {
    if wanted.api_version() != API || old.annotations().any(|(key, value)| key == AUTOUPDATE && value == "false") {
        return None;
    }
    let mut new = old.clone();
    let mut changed = false;
    for part in ["labels", "annotations"] {
        for (key, value) in wanted.map_at(&["metadata", part]).into_iter().flatten() {
            if old.at(&["metadata", part, key]).is_none() {
                new.set(&["metadata", part, key], value.clone());
                changed = true;
            }
        }
    }
    if wanted.at(&["aggregationRule"]).is_none() {
        let held = Rule::parse_all(old.list_at(&["rules"]));
        let rules = wanted.list_at(&["rules"]).iter();
        let missing: Vec<Value> = rules.filter(|rule| !Rule::covers_all(&held, &Rule::parse(rule))).cloned().collect();
        changed |= append(&mut new, "rules", missing);
    }
    let has = |subject: &Value| {
        let same =
            |other: &&Value| ["kind", "name", "namespace"].iter().all(|key| subject.get(*key) == other.get(*key));
        old.list_at(&["subjects"]).iter().find(same).is_some()
    };
    let missing: Vec<Value> = wanted.list_at(&["subjects"]).iter().filter(|subject| !has(subject)).cloned().collect();
    changed |= append(&mut new, "subjects", missing);
    changed.then_some(new)
}

fn append(object: &mut Object, field: &str, items: Vec<Value>) -> bool {
    if items.is_empty() {
        return false;
    }
    let all: Vec<Value> = object.list_at(&[field]).iter().cloned().chain(items).collect();
    object.set(&[field], all);
    true
}

fn parse_rule(text: &str) -> Rule {
    let mut columns = text.split(" | ").map(|column| column.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let verbs = columns.next().unwrap_or_default();
    match (columns.next().unwrap_or_default(), columns.next(), columns.next()) {
        (urls, None, _) => Rule { verbs, urls, ..Rule::default() },
        (groups, Some(resources), names) => Rule {
            verbs,
            groups: groups.into_iter().map(|group| if group == "core" { String::new() } else { group }).collect(),
            resources,
            names: names.unwrap_or_default(),
            ..Rule::default()
        },
    }
}

fn cluster_role(name: &str, options: &[&str]) -> Object {
    let mut role = object("ClusterRole", name, json!({ "rules": [] }));
    for option in options {
        if let Some(target) = option.strip_prefix("into=") {
            role.set(&["metadata", "labels", &format!("{AGGREGATE_TO}{target}")], "true");
        } else if let Some(source) = option.strip_prefix("from=") {
            let selector = json!({ "matchLabels": { format!("{AGGREGATE_TO}{source}"): "true" } });
            role.set(&["aggregationRule"], json!({ "clusterRoleSelectors": [selector] }));
            role.remove(&["rules"]);
        }
    }
    role
}

/// A binding; `rest` is the role and the subjects.
fn binding(kind: &str, name: &str, role_kind: &str, rest: &[&str]) -> Object {
    let role = rest.first().copied().unwrap_or_default();
    let subjects: Vec<Value> = rest.iter().skip(1).filter_map(|subject| parse_subject(subject)).collect();
    let mut binding = object(kind, name, json!({ "roleRef": { "apiGroup": GROUP, "kind": role_kind, "name": role } }));
    if !subjects.is_empty() {
        binding.set(&["subjects"], subjects);
    }
    binding
}

fn parse_subject(text: &str) -> Option<Value> {
    let (kind, name) = text.split_once('=')?;
    Some(match kind {
        "user" => json!({ "apiGroup": GROUP, "kind": "User", "name": name }),
        "group" => json!({ "apiGroup": GROUP, "kind": "Group", "name": name }),
        _ => {
            let (namespace, name) = name.split_once('/')?;
            json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name })
        }
    })
}

fn object(kind: &str, name: &str, fields: Value) -> Object {
    let mut object = Object::from_value(fields).unwrap_or_default();
    object.set(&["apiVersion"], API);
    object.set(&["kind"], kind);
    // Names hold colons but no slashes: what comes before one is the namespace.
    let name = match name.split_once('/') {
        None => name,
        Some((namespace, name)) => {
            object.set(&["metadata", "namespace"], namespace);
            name
        }
    };
    object.set(&["metadata", "name"], name);
    object.set(&["metadata", "labels", "kubernetes.io/bootstrapping"], "rbac-defaults");
    object.set(&["metadata", "annotations", AUTOUPDATE], "true");
    object
}
