//! Who may do what, from the headers of a request to its answer, over a store in memory.

use std::sync::Arc;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http_body_util::BodyExt;
use kubernel_server::authz::aggregate_roles;
use kubernel_server::pki::{JoinToken, PeerIdentity, Pki, ServingNames, sign_requests};
use kubernel_server::{ApiServer, Config, User};
use kubernel_store::Embedded;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use tower::ServiceExt;

struct Cluster {
    server: ApiServer,
    pki: Arc<Pki>,
    _folder: tempfile::TempDir,
}

/// How a request shows who sends it.
#[derive(Clone, Copy)]
enum As<'a> {
    Admin,
    Nobody,
    Token(&'a str),
    /// The admin, impersonating this user in these groups.
    User(&'a str, &'a [&'a str]),
}

impl Cluster {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service_cidr = "10.96.0.0/16".parse().unwrap();
        let names = ServingNames { hosts: Vec::new(), addresses: Vec::new(), service_cidr };
        let pki = Arc::new(Pki::open(folder.path(), &names).unwrap());
        let server = ApiServer::new(Config {
            store: Embedded::ephemeral(),
            service_cidr,
            node_ports: 30000..=32767,
            live: None,
            requests_max: 600,
            advertise: Some("10.1.2.3:6443".parse().unwrap()),
            roster: None,
            pki: Some(pki.clone()),
        });
        server.start().await.unwrap();
        Self { server, pki, _folder: folder }
    }

    async fn call(&self, who: As<'_>, request: &str, body: Value) -> (u16, Value) {
        let (method, path) = request.split_once(' ').unwrap();
        let mut builder = Request::builder().method(method).uri(path).header("Content-Type", "application/json");
        match who {
            As::Admin => builder = builder.extension(User::system("admin")),
            As::Nobody => {}
            As::Token(token) => builder = builder.header("Authorization", format!("Bearer {token}")),
            As::User(name, groups) => {
                // The extension stands for a user that is known already: what it impersonates is another's matter.
                let mut user = User::new(name, groups);
                user.groups.push("system:authenticated".to_owned());
                builder = builder.extension(user);
            }
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let response = self.server.router().oneshot(builder.body(body).unwrap()).await.unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (code, serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes))))
    }

    /// The code, and (of part of) the message where it is an error.
    #[track_caller]
    fn check<'a>(
        &'a self,
        who: As<'a>,
        request: &'a str,
        body: Value,
        expected: (u16, &'a str),
    ) -> impl Future<Output = Value> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let (code, answer) = self.call(who, request, body).await;
            let message = answer["message"].as_str().unwrap_or_default();
            assert!(code == expected.0 && message.contains(expected.1), "{caller}: {request}: {code} {answer}");
            answer
        }
    }

    async fn make_account(&self, name: &str) {
        let body = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name } });
        self.check(As::Admin, "POST /api/v1/namespaces/default/serviceaccounts", body, (201, "")).await;
    }

    async fn token(&self, account: &str, spec: Value) -> String {
        let path = format!("POST /api/v1/namespaces/default/serviceaccounts/{account}/token");
        let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec });
        let answer = self.check(As::Admin, &path, body, (201, "")).await;
        answer["status"]["token"].as_str().unwrap().to_owned()
    }
}

fn pod(name: &str, spec: Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
        "spec": { "containers": [{ "name": "c", "image": "x" }] },
    });
    for (key, value) in spec.as_object().into_iter().flatten() {
        pod["spec"][key] = value.clone();
    }
    pod
}

const PODS: &str = "POST /api/v1/namespaces/default/pods";
const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";

#[tokio::test]
async fn a_new_cluster_has_what_every_cluster_has() {
    let cluster = Cluster::new().await;
    let exists = [
        "/api/v1/namespaces/kube-node-lease",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/cluster-admin",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/rolebindings/system::leader-locking-kube-scheduler",
        "/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical",
        "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/catch-all",
        "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations/exempt",
        "/apis/networking.k8s.io/v1/servicecidrs/kubernetes",
        "/api/v1/namespaces/default/services/kubernetes",
        "/api/v1/namespaces/default/endpoints/kubernetes",
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes",
        "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication",
    ];
    for path in exists {
        cluster.check(As::Admin, &format!("GET {path}"), Value::Null, (200, "")).await;
    }
}

