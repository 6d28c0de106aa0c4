//! Laws of server-side apply over managers that apply parts of a Deployment, held against a model: sets of leaves.

#![allow(clippy::expect_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};

use kubernel_meta::{ApiError, Object};
use kubernel_schema::apply::{OneVersion, Write, apply};
use kubernel_schema::{Schema, builtin};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a manager applies.
#[derive(Clone, Debug)]
struct Config {
    replicas: Option<u8>,
    labels: BTreeMap<String, String>,
    finalizers: BTreeSet<String>,
    containers: BTreeMap<String, Container>,
}

#[derive(Clone, Debug)]
struct Container {
    image: Option<String>,
    /// Values by name.
    env: BTreeMap<String, String>,
    /// Atomic: whoever applies it has all of it.
    args: Option<Vec<String>>,
}

/// The leaves of an object and their values, where the items of lists with keys go by their keys.
type Leaves = BTreeMap<String, Value>;

/// Configurations whose names are these letters.
fn config(names: &'static str) -> impl Strategy<Value = Config> {
    let value = || "[xy]";
    let args = prop::option::of(prop::collection::vec("[xy]", 1..3));
    let container = (prop::option::of(value()), prop::collection::btree_map(names, value(), 0..3), args)
        .prop_map(|(image, env, args)| Container { image, env, args });
    (
        prop::option::of(0_u8..2),
        prop::collection::btree_map(names, value(), 0..3),
        prop::collection::btree_set(names, 0..3),
        prop::collection::btree_map(names, container, 0..3),
    )
        .prop_map(|(replicas, labels, finalizers, containers)| Config { replicas, labels, finalizers, containers })
}

impl Config {
    fn object(&self) -> Object {
        let containers = self.containers.iter().map(|(name, container)| {
            let mut item = json!({"name": name});
            let env = container.env.iter().map(|(name, value)| json!({"name": name, "value": value}));
            let parts = [
                ("image", container.image.clone().map(Value::from)),
                ("env", (!container.env.is_empty()).then(|| env.collect())),
                ("args", container.args.clone().map(Value::from)),
            ];
            for (part, value) in parts {
                if let Some(value) = value {
                    item[part] = value;
                }
            }
            item
        });
        let containers: Vec<Value> = containers.collect();
        let mut object =
            Object::from_value(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}}))
                .expect("an object");
        if let Some(replicas) = self.replicas {
            object.set(&["spec", "replicas"], replicas);
        }
        if !self.labels.is_empty() {
            object.set(&["metadata", "labels"], json!(self.labels));
        }
        if !self.finalizers.is_empty() {
            object.set(&["metadata", "finalizers"], json!(self.finalizers));
        }
        if !containers.is_empty() {
            object.set(&["spec", "template", "spec", "containers"], containers);
        }
        object
    }

    fn leaves(&self) -> Leaves {
        leaves(&self.object())
    }
}

fn leaves(object: &Object) -> Leaves {
    let mut leaves = Leaves::new();
    if let Some(replicas) = object.at(&["spec", "replicas"]) {
        leaves.insert("replicas".to_owned(), replicas.clone());
    }
    for (name, value) in object.at(&["metadata", "labels"]).and_then(Value::as_object).into_iter().flatten() {
        leaves.insert(format!("label {name}"), value.clone());
    }
    for finalizer in object.list_at(&["metadata", "finalizers"]) {
        leaves.insert(format!("finalizer {finalizer}"), Value::Null);
    }
    for container in object.list_at(&["spec", "template", "spec", "containers"]) {
        let name = &container["name"];
        leaves.insert(format!("container {name}"), Value::Null);
        for part in ["image", "args"] {
            container.get(part).map(|value| leaves.insert(format!("container {name} {part}"), value.clone()));
        }
        for variable in container["env"].as_array().into_iter().flatten() {
            let at = format!("container {name} env {}", variable["name"]);
            leaves.insert(format!("{at} value"), variable["value"].clone());
            leaves.insert(at, Value::Null);
        }
    }
    leaves
}

