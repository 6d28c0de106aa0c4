#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use kubernel_store::{Entry, Event};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::index::Index;
use super::rule::{Rule, missing};
use super::{Attributes, Decision};
use crate::User;
use crate::follow::{self, Index as _};

/// An index of the default roles and bindings and these objects.
fn index(objects: &[Value]) -> Index {
    let mut index = Index::default();
    for object in crate::bootstrap::rbac::all() {
        index.put(&entry(&object.into_value()));
    }
    for object in objects {
        index.put(&entry(object));
    }
    index
}

fn entry(object: &Value) -> Entry {
    let plural = format!("{}s", object["kind"].as_str().unwrap().to_lowercase());
    let (name, namespace) = (object["metadata"]["name"].as_str().unwrap(), object["metadata"]["namespace"].as_str());
    let scope = namespace.map(|ns| format!("{ns}/")).unwrap_or_default();
    Entry {
        key: format!("/registry/rbac.authorization.k8s.io/{plural}/{scope}{name}").into(),
        revision: 1,
        hole: 0,
        json: object.to_string().into(),
        index: kubernel_store::Index::default(),
        binary: std::sync::OnceLock::new(),
    }
}

fn role(namespace: &str, name: &str, rules: Value) -> Value {
    json!({ "kind": "Role", "metadata": { "namespace": namespace, "name": name }, "rules": rules })
}

fn bind(namespace: Option<&str>, name: &str, role: (&str, &str), subject: Value) -> Value {
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    let mut binding = json!({
        "kind": kind, "metadata": { "name": name },
        "roleRef": { "kind": role.0, "name": role.1 }, "subjects": [subject],
    });
    if let Some(namespace) = namespace {
        binding["metadata"]["namespace"] = json!(namespace);
    }
    binding
}

/// Whether a user may do `VERB PATH`, the path being `[NAMESPACE:]RESOURCE[/SUBRESOURCE][.GROUP][ NAME]` or an URL.
fn may(index: &Index, user: &User, request: &str) -> bool {
    let mut words = request.split(' ');
    let (verb, target) = (words.next().unwrap().to_owned(), words.next().unwrap());
    let name = words.next().unwrap_or_default().to_owned();
    let attributes = if target.starts_with('/') {
        Attributes { verb, path: target.to_owned(), ..Attributes::default() }
    } else {
        let (namespace, target) = target.split_once(':').unwrap_or(("", target));
        let (resource, group) = target.split_once('.').unwrap_or((target, ""));
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Attributes {
            verb,
            is_resource: true,
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            namespace: namespace.to_owned(),
            name,
            ..Attributes::default()
        }
    };
    let mut allowed = false;
    index.visit(user, &attributes.namespace, |found| {
        allowed |= found.is_ok_and(|(rule, _)| rule.allows(&attributes));
        !allowed
    });
    allowed
}

#[track_caller]
fn check(index: &Index, user: &User, allowed: &[&str], denied: &[&str]) {
    for request in allowed {
        assert!(may(index, user, request), "{} should be allowed to {request}", user.name);
    }
    for request in denied {
        assert!(!may(index, user, request), "{} should not be allowed to {request}", user.name);
    }
}

#[test]
fn everybody_may_discover_and_ask_about_themselves() {
    let index = index(&[]);
    let jane = User::new("jane", &["system:authenticated"]);
    check(
        &index,
        &jane,
        &["get /api", "get /apis/apps/v1", "get /version", "create selfsubjectaccessreviews.authorization.k8s.io"],
        &["get /metrics", "post /api", "list pods", "create subjectaccessreviews.authorization.k8s.io"],
    );
    check(&index, &User::anonymous(), &["get /readyz", "get /version"], &["get /api", "get d:pods x"]);
}

