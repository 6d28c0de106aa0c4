//! Admission policies, where the recordings do not say enough: equivalent versions, warnings, parameters of the cluster,
//! mutations that follow one another, and what no policy may touch.

use crate::common::{Api, CONFIG_MAPS};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";

/// A policy with its binding, both of this name; `spec` is laid over the least that a policy needs.
async fn policy(api: &Api, mutating: bool, name: &str, spec: Value, binding: Value) {
    let word = if mutating { "mutating" } else { "validating" };
    let kind = if mutating { "MutatingAdmissionPolicy" } else { "ValidatingAdmissionPolicy" };
    let rule = json!({ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"] });
    let mut whole = json!({ "matchConstraints": { "resourceRules": [rule] } });
    if mutating {
        whole["reinvocationPolicy"] = json!("Never");
    }
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let body = |kind: String, spec: Value| json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": { "name": name }, "spec": spec });
    api.create(&format!("{GROUP}/{word}admissionpolicies"), body(kind.to_owned(), whole)).await;
    let mut bound = json!({ "policyName": name });
    if !mutating {
        bound["validationActions"] = json!(["Deny"]);
    }
    bound.as_object_mut().unwrap().extend(binding.as_object().unwrap().clone());
    api.create(&format!("{GROUP}/{word}admissionpolicybindings"), body(format!("{kind}Binding"), bound)).await;
}

fn config_map(name: &str, data: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": data })
}

/// What a new ConfigMap `x` meets: code, and a part of the message or of the warning.
async fn meets(spec: Value, binding: Value, data: Value) -> (u16, String) {
    let api = Api::new().await;
    api.create(CONFIG_MAPS, config_map("limits", json!({ "max": "2" }))).await;
    policy(&api, false, "p", spec, binding).await;
    let reply = api.call("POST", CONFIG_MAPS, config_map("x", data)).await;
    let warning = reply.headers.get("warning").map(|text| text.to_str().unwrap().to_owned());
    (reply.code, warning.unwrap_or_else(|| reply.body["message"].as_str().unwrap_or_default().to_owned()))
}

#[tokio::test]
async fn what_policies_say_of_a_write() {
    let expression = |text: &str| json!({ "validations": [{ "expression": text }] });
    let denied = |text: &str| {
        format!("configmaps \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: {text}")
    };
    let limits = |namespace: Value| {
        let mut reference = json!({ "name": "limits", "parameterNotFoundAction": "Deny" });
        if !namespace.is_null() {
            reference["namespace"] = namespace;
        }
        json!({ "paramRef": reference })
    };
    let with_params = |text: &str| json!({ "paramKind": { "apiVersion": "v1", "kind": "ConfigMap" }, "validations": [{ "expression": text }] });
    let condition = |text: &str, failures: &str| {
        json!({ "failurePolicy": failures, "matchConditions": [{ "name": "c", "expression": text }],
                "validations": [{ "expression": "false", "reason": "Forbidden" }] })
    };
    let rows = [
        (expression("has(object.data)"), json!({}), json!({ "a": "1" }), 201, String::new()),
        (expression("has(object.data)"), json!({}), json!({}), 422, denied("failed expression: has(object.data)")),
        (
            expression("object.data.a == '1'"),
            json!({}),
            json!({}),
            422,
            denied("expression 'object.data.a == '1'' resulted in error: no such key: data"),
        ),
        (
            expression("false"),
            json!({ "validationActions": ["Warn", "Audit"] }),
            json!({}),
            201,
            "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p': failed expression: false\"".to_owned(),
        ),
        (condition("object.metadata.name == 'y'", "Fail"), json!({}), json!({}), 201, String::new()),
        (condition("object.metadata.name == 'x'", "Fail"), json!({}), json!({}), 403, denied("failed expression: false")),
        (
            condition("object.data.a == '1'", "Fail"),
            json!({}),
            json!({}),
            422,
            denied("expression 'object.data.a == '1'' resulted in error: no such key: data"),
        ),
        (condition("object.data.a == '1'", "Ignore"), json!({}), json!({}), 201, String::new()),
        (with_params("int(params.data.max) < 3"), limits(Value::Null), json!({}), 201, String::new()),
        (with_params("int(params.data.max) > 3"), limits(json!("t")), json!({}), 422, denied("failed expression: int(params.data.max) > 3")),
        (with_params("params == null"), json!({}), json!({}), 201, String::new()),
        (
            json!({ "paramKind": { "apiVersion": "x.io/v1", "kind": "Nope" }, "validations": [{ "expression": "true" }] }),
            json!({}),
            json!({}),
            422,
            "configmaps \"x\" is forbidden: ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to \
             find resource referenced by paramKind: 'x.io/v1, Kind=Nope'"
                .to_owned(),
        ),
        (expression("authorizer.serviceAccount('t', 'nobody').group('').resource('pods').check('get').allowed()"), json!({}), json!({}), 422,
         denied("failed expression: authorizer.serviceAccount('t', 'nobody').group('').resource('pods').check('get').allowed()")),
    ];
    for (spec, binding, data, code, text) in rows {
        assert_eq!(meets(spec.clone(), binding, data).await, (code, text), "{spec}");
    }
}

#[tokio::test]
async fn what_policies_find_is_counted() {
    let api = Api::new().await;
    let both = json!({ "validationActions": ["Warn", "Audit"] });
    let broken = json!({ "failurePolicy": "Ignore", "validations": [{ "expression": "object.data.a == '1'" }] });
    policy(&api, false, "told", json!({ "validations": [{ "expression": "has(object.data.c)" }] }), both).await;
    policy(&api, false, "ignored", broken, json!({})).await;
    policy(&api, false, "kept", json!({ "validations": [{ "expression": "true" }] }), json!({})).await;
    let apply = |expression: &str| json!({ "patchType": "ApplyConfiguration", "applyConfiguration": { "expression": expression } });
    let mutations = [apply("Object{data: {'b': '1'}}"), apply("Object{data: {'b': object.data.a}}")];
    let mutating = json!({ "failurePolicy": "Ignore", "mutations": mutations });
    policy(&api, true, "made", mutating, json!({})).await;
    api.create(CONFIG_MAPS, config_map("x", Value::Null)).await;
    let page = api.send("GET", "/metrics", "", String::new()).await.into_body().collect().await.unwrap().to_bytes();
    let page = String::from_utf8_lossy(&page);
    let mut found: Vec<&str> =
        page.lines().filter(|line| line.starts_with("apiserver_") && line.contains("_policy_check_total{")).collect();
    found.sort_unstable();
    let made = |error: &str| {
        format!(
            "apiserver_mutating_admission_policy_check_total{{error_type=\"{error}\",policy=\"made\",policy_binding=\"made\"}} 1"
        )
    };
    let told = |action: &str| {
        let policy = if action == "allow" { "ignored" } else { "told" };
        format!(
            "apiserver_validating_admission_policy_check_total{{enforcement_action=\"{action}\",error_type=\"invalid_error\",policy=\"{policy}\",policy_binding=\"{policy}\"}} 1"
        )
    };
    assert_eq!(found, [made("invalid_error"), made("no_error"), told("allow"), told("audit"), told("warn")]);
}

#[tokio::test]
async fn equivalent_versions_are_meant_too() {
    let api = Api::new().await;
    let rule = json!({ "apiGroups": ["autoscaling"], "apiVersions": ["v2"], "operations": ["*"],
                       "resources": ["horizontalpodautoscalers"] });
    let seen = json!({
        "matchConstraints": { "resourceRules": [rule] },
        "validations": [{
            "expression": "request.requestKind.version == 'v2' || object.apiVersion != 'autoscaling/v2'",
            "messageExpression": "request.requestKind.version + ' as ' + request.kind.version + ': ' + \
                                  string(object.spec.metrics[0].resource.target.averageUtilization)",
        }],
    });
    policy(&api, false, "p", seen, json!({})).await;
    let autoscaler = json!({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "a" },
        "spec": { "maxReplicas": 3, "targetCPUUtilizationPercentage": 70,
                  "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "d" } },
    });
    let path = "/apis/autoscaling/v1/namespaces/t/horizontalpodautoscalers";
    let reply = api.call("POST", path, autoscaler).await;
    assert!(reply.body["message"].as_str().unwrap().ends_with("denied request: v1 as v2: 70"), "{}", reply.body);
}

#[tokio::test]
async fn mutations_follow_one_another() {
    let api = Api::new().await;
    let patch = |operation: &str| json!([{ "patchType": "JSONPatch", "jsonPatch": { "expression": format!("[{operation}]") } }]);
    let add = |key: &str, value: &str| patch(&format!("JSONPatch{{op: 'add', path: '/data/{key}', value: {value}}}"));
    // `a` asks to see what comes after it; `b` runs once.
    let again = json!({ "reinvocationPolicy": "IfNeeded", "mutations": add("a", "string(size(object.data))") });
    policy(&api, true, "a", again, json!({})).await;
    policy(&api, true, "b", json!({ "mutations": add("b", "string(size(object.data))") }), json!({})).await;
    let made = api.create(CONFIG_MAPS, config_map("x", json!({ "own": "1" }))).await;
    assert_eq!(made["data"], json!({ "own": "1", "a": "3", "b": "2" }));
    policy(&api, true, "c", json!({ "mutations": patch("JSONPatch{op: 'remove', path: '/nothing/here'}") }), json!({}))
        .await;
    let reply = api.call("POST", CONFIG_MAPS, config_map("y", json!({ "own": "1" }))).await;
    assert_eq!((reply.code, &reply.body["reason"]), (403, &json!("Invalid")), "{}", reply.body);
    let text = reply.body["message"].as_str().unwrap();
    assert!(text.starts_with("policy 'c' with binding 'c' denied request: JSONPath: remove operation"), "{text}");
}

#[tokio::test]
async fn policies_do_not_lock_themselves_in() {
    let api = Api::new().await;
    let everything = json!({ "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"] });
    let spec =
        json!({ "matchConstraints": { "resourceRules": [everything] }, "validations": [{ "expression": "false" }] });
    policy(&api, false, "p", spec, json!({})).await;
    assert_eq!(api.call("POST", CONFIG_MAPS, config_map("x", json!({}))).await.code, 422);
    let path = format!("{GROUP}/validatingadmissionpolicybindings/p");
    assert_eq!(api.call("DELETE", &path, Value::Null).await.code, 200);
    assert_eq!(api.call("POST", CONFIG_MAPS, config_map("x", json!({}))).await.code, 201);
}

#[tokio::test]
async fn custom_resources_are_targets_and_parameters() {
    let api = Api::new().await;
    let size =
        json!({ "type": "object", "properties": { "size": { "type": "integer" }, "note": { "type": "string" } } });
    let version = |name: &str, storage: bool| {
        json!({
            "name": name, "served": true, "storage": storage,
            "schema": { "openAPIV3Schema": { "type": "object", "properties": { "spec": size } } },
        })
    };
    for (plural, kind) in [("widgets", "Widget"), ("limits", "Limit")] {
        let definition = json!({
            "metadata": { "name": format!("{plural}.example.com") },
            "spec": {
                "group": "example.com", "scope": "Namespaced", "names": { "plural": plural, "kind": kind },
                "versions": [version("v1", true), version("v2", false)],
            },
        });
        api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition).await;
    }
    let object = |kind: &str, name: &str, size: i64| {
        let labels = json!({ "for": "widgets" });
        json!({ "apiVersion": "example.com/v1", "kind": kind, "metadata": { "name": name, "labels": labels }, "spec": { "size": size } })
    };
    let widgets = "/apis/example.com/v1/namespaces/t/widgets";
    api.create("/apis/example.com/v1/namespaces/t/limits", object("Limit", "small", 3)).await;
    api.create("/apis/example.com/v1/namespaces/t/limits", object("Limit", "large", 5)).await;
    let rule = json!({ "apiGroups": ["example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["widgets"] });
    let matches = json!({ "resourceRules": [rule] });
    // The parameters are stored in v1 and seen in v2.
    let held = json!({
        "matchConstraints": matches, "paramKind": { "apiVersion": "example.com/v2", "kind": "Limit" },
        "validations": [{
            "expression": "object.spec.size <= params.spec.size && params.apiVersion == 'example.com/v2'",
            "messageExpression": "'at most ' + string(params.spec.size)",
        }],
    });
    let selector = json!({ "matchLabels": { "for": "widgets" } });
    let bound = json!({ "paramRef": { "selector": selector, "parameterNotFoundAction": "Deny" }, "validationActions": ["Deny", "Audit"] });
    policy(&api, false, "held", held, bound).await;
    let noted = json!({
        "matchConstraints": matches,
        "mutations": [
            { "patchType": "ApplyConfiguration", "applyConfiguration": { "expression": "Object{spec: Object.spec{note: 'n' + string(object.spec.size)}}" } },
            { "patchType": "JSONPatch", "jsonPatch": { "expression": "[JSONPatch{op: 'add', path: '/metadata/labels/noted', value: object.spec.note}]" } },
        ],
    });
    policy(&api, true, "noted", noted, json!({})).await;
    for (name, size, code, text) in
        [("a", 3, 201, ""), ("b", 4, 422, "denied request: at most 3"), ("c", 6, 422, "denied request: at most 5")]
    {
        let reply = api.call("POST", widgets, object("Widget", name, size)).await;
        assert!(reply.code == code && reply.body.to_string().contains(text), "{name}: {} {}", reply.code, reply.body);
    }
    let made = api.get(&format!("{widgets}/a")).await;
    assert_eq!((&made["spec"]["note"], &made["metadata"]["labels"]["noted"]), (&json!("n3"), &json!("n3")));
}

#[tokio::test]
async fn policies_see_what_subresources_carry() {
    let api = Api::new().await;
    api.create("/api/v1/namespaces/t/serviceaccounts", json!({ "metadata": { "name": "default" } })).await;
    let pod = json!({ "metadata": { "name": "p" }, "spec": { "containers": [{ "name": "c", "image": "i" }] } });
    api.create("/api/v1/namespaces/t/pods", pod).await;
    let rule =
        json!({ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods/binding"] });
    let matches = json!({ "resourceRules": [rule] });
    let expression = "[JSONPatch{op: 'add', path: '/metadata/annotations', value: {'to': object.target.name}}]";
    let noted = json!({
        "matchConstraints": matches,
        "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression": expression } }],
    });
    policy(&api, true, "noted", noted, json!({})).await;
    let held =
        json!({ "matchConstraints": matches, "validations": [{ "expression": "object.target.name != 'other'" }] });
    policy(&api, false, "held", held, json!({})).await;
    let binding = |node: &str| json!({ "metadata": { "name": "p" }, "target": { "kind": "Node", "name": node } });
    for (node, code) in [("other", 422), ("n", 201)] {
        let reply = api.call("POST", "/api/v1/namespaces/t/pods/p/binding", binding(node)).await;
        assert_eq!(reply.code, code, "{node}: {}", reply.body);
    }
    assert_eq!(api.get("/api/v1/namespaces/t/pods/p").await["metadata"]["annotations"]["to"], "n");
}