#[tokio::test]
async fn a_restart_completes_default_roles_and_leaves_the_rest_alone() {
    let cluster = Cluster::new().await;
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let get = |name: &str| format!("GET {roles}/{name}");
    let (_, mut discovery) = cluster.call(As::Admin, &get("system:discovery"), Value::Null).await;
    discovery["rules"] = json!([{ "verbs": ["get"], "nonResourceURLs": ["/mine"] }]);
    let (_, mut basic) = cluster.call(As::Admin, &get("system:basic-user"), Value::Null).await;
    basic["rules"] = json!([]);
    basic["metadata"]["annotations"]["rbac.authorization.kubernetes.io/autoupdate"] = json!("false");
    for role in [&discovery, &basic] {
        let put = format!("PUT {roles}/{}", role["metadata"]["name"].as_str().unwrap());
        cluster.check(As::Admin, &put, role.clone(), (200, "")).await;
    }
    let (_, untouched) = cluster.call(As::Admin, &get("view"), Value::Null).await;
    cluster.server.start().await.unwrap();
    let (_, discovery) = cluster.call(As::Admin, &get("system:discovery"), Value::Null).await;
    let rules = discovery["rules"].as_array().unwrap();
    assert!(rules.len() == 2 && rules[0]["nonResourceURLs"] == json!(["/mine"]), "{discovery}");
    let (_, basic) = cluster.call(As::Admin, &get("system:basic-user"), Value::Null).await;
    assert_eq!(basic["rules"], Value::Null);
    assert_eq!(cluster.call(As::Admin, &get("view"), Value::Null).await.1, untouched);
}

#[tokio::test]
async fn requests_are_known_by_what_they_show() {
    let cluster = Cluster::new().await;
    let pods = "GET /api/v1/namespaces/default/pods";
    let anonymous =
        "User \"system:anonymous\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"";
    cluster.check(As::Nobody, pods, Value::Null, (403, anonymous)).await;
    cluster.check(As::Token("nonsense"), pods, Value::Null, (401, "Unauthorized")).await;
    cluster.check(As::Token("a.b.c"), pods, Value::Null, (401, "Unauthorized")).await;
    cluster.check(As::User("jane", &[]), pods, Value::Null, (403, "User \"jane\" cannot list")).await;
    cluster.check(As::User("root", &["system:masters"]), pods, Value::Null, (200, "")).await;
    cluster.check(As::Nobody, "GET /version", Value::Null, (200, "")).await;
    cluster.check(As::Nobody, "GET /metrics", Value::Null, (403, "cannot get path \"/metrics\"")).await;
}

#[tokio::test]
async fn a_token_counts_as_long_as_what_it_is_bound_to() {
    let cluster = Cluster::new().await;
    cluster.make_account("web").await;
    cluster.check(As::Admin, PODS, pod("p", json!({ "serviceAccountName": "web" })), (201, "")).await;
    let bound = json!({ "boundObjectRef": { "apiVersion": "v1", "kind": "Pod", "name": "p" } });
    let token = cluster.token("web", bound).await;
    let whoami = "POST /apis/authentication.k8s.io/v1/selfsubjectreviews";
    let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
    let me = cluster.check(As::Token(&token), whoami, body, (201, "")).await;
    let user = &me["status"]["userInfo"];
    assert_eq!(user["username"], "system:serviceaccount:default:web");
    assert_eq!(user["extra"]["authentication.kubernetes.io/pod-name"], json!(["p"]));
    let review = |audiences: Value| {
        json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
            "spec": { "token": token, "audiences": audiences },
        })
    };
    let reviews = "POST /apis/authentication.k8s.io/v1/tokenreviews";
    let own = json!(["https://kubernetes.default.svc.cluster.local", "other"]);
    let answer = cluster.check(As::Admin, reviews, review(own.clone()), (201, "")).await;
    assert_eq!(answer["status"]["authenticated"], true);
    assert_eq!(answer["status"]["audiences"], json!(["https://kubernetes.default.svc.cluster.local"]));
    let answer = cluster.check(As::Admin, reviews, review(json!(["other"])), (201, "")).await;
    assert_eq!(answer["status"]["authenticated"], Value::Null);
    let delete = "DELETE /api/v1/namespaces/default/pods/p?gracePeriodSeconds=0";
    cluster.check(As::Admin, delete, Value::Null, (200, "")).await;
    let answer = cluster.check(As::Admin, reviews, review(own), (201, "")).await;
    let error = "[invalid bearer token, service account token has been invalidated]";
    assert_eq!(answer["status"]["error"], error);
}