#[test]
fn aggregated_roles_hold_what_their_parts_hold() {
    let user = |name: &str| json!({ "kind": "User", "name": name });
    let own = json!({
        "kind": "ClusterRole", "metadata": {
            "name": "widgets", "labels": { "rbac.authorization.k8s.io/aggregate-to-view": "true" },
        },
        "rules": [{ "verbs": ["get"], "apiGroups": ["example.com"], "resources": ["widgets"] }],
    });
    let mut index = index(&[
        bind(Some("d"), "v", ("ClusterRole", "view"), user("viewer")),
        bind(Some("d"), "a", ("ClusterRole", "admin"), user("owner")),
    ]);
    let (viewer, owner) = (User::new("viewer", &[]), User::new("owner", &[]));
    check(&index, &viewer, &["list d:pods", "get d:pods/log x"], &["get d:secrets x", "list e:pods", "list pods"]);
    check(&index, &owner, &["get d:secrets x", "create d:roles.rbac.authorization.k8s.io"], &["get e:secrets x"]);
    check(&index, &viewer, &[], &["get d:widgets.example.com x"]);
    index.put(&entry(&own));
    // admin is made of edit, which is made of view, which is made of what carries the label.
    check(&index, &viewer, &["get d:widgets.example.com x"], &["delete d:widgets.example.com x"]);
    check(&index, &owner, &["get d:widgets.example.com x"], &[]);
    index.remove("/registry/rbac.authorization.k8s.io/clusterroles/widgets");
    check(&index, &owner, &["list d:pods"], &["get d:widgets.example.com x"]);
}

#[test]
fn rules_count_names_subresources_and_groups() {
    let rules = json!([
        { "verbs": ["get", "update"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["one"] },
        { "verbs": ["get"], "apiGroups": [""], "resources": ["pods/log", "*/scale"] },
        { "verbs": ["*"], "apiGroups": ["apps"], "resources": ["deployments"] },
    ]);
    let index = index(&[
        role("d", "r", rules),
        bind(Some("d"), "b", ("Role", "r"), json!({ "kind": "ServiceAccount", "name": "sa" })),
    ]);
    check(
        &index,
        &User::service_account("d", "sa", ""),
        &["get d:configmaps one", "get d:pods/log x", "get d:anything/scale x", "patch d:deployments.apps x"],
        &[
            "get d:configmaps two",
            "list d:configmaps",
            "get d:pods x",
            "patch d:deployments/status.apps x",
            "get d:deployments x",
            "get e:configmaps one",
        ],
    );
    check(&index, &User::service_account("e", "sa", ""), &[], &["get d:configmaps one"]);
}

#[test]
fn bindings_that_change_or_go_no_longer_count() {
    let group = json!({ "kind": "Group", "name": "devs" });
    let pods = |verb: &str| json!([{ "verbs": [verb], "apiGroups": [""], "resources": ["pods"] }]);
    let binding = bind(None, "b", ("ClusterRole", "view"), group.clone());
    let mut index = index(&[role("d", "r", pods("get")), binding.clone()]);
    let dev = User::new("dev", &["devs"]);
    check(&index, &dev, &["list e:pods", "list pods"], &[]);
    index.put(&entry(&bind(None, "b", ("ClusterRole", "view"), json!({ "kind": "User", "name": "other" }))));
    check(&index, &dev, &[], &["list e:pods"]);
    follow::apply(&mut index, &[event(&binding, false), event(&binding, true)]);
    check(&index, &dev, &[], &["list e:pods"]);
    index.put(&entry(&bind(Some("d"), "b", ("Role", "r"), group)));
    check(&index, &dev, &["get d:pods x"], &["list d:pods"]);
    index.put(&entry(&role("d", "r", pods("list"))));
    check(&index, &dev, &["list d:pods"], &["get d:pods x"]);
    index.remove_all("/registry/rbac.authorization.k8s.io/rolebindings/");
    check(&index, &dev, &[], &["list d:pods"]);
}

fn event(object: &Value, deleted: bool) -> Arc<Event> {
    Arc::new(Event { revision: 2, entry: Arc::new(entry(object)), previous: None, deleted })
}

#[test]
fn decisions_say_why() {
    let authorizer = super::Authorizer::default();
    let view = bind(Some("d"), "b", ("ClusterRole", "view"), json!({ "kind": "User", "name": "jane" }));
    let lost = bind(Some("d"), "c", ("Role", "lost"), json!({ "kind": "User", "name": "jane" }));
    authorizer.followed.set(index(&[view, lost]));
    let ask = |user: &str, groups: &[&str], verb: &str| {
        authorizer.decide(&Attributes {
            user: User::new(user, groups),
            verb: verb.to_owned(),
            is_resource: true,
            version: "v1".to_owned(),
            resource: "pods".to_owned(),
            namespace: "d".to_owned(),
            name: "x".to_owned(),
            ..Attributes::default()
        })
    };
    let grant = "RBAC: allowed by RoleBinding \"b/d\" of ClusterRole \"view\" to User \"jane\"";
    assert_eq!(ask("jane", &[], "get"), Decision::Allow(grant.to_owned()));
    let problem = "RBAC: role.rbac.authorization.k8s.io \"lost\" not found";
    assert_eq!(ask("jane", &[], "delete"), Decision::Deny(problem.to_owned()));
    assert_eq!(ask("joe", &[], "get"), Decision::Deny(String::new()));
    assert_eq!(ask("joe", &["system:masters"], "delete"), Decision::Allow(String::new()));
}

#[test]
fn refusals_read_as_upstreams() {
    let attributes = Attributes {
        user: User::new("jane", &[]),
        verb: "get".to_owned(),
        is_resource: true,
        version: "v1".to_owned(),
        resource: "pods".to_owned(),
        subresource: "log".to_owned(),
        namespace: "d".to_owned(),
        name: "x".to_owned(),
        ..Attributes::default()
    };
    let check = |attributes: &Attributes, reason: &str, text: &str| {
        assert_eq!(attributes.refuse(reason).message(), text);
    };
    let head = "pods \"x\" is forbidden: User \"jane\" cannot get resource \"pods/log\" in API group \"\"";
    check(&attributes, "", &format!("{head} in the namespace \"d\""));
    check(&attributes, "why", &format!("{head} in the namespace \"d\": why"));
    let nowhere = Attributes { namespace: String::new(), ..attributes.clone() };
    check(&nowhere, "", &format!("{head} at the cluster scope"));
    let path = Attributes { is_resource: false, path: "/x".to_owned(), ..attributes };
    check(&path, "", "forbidden: User \"jane\" cannot get path \"/x\"");
}

#[test]
fn what_is_missing_is_told_compactly() {
    let rule = |value: Value| Rule::parse(&value);
    let held = [rule(json!({ "verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"] }))];
    let check = |wanted: Value, expected: &[&str]| {
        assert_eq!(missing(&held, &Rule::parse_all(wanted.as_array().unwrap())), expected);
    };
    check(json!([{ "verbs": ["list", "get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"] }]), &[]);
    check(
        json!([{ "verbs": ["get", "delete"], "apiGroups": ["", "apps"], "resources": ["pods", "secrets"] }]),
        &[
            "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"delete\"]}",
            "{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"delete\"]}",
            "{APIGroups:[\"apps\"], Resources:[\"pods\"], Verbs:[\"get\" \"delete\"]}",
            "{APIGroups:[\"apps\"], Resources:[\"secrets\"], Verbs:[\"get\" \"delete\"]}",
        ],
    );
    check(json!([{ "verbs": ["get"], "nonResourceURLs": ["/x"] }]), &["{NonResourceURLs:[\"/x\"], Verbs:[\"get\"]}"]);
}