/// What somebody owns, as `fieldsV1`.
fn owned<'a>(object: &'a Object, manager: &str) -> Option<&'a Value> {
    let entries = object.list_at(&["metadata", "managedFields"]);
    entries.iter().find(|entry| entry["manager"] == manager).map(|entry| &entry["fieldsV1"])
}

fn apply_as(manager: &str, live: Option<&Object>, config: &Config, force: bool) -> Result<Object, ApiError> {
    let root = builtin().find_kind("apps/v1", "Deployment").expect("a kind");
    let schema = Schema { types: builtin().clone(), root };
    let write = Write {
        manager,
        api_version: "apps/v1",
        kind: "Deployment",
        subresource: "",
        now: "2026-01-01T00:00:00Z",
        reset: &[],
        only: &[],
    };
    let mut object = apply(&schema, &OneVersion, live, &config.object(), &write, force)?;
    object.set(&["metadata", "uid"], "u");
    Ok(object)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(384) })]

    #[test]
    fn who_forces_owns_what_it_applied_and_no_more(first in config("[a-c]"), second in config("[a-c]")) {
        let alone = apply_as("b", None, &second, false).expect("nobody is there");
        let live = apply_as("a", None, &first, false).expect("nobody is there");
        let both = apply_as("b", Some(&live), &second, true).expect("forced");
        prop_assert_eq!(owned(&both, "b"), owned(&alone, "b"));
        let (got, wanted) = (leaves(&both), second.leaves());
        prop_assert!(wanted.iter().all(|leaf| got.get(leaf.0) == Some(leaf.1)), "{:?} in {:?}", wanted, got);
    }

    #[test]
    fn a_conflict_is_a_leaf_with_two_values(first in config("[a-c]"), second in config("[a-c]")) {
        let live = apply_as("a", None, &first, false).expect("nobody is there");
        let (mine, theirs) = (second.leaves(), first.leaves());
        let fought = mine.iter().filter(|(leaf, value)| theirs.get(*leaf).is_some_and(|other| other != *value)).count();
        match apply_as("b", Some(&live), &second, false) {
            Ok(_) => prop_assert_eq!(fought, 0),
            Err(error) => {
                let status = error.to_status();
                prop_assert_eq!(&status["code"], &json!(409));
                prop_assert_eq!(status["details"]["causes"].as_array().map_or(0, Vec::len), fought, "{}", status);
            }
        }
    }

    #[test]
    fn who_applies_less_gives_up_what_nobody_else_has(first in config("[a-c]"), less in config("[a-c]"), other in config("[a-c]")) {
        let live = apply_as("a", None, &first, false).expect("nobody is there");
        let Ok(shared) = apply_as("b", Some(&live), &other, false) else { return Ok(()) };
        let Ok(left) = apply_as("a", Some(&shared), &less, false) else { return Ok(()) };
        let mut wanted = less.leaves();
        wanted.extend(other.leaves());
        prop_assert_eq!(leaves(&left), wanted);
    }

    #[test]
    fn those_who_share_nothing_may_come_in_any_order(first in config("[a-c]"), mut second in config("[d-f]")) {
        second.replicas = None;
        let one_by_one = |order: [(&str, &Config); 2]| {
            let mut live = None;
            for (manager, config) in order {
                live = Some(apply_as(manager, live.as_ref(), config, false).expect("no conflict"));
            }
            live.expect("two applied")
        };
        let there = one_by_one([("a", &first), ("b", &second)]);
        let back = one_by_one([("b", &second), ("a", &first)]);
        prop_assert_eq!(leaves(&there), leaves(&back));
        prop_assert_eq!(owned(&there, "a"), owned(&back, "a"));
        prop_assert_eq!(owned(&there, "b"), owned(&back, "b"));
    }
}