#[tokio::test]
async fn tokens_are_asked_for_as_upstream_has_it() {
    let cluster = Cluster::new().await;
    cluster.make_account("web").await;
    cluster.make_account("other").await;
    let own = json!({ "serviceAccountName": "web", "nodeName": "n1" });
    let pod = cluster.check(As::Admin, PODS, pod("p", own), (201, "")).await;
    let account = cluster.check(As::Admin, &format!("GET {ACCOUNTS}/web"), Value::Null, (200, "")).await;
    let uid = &account["metadata"]["uid"];
    let bound = |kind: &str, name: &str, uid: &Value| json!({ "boundObjectRef": { "apiVersion": "v1", "kind": kind, "name": name, "uid": uid } });
    let no_uid = Value::Null;
    let rows: [(&str, Value, Value, u16, &str); 12] = [
        ("web", json!({}), json!({}), 201, ""),
        ("web", json!({ "name": "web", "namespace": "default", "uid": uid }), json!({}), 201, ""),
        ("web", json!({ "name": "x" }), json!({}), 422, "metadata.name: Invalid value: \"x\": must match the service"),
        ("web", json!({ "namespace": "x" }), json!({}), 400, "the namespace of the provided object does not match"),
        (
            "web",
            json!({ "uid": "x" }),
            json!({}),
            409,
            "Operation cannot be fulfilled on TokenRequest.authentication.k8s.io \"web\": the UID in the token request \
             (x) does not match the UID of the service account (",
        ),
        ("gone", json!({}), json!({ "expirationSeconds": 1 }), 404, "serviceaccounts \"gone\" not found"),
        ("web", json!({}), json!({ "expirationSeconds": 599 }), 422, "may not specify a duration less than 10 minutes"),
        ("web", json!({}), bound("Pod", "p", &pod["metadata"]["uid"]), 201, ""),
        ("web", json!({}), bound("Pod", "p", &json!("x")), 409, "the UID in the bound object reference (x) does not"),
        ("other", json!({}), bound("Pod", "p", &no_uid), 400, "to pod running with different serviceaccount name."),
        ("web", json!({}), bound("Node", "n1", &no_uid), 404, "nodes \"n1\" not found"),
        (
            "web",
            json!({}),
            bound("Service", "s", &no_uid),
            400,
            "cannot bind token to object of type /v1, Kind=Service",
        ),
    ];
    for (name, metadata, spec, code, message) in rows {
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": metadata, "spec": spec,
        });
        let path = format!("POST {ACCOUNTS}/{name}/token");
        let answer = cluster.check(As::Admin, &path, body, (code, message)).await;
        if code == 201 {
            assert_eq!(&answer["metadata"]["uid"], uid);
        }
    }
}

