//! The status of a CRD: which names it is given, and its conditions, with upstream's reasons and messages. Pure.

use kubernel_kinds::custom::{Names, NamesInUse, accept};
use kubernel_meta::Object;
use serde_json::{Value, json};

use super::CLEANUP_FINALIZER;

const APPROVED: &str = "api-approved.kubernetes.io";
const APPROVAL_PAGE: &str = "https://github.com/kubernetes/enhancements/pull/1111";

/// A condition without its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition<'a> {
    pub(super) type_: &'a str,
    pub(super) status: bool,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

/// Whether a condition is `True`.
pub(super) fn holds(crd: &Object, type_: &str) -> bool {
    find(crd.list_at(&["status", "conditions"]), type_).is_some_and(|condition| condition["status"] == "True")
}

/// Sets a condition; its time changes with its status only.
pub(super) fn set(crd: &mut Object, condition: Condition<'_>, now: &str) {
    let status = if condition.status { "True" } else { "False" };
    let mut all = crd.list_at(&["status", "conditions"]).to_vec();
    let at = all.iter().position(|old| old["type"] == condition.type_);
    let since = at.map(|at| &all[at]).filter(|old| old["status"] == status);
    let since = since.and_then(|old| old["lastTransitionTime"].as_str()).unwrap_or(now).to_owned();
    let new = json!({
        "lastTransitionTime": since, "message": condition.message, "reason": condition.reason, "status": status,
        "type": condition.type_,
    });
    match at {
        Some(at) => all[at] = new,
        None => all.push(new),
    }
    crd.set(&["status", "conditions"], all);
}

/// Marks a CRD as being deleted, as the first DELETE does.
pub(crate) fn start_deletion(crd: &mut Object, now: &str) {
    crd.set(&["metadata", "deletionTimestamp"], now);
    let mut finalizers = crd.list_at(&["metadata", "finalizers"]).to_vec();
    if !finalizers.iter().any(|name| name == CLEANUP_FINALIZER) {
        finalizers.push(json!(CLEANUP_FINALIZER));
        crd.set(&["metadata", "finalizers"], finalizers);
    }
    let message = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
    set(crd, Condition { type_: "Terminating", status: true, reason: "InstanceDeletionPending", message }, now);
}

/// The next step of a CRD on its way to being served, as a changed status; `None` where there is nothing to do. `in_use`
/// are the names that the CRDs of its group hold, its own among them.
pub(super) fn next(crd: &Object, in_use: &NamesInUse, now: &str) -> Option<Value> {
    let mut changed = crd.clone();
    if !name(&mut changed, in_use, now) {
        establish(&mut changed, now);
        approve(&mut changed, now);
    }
    let status = changed.map().get("status")?;
    (crd.map().get("status") != Some(status)).then(|| status.clone())
}

/// Names first; the rest waits until they are settled, so that watchers see `Installing` before `Established`.
fn name(crd: &mut Object, in_use: &NamesInUse, now: &str) -> bool {
    let wanted = Names::read(crd.at(&["spec", "names"]));
    let has = Names::read(crd.at(&["status", "acceptedNames"]));
    if wanted == has {
        return false;
    }
    let (given, conflict) = accept(&wanted, &has, in_use);
    let before = crd.map().get("status").cloned();
    crd.set(&["status", "acceptedNames"], given.to_value());
    let (status, reason, message) = match &conflict {
        None => (true, "NoConflicts", "no conflicts found"),
        Some((reason, message)) => (false, *reason, message.as_str()),
    };
    set(crd, Condition { type_: "NamesAccepted", status, reason, message }, now);
    if !holds(crd, "Established") {
        let (reason, message) = match conflict {
            None => ("Installing", "the initial names have been accepted"),
            Some(_) => ("NotAccepted", "not all names are accepted"),
        };
        set(crd, Condition { type_: "Established", status: false, reason, message }, now);
    }
    crd.map().get("status") != before.as_ref()
}

fn establish(crd: &mut Object, now: &str) {
    if holds(crd, "NamesAccepted") && !holds(crd, "Established") {
        let (reason, message) = ("InitialNamesAccepted", "the initial names have been accepted");
        set(crd, Condition { type_: "Established", status: true, reason, message }, now);
    }
}

