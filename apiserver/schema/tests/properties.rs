//! Laws of field sets and patches on arbitrary content, and that no content makes them panic.

#![allow(clippy::expect_used, reason = "a test")]

mod support;

use kubernel_meta::Object;
use kubernel_schema::apply::{OneVersion, Set, Write, apply, track_update};
use kubernel_schema::patch;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A `fieldsV1` tree of plausible and of odd keys.
fn fields() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        "f:[a-c]",
        Just(".".to_owned()),
        Just("k:{\"a\":1}".to_owned()),
        Just("k:{\"a\":\"x\",\"b\":2}".to_owned()),
        Just("v:1".to_owned()),
        Just("v:\"x\"".to_owned()),
        Just("i:3".to_owned()),
    ];
    let leaf = Just(json!({}));
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop::collection::btree_map(key.clone(), inner, 0..4)
            .prop_map(|map| Value::Object(map.into_iter().filter(|(key, _)| key != ".").collect()))
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        "[a-z$/]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(field_name(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Names that mean something to the patches, and others.
fn field_name() -> impl Strategy<Value = String> {
    let names = [
        "spec",
        "template",
        "containers",
        "name",
        "image",
        "ports",
        "containerPort",
        "env",
        "metadata",
        "labels",
        "a",
        "finalizers",
        "ownerReferences",
        "uid",
        "volumes",
        "$patch",
        "$retainKeys",
        "$setElementOrder/containers",
        "$setElementOrder/finalizers",
        "$deleteFromPrimitiveList/finalizers",
        "op",
        "path",
        "value",
        "from",
        "f:a",
    ];
    prop::sample::select(names.to_vec()).prop_map(str::to_owned)
}

fn set(value: &Value) -> Set {
    Set::from_fields_v1(value).expect("a set")
}

proptest! {
    #[test]
    fn sets_obey_their_laws(a in fields(), b in fields()) {
        let (a, b) = (set(&a), set(&b));
        prop_assert_eq!(set(&a.to_fields_v1()), a.clone());
        prop_assert_eq!(a.clone().union(a.clone()), a.clone());
        prop_assert_eq!(a.clone().union(b.clone()), b.clone().union(a.clone()));
        let rest = a.clone().difference(&b);
        prop_assert!(rest.intersection(&b).is_empty());
        prop_assert_eq!(rest.union(a.intersection(&b)), a.clone());
        prop_assert!(a.intersection(&b).is_subset(&a));
        prop_assert!(a.is_subset(&a.clone().union(b.clone())));
        prop_assert!(a.clone().recursive_difference(&b).is_subset(&a.difference(&b)));
    }

    #[test]
    fn no_content_makes_a_patch_panic(target in any_json(), body in any_json()) {
        let types = kubernel_schema::builtin();
        let root = types.find_kind("apps/v1", "Deployment").expect("a kind");
        let schema = kubernel_schema::Schema { types: types.clone(), root };
        let target: Map<String, Value> = target.as_object().cloned().unwrap_or_default();
        let text = body.to_string();
        let _ = patch::strategic::apply(&schema, target.clone(), text.as_bytes());
        let _ = patch::json::apply(target.clone(), text.as_bytes());
        let _ = patch::merge::apply(&mut target.clone(), text.as_bytes());
        let _ = Set::from_fields_v1(&body);
    }

    #[test]
    fn a_merge_patch_applied_twice_is_applied_once(target in any_json(), body in any_json()) {
        let mut once: Map<String, Value> = target.as_object().cloned().unwrap_or_default();
        let text = body.to_string();
        if patch::merge::apply(&mut once, text.as_bytes()).is_ok() {
            let mut twice = once.clone();
            patch::merge::apply(&mut twice, text.as_bytes()).expect("the same patch");
            prop_assert_eq!(once, twice);
        }
    }

    #[test]
    fn applying_again_changes_nothing(
        labels in prop::collection::btree_map("[a-c]", "[x-z]", 0..3),
        data in prop::collection::btree_map("[a-c]", "[x-z]", 0..3),
        other in prop::collection::btree_map("[a-d]", "[x-z]", 0..3),
    ) {
        let types = kubernel_schema::builtin();
        let root = types.find_kind("v1", "ConfigMap").expect("a kind");
        let schema = kubernel_schema::Schema { types: types.clone(), root };
        let write = |manager| Write {
            manager, api_version: "v1", kind: "ConfigMap", subresource: "", now: "2026-01-01T00:00:00Z",
            reset: &[], only: &[],
        };
        let config = |data: &std::collections::BTreeMap<String, String>| {
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "labels": labels}, "data": data});
            Object::from_value(object).expect("an object")
        };
        let mut live = config(&other);
        track_update(&schema, &OneVersion, None, &mut live, &write("u")).expect("tracked");
        live.set(&["metadata", "uid"], "u");
        let first = apply(&schema, &OneVersion, Some(&live), &config(&data), &write("a"), true).expect("forced");
        for (key, value) in &data {
            prop_assert_eq!(first.str_at(&["data", key]), value);
        }
        for key in other.keys().filter(|key| !data.contains_key(*key)) {
            prop_assert!(first.at(&["data", key]).is_some(), "another's {} is gone", key);
        }
        let second = apply(&schema, &OneVersion, Some(&first), &config(&data), &write("a"), false).expect("no conflict");
        prop_assert_eq!(second, first);
    }
}
