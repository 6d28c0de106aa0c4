use kubernel_meta::Object;
use serde_json::{Value, json};

use crate::Structural;

fn schema() -> Structural {
    let parsed = Structural::parse(&json!({
        "type": "object",
        "properties": { "spec": { "type": "object", "properties": {
            "d": { "type": "integer", "default": 1 },
            "n": { "type": "string", "nullable": true, "default": "x" },
            "plain": { "type": "string" },
            "keep": { "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                      "properties": { "b": { "type": "object", "properties": { "c": { "type": "integer" } } } } },
            "map": { "type": "object", "additionalProperties": { "type": "object", "properties": { "a": { "type": "integer" } } } },
            "any": { "type": "object", "additionalProperties": true },
            "list": { "type": "array", "items": { "type": "object", "properties": { "y": { "type": "integer", "default": 2 } } } },
            "res": { "type": "object", "x-kubernetes-embedded-resource": true, "properties": { "spec": { "type": "object" } } },
        } } },
    }));
    parsed.unwrap()
}

/// What comes of a spec, and which paths were dropped.
#[test]
fn prunes_and_defaults() {
    let schema = schema();
    let cases = [
        (json!({}), json!({ "d": 1, "n": "x" }), vec![]),
        (json!({ "d": null, "n": null, "plain": null }), json!({ "d": 1, "n": null }), vec![]),
        (json!({ "d": 5, "n": "y", "zz": 1 }), json!({ "d": 5, "n": "y" }), vec!["spec.zz"]),
        (
            json!({ "d": 1, "n": "x", "keep": { "q": 1, "b": { "c": 1, "z": 2 } } }),
            json!({ "d": 1, "n": "x", "keep": { "q": 1, "b": { "c": 1 } } }),
            vec!["spec.keep.b.z"],
        ),
        (
            json!({ "d": 1, "n": "x", "map": { "k": { "a": 1, "b": 2 } }, "any": { "k": { "a": 1 } } }),
            json!({ "d": 1, "n": "x", "map": { "k": { "a": 1 } }, "any": { "k": {} } }),
            vec!["spec.any.k.a", "spec.map.k.b"],
        ),
        (
            json!({ "d": 1, "n": "x", "list": [{ "x": 1 }, { "y": 3 }] }),
            json!({ "d": 1, "n": "x", "list": [{ "y": 2 }, { "y": 3 }] }),
            vec!["spec.list[0].x"],
        ),
        (
            json!({ "d": 1, "n": "x", "res": { "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "x": 1 } }),
            json!({ "d": 1, "n": "x", "res": { "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" } } }),
            vec!["spec.res.x"],
        ),
    ];
    for (spec, expect, dropped) in cases {
        let whole = json!({ "apiVersion": "g/v1", "kind": "W", "metadata": { "name": "a" }, "spec": spec });
        let mut object = Object::from_value(whole).unwrap();
        assert_eq!(schema.prune(&mut object), dropped, "{spec}");
        schema.default(&mut object);
        assert_eq!(object.map()["spec"], expect, "{spec}");
        let once = object.clone();
        assert_eq!((schema.prune(&mut object), { schema.default(&mut object) }), (Vec::new(), ()), "{spec}");
        assert_eq!(object, once, "{spec}");
    }
}

#[test]
fn deep_schemas_are_refused() {
    let mut schema = json!({ "type": "object" });
    for _ in 0..100 {
        schema = json!({ "type": "object", "properties": { "a": schema } });
    }
    assert!(Structural::parse(&schema).is_err());
    assert!(Structural::parse(&Value::Null).is_ok());
}

/// A schema of `spec`, a spec, and what is said of it.
#[test]
fn values_are_held_to_their_schema() {
    let cases = [
        (
            json!({ "type": "object", "oneOf": [{ "required": ["a"] }, { "required": ["b"] }],
                    "properties": { "a": { "type": "integer" }, "b": { "type": "integer" } } }),
            json!({ "a": 1, "b": 2 }),
            "<nil>: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found 2 valid alternatives",
        ),
        (
            json!({ "type": "object", "properties": { "a": { "type": "string", "not": { "enum": ["x"] } } } }),
            json!({ "a": "x" }),
            "<nil>: Invalid value: \"\": \"spec.a\" must not validate the schema (not)",
        ),
        (
            json!({ "type": "object", "properties": { "e": { "type": "object", "x-kubernetes-embedded-resource": true,
                    "x-kubernetes-preserve-unknown-fields": true } } }),
            json!({ "e": { "kind": "Pod" } }),
            "spec.e.apiVersion: Required value: must not be empty",
        ),
        (
            json!({ "type": "object", "properties": { "a": { "type": "integer" } },
                    "x-kubernetes-validations": [{ "rule": "self.a > 3", "fieldPath": ".a", "messageExpression": "'a is ' + string(self.a)" }] }),
            json!({ "a": 1 }),
            "spec.a: Invalid value: a is 1",
        ),
        (
            json!({ "type": "array", "items": { "type": "integer" } }),
            json!([1, null]),
            "spec[1]: Invalid value: \"null\": spec[1] in body must be of type integer: \"null\"",
        ),
    ];
    for (spec, value, expect) in cases {
        let schema = Structural::parse(&json!({ "type": "object", "properties": { "spec": spec } })).unwrap();
        let object = Object::from_value(json!({ "spec": value })).unwrap();
        let errors: Vec<String> = schema.validate(&object).iter().map(ToString::to_string).collect();
        assert_eq!(errors, [expect], "{value}");
    }
}

/// What was wrong before and did not change is let through; what changed is not.
#[test]
fn old_errors_are_let_through() {
    let spec = json!({ "type": "object", "properties": {
        "a": { "type": "integer", "minimum": 5, "x-kubernetes-validations": [{ "rule": "self > 4" }] },
        "b": { "type": "string" },
        "l": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": {
            "type": "object", "properties": { "k": { "type": "string" }, "n": { "type": "integer", "maximum": 1,
                "x-kubernetes-validations": [{ "rule": "self >= oldSelf", "message": "grows" }] } } } } } });
    let schema = Structural::parse(&json!({ "type": "object", "properties": { "spec": spec } })).unwrap();
    let old = json!({ "a": 1, "l": [{ "k": "x", "n": 7 }, { "k": "y", "n": 1 }] });
    let cases = [
        (json!({ "a": 1, "b": "z" }), vec![], vec!["spec.a: Invalid value: 1: failed rule: self > 4"]),
        (json!({ "a": 2 }), vec!["spec.a", "spec.a"], vec![]),
        (json!({ "a": 6, "l": [{ "k": "y", "n": 0 }, { "k": "x", "n": 7 }] }), vec!["spec.l[0].n"], vec![]),
    ];
    let object = |spec: &Value| Object::from_value(json!({ "spec": spec })).unwrap();
    for (new, expect, expect_warnings) in cases {
        let (errors, warnings) = schema.validate_update(&object(&new), &object(&old));
        let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings, expect_warnings, "{new}");
        let paths: Vec<&str> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, expect, "{new}");
    }
}

