//! Flow control's mandatory and suggested objects: made again where they are missing, brought back to their specs where
//! they follow the server, taken away where the server knows them no longer; at the start and every so often.
//!
//! What to do is [`plan`]'s to say (upstream's flowcontrol/ensurer); `mod.rs` writes it.

use std::collections::HashMap;

use kubernel_meta::Object;
use serde_json::{Value, json};

/// The objects, one a line: kind, name, spec with all defaults.
const OBJECTS: &str = include_str!("flow.jsonl");
/// Whether an object's spec follows the server's, for those that may choose.
const AUTOUPDATE: &str = "apf.kubernetes.io/autoupdate-spec";
/// The objects without which requests have no place to go: nobody chooses for these.
const MANDATORY: [&str; 2] = ["catch-all", "exempt"];
pub(super) const PREFIXES: [&str; 2] = [
    "/registry/flowcontrol.apiserver.k8s.io/flowschemas/",
    "/registry/flowcontrol.apiserver.k8s.io/prioritylevelconfigurations/",
];

/// What is to be done with one object.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    Create(Object),
    Update(Object),
    Delete(Object),
}

/// The objects as the server knows them.
pub(super) fn wanted() -> Vec<Object> {
    let lines = OBJECTS.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| Object::from_value(object(&line)).ok()).collect()
}

fn object(line: &Value) -> Value {
    json!({
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": line["kind"],
        "metadata": { "name": line["name"], "annotations": { AUTOUPDATE: "true" } },
        "spec": line["spec"],
    })
}

/// What brings the stored objects to where they should be.
pub(super) fn plan(stored: Vec<Object>, wanted: Vec<Object>) -> Vec<Step> {
    let id = |object: &Object| (object.kind().to_owned(), object.name().to_owned());
    let mut stored: HashMap<(String, String), Object> = stored.into_iter().map(|old| (id(&old), old)).collect();
    let mut steps: Vec<Step> = wanted
        .into_iter()
        .filter_map(|wanted| match stored.remove(&id(&wanted)) {
            None => Some(Step::Create(wanted)),
            Some(old) => refresh(old, &wanted).map(Step::Update),
        })
        .collect();
    let dropped = stored.into_values().filter(|old| says(old) == Some(true));
    steps.extend(dropped.map(Step::Delete));
    steps
}

/// The object as it should be, where it is not.
fn refresh(old: Object, wanted: &Object) -> Option<Object> {
    let said = says(&old);
    // Who never said anything follows as long as nobody has changed the spec.
    let follows = MANDATORY.contains(&old.name()) || said.unwrap_or_else(|| generation(&old) == Some(1));
    let is_behind = follows && !same_spec(&old, wanted);
    if said == Some(follows) && !is_behind {
        return None;
    }
    let mut new = old;
    new.set(&["metadata", "annotations", AUTOUPDATE], follows.to_string());
    if let (true, Some(spec)) = (is_behind, wanted.at(&["spec"])) {
        new.set(&["spec"], spec.clone());
    }
    Some(new)
}

fn generation(object: &Object) -> Option<i64> {
    object.int_at(&["metadata", "generation"])
}

/// What the annotation says, in the words that Go's `ParseBool` knows.
fn says(object: &Object) -> Option<bool> {
    match object.str_at(&["metadata", "annotations", AUTOUPDATE]) {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The exempt level's own numbers are its operator's to choose.
fn same_spec(old: &Object, wanted: &Object) -> bool {
    let mut spec = wanted.at(&["spec"]).cloned().unwrap_or_default();
    if (wanted.kind(), wanted.name()) == ("PriorityLevelConfiguration", "exempt") {
        for field in ["nominalConcurrencyShares", "lendablePercent"] {
            if let Some(value) = old.at(&["spec", "exempt", field]) {
                spec["exempt"][field] = value.clone();
            }
        }
    }
    old.at(&["spec"]) == Some(&spec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(name: &str, autoupdate: Value, generation: i64, spec: Value) -> Object {
        let annotations = if autoupdate.is_null() { json!({}) } else { json!({ AUTOUPDATE: autoupdate }) };
        Object::from_value(json!({
            "kind": "PriorityLevelConfiguration",
            "metadata": { "name": name, "generation": generation, "annotations": annotations },
            "spec": spec,
        }))
        .unwrap()
    }

    #[test]
    fn follows_who_says_so_and_who_never_changed() {
        let (own, changed) = (json!({ "a": 1 }), json!({ "a": 2 }));
        // Name, annotation, generation, spec; the annotation and whether the spec is brought back, where it is updated.
        let rows = [
            ("suggested", json!("true"), 1, &own, None),
            ("suggested", json!("true"), 2, &changed, Some(("true", true))),
            ("suggested", json!("T"), 2, &changed, Some(("true", true))),
            ("suggested", json!("false"), 2, &changed, None),
            ("suggested", json!("0"), 1, &changed, None),
            ("suggested", json!(null), 1, &own, Some(("true", false))),
            ("suggested", json!(null), 1, &changed, Some(("true", true))),
            ("suggested", json!(null), 2, &changed, Some(("false", false))),
            ("suggested", json!("maybe"), 2, &changed, Some(("false", false))),
            ("catch-all", json!("false"), 2, &own, Some(("true", false))),
            ("catch-all", json!("false"), 2, &changed, Some(("true", true))),
        ];
        for (name, said, generation, spec, expect) in rows {
            let case = format!("{name} {said} {generation} {spec}");
            let old = level(name, said, generation, spec.clone());
            let steps = plan(vec![old], vec![level(name, json!("true"), 0, own.clone())]);
            let found = steps.first().map(|step| {
                let Step::Update(new) = step else { panic!("{case}: {step:?}") };
                (new.str_at(&["metadata", "annotations", AUTOUPDATE]), new.at(&["spec"]) != Some(spec))
            });
            assert_eq!(found, expect, "{case}");
        }
    }

    #[test]
    fn exempt_keeps_its_own_numbers() {
        let exempt = |shares: i64, kind: &str| {
            let spec = json!({ "type": kind, "exempt": { "nominalConcurrencyShares": shares, "lendablePercent": 0 } });
            level("exempt", json!("true"), 2, spec)
        };
        assert_eq!(plan(vec![exempt(7, "Exempt")], vec![exempt(0, "Exempt")]), []);
        assert_eq!(plan(vec![exempt(7, "Limited")], vec![exempt(0, "Exempt")]), [Step::Update(exempt(0, "Exempt"))]);
    }

    #[test]
    fn makes_what_is_missing_and_drops_what_it_made_and_no_longer_knows() {
        let of = |name: &str, said: Value| level(name, said, 1, json!({}));
        let stored = vec![of("old", json!("true")), of("kept", json!("false")), of("other", json!(null))];
        let steps = plan(stored, vec![of("new", json!("true"))]);
        assert_eq!(steps, [Step::Create(of("new", json!("true"))), Step::Delete(of("old", json!("true")))]);
    }
}
