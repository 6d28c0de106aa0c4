//! Creation against a v1.36.2 server's recorded answers: defaults and preparation where it answered 201, metadata
//! validation and the kind's own where it answered 422. Requests and answers are in `data/creates.json`; what the
//! server's other parts add (admission, allocation) is left out of the comparison.

#![allow(clippy::unwrap_used, reason = "a test")]

use kubernel_kinds::{Kind, registry};
use kubernel_meta::{ApiError, Object, validation};
use kubernel_schema::{Schema, builtin, decode, zero};
use serde_json::{Value, json};

/// What admission and allocation add, by resource.
const ADDED_ELSEWHERE: &[(&str, &[&[&str]])] = &[
    (
        "pods",
        &[
            &["spec", "tolerations"],
            &["spec", "priority"],
            &["spec", "preemptionPolicy"],
            &["spec", "serviceAccount"],
            &["spec", "serviceAccountName"],
        ],
    ),
    (
        "services",
        &[
            &["spec", "clusterIP"],
            &["spec", "clusterIPs"],
            &["spec", "ipFamilies"],
            &["spec", "ipFamilyPolicy"],
            &["spec", "healthCheckNodePort"],
        ],
    ),
    ("persistentvolumeclaims", &[&["metadata", "finalizers"]]),
    ("persistentvolumes", &[&["metadata", "finalizers"]]),
    ("volumeattributesclasses", &[&["metadata", "finalizers"]]),
    ("nodes", &[&["spec", "taints"]]),
    ("certificatesigningrequests", &[&["spec", "username"], &["spec", "groups"], &["spec", "uid"]]),
];

fn schema_of(kind: &Kind) -> Schema {
    let types = builtin().clone();
    let root = types.find(&kind.definition).unwrap();
    Schema { types, root }
}

/// Replays one request; the text of what differs.
fn replay(case: &Value) -> Option<String> {
    let text = |key: &str| case[key].as_str().unwrap();
    let kind = registry::find(text("group"), text("version"), text("resource"))?;
    let schema = schema_of(kind);
    let body = serde_json::to_vec(&case["body"]).unwrap();
    let decoded = match decode::json(&schema, &body) {
        Ok(decoded) => decoded,
        Err(error) => return Some(format!("decode: {error}")),
    };
    let mut object = decoded.object;
    if kind.namespaced {
        object.set(&["metadata", "namespace"], text("namespace"));
    } else {
        object.remove(&["metadata", "namespace"]);
    }
    if object.name().is_empty() && !object.str_at(&["metadata", "generateName"]).is_empty() {
        object.set(&["metadata", "name"], "gen-abcde");
    }
    let strategy = &kind.strategy;
    strategy.default(kind, &mut object);
    zero::fill(&schema, &mut object);
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields"] {
        object.remove(&["metadata", field]);
    }
    object.set(&["metadata", "uid"], "11111111-1111-1111-1111-111111111111");
    object.set(&["metadata", "creationTimestamp"], "<time>");
    strategy.prepare_create(kind, &mut object);
    zero::fill(&schema, &mut object);
    zero::settle(&schema, &mut object);
    if case["code"] == json!(422) {
        let mut errors =
            validation::object_meta(&object, kind.namespaced, |name, prefix| strategy.validate_name(name, prefix));
        errors.extend(strategy.validate(kind, &object));
        errors.extend(validation::standard_finalizers(&object));
        if errors.is_empty() {
            return Some(format!("accepted, wanted {}", text("answer")));
        }
        let ours = ApiError::invalid(&kind.error_gvk(), object.name(), &errors);
        return (ours.message() != text("answer"))
            .then(|| format!("ours   {}\n      theirs {}", ours.message(), text("answer")));
    }
    let errors = strategy.validate(kind, &object);
    if !errors.is_empty() {
        return Some(format!("refused: {}", ApiError::invalid(&kind.gvk(), object.name(), &errors).message()));
    }
    let mut theirs = Object::from_value(case["answer"].clone()).unwrap();
    for (resource, paths) in ADDED_ELSEWHERE {
        for path in paths.iter().filter(|_| *resource == text("resource")) {
            object.remove(path);
            theirs.remove(path);
        }
    }
    for field in ["resourceVersion", "uid", "creationTimestamp"] {
        object.remove(&["metadata", field]);
        theirs.remove(&["metadata", field]);
    }
    difference("", &object.into_value(), &theirs.into_value())
}

/// The first difference; `<…>` on their side matches anything.
fn difference(path: &str, ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (_, Value::String(text)) if text.contains('<') && text.contains('>') => None,
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            keys.into_iter().find_map(|key| match (a.get(key), b.get(key)) {
                (Some(a), Some(b)) => difference(&format!("{path}.{key}"), a, b),
                (None, Some(Value::String(text))) if text.starts_with('<') => None,
                (Some(a), None) => Some(format!("{path}.{key}: {a} is extra")),
                (_, b) => Some(format!("{path}.{key}: missing, {} wanted", b.unwrap_or(&Value::Null))),
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            (0..a.len()).find_map(|at| difference(&format!("{path}[{at}]"), &a[at], &b[at]))
        }
        (a, b) => (a != b).then(|| format!("{path}: {a} for {b}")),
    }
}

#[test]
fn creates_as_recorded() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("data/creates.json")).unwrap();
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| replay(case).map(|text| format!("{} {}: {text}", case["resource"], case["case"])))
        .collect();
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn defaults_are_idempotent() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("data/creates.json")).unwrap();
    for case in cases.iter().filter(|case| case["code"] == json!(201)) {
        let text = |key: &str| case[key].as_str().unwrap();
        let kind = registry::find(text("group"), text("version"), text("resource")).unwrap();
        let schema = schema_of(kind);
        let once = Object::from_value(case["answer"].clone()).unwrap();
        let mut twice = once.clone();
        kind.strategy.default(kind, &mut twice);
        zero::fill(&schema, &mut twice);
        let text = difference("", &twice.into_value(), &once.into_value());
        assert_eq!(text, None, "{} {}", case["resource"], case["case"]);
    }
}