/// Groups of the Kubernetes project itself say whether their API was approved.
fn approve(crd: &mut Object, now: &str) {
    let group = crd.str_at(&["spec", "group"]);
    let protected = ["k8s.io", "kubernetes.io"];
    if !protected
        .iter()
        .any(|domain| group.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
    {
        return;
    }
    let annotation = crd.str_at(&["metadata", "annotations", APPROVED]).to_owned();
    let is_url = annotation.split_once("://").is_some_and(|(scheme, rest)| {
        !scheme.is_empty()
            && scheme.chars().all(|c| c.is_ascii_alphanumeric())
            && !rest.is_empty()
            && !rest.starts_with('/')
    });
    let (status, reason, message) = if annotation.is_empty() {
        let message = format!("protected groups must have approval annotation {APPROVED:?}, see {APPROVAL_PAGE}");
        (false, "MissingAnnotation", message)
    } else if annotation.starts_with("unapproved") {
        (false, "UnapprovedAnnotation", format!("not approved: {annotation:?}"))
    } else if is_url {
        (true, "ApprovedAnnotation", format!("approved in {annotation}"))
    } else {
        let message = format!(
            "protected groups must have approval annotation {APPROVED:?} with either a URL or a reason starting with \
             \"unapproved\", see {APPROVAL_PAGE}"
        );
        (false, "InvalidAnnotation", message)
    };
    let type_ = "KubernetesAPIApprovalPolicyConformant";
    set(crd, Condition { type_, status, reason, message: &message }, now);
}

fn find<'a>(conditions: &'a [Value], type_: &str) -> Option<&'a Value> {
    conditions.iter().find(|condition| condition["type"] == type_)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-01T00:00:00Z";

    fn crd(group: &str, kind: &str, annotation: &str) -> Object {
        let names = json!({ "kind": kind, "listKind": format!("{kind}List"), "plural": "xs", "singular": "x" });
        Object::from_value(json!({
            "metadata": { "annotations": { APPROVED: annotation } },
            "spec": { "group": group, "names": names },
            "status": { "acceptedNames": { "kind": "", "plural": "" }, "conditions": null, "storedVersions": ["v1"] },
        }))
        .unwrap()
    }

    /// All steps, each as `type=status/reason` of its conditions.
    fn steps(mut crd: Object, in_use: &NamesInUse) -> Vec<String> {
        let mut steps = Vec::new();
        while let Some(status) = next(&crd, in_use, NOW) {
            let conditions = status["conditions"].as_array().unwrap();
            let text = |condition: &Value| {
                let word = |name: &str| condition[name].as_str().unwrap().to_owned();
                format!("{}={}/{}", word("type"), word("status"), word("reason"))
            };
            steps.push(conditions.iter().map(text).collect::<Vec<_>>().join(" "));
            crd.set(&["status"], status);
            assert!(steps.len() < 10);
        }
        steps
    }

    #[test]
    fn a_definition_becomes_established_in_two_steps() {
        let mut in_use = NamesInUse::default();
        in_use.add(&Names { kind: "Taken".to_owned(), ..Names::default() });
        let free = [
            "NamesAccepted=True/NoConflicts Established=False/Installing",
            "NamesAccepted=True/NoConflicts Established=True/InitialNamesAccepted",
        ];
        assert_eq!(steps(crd("a.example.com", "X", ""), &in_use), free);
        let taken = ["NamesAccepted=False/KindConflict Established=False/NotAccepted"];
        assert_eq!(steps(crd("a.example.com", "Taken", ""), &in_use), taken);
    }

    #[test]
    fn groups_of_the_project_need_approval() {
        let cases = [
            ("", "False/MissingAnnotation"),
            ("unapproved, try", "False/UnapprovedAnnotation"),
            ("https://github.com/kubernetes/kubernetes/pull/1", "True/ApprovedAnnotation"),
            ("x", "False/InvalidAnnotation"),
        ];
        for (annotation, expect) in cases {
            let last = steps(crd("a.k8s.io", "X", annotation), &NamesInUse::default()).pop().unwrap();
            assert!(last.ends_with(&format!("KubernetesAPIApprovalPolicyConformant={expect}")), "{annotation}: {last}");
        }
    }

    #[test]
    fn a_first_deletion_marks() {
        let mut object = crd("a.example.com", "X", "");
        start_deletion(&mut object, NOW);
        assert_eq!(object.finalizers().collect::<Vec<_>>(), [CLEANUP_FINALIZER]);
        assert!(holds(&object, "Terminating"));
    }
}