fn some_rule() -> impl Strategy<Value = Rule> {
    let pick = |all: &'static [&'static str], min: usize| {
        proptest::sample::subsequence(all, min..=all.len())
            .prop_map(|list| list.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    (
        pick(&["get", "list", "*"], 1),
        pick(&["", "apps", "*"], 1),
        pick(&["pods", "pods/log", "*/log", "*"], 1),
        pick(&["a", "b"], 0),
        proptest::bool::ANY,
    )
        .prop_map(|(verbs, groups, resources, names, is_url)| match is_url {
            true => Rule { verbs, urls: vec!["/a".to_owned(), "/b/*".to_owned()], ..Rule::default() },
            false => Rule { verbs, groups, resources, names, ..Rule::default() },
        })
}

proptest! {
    /// Whoever holds rules that cover another rule may do everything that it allows: nobody gains by granting.
    #[test]
    fn covering_rules_allow_what_the_covered_allows(
        held in proptest::collection::vec(some_rule(), 0..4),
        rule in some_rule(),
        verb in proptest::sample::select(vec!["get", "list", "delete"]),
        group in proptest::sample::select(vec!["", "apps", "x"]),
        resource in proptest::sample::select(vec!["pods", "nodes"]),
        subresource in proptest::sample::select(vec!["", "log", "x"]),
        name in proptest::sample::select(vec!["", "a", "c"]),
        path in proptest::sample::select(vec!["", "/a", "/b/c", "/d"]),
    ) {
        prop_assume!(Rule::covers_all(&held, &rule));
        let attributes = Attributes {
            verb: verb.to_owned(), is_resource: path.is_empty(), group: group.to_owned(),
            resource: resource.to_owned(), subresource: subresource.to_owned(), name: name.to_owned(),
            path: path.to_owned(), ..Attributes::default()
        };
        if rule.allows(&attributes) {
            prop_assert!(held.iter().any(|own| own.allows(&attributes)), "{held:?} {rule:?} {attributes:?}");
        }
    }
}
