//! Roles and bindings by whom they concern: what authorization looks up instead of the store.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use kubernel_meta::Object;
use kubernel_store::Entry;
use serde_json::Value;

use super::rule::Rule;
use crate::{User, follow};

/// The keys that the index follows start with this.
const PREFIX: &str = "/registry/rbac.authorization.k8s.io/";

/// Roles and bindings. Changed one object at a time; a lookup costs the bindings of the user and its groups, however
/// many others there are.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Rules by role; cluster roles have an empty namespace. Those of aggregated cluster roles are worked out.
    roles: HashMap<RoleKey, Arc<[Rule]>>,
    /// What aggregation needs to know of cluster roles.
    cluster_roles: BTreeMap<String, ClusterRole>,
    /// Bindings by subject and namespace; cluster role bindings have an empty namespace.
    bindings: HashMap<SubjectKey, BTreeMap<String, Vec<Arc<Binding>>>>,
    /// The subjects of each binding, by its key in the store: what to take away when it changes.
    subjects: HashMap<Arc<str>, (String, Vec<SubjectKey>)>,
}

/// One grant: a role to a subject.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Binding {
    key: Arc<str>,
    name: String,
    namespace: String,
    role_kind: String,
    role: RoleKey,
    /// The subject as upstream describes it, for example `User "jane"`.
    subject: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct RoleKey {
    namespace: String,
    name: String,
}

/// A user (also a ServiceAccount, by its user name) or a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum SubjectKey {
    User(String),
    Group(String),
}

#[derive(Debug)]
struct ClusterRole {
    labels: BTreeMap<String, String>,
    rules: Vec<Rule>,
    /// `aggregationRule.clusterRoleSelectors`; `None` where the role is not aggregated.
    selectors: Option<Vec<Value>>,
}

impl follow::Index for Index {
    /// Roles come first: a binding whose role is not known yet would be reported as a problem.
    const PREFIXES: &'static [&'static str] = &[
        "/registry/rbac.authorization.k8s.io/clusterroles/",
        "/registry/rbac.authorization.k8s.io/roles/",
        "/registry/rbac.authorization.k8s.io/clusterrolebindings/",
        "/registry/rbac.authorization.k8s.io/rolebindings/",
    ];

    fn put(&mut self, entry: &Entry) {
        let Some(resource) = resource_of(&entry.key) else { return };
        let Some(object) = serde_json::from_slice(&entry.json).ok().map(Object::new) else { return };
        match resource {
            "roles" => {
                let rules = Rule::parse_all(object.list_at(&["rules"]));
                self.roles.insert(RoleKey::new(object.namespace(), object.name()), rules.into());
            }
            "clusterroles" => {
                self.cluster_roles.insert(object.name().to_owned(), ClusterRole::parse(&object));
                self.resolve_cluster_roles(object.name());
            }
            "rolebindings" | "clusterrolebindings" => {
                self.remove_binding(&entry.key);
                self.add_binding(&entry.key, &object);
            }
            _ => {}
        }
    }

    fn remove(&mut self, key: &str) {
        let mut parts = key.strip_prefix(PREFIX).unwrap_or_default().split('/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("roles"), Some(namespace), Some(name)) => {
                self.roles.remove(&RoleKey::new(namespace, name));
            }
            (Some("clusterroles"), Some(name), None) => {
                self.cluster_roles.remove(name);
                self.roles.remove(&RoleKey::new("", name));
                self.resolve_cluster_roles(name);
            }
            _ => self.remove_binding(key),
        }
    }

    fn remove_all(&mut self, prefix: &str) {
        let resource = resource_of(prefix).unwrap_or_default();
        let keys: Vec<String> = match resource {
            "clusterroles" => self.cluster_roles.keys().map(|name| format!("{PREFIX}{resource}/{name}")).collect(),
            "roles" => {
                let roles = self.roles.keys().filter(|role| !role.namespace.is_empty());
                roles.map(|role| format!("{PREFIX}{resource}/{}/{}", role.namespace, role.name)).collect()
            }
            _ => {
                let keys = self.subjects.keys().filter(|key| resource_of(key) == Some(resource));
                keys.map(|key| key.to_string()).collect()
            }
        };
        for key in keys {
            self.remove(&key);
        }
    }
}

