//! What RoleBindings and ClusterRoleBindings have in common: a role and subjects.

use jiff::Timestamp;
use kubernel_meta::field::{Error, Path};
use kubernel_meta::{Object, field, validation};
use serde_json::{Value, json};

use crate::{Kind, Strategy, print, strategy};

const GROUP: &str = "rbac.authorization.k8s.io";

/// What only RoleBindings and ClusterRoleBindings know.
#[derive(Debug)]
pub(super) struct BindingStrategy;

impl Strategy for BindingStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        if object.str_at(&["roleRef", "apiGroup"]).is_empty() {
            object.set(&["roleRef", "apiGroup"], GROUP);
        }
        let subjects = object.map_mut().get_mut("subjects").and_then(Value::as_array_mut);
        for subject in subjects.into_iter().flatten().filter_map(Value::as_object_mut) {
            let text = |key: &str| subject.get(key).and_then(Value::as_str).unwrap_or_default();
            if matches!(text("kind"), "User" | "Group") && text("apiGroup").is_empty() {
                subject.insert("apiGroup".to_owned(), json!(GROUP));
            }
        }
    }

    fn validate(&self, kind: &Kind, object: &Object) -> Vec<field::Error> {
        let path = Path::root("roleRef");
        let mut errors = Vec::new();
        let group = object.str_at(&["roleRef", "apiGroup"]);
        if group != GROUP {
            errors.push(path.child("apiGroup").not_supported(group, &[GROUP]));
        }
        let kinds: &[&str] = if kind.namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
        let role_kind = object.str_at(&["roleRef", "kind"]);
        if !kinds.contains(&role_kind) {
            errors.push(path.child("kind").not_supported(role_kind, kinds));
        }
        let name = object.str_at(&["roleRef", "name"]);
        if name.is_empty() {
            errors.push(path.child("name").required(""));
        } else {
            let wrong = validation::path_segment_name(name);
            errors.extend(wrong.into_iter().map(|text| path.child("name").invalid(name, text)));
        }
        for (index, subject) in object.list_at(&["subjects"]).iter().enumerate() {
            check_subject(subject, kind.namespaced, &Path::root("subjects").index(index), &mut errors);
        }
        errors
    }

    fn validate_update(&self, kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        let mut errors = self.validate(kind, new);
        if new.at(&["roleRef"]) != old.at(&["roleRef"]) {
            let text = |key: &str| new.str_at(&["roleRef", key]);
            // Upstream prints the names of Go's fields here.
            let value = json!({ "APIGroup": text("apiGroup"), "Kind": text("kind"), "Name": text("name") });
            errors.push(Path::root("roleRef").invalid(value, "cannot change roleRef"));
        }
        errors
    }

    fn validate_name(&self, name: &str, prefix: bool) -> Vec<String> {
        strategy::path_segment(name, prefix)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let role = format!("{}/{}", object.str_at(&["roleRef", "kind"]), object.str_at(&["roleRef", "name"]));
        let names = |kind: &str| -> String {
            let subjects = object.list_at(&["subjects"]).iter().filter(|subject| subject["kind"] == kind);
            let names = subjects.map(|subject| {
                let text = |key: &str| subject[key].as_str().unwrap_or_default();
                match kind {
                    "ServiceAccount" => format!("{}/{}", text("namespace"), text("name")),
                    _ => text("name").to_owned(),
                }
            });
            names.collect::<Vec<_>>().join(", ")
        };
        vec![
            json!(object.name()),
            json!(role),
            json!(print::age(object, now)),
            json!(names("User")),
            json!(names("Group")),
            json!(names("ServiceAccount")),
        ]
    }
}

fn check_subject(subject: &Value, namespaced: bool, path: &Path, errors: &mut Vec<Error>) {
    let text = |key: &str| subject[key].as_str().unwrap_or_default();
    let (kind, name, group) = (text("kind"), text("name"), text("apiGroup"));
    if name.is_empty() {
        errors.push(path.child("name").required(""));
    }
    match kind {
        "ServiceAccount" => {
            if !name.is_empty() {
                let wrong = strategy::dns_subdomain(name, false);
                errors.extend(wrong.into_iter().map(|text| path.child("name").invalid(name, text)));
            }
            if !group.is_empty() {
                errors.push(path.child("apiGroup").not_supported(group, &[""]));
            }
            if !namespaced && text("namespace").is_empty() {
                errors.push(path.child("namespace").required(""));
            }
        }
        "User" | "Group" if group != GROUP => errors.push(path.child("apiGroup").not_supported(group, &[GROUP])),
        "User" | "Group" => {}
        _ => errors.push(path.child("kind").not_supported(kind, &["ServiceAccount", "User", "Group"])),
    }
}