#[tokio::test]
async fn a_node_joins_with_the_join_token_until_it_is_revoked() {
    let cluster = Cluster::new().await;
    let token = cluster.pki.join_token().bearer();
    let requests = "GET /apis/certificates.k8s.io/v1/certificatesigningrequests/x";
    cluster.check(As::Token(&token), requests, Value::Null, (404, "not found")).await;
    let secrets = "GET /api/v1/namespaces/kube-system/secrets";
    cluster.check(As::Token(&token), secrets, Value::Null, (403, "User \"system:bootstrap:")).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "system:nodes");
    params.distinguished_name.push(rcgen::DnType::CommonName, "system:node:n1");
    let wish = params.serialize_request(&key).unwrap().pem().unwrap();
    let request = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": { "name": "n1" },
        "spec": {
            "request": STANDARD.encode(wish), "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": ["digital signature", "client auth"], "username": "somebody else",
        },
    });
    let path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let made = cluster.check(As::Token(&token), &format!("POST {path}"), request.clone(), (201, "")).await;
    assert!(made["spec"]["username"].as_str().unwrap().starts_with("system:bootstrap:"), "{made}");
    let mut other = request;
    other["metadata"]["name"] = json!("n2");
    other["spec"]["signerName"] = json!("kubernetes.io/kube-apiserver-client");
    cluster.check(As::User("jane", &["system:masters"]), &format!("POST {path}"), other, (201, "")).await;
    let server = cluster.server.clone();
    let signer = tokio::spawn(async move { sign_requests(&server).await });
    let mut certificate = Value::Null;
    for _ in 0..100_000 {
        tokio::task::yield_now().await;
        let (_, mut request) = cluster.call(As::Token(&token), &format!("GET {path}/n1"), Value::Null).await;
        certificate = request["status"]["certificate"].take();
        if !certificate.is_null() {
            break;
        }
    }
    let pem = STANDARD.decode(certificate.as_str().unwrap()).unwrap();
    let der = rustls_pki_types::CertificateDer::from_pem_slice(&pem).unwrap();
    assert_eq!(PeerIdentity::read(&der).unwrap().user.node_name(), Some("n1"));
    // A cluster admin may approve by hand, but an ordinary user who may write approvals may not sign for anybody.
    let rules = json!([{ "apiGroups": ["certificates.k8s.io"], "resources": ["*"], "verbs": ["get", "update"] }]);
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "c" }, "rules": rules,
    });
    let rbac = "POST /apis/rbac.authorization.k8s.io/v1";
    cluster.check(As::Admin, &format!("{rbac}/clusterroles"), role, (201, "")).await;
    let bind = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "c" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "c" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "joe" }],
    });
    cluster.check(As::Admin, &format!("{rbac}/clusterrolebindings"), bind, (201, "")).await;
    let (_, mut pending) = cluster.call(As::Admin, &format!("GET {path}/n2"), Value::Null).await;
    pending["status"]["certificate"] = json!(STANDARD.encode(&pem));
    let text = "user not permitted to sign requests with signerName \"kubernetes.io/kube-apiserver-client\"";
    let put = format!("PUT {path}/n2/status");
    cluster.check(As::User("joe", &[]), &put, pending, (403, text)).await;
    signer.abort();
    let id = cluster.pki.join_token().id();
    let wrong = format!("{id}.0000000000000000");
    assert!(JoinToken::parse(&wrong).is_some());
    cluster.check(As::Token(&wrong), requests, Value::Null, (401, "Unauthorized")).await;
    let revoke = format!("DELETE /api/v1/namespaces/kube-system/secrets/bootstrap-token-{id}");
    cluster.check(As::Admin, &revoke, Value::Null, (200, "")).await;
    cluster.server.start().await.unwrap();
    let secret = revoke.replace("DELETE", "GET");
    cluster.check(As::Admin, &secret, Value::Null, (404, "not found")).await;
    let info = "GET /api/v1/namespaces/kube-public/configmaps/cluster-info";
    let info = cluster.check(As::Nobody, info, Value::Null, (200, "")).await;
    assert!(info["data"]["kubeconfig"].as_str().unwrap().contains("certificate-authority-data"), "{info}");
}