impl Index {
    /// Calls `visit` with every rule that holds for the user in this namespace (empty: at the cluster scope) and with
    /// every problem on the way, until it says `false`.
    pub(super) fn visit(
        &self,
        user: &User,
        namespace: &str,
        mut visit: impl FnMut(Result<(&Rule, &Binding), String>) -> bool,
    ) {
        let mut subjects = Vec::with_capacity(user.groups.len() + 1);
        subjects.push(SubjectKey::User(user.name.clone()));
        subjects.extend(user.groups.iter().cloned().map(SubjectKey::Group));
        let mut scopes = vec![""];
        if !namespace.is_empty() {
            scopes.push(namespace);
        }
        for scope in scopes {
            let bindings = subjects.iter().filter_map(|subject| self.bindings.get(subject)?.get(scope)).flatten();
            for binding in bindings {
                let go_on = match self.role_rules(&binding.role_kind, &binding.role) {
                    Err(problem) => visit(Err(problem)),
                    Ok(rules) => rules.iter().all(|rule| visit(Ok((rule, binding)))),
                };
                if !go_on {
                    return;
                }
            }
        }
    }

    /// All rules that hold for the user in this namespace, and the problems on the way.
    pub(super) fn rules_for(&self, user: &User, namespace: &str) -> (Vec<Rule>, Vec<String>) {
        let (mut rules, mut problems) = (Vec::new(), Vec::new());
        self.visit(user, namespace, |found| {
            match found {
                Ok((rule, _)) => rules.push(rule.clone()),
                Err(problem) => problems.push(problem),
            }
            true
        });
        (rules, problems)
    }

    /// The rules that a `roleRef` of a binding in this namespace means; the error is upstream's text.
    pub(super) fn rules_of(&self, kind: &str, name: &str, namespace: &str) -> Result<&[Rule], String> {
        let namespace = if kind == "Role" { namespace } else { "" };
        self.role_rules(kind, &RoleKey::new(namespace, name))
    }

    fn role_rules(&self, kind: &str, role: &RoleKey) -> Result<&[Rule], String> {
        let plural = match kind {
            "Role" => "role",
            "ClusterRole" => "clusterrole",
            other => return Err(format!("unsupported role reference kind: {other:?}")),
        };
        match self.roles.get(role) {
            Some(rules) => Ok(rules),
            None => Err(format!("{plural}.rbac.authorization.k8s.io {:?} not found", role.name)),
        }
    }

    fn add_binding(&mut self, key: &Arc<str>, object: &Object) {
        let namespace = object.namespace().to_owned();
        let role_kind = object.str_at(&["roleRef", "kind"]).to_owned();
        let role_namespace = if role_kind == "Role" { namespace.as_str() } else { "" };
        let role = RoleKey::new(role_namespace, object.str_at(&["roleRef", "name"]));
        let mut keys: Vec<SubjectKey> = Vec::new();
        for subject in object.list_at(&["subjects"]) {
            let Some((subject_key, subject)) = parse_subject(subject, &namespace) else { continue };
            if keys.contains(&subject_key) {
                continue;
            }
            let binding = Arc::new(Binding {
                key: key.clone(),
                name: object.name().to_owned(),
                namespace: namespace.clone(),
                role_kind: role_kind.clone(),
                role: role.clone(),
                subject,
            });
            let scopes = self.bindings.entry(subject_key.clone()).or_default();
            scopes.entry(namespace.clone()).or_default().push(binding);
            keys.push(subject_key);
        }
        self.subjects.insert(key.clone(), (namespace, keys));
    }

    fn remove_binding(&mut self, key: &str) {
        let Some((namespace, keys)) = self.subjects.remove(key) else { return };
        for subject in keys {
            let Some(scopes) = self.bindings.get_mut(&subject) else { continue };
            if let Some(list) = scopes.get_mut(&namespace) {
                list.retain(|binding| &*binding.key != key);
                if list.is_empty() {
                    scopes.remove(&namespace);
                }
            }
            if scopes.is_empty() {
                self.bindings.remove(&subject);
            }
        }
    }

