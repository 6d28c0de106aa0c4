//! Bad input: the exact Status that upstream gives, never a 5xx, a panic or a hang.

use kubernel_e2e::cluster;
use serde_json::Value;

const JSON: &str = "Content-Type: application/json";

struct Case {
    request: &'static str,
    headers: &'static [&'static str],
    body: &'static str,
    code: u16,
    reason: &'static str,
    message: &'static str,
}

/// `{ns}` stands for the test's namespace.
const CASES: &[Case] = &[
    Case {
        request: "POST /api/v1/namespaces/{ns}/configmaps",
        headers: &[JSON],
        body: "{\"kind\":",
        code: 400,
        reason: "BadRequest",
        message: "unexpected end of JSON input",
    },
    Case {
        request: "POST /api/v1/namespaces/{ns}/configmaps?fieldValidation=Strict",
        headers: &[JSON],
        body: r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"dta":{},"data":{"a":"1","a":"2"}}"#,
        code: 400,
        reason: "BadRequest",
        message: "strict decoding error: unknown field \"dta\", duplicate field \"data.a\"",
    },
    Case {
        request: "POST /apis/apps/v1/namespaces/{ns}/deployments",
        headers: &[JSON],
        body: r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a"},"spec":{"replicas":"three"}}"#,
        code: 400,
        reason: "BadRequest",
        message: "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
    },
    Case {
        request: "POST /api/v1/namespaces/{ns}/configmaps",
        headers: &["Content-Type: text/plain"],
        body: "x",
        code: 415,
        reason: "UnsupportedMediaType",
        message: "the body of the request was in an unknown format",
    },
    Case {
        request: "POST /api/v1/namespaces/{ns}/configmaps",
        headers: &["Content-Type: application/vnd.kubernetes.protobuf"],
        body: "k8s\0\u{1}\u{2}\u{3}",
        code: 400,
        reason: "BadRequest",
        message: "",
    },
    Case {
        request: "POST /api/v1/namespaces/{ns}/pods",
        headers: &[JSON],
        body: r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"A_b"},"spec":{}}"#,
        code: 422,
        reason: "Invalid",
        message: "Pod \"A_b\" is invalid: [metadata.name: Invalid value: \"A_b\"",
    },
    Case {
        request: "PUT /api/v1/namespaces/{ns}/configmaps/stale",
        headers: &[JSON],
        body: r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"stale","resourceVersion":"1"}}"#,
        code: 409,
        reason: "Conflict",
        message: "Operation cannot be fulfilled on configmaps \"stale\": the object has been modified; please apply your changes to the latest version and try again",
    },
    Case {
        request: "GET /api/v1/pods?labelSelector=a+in+(",
        headers: &[],
        body: "",
        code: 400,
        reason: "BadRequest",
        message: "unable to parse requirement",
    },
    Case {
        request: "GET /api/v1/pods?fieldSelector=spec.nothing=x",
        headers: &[],
        body: "",
        code: 400,
        reason: "BadRequest",
        message: "field label not supported: spec.nothing",
    },
    Case {
        request: "GET /api/v1/pods?resourceVersion=nonsense",
        headers: &[],
        body: "",
        code: 400,
        reason: "BadRequest",
        message: "",
    },
    Case {
        request: "GET /api/v1/pods?limit=1&continue=nonsense",
        headers: &[],
        body: "",
        code: 400,
        reason: "BadRequest",
        message: "continue key is not valid",
    },
    Case {
        request: "GET /api/v1/namespaces/{ns}/pods/none",
        headers: &[],
        body: "",
        code: 404,
        reason: "NotFound",
        message: "pods \"none\" not found",
    },
    Case {
        request: "GET /api/v1/pods",
        headers: &["Impersonate-User: stranger"],
        body: "",
        code: 403,
        reason: "Forbidden",
        message: "pods is forbidden: User \"stranger\" cannot list resource \"pods\" in API group \"\" at the cluster scope",
    },
    Case {
        request: "PATCH /api/v1/namespaces/{ns}/configmaps/stale",
        headers: &["Content-Type: application/json-patch+json"],
        body: r#"[{"op":"test","path":"/data/none","value":"x"}]"#,
        code: 422,
        reason: "Invalid",
        message: "the server rejected our request due to an error in our request",
    },
    Case {
        request: "PATCH /api/v1/namespaces/{ns}/configmaps/stale",
        headers: &["Content-Type: application/merge-patch+json"],
        body: "[1,",
        code: 400,
        reason: "BadRequest",
        message: "",
    },
    Case {
        request: "PATCH /api/v1/namespaces/{ns}/configmaps/stale?fieldManager=m",
        headers: &["Content-Type: application/apply-patch+yaml"],
        body: "a: &a [*a]",
        code: 400,
        reason: "BadRequest",
        message: "",
    },
];

#[test]
fn bad_requests_get_upstreams_answer() {
    let user = cluster().user("bad-input");
    user.ok("kubectl create configmap stale --from-literal=a=b");
    for case in CASES {
        let request = case.request.replace("{ns}", user.namespace());
        let (method, path) = request.split_once(' ').unwrap();
        let (code, body) = cluster().request(method, path, case.headers, case.body.as_bytes());
        let status: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{request}: {code} {body}"));
        let message = status["message"].as_str().unwrap_or_default();
        assert_eq!((code, status["reason"].as_str()), (case.code, Some(case.reason)), "{request}: {message}");
        assert!(message.contains(case.message), "{request}: {message}");
    }
}

#[test]
fn deep_and_large_bodies_are_refused() {
    let path = "/api/v1/namespaces/default/configmaps";
    let large = format!(r#"{{"kind":"ConfigMap","apiVersion":"v1","data":{{"a":"{}"}}}}"#, "x".repeat(4 << 20));
    let (code, body) = cluster().request("POST", path, &[JSON], large.as_bytes());
    assert_eq!(code, 413, "{body}");
    for deep in ["[".repeat(100_000), format!("{{\"data\":{}", "{\"a\":".repeat(100_000))] {
        let (code, body) = cluster().request("POST", path, &[JSON], deep.as_bytes());
        assert_eq!(code, 400, "{body}");
    }
}

#[test]
fn nobody_without_a_token_gets_in() {
    let admin = cluster().admin();
    let url = admin.ok("kubectl config view --minify -o jsonpath='{.clusters[0].cluster.server}'");
    let status = admin.json(&format!("curl -sk {url}/api/v1/pods"));
    assert_eq!(status["code"], 403);
    assert_eq!(
        status["message"],
        "pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\" in API group \"\" at the cluster scope"
    );
    let status = admin.json(&format!("curl -sk -H 'Authorization: Bearer nonsense' {url}/api/v1/pods"));
    assert_eq!((status["code"].as_u64(), status["message"].as_str()), (Some(401), Some("Unauthorized")));
    let warned = admin.run(
        "kubectl create --validate=warn -f - <<< '{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"warned\"},\"dta\":{}}'",
    );
    assert!(warned.stderr.contains("unknown field \"dta\""), "{warned:?}");
}
