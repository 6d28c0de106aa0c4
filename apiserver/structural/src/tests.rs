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
