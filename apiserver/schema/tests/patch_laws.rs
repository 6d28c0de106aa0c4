//! Laws of patches: the difference between two trees, written as a patch and laid over the first, is the second.

#![allow(clippy::expect_used, reason = "a test")]

use kubernel_schema::{Schema, builtin, patch};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

type Tree = Map<String, Value>;

/// Trees without nulls, whose names need escapes now and then.
fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from)
    ];
    let name = prop::sample::select(vec!["a", "b", "c", "~", "/", "~1", "0", "-", "é"]).prop_map(str::to_owned);
    let value = leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[a-d]", value, 0..4).prop_map(|map| map.into_iter().collect())
}

fn merge_patch(old: &Tree, new: &Tree) -> Tree {
    let mut patch: Tree =
        old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null)).collect();
    for (key, value) in new {
        match (old.get(key), value) {
            (Some(old), new) if old == new => {}
            (Some(Value::Object(old)), Value::Object(new)) => {
                drop(patch.insert(key.clone(), merge_patch(old, new).into()))
            }
            _ => drop(patch.insert(key.clone(), value.clone())),
        }
    }
    patch
}

fn json_patch(at: &str, old: &Value, new: &Value, operations: &mut Vec<Value>) {
    let step = |name: &str| format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
    match (old, new) {
        (old, new) if old == new => operations.push(json!({"op": "test", "path": at, "value": old})),
        (Value::Object(old), Value::Object(new)) => {
            for name in old.keys().filter(|name| !new.contains_key(*name)) {
                operations.push(json!({"op": "remove", "path": step(name)}));
            }
            for (name, value) in new {
                match old.get(name) {
                    Some(old) => json_patch(&step(name), old, value, operations),
                    None => operations.push(json!({"op": "add", "path": step(name), "value": value})),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            let both = old.len().min(new.len());
            for (place, (old, new)) in old.iter().zip(new).enumerate() {
                json_patch(&step(&place.to_string()), old, new, operations);
            }
            old[both..].iter().for_each(|_| operations.push(json!({"op": "remove", "path": step(&both.to_string())})));
            new[both..]
                .iter()
                .for_each(|value| operations.push(json!({"op": "add", "path": step("-"), "value": value})));
        }
        _ => operations.push(json!({"op": "replace", "path": at, "value": new})),
    }
}

/// The metadata and containers of a Deployment: what strategic patches merge by key, and what they replace.
fn deployment() -> impl Strategy<Value = Tree> {
    let labels = prop::collection::btree_map("[a-c]", "[x-z]", 0..3);
    let env = prop::collection::btree_map("[A-C]", "[x-z]", 0..3);
    let container = (prop::option::of("[x-z]"), env, prop::collection::vec("[x-z]", 0..3));
    let containers = prop::collection::btree_map("[a-d]", container, 0..4);
    (labels, containers, prop::collection::btree_set("[a-d]", 0..3)).prop_map(|(labels, containers, finalizers)| {
        let containers = containers.into_iter().map(|(name, (image, env, args))| {
            let env: Vec<Value> = env.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
            json!({"name": name, "image": image.unwrap_or_default(), "env": env, "args": args})
        });
        let containers: Vec<Value> = containers.collect();
        let object = json!({
            "metadata": {"labels": labels, "finalizers": finalizers},
            "spec": {"template": {"spec": {"containers": containers}}},
        });
        let Value::Object(object) = object else { unreachable!("an object") };
        object
    })
}

fn strategic(target: &Tree, patch: &Value) -> Result<Tree, kubernel_meta::ApiError> {
    let root = builtin().find_kind("apps/v1", "Deployment").expect("a kind");
    let schema = Schema { types: builtin().clone(), root };
    patch::strategic::apply(&schema, target.clone(), patch.to_string().as_bytes())
}

/// The strategic patch that makes lists merged by name as the new ones, in their order.
fn strategic_list(old: &[Value], new: &[Value], inner: fn(&Value, &Value) -> Value) -> Vec<Value> {
    let find = |list: &[Value], name: &Value| list.iter().find(|item| item["name"] == *name).cloned();
    let gone = old.iter().filter(|item| find(new, &item["name"]).is_none());
    let mut items: Vec<Value> = gone.map(|item| json!({"$patch": "delete", "name": item["name"]})).collect();
    items.extend(new.iter().map(|item| match find(old, &item["name"]) {
        Some(old) => inner(&old, item),
        None => item.clone(),
    }));
    items
}

fn names(list: &[Value]) -> Vec<Value> {
    list.iter().map(|item| json!({"name": item["name"]})).collect()
}

fn strategic_patch(old: &Tree, new: &Tree) -> Value {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let of = |tree: &Tree| list(&tree["spec"]["template"]["spec"]["containers"]);
    let (before, after) = (of(old), of(new));
    let containers = strategic_list(&before, &after, |old, new| {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let (before, after) = (list(&old["env"]), list(&new["env"]));
        json!({
            "name": new["name"], "image": new["image"], "args": new["args"],
            "env": strategic_list(&before, &after, |_, new| new.clone()),
            "$setElementOrder/env": names(&after),
        })
    });
    let (was, is) = (list(&old["metadata"]["finalizers"]), list(&new["metadata"]["finalizers"]));
    let gone: Vec<&Value> = was.iter().filter(|item| !is.contains(item)).collect();
    let labels = match (&old["metadata"]["labels"], &new["metadata"]["labels"]) {
        (Value::Object(old), Value::Object(new)) => merge_patch(old, new),
        _ => unreachable!("labels are a map"),
    };
    json!({
        "metadata": {
            "labels": labels, "finalizers": is, "$deleteFromPrimitiveList/finalizers": gone, "$setElementOrder/finalizers": is,
        },
        "spec": {"template": {"spec": {"containers": containers, "$setElementOrder/containers": names(&after)}}},
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn a_merge_patch_of_a_difference_makes_it(old in tree(), new in tree()) {
        let mut got = old.clone();
        patch::merge::apply(&mut got, Value::Object(merge_patch(&old, &new)).to_string().as_bytes()).expect("a patch");
        prop_assert_eq!(got, new);
    }

    #[test]
    fn a_json_patch_of_a_difference_makes_it(old in tree(), new in tree()) {
        let mut operations = Vec::new();
        let new = Value::Object(new);
        json_patch("", &Value::Object(old.clone()), &new, &mut operations);
        // Upstream's library takes no empty path for the whole document.
        operations.retain(|operation| operation["path"] != "");
        let got = patch::json::apply(old, Value::Array(operations).to_string().as_bytes()).expect("a patch");
        prop_assert_eq!(got, new);
    }

    #[test]
    fn a_strategic_patch_of_a_difference_makes_it(old in deployment(), new in deployment()) {
        let patch = strategic_patch(&old, &new);
        prop_assert_eq!(strategic(&old, &patch).expect("a patch"), new, "{}", patch);
    }

    #[test]
    fn a_strategic_patch_of_nothing_changes_nothing(old in deployment()) {
        prop_assert_eq!(strategic(&old, &json!({})).expect("a patch"), old);
    }

    #[test]
    fn a_strategic_patch_that_replaces_forgets_the_old(old in deployment(), new in deployment()) {
        let mut patch = new.clone();
        patch.insert("$patch".to_owned(), json!("replace"));
        prop_assert_eq!(strategic(&old, &patch.into()).expect("a patch"), new);
    }

    #[test]
    fn a_strategic_patch_applied_twice_is_applied_once(old in deployment(), new in deployment()) {
        let once = strategic(&old, &Value::Object(new.clone())).expect("a patch");
        prop_assert_eq!(strategic(&once, &new.into()).expect("the same"), once);
    }
}