mod any {
    use kubernel_meta::field::Path;
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-c(.*\\[]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..4).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    fn schema() -> impl Strategy<Value = Value> {
        let kinds = prop::sample::select(vec!["string", "integer", "number", "boolean", "", "nonsense"]);
        let leaf = (kinds, value(), any::<bool>(), "[a-c(]{0,2}").prop_map(|(kind, default, flag, pattern)| {
            json!({ "type": kind, "default": default, "nullable": flag, "pattern": pattern, "maxLength": 2, "multipleOf": 0.5,
                    "x-kubernetes-validations": [{ "rule": "self == oldSelf" }, { "rule": pattern }] })
        });
        leaf.prop_recursive(4, 24, 4, |inner| {
            let map = prop::collection::btree_map("[a-c]", inner.clone(), 0..4);
            prop_oneof![
                (map, any::<bool>()).prop_map(|(map, keep)| json!({ "type": "object", "properties": map,
                    "x-kubernetes-preserve-unknown-fields": keep, "x-kubernetes-embedded-resource": !keep })),
                inner.clone().prop_map(|inner| json!({ "type": "object", "additionalProperties": inner })),
                inner.clone().prop_map(|inner| json!({ "type": "array", "items": inner,
                    "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"] })),
                inner.prop_map(|inner| json!({ "type": "object", "anyOf": [inner.clone()], "not": inner })),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever a schema and a value say, nothing panics, and doing it twice is doing it once.
        #[test]
        fn schemas_and_values(schema in schema(), value in value(), old in value()) {
            let whole = json!({ "type": "object", "properties": { "spec": schema } });
            crate::check::schema(&whole, &Path::root("s"), true);
            let Ok(parsed) = Structural::parse(&whole) else { return Ok(()) };
            let of = |spec: Value| Object::from_value(json!({ "spec": spec })).unwrap();
            let (mut object, old) = (of(value), of(old));
            parsed.prune(&mut object);
            let once = object.clone();
            prop_assert!(parsed.prune(&mut object).is_empty());
            prop_assert_eq!(&object, &once);
            parsed.default(&mut object);
            let once = object.clone();
            parsed.default(&mut object);
            prop_assert_eq!(&object, &once);
            parsed.validate(&object);
            parsed.validate_update(&object, &old);
        }
    }
}