#[tokio::test]
async fn roles_count_at_once_and_nobody_hands_on_more_than_they_hold() {
    let cluster = Cluster::new().await;
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    let rules = json!([
        { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["create", "get"] },
        { "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"] },
    ]);
    let role = |name: &str, rules: Value| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": name }, "rules": rules,
        })
    };
    let bind = |name: &str, kind: &str, role: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane" }],
        })
    };
    let (roles, bindings) = (format!("POST {rbac}/roles"), format!("POST {rbac}/rolebindings"));
    cluster.check(As::Admin, &roles, role("r", rules), (201, "")).await;
    cluster.check(As::Admin, &bindings, bind("r", "Role", "r"), (201, "")).await;
    let jane = As::User("jane", &[]);
    cluster.check(jane, "GET /api/v1/namespaces/default/pods", Value::Null, (200, "")).await;
    let held = json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }]);
    cluster.check(jane, &roles, role("same", held), (201, "")).await;
    let more = json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] }]);
    let text =
        "is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"secrets\"]";
    cluster.check(jane, &roles, role("more", more), (403, text)).await;
    cluster.check(jane, &bindings, bind("b", "ClusterRole", "cluster-admin"), (403, "is attempting to grant")).await;
    cluster.check(jane, &bindings, bind("b", "Role", "same"), (201, "")).await;
    cluster.check(As::Admin, &format!("DELETE {rbac}/rolebindings/r"), Value::Null, (200, "")).await;
    cluster.check(jane, "GET /api/v1/namespaces/default/pods", Value::Null, (403, "cannot list")).await;
}

#[tokio::test]
async fn aggregated_roles_are_written_out() {
    let cluster = Cluster::new().await;
    let server = cluster.server.clone();
    let writer = tokio::spawn(async move { aggregate_roles(&server).await });
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": { "name": "w", "labels": { "rbac.authorization.k8s.io/aggregate-to-view": "true" } },
        "rules": [{ "apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["get"] }],
    });
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    cluster.check(As::Admin, &format!("POST {roles}"), role, (201, "")).await;
    let mut found = false;
    for _ in 0..100_000 {
        tokio::task::yield_now().await;
        let (_, admin) = cluster.call(As::Admin, &format!("GET {roles}/admin"), Value::Null).await;
        let rules = admin["rules"].as_array().cloned().unwrap_or_default();
        found = rules.iter().any(|rule| rule["resources"] == json!(["widgets"]));
        if found {
            break;
        }
    }
    writer.abort();
    assert!(found);
}

#[tokio::test]
async fn pods_are_completed_or_refused() {
    let cluster = Cluster::new().await;
    let missing = "error looking up service account default/web: serviceaccount \"web\" not found";
    let web = json!({ "serviceAccountName": "web" });
    cluster.check(As::Admin, PODS, pod("p", web.clone()), (403, missing)).await;
    cluster.make_account("web").await;
    let made = cluster.check(As::Admin, PODS, pod("p", web.clone()), (201, "")).await;
    let spec = &made["spec"];
    let volume = spec["volumes"][0]["name"].as_str().unwrap();
    assert!(volume.starts_with("kube-api-access-"), "{volume}");
    assert_eq!(spec["containers"][0]["volumeMounts"][0]["name"], volume);
    assert_eq!(spec["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"], 3607);
    assert_eq!(spec["tolerations"].as_array().unwrap().len(), 2);
    assert_eq!((&spec["priority"], &spec["serviceAccount"]), (&json!(0), &json!("web")));
    let critical = json!({ "serviceAccountName": "web", "priorityClassName": "system-node-critical" });
    let made = cluster.check(As::Admin, PODS, pod("q", critical), (201, "")).await;
    assert_eq!(made["spec"]["priority"], 2_000_001_000);
    let unknown = json!({ "serviceAccountName": "web", "priorityClassName": "nope" });
    cluster.check(As::Admin, PODS, pod("r", unknown), (403, "no PriorityClass with name nope was found")).await;
    let class = json!({ "serviceAccountName": "web", "runtimeClassName": "nope" });
    cluster.check(As::Admin, PODS, pod("r", class), (403, "RuntimeClass \"nope\" not found")).await;
    let class = json!({ "serviceAccountName": "web", "runtimeClassName": "process", "hostNetwork": true });
    let made = cluster.check(As::Admin, PODS, pod("s", class), (201, "")).await;
    let only = json!({ "key": "kernel.kubernel.io/processes-only", "operator": "Exists", "effect": "NoSchedule" });
    assert!(made["spec"]["tolerations"].as_array().unwrap().contains(&only), "{made}");
    let nowhere = "POST /api/v1/namespaces/nowhere/pods";
    cluster.check(As::Admin, nowhere, pod("p", web), (404, "namespaces \"nowhere\" not found")).await;
    let delete = "DELETE /api/v1/namespaces/kube-system";
    cluster.check(As::Admin, delete, Value::Null, (403, "this namespace may not be deleted")).await;
}