    /// Works out the rules of a cluster role that has changed and of those that are put together from others.
    fn resolve_cluster_roles(&mut self, changed: &str) {
        let aggregated = self.cluster_roles.iter().filter(|(_, role)| role.selectors.is_some());
        let mut names: Vec<String> = aggregated.map(|(name, _)| name.clone()).collect();
        if self.cluster_roles.contains_key(changed) && !names.iter().any(|name| name == changed) {
            names.push(changed.to_owned());
        }
        for name in names {
            let (mut rules, mut seen) = (Vec::new(), HashSet::new());
            self.collect_rules(&name, &mut rules, &mut seen);
            self.roles.insert(RoleKey::new("", &name), rules.into());
        }
    }

    fn collect_rules<'a>(&'a self, name: &'a str, rules: &mut Vec<Rule>, seen: &mut HashSet<&'a str>) {
        let Some(role) = self.cluster_roles.get(name).filter(|_| seen.insert(name)) else { return };
        for rule in &role.rules {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
        for selector in role.selectors.iter().flatten() {
            for (other, _) in self.cluster_roles.iter().filter(|(_, other)| matches(selector, &other.labels)) {
                self.collect_rules(other, rules, seen);
            }
        }
    }
}

impl Binding {
    /// The grant in upstream's words: `RoleBinding "b/ns" of Role "r" to User "jane"`.
    pub(super) fn describe(&self) -> String {
        let Self { name, namespace, role_kind, role, subject, .. } = self;
        let role = &role.name;
        if namespace.is_empty() {
            format!("ClusterRoleBinding {name:?} of {role_kind} {role:?} to {subject}")
        } else {
            format!("RoleBinding \"{name}/{namespace}\" of {role_kind} {role:?} to {subject}")
        }
    }
}

impl RoleKey {
    fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl ClusterRole {
    fn parse(object: &Object) -> Self {
        let selectors = object.at(&["aggregationRule", "clusterRoleSelectors"]).and_then(Value::as_array).cloned();
        Self {
            labels: object.labels().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            // The rules of an aggregated role are whatever the aggregation controller last wrote: not needed here.
            rules: if selectors.is_some() { Vec::new() } else { Rule::parse_all(object.list_at(&["rules"])) },
            selectors,
        }
    }
}

fn parse_subject(subject: &Value, binding_namespace: &str) -> Option<(SubjectKey, String)> {
    let text = |key: &str| subject.get(key).and_then(Value::as_str).unwrap_or_default();
    let (kind, name) = (text("kind"), text("name"));
    match kind {
        "User" => Some((SubjectKey::User(name.to_owned()), format!("User {name:?}"))),
        "Group" => Some((SubjectKey::Group(name.to_owned()), format!("Group {name:?}"))),
        "ServiceAccount" => {
            let namespace = Some(text("namespace")).filter(|ns| !ns.is_empty()).unwrap_or(binding_namespace);
            let user = format!("{}{namespace}:{name}", crate::authn::user::SERVICE_ACCOUNT_PREFIX);
            (!namespace.is_empty()).then(|| (SubjectKey::User(user), format!("ServiceAccount \"{name}/{namespace}\"")))
        }
        _ => None,
    }
}

fn resource_of(key: &str) -> Option<&str> {
    key.strip_prefix(PREFIX)?.split('/').next()
}

/// Whether a `metav1.LabelSelector` selects these labels; one without terms selects everything.
fn matches(selector: &Value, labels: &BTreeMap<String, String>) -> bool {
    let wanted = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let expressions = selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten();
    wanted.into_iter().all(|(key, value)| labels.get(key).map(String::as_str) == value.as_str())
        && expressions.into_iter().all(|expression| {
            let label = expression.get("key").and_then(Value::as_str).and_then(|key| labels.get(key));
            let values = expression.get("values").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let is_in = label.is_some_and(|label| values.iter().any(|value| value.as_str() == Some(label)));
            match expression.get("operator").and_then(Value::as_str) {
                Some("In") => is_in,
                Some("NotIn") => !is_in,
                Some("Exists") => label.is_some(),
                Some("DoesNotExist") => label.is_none(),
                _ => false,
            }
        })
}
