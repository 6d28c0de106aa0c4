//! Bodies that upstream's v1.36.2 answered, and bodies that are meant to do harm.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

fn schema(kind: &str) -> Schema {
    let types = crate::builtin();
    let root = types.iter().find(|item| item.kind() == kind && item.api_version.is_some()).unwrap();
    Schema { types: Arc::clone(types), root: types.find(&root.name).unwrap() }
}

fn text(kind: &str, body: &str) -> String {
    match super::json(&schema(kind), body.as_bytes()) {
        Ok(decoded) => decoded.strict_error().unwrap_or_else(|| Value::from(decoded.object).to_string()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn malformed_json_in_the_words_of_go() {
    let cases = [
        ("", "unexpected end of JSON input"),
        (" ", "unexpected end of JSON input"),
        ("{", "unexpected end of JSON input"),
        ("{not json", "invalid character 'n' looking for beginning of object key string"),
        ("{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
        ("nope", "invalid character 'o' in literal null (expecting 'u')"),
        ("{\"a\" 1}", "invalid character '1' after object key"),
        ("{\"a\":1 \"b\":2}", "invalid character '\"' after object key:value pair"),
        ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
        ("{\"a\":[1 2]}", "invalid character '2' after array element"),
        ("{\"a\":[1,]}", "invalid character ']' looking for beginning of value"),
        ("{\"a\":01}", "invalid character '1' after object key:value pair"),
        ("{\"a\":1.x}", "invalid character 'x' after decimal point in numeric literal"),
        ("{\"a\":1ex}", "invalid character 'x' in exponent of numeric literal"),
        ("{\"a\":-}", "invalid character '}' in numeric literal"),
        ("{\"a\":\"\\x\"}", "invalid character 'x' in string escape code"),
        ("{\"a\":\"\\u12g4\"}", "invalid character 'g' in \\u hexadecimal character escape"),
        ("{\"a\":\"\n\"}", "invalid character '\\n' in string literal"),
        ("{} x", "invalid character 'x' after top-level value"),
        ("{}}", "invalid character '}' after top-level value"),
        ("\u{cf}", "invalid character 'Ã' looking for beginning of value"),
    ];
    for (body, expected) in cases {
        assert_eq!(text("ConfigMap", body), expected, "{body:?}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(text("ConfigMap", &deep), "exceeded max depth");
    let closed = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(text("ConfigMap", &closed), "exceeded max depth");
}

#[test]
fn wrong_types_in_the_words_of_go() {
    let cases = [
        ("ConfigMap", r#"{"data":[]}"#, "array into Go struct field ConfigMap.data of type map[string]string"),
        ("ConfigMap", r#"{"metadata":[]}"#, "array into Go struct field ConfigMap.metadata of type v1.ObjectMeta"),
        (
            "ConfigMap",
            r#"{"metadata":{"labels":[]}}"#,
            "array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
        ),
        ("ConfigMap", r#"{"data":{"a":1}}"#, "number into Go struct field ConfigMap.data of type string"),
        ("ConfigMap", r#"{"immutable":"x"}"#, "string into Go struct field ConfigMap.immutable of type bool"),
        (
            "ConfigMap",
            r#"{"metadata":{"generation":"1"}}"#,
            "string into Go struct field ObjectMeta.metadata.generation of type int64",
        ),
        (
            "Deployment",
            r#"{"spec":{"replicas":1.5}}"#,
            "number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            "Pod",
            r#"{"spec":{"priority":99999999999}}"#,
            "number 99999999999 into Go struct field PodSpec.spec.priority of type int32",
        ),
        (
            "Pod",
            r#"{"spec":{"containers":[{"image":1}]}}"#,
            "number into Go struct field Container.spec.containers.image of type string",
        ),
        (
            "Pod",
            r#"{"spec":{"containers":[1]}}"#,
            "number into Go struct field PodSpec.spec.containers of type v1.Container",
        ),
        (
            "Pod",
            r#"{"spec":{"containers":"x"}}"#,
            "string into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            "Pod",
            r#"{"spec":{"containers":[{"command":"x"}]}}"#,
            "string into Go struct field Container.spec.containers.command of type []string",
        ),
        (
            "Pod",
            r#"{"spec":{"containers":[{"ports":[{"containerPort":"x"}]}]}}"#,
            "string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
        ),
        (
            "Pod",
            r#"{"spec":{"restartPolicy":1}}"#,
            "number into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy",
        ),
    ];
    for (kind, body, expected) in cases {
        assert_eq!(text(kind, body), format!("json: cannot unmarshal {expected}"), "{body}");
    }
    let regular = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    assert_eq!(text("Pod", r#"{"spec":{"overhead":{"cpu":"x"}}}"#), regular);
    assert_eq!(text("Pod", r#"{"spec":{"overhead":{"cpu":[]}}}"#), regular);
    assert_eq!(text("Secret", r#"{"data":{"a":"!!"}}"#), "illegal base64 data at input byte 0");
    assert!(
        text("ConfigMap", r#"{"metadata":{"creationTimestamp":"yesterday"}}"#)
            .starts_with("parsing time \"yesterday\"")
    );
}

#[test]
fn strict_decoding_lists_in_the_order_of_the_text() {
    let cases = [
        ("ConfigMap", r#"{"foo":1,"metadata":{"bar":2}}"#, r#"unknown field "foo", unknown field "metadata.bar""#),
        ("ConfigMap", r#"{"Data":{}}"#, r#"unknown field "Data""#),
        (
            "ConfigMap",
            r#"{"metadata":{"name":"a","name":"b"},"data":{"a":"1","a":"2"}}"#,
            r#"duplicate field "metadata.name", duplicate field "data.a""#,
        ),
        (
            "Pod",
            r#"{"spec":{"foo":1,"containers":[{"image":"a","image":"b","bar":1},{"env":[{"val":1}]}]}}"#,
            concat!(
                r#"unknown field "spec.foo", duplicate field "spec.containers[0].image", "#,
                r#"unknown field "spec.containers[0].bar", unknown field "spec.containers[1].env[0].val""#
            ),
        ),
    ];
    for (kind, body, expected) in cases {
        assert_eq!(text(kind, body), format!("strict decoding error: {expected}"), "{body}");
    }
    let many: String = (0..5000).map(|n| format!("\"x{n}\":1,")).collect();
    let decoded = super::json(&schema("ConfigMap"), format!("{{{many}\"y\":1}}").as_bytes()).unwrap();
    assert_eq!(decoded.strict.len(), 100);
}

#[test]
fn objects_come_out_as_go_would_write_them() {
    let check = |kind: &str, body: Value, expected: Value| {
        let decoded = super::json(&schema(kind), body.to_string().as_bytes()).unwrap();
        assert_eq!(Value::from(decoded.object.clone()), expected);
        let again = super::value(&schema(kind), decoded.object.into()).unwrap();
        assert_eq!((Value::from(again.object), again.strict), (expected, Vec::new()));
    };
    check(
        "Pod",
        json!({"metadata": {"name": "p", "labels": {}, "creationTimestamp": null}, "spec": {"hostNetwork": false,
            "hostUsers": false, "nodeName": "", "containers": [{"name": "c", "env": [], "resources": {"requests":
            {"cpu": 0.5, "memory": "1024Ki"}}, "securityContext": {}}], "volumes": null, "terminationGracePeriodSeconds": 0}}),
        json!({"metadata": {"name": "p"}, "spec": {"hostUsers": false, "containers": [{"name": "c", "resources":
            {"requests": {"cpu": "500m", "memory": "1Mi"}}, "securityContext": {}}], "terminationGracePeriodSeconds": 0}}),
    );
    check("ConfigMap", json!({"data": {"a": null}}), json!({"data": {"a": ""}}));
    check(
        "Service",
        json!({"spec": {"ports": [{"port": 80, "targetPort": "http"}]}}),
        json!({"spec": {"ports": [{"port": 80, "targetPort": "http"}]}}),
    );
    check(
        "Lease",
        json!({"spec": {"renewTime": "2024-01-01T02:00:00.000000+02:00"}}),
        json!({"spec": {"renewTime": "2024-01-01T00:00:00.000000Z"}}),
    );
    check(
        "ControllerRevision",
        json!({"data": {"b": [1, 2.5, null], "a": {}}, "revision": 0}),
        json!({"data": {"a": {}, "b": [1, 2.5, null]}, "revision": 0}),
    );
}

#[test]
fn texts() {
    let check = |body: &str, expected: &str| {
        let decoded = super::json(&schema("ConfigMap"), body.as_bytes()).unwrap();
        assert_eq!(decoded.object.str_at(&["data", "a"]), expected, "{body}");
    };
    check(r#"{"data":{"a":"\u00e9\n\"\\\/\t"}}"#, "é\n\"\\/\t");
    check(r#"{"data":{"a":"\ud83d\ude00"}}"#, "😀");
    check(r#"{"data":{"a":"\ud83d"}}"#, "\u{fffd}");
    check(r#"{"data":{"a":"\ud83dx\ude00"}}"#, "\u{fffd}x\u{fffd}");
    check(r#"{"data":{"\u0061":"x"}}"#, "x");
    let bad = super::json(&schema("ConfigMap"), b"{\"data\":{\"a\":\"\xff\"}}").unwrap();
    assert_eq!(bad.object.str_at(&["data", "a"]), "\u{fffd}");
}

#[test]
fn type_meta_comes_first() {
    let check = |body: &str, api_version: &str, kind: &str| {
        assert_eq!(super::type_meta(body.as_bytes()).unwrap(), (api_version.to_owned(), kind.to_owned()));
    };
    check(r#"{"apiVersion":"v1","Kind":"Pod"}"#, "v1", "Pod");
    check("{}", "", "");
    let error = super::type_meta(br#"{"kind":1}"#).unwrap_err();
    assert_eq!(error.to_string(), "json: cannot unmarshal number into Go struct field .kind of type string");
}

#[test]
fn yaml_bodies() {
    let body = "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: \"1\"\n  b: x\n  b: z\nfoo: 1\n";
    let decoded = super::yaml(&schema("ConfigMap"), body.as_bytes()).unwrap();
    assert_eq!(decoded.object.str_at(&["data", "b"]), "z");
    assert_eq!(decoded.strict, ["line 6: key \"b\" already set in map", "unknown field \"foo\""]);
    let twice = super::yaml(&schema("ConfigMap"), br#"{"data":{"a":"1","a":"2"}}"#).unwrap();
    assert_eq!((twice.object.str_at(&["data", "a"]), twice.strict.len()), ("2", 1));
    assert_eq!(twice.strict, ["line 1: key \"a\" already set in map"]);
    let lines = super::yaml(&schema("ConfigMap"), b"{\"data\":\n{\"a\":\"1\",\n\"a\":\"2\"}}").unwrap();
    assert_eq!(lines.strict, ["line 3: key \"a\" already set in map"]);
    let shared = super::yaml(&schema("ConfigMap"), b"data: &d {a: x}\nmetadata: {labels: *d}").unwrap();
    assert_eq!(shared.object.str_at(&["metadata", "labels", "a"]), "x");
    let wrong = super::yaml(&schema("ConfigMap"), b"data:\n  a: 1\n").unwrap_err();
    assert_eq!(wrong.to_string(), "json: cannot unmarshal number into Go struct field ConfigMap.data of type string");
    let refused = |body: &str| super::yaml(&schema("ConfigMap"), body.as_bytes()).unwrap_err().to_string();
    let prefix = "error converting YAML to JSON: yaml: ";
    assert_eq!(refused("a: b: c"), format!("{prefix}mapping values are not allowed in this context"));
    assert_eq!(refused("\tx: 1"), format!("{prefix}found character that cannot start any token"));
    assert_eq!(
        refused("apiVersion: v1\nkind: ConfigMap\n\tmetadata: x\n"),
        format!("{prefix}line 3: found a tab character that violates indentation")
    );
}

#[test]
fn yaml_that_means_harm_is_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![alias; 9].join(", ")));
    }
    assert!(super::yaml(&schema("ConfigMap"), bomb.as_bytes()).is_err());
    assert!(super::yaml(&schema("ConfigMap"), "[".repeat(50_000).as_bytes()).is_err());
    assert!(super::yaml(&schema("ConfigMap"), "- ".repeat(50_000).as_bytes()).is_err());
    assert!(super::yaml(&schema("ConfigMap"), &[0xff, 0xfe]).is_err());
}

#[test]
fn the_deepest_body_fits_the_stack() {
    let schema = schema("CustomResourceDefinition");
    let body = |depth: usize| {
        let schema = format!("{}{}", "{\"not\":".repeat(depth), "{}".to_owned() + &"}".repeat(depth));
        format!("{{\"spec\":{{\"versions\":[{{\"schema\":{{\"openAPIV3Schema\":{schema}}}}}]}}}}")
    };
    // Half of the stack that threads get.
    let small = std::thread::Builder::new().stack_size(1024 * 1024);
    let worker = small.spawn(move || {
        let mut object = super::json(&schema, body(crate::DEPTH_MAX - 10).as_bytes()).unwrap().object;
        crate::default::apply(&schema, &mut object);
        crate::zero::fill(&schema, &mut object);
        object.set(&["apiVersion"], "apiextensions.k8s.io/v1");
        object.set(&["kind"], "CustomResourceDefinition");
        let bytes = crate::protobuf::encode(&schema, &object);
        crate::protobuf::decode(crate::builtin(), &bytes).unwrap();
        super::value(&schema, object.into()).unwrap();
        // Not JSON for the sake of a comment.
        let yaml = |depth: usize| format!("# \n{}", body(depth));
        super::yaml(&schema, yaml(30).as_bytes()).unwrap();
        super::yaml(&schema, body(crate::DEPTH_MAX - 10).as_bytes()).unwrap();
        assert_eq!(super::json(&schema, body(crate::DEPTH_MAX + 5).as_bytes()).unwrap_err(), Error::Depth);
        assert!(super::yaml(&schema, yaml(5000).as_bytes()).is_err());
    });
    worker.unwrap().join().unwrap();
}