#[tokio::test]
async fn nodes_write_only_what_is_theirs() {
    let cluster = Cluster::new().await;
    cluster.make_account("web").await;
    let node = |name: &str| json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name } });
    let n1 = As::User("system:node:n1", &["system:nodes"]);
    let made = cluster.check(n1, "POST /api/v1/nodes", node("n1"), (201, "")).await;
    assert_eq!(made["spec"]["taints"][0]["key"], "node.kubernetes.io/not-ready");
    let text = "node \"n1\" is not allowed to modify node \"n2\"";
    cluster.check(n1, "POST /api/v1/nodes", node("n2"), (403, text)).await;
    let own = pod(
        "own",
        json!({
            "serviceAccountName": "web", "nodeName": "n1", "volumes": [{ "name": "v", "configMap": { "name": "read" } }],
        }),
    );
    cluster.check(As::Admin, PODS, own, (201, "")).await;
    let unrelated = "no relationship found between node 'n1' and this object";
    for (name, expected) in [("read", (404, "not found")), ("other", (403, unrelated))] {
        let get = format!("GET /api/v1/namespaces/default/configmaps/{name}");
        cluster.check(n1, &get, Value::Null, expected).await;
    }
    let list = "GET /api/v1/namespaces/default/secrets";
    cluster.check(n1, list, Value::Null, (403, "No Object name found")).await;
    let elsewhere = pod("p", json!({ "serviceAccountName": "web", "nodeName": "n2" }));
    cluster.check(As::Admin, PODS, elsewhere, (201, "")).await;
    let delete = "DELETE /api/v1/namespaces/default/pods/p?gracePeriodSeconds=0";
    cluster.check(n1, delete, Value::Null, (403, "can only delete pods with spec.nodeName set to itself")).await;
}

#[tokio::test]
async fn a_quota_holds_against_creates_at_the_same_time() {
    let cluster = Cluster::new().await;
    cluster.make_account("web").await;
    let quotas = "/api/v1/namespaces/default/resourcequotas";
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "q" }, "spec": { "hard": { "pods": "5" } },
    });
    let mut made = cluster.check(As::Admin, &format!("POST {quotas}"), quota, (201, "")).await;
    made["status"] = json!({ "hard": { "pods": "5" }, "used": { "pods": "0" } });
    cluster.check(As::Admin, &format!("PUT {quotas}/q/status"), made, (200, "")).await;
    let names: Vec<String> = (0..40).map(|n| format!("p{n}")).collect();
    let calls =
        names.iter().map(|name| cluster.call(As::Admin, PODS, pod(name, json!({ "serviceAccountName": "web" }))));
    let answers = futures::future::join_all(calls).await;
    let made = answers.iter().filter(|(code, _)| *code == 201).count();
    let refused = answers.iter().filter(|(code, answer)| {
        let text = answer["message"].as_str().unwrap_or_default();
        *code == 403 && text.contains("exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5")
    });
    assert_eq!((made, refused.count()), (5, 35), "{answers:?}");
    let (_, quota) = cluster.call(As::Admin, &format!("GET {quotas}/q"), Value::Null).await;
    assert_eq!(quota["status"]["used"]["pods"], "5");
}
