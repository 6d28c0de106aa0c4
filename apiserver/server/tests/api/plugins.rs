//! Admission plug-ins: what they add to and refuse of writes, in upstream's words.

use std::time::{Duration, UNIX_EPOCH};

use crate::common::Api;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubernel_server::admission::Plugins;
use kubernel_server::{Serving, User};
use serde_json::{Value, json};

const PODS: &str = "POST /api/v1/namespaces/t/pods";
const CLAIMS: &str = "/api/v1/namespaces/t/persistentvolumeclaims";

fn admin() -> User {
    User::new("admin", &["system:masters"])
}

/// A node that may do everything as far as its roles go: what is left is what the plug-in says.
fn node() -> User {
    User::new("system:node:n1", &["system:nodes", "system:masters"])
}

/// One request after the other: who, what, the code and a part of the message.
async fn check(api: &Api, rows: Vec<(User, String, Value, u16, &str)>) {
    for (user, request, body, code, text) in rows {
        let (found, answer) = api.call_as(user, &request, &body).await;
        let message = answer["message"].as_str().unwrap_or_default();
        assert!(found == code && message.contains(text), "{request} {body}: {found} {answer}");
    }
}

fn pod(name: &str, spec: Value) -> Value {
    let mut pod = json!({ "metadata": { "name": name }, "spec": { "containers": [{ "name": "c", "image": "i" }] } });
    pod["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    pod
}

async fn with_account() -> Api {
    let api = Api::new().await;
    api.create("/api/v1/namespaces/t/serviceaccounts", json!({ "metadata": { "name": "default" } })).await;
    api
}

#[tokio::test]
async fn nodes_are_held_to_what_is_theirs() {
    let api = with_account().await;
    let own = json!({ "metadata": { "name": "n1", "labels": { "topology.kubernetes.io/zone": "z", "own": "x" } } });
    let mut made = api.create("/api/v1/nodes", own).await;
    made["metadata"]["resourceVersion"] = json!("");
    let labelled = |key: &str| {
        let mut node = made.clone();
        node["metadata"]["labels"][key] = json!("y");
        node
    };
    let tainted = {
        let mut node = made.clone();
        node["spec"]["taints"] = json!([]);
        node
    };
    let mirror = |owners: Value, spec: Value| {
        let mut pod = pod("m", spec);
        pod["metadata"]["annotations"] = json!({ "kubernetes.io/config.mirror": "x" });
        pod["metadata"]["ownerReferences"] = owners;
        pod["spec"]["nodeName"] = json!("n1");
        pod
    };
    let owner =
        |uid: &Value| json!([{ "apiVersion": "v1", "kind": "Node", "name": "n1", "uid": uid, "controller": true }]);
    let uid = &made["metadata"]["uid"];
    let run = api.create("/api/v1/namespaces/t/pods", pod("run", json!({ "nodeName": "n1" }))).await;
    api.create("/api/v1/namespaces/t/pods", pod("other", json!({ "nodeName": "n2" }))).await;
    let bound = |name: &str, uid: &Value, audiences: Value| {
        let reference = json!({ "apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid });
        json!({ "spec": { "boundObjectRef": reference, "audiences": audiences } })
    };
    let relabelled = {
        let mut pod = run.clone();
        pod["metadata"]["labels"] = json!({ "x": "y" });
        pod
    };
    let secret = json!({ "volumes": [{ "name": "v", "secret": { "secretName": "s" } }] });
    let put = || "PUT /api/v1/nodes/n1".to_owned();
    let token = || "POST /api/v1/namespaces/t/serviceaccounts/default/token".to_owned();
    let leases = |namespace: &str| format!("POST /apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
    let lease = |name: &str| json!({ "metadata": { "name": name } });
    check(
        &api,
        vec![
            (
                node(),
                "POST /api/v1/nodes".into(),
                json!({ "metadata": { "name": "n2" } }),
                403,
                "is not allowed to modify node \"n2\"",
            ),
            (node(), put(), labelled("other"), 200, ""),
            (
                node(),
                put(),
                labelled("node-role.kubernetes.io/master"),
                403,
                "is not allowed to modify labels: node-role.kubernetes.io/master",
            ),
            (node(), put(), tainted, 403, "node \"n1\" is not allowed to modify taints"),
            (node(), PODS.into(), pod("p", json!({})), 403, "can only create mirror pods"),
            (node(), PODS.into(), mirror(json!([]), json!({})), 403, "with an owner reference set to itself"),
            (node(), PODS.into(), mirror(owner(&json!("u")), json!({})), 403, "node n1 UID mismatch: expected u got"),
            (node(), PODS.into(), mirror(owner(uid), secret), 403, "a mirror pod may not reference secrets"),
            (node(), PODS.into(), mirror(owner(uid), json!({})), 201, ""),
            (
                node(),
                "DELETE /api/v1/namespaces/t/pods/other".into(),
                Value::Null,
                403,
                "can only delete pods with spec.nodeName set to itself",
            ),
            (
                node(),
                "PUT /api/v1/namespaces/t/pods/run/status".into(),
                relabelled,
                403,
                "cannot update labels through pod status",
            ),
            (node(), token(), json!({ "spec": {} }), 403, "node requested token not bound to a pod"),
            (node(), token(), bound("other", &json!("u"), json!([])), 403, "does not match the UID in record"),
            (
                node(),
                leases("default"),
                lease("n1"),
                403,
                "can only access leases in the \"kube-node-lease\" system namespace",
            ),
            (node(), leases("kube-node-lease"), lease("n2"), 403, "with the same name as the requesting node"),
            (
                node(),
                "POST /apis/storage.k8s.io/v1/csinodes".into(),
                json!({ "metadata": { "name": "n2" }, "spec": { "drivers": [] } }),
                403,
                "can only access CSINode with the same name as the requesting node",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn claims_grow_where_their_class_lets_them() {
    let api = with_account().await;
    for (name, grows) in [("gold", true), ("iron", false)] {
        let class = json!({ "metadata": { "name": name }, "provisioner": "p", "allowVolumeExpansion": grows });
        api.create("/apis/storage.k8s.io/v1/storageclasses", class).await;
        let spec = json!({
            "storageClassName": name, "volumeName": "v", "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Gi" } },
        });
        let made = api.create(CLAIMS, json!({ "metadata": { "name": name }, "spec": spec })).await;
        assert_eq!(made["metadata"]["finalizers"], json!(["kubernetes.io/pvc-protection"]));
        let status = json!({ "status": { "phase": "Bound", "capacity": { "storage": "1Gi" } } });
        assert_eq!(api.call("PATCH", &format!("{CLAIMS}/{name}/status"), status).await.code, 200);
    }
    let grow = json!({ "spec": { "resources": { "requests": { "storage": "2Gi" } } } });
    let refused = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must \
                   support resize";
    for (name, code, text) in [("gold", 200, ""), ("iron", 403, refused)] {
        let reply = api.call("PATCH", &format!("{CLAIMS}/{name}"), grow.clone()).await;
        assert!(reply.code == code && reply.body.to_string().contains(text), "{name}: {}", reply.body);
    }
}

#[tokio::test]
async fn pods_take_over_the_zone_of_their_node() {
    let api = with_account().await;
    let labels = json!({ "topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r", "other": "x" });
    api.create("/api/v1/nodes", json!({ "metadata": { "name": "n", "labels": labels } })).await;
    api.create("/api/v1/namespaces/t/pods", pod("placed", json!({ "nodeName": "n" }))).await;
    let mut own = pod("own", json!({}));
    own["metadata"]["labels"] = json!({ "topology.kubernetes.io/zone": "mine" });
    for pod in [pod("bound", json!({})), own] {
        let made = api.create("/api/v1/namespaces/t/pods", pod).await;
        let binding = json!({ "metadata": made["metadata"], "target": { "kind": "Node", "name": "n" } });
        let binding = json!({ "metadata": { "name": binding["metadata"]["name"] }, "target": binding["target"] });
        let path = format!("/api/v1/namespaces/t/pods/{}/binding", made["metadata"]["name"].as_str().unwrap());
        api.create(&path, binding).await;
    }
    for (name, zone) in [("placed", "z"), ("bound", "z"), ("own", "mine")] {
        let pod = api.get(&format!("/api/v1/namespaces/t/pods/{name}")).await;
        let expect = json!({ "topology.kubernetes.io/zone": zone, "topology.kubernetes.io/region": "r" });
        assert_eq!(pod["metadata"]["labels"], expect, "{name}");
    }
}

#[tokio::test]
async fn limits_count_what_the_pod_says_as_a_whole() {
    let api = with_account().await;
    let limit = json!({ "type": "Pod", "max": { "cpu": "2" } });
    let range = json!({ "metadata": { "name": "l" }, "spec": { "limits": [limit] } });
    api.create("/api/v1/namespaces/t/limitranges", range).await;
    let whole = |cpu: &str| json!({ "resources": { "limits": { "cpu": cpu } } });
    let limited = "maximum cpu usage per Pod is 2, but limit is 3";
    check(
        &api,
        vec![
            (admin(), PODS.into(), pod("a", whole("3")), 403, limited),
            (admin(), PODS.into(), pod("b", whole("2")), 201, ""),
            (admin(), PODS.into(), pod("c", json!({})), 403, "maximum cpu usage per Pod is 2.  No limit is specified"),
        ],
    )
    .await;
}

#[tokio::test]
async fn accounts_say_which_secrets_their_pods_may_have() {
    let api = Api::new().await;
    let account = json!({
        "metadata": { "name": "default", "annotations": { "kubernetes.io/enforce-mountable-secrets": "true" } },
        "secrets": [{ "name": "known" }], "imagePullSecrets": [{ "name": "pull" }],
    });
    api.create("/api/v1/namespaces/t/serviceaccounts", account).await;
    let from = |name: &str| json!({ "containers": [{ "name": "c", "image": "i", "envFrom": [{ "secretRef": { "name": name } }] }] });
    let refused = "container c with envFrom referencing secret.secretName=\"other\" is not allowed because service account \
                   default does not reference that secret";
    check(
        &api,
        vec![
            (admin(), PODS.into(), pod("a", from("other")), 403, refused),
            (admin(), PODS.into(), pod("b", from("known")), 201, ""),
            (
                admin(),
                PODS.into(),
                pod("c", json!({ "imagePullSecrets": [{ "name": "x" }] })),
                403,
                "imagePullSecrets[0].name=\"x\"",
            ),
        ],
    )
    .await;
    let made = api.get("/api/v1/namespaces/t/pods/b").await;
    assert_eq!(made["spec"]["imagePullSecrets"], json!([{ "name": "pull" }]));
}

#[tokio::test]
async fn plugins_are_switched() {
    let words = |text: &str| -> Vec<String> { text.split(',').map(str::to_owned).collect() };
    let on = "AlwaysPullImages,DenyServiceExternalIPs,ExtendedResourceToleration,LimitPodHardAntiAffinityTopology,\
              OwnerReferencesPermissionEnforcement";
    let plugins = Plugins::new(&words(on), &words("ServiceAccount,Priority")).unwrap();
    let api = Api::serving(&Serving { plugins, ..Serving::default() }).await;
    let editor = || User::new("editor", &["system:authenticated"]);
    let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "update"] }]);
    let roles = "/apis/rbac.authorization.k8s.io/v1";
    api.create(&format!("{roles}/clusterroles"), json!({ "metadata": { "name": "e" }, "rules": rules })).await;
    let binding = json!({
        "metadata": { "name": "e" }, "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "e" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "editor" }],
    });
    api.create(&format!("{roles}/clusterrolebindings"), binding).await;
    let device = json!({ "requests": { "example.com/gpu": "1" }, "limits": { "example.com/gpu": "1" } });
    let made = pod("a", json!({ "containers": [{ "name": "c", "image": "i:1", "resources": device }] }));
    let term = json!({ "topologyKey": "zone", "labelSelector": {} });
    let affinity = json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [term] } });
    let service =
        |ip: &str| json!({ "metadata": { "name": "s" }, "spec": { "ports": [{ "port": 1 }], "externalIPs": [ip] } });
    let owned = json!({ "metadata": { "name": "o", "ownerReferences": [
        { "apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u" },
    ] } });
    check(
        &api,
        vec![
            (admin(), PODS.into(), made, 201, ""),
            (
                admin(),
                PODS.into(),
                pod("b", json!({ "affinity": affinity })),
                403,
                "has TopologyKey zone but only key kubernetes.io/hostname is allowed",
            ),
            (
                admin(),
                "POST /api/v1/namespaces/t/services".into(),
                service("192.0.2.1"),
                403,
                "Use of external IPs is denied by admission control.",
            ),
            (
                editor(),
                "POST /api/v1/namespaces/t/configmaps".into(),
                owned.clone(),
                403,
                "cannot set an ownerRef on a resource you can't delete: ",
            ),
            (admin(), "POST /api/v1/namespaces/t/configmaps".into(), owned, 201, ""),
        ],
    )
    .await;
    let spec = api.get("/api/v1/namespaces/t/pods/a").await["spec"].clone();
    assert_eq!(spec["containers"][0]["imagePullPolicy"], "Always");
    assert_eq!(spec["tolerations"][2]["key"], "example.com/gpu");
    assert!(spec.get("priority").is_none() && spec["containers"][0].get("volumeMounts").is_none(), "{spec}");
}

#[tokio::test]
async fn quotas_hold_growth_and_let_the_rest_through() {
    let api = with_account().await;
    let hard = json!({ "services.nodeports": "1", "requests.storage": "2Gi", "count/configmaps": "2", "pods": "1" });
    let quotas = "/api/v1/namespaces/t/resourcequotas";
    let mut quota = api.create(quotas, json!({ "metadata": { "name": "q" }, "spec": { "hard": hard } })).await;
    let services = "POST /api/v1/namespaces/t/services";
    let service = |name: &str, kind: &str| json!({ "metadata": { "name": name }, "spec": { "type": kind, "ports": [{ "port": 1 }] } });
    let unknown = "status unknown for quota: q, resources: pods";
    check(&api, vec![(admin(), PODS.into(), pod("a", json!({})), 201, "")]).await;
    quota["status"] = json!({ "hard": hard, "used": { "services.nodeports": "0" } });
    check(&api, vec![(admin(), format!("PUT {quotas}/q/status"), quota.clone(), 200, "")]).await;
    check(&api, vec![(admin(), PODS.into(), pod("b", json!({})), 403, unknown)]).await;
    let mut quota = api.get(&format!("{quotas}/q")).await;
    quota["status"]["used"] =
        json!({ "services.nodeports": "0", "requests.storage": "0", "count/configmaps": "0", "pods": "1" });
    check(&api, vec![(admin(), format!("PUT {quotas}/q/status"), quota, 200, "")]).await;
    let map = |name: &str| json!({ "metadata": { "name": name } });
    let maps = "POST /api/v1/namespaces/t/configmaps";
    let cluster_ip = json!({ "spec": { "type": "ClusterIP", "ports": [{ "port": 1, "nodePort": null }] } });
    check(
        &api,
        vec![
            (
                admin(),
                PODS.into(),
                pod("b", json!({})),
                403,
                "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1",
            ),
            (admin(), services.into(), service("a", "NodePort"), 201, ""),
            (
                admin(),
                services.into(),
                service("b", "NodePort"),
                403,
                "requested: services.nodeports=1, used: services.nodeports=1",
            ),
            (admin(), services.into(), service("b", "ClusterIP"), 201, ""),
            (admin(), format!("{maps}?dryRun=All"), map("a"), 201, ""),
            (admin(), maps.into(), map("a"), 201, ""),
            (admin(), maps.into(), map("b"), 201, ""),
            (
                admin(),
                maps.into(),
                map("c"),
                403,
                "requested: count/configmaps=1, used: count/configmaps=2, limited: count/configmaps=2",
            ),
        ],
    )
    .await;
    let shrunk = api.call("PATCH", "/api/v1/namespaces/t/services/a", cluster_ip).await;
    assert_eq!(shrunk.code, 200, "{}", shrunk.body);
    // Admission takes nothing off: that is the controller's.
    let used = api.get(&format!("{quotas}/q")).await["status"]["used"].clone();
    assert_eq!(
        used,
        json!({ "services.nodeports": "1", "requests.storage": "0", "count/configmaps": "2", "pods": "1" })
    );
}

#[tokio::test]
async fn certificates_of_pods_are_asked_for_by_their_nodes_and_given_by_signers() {
    let serving = Serving {
        versions: "certificates.k8s.io/v1beta1=true".parse().unwrap(),
        gates: "PodCertificateRequest=true".parse().unwrap(),
        ..Serving::default()
    };
    let api = Api::serving(&serving).await;
    let account = json!({ "metadata": { "name": "default" } });
    let account = api.create("/api/v1/namespaces/t/serviceaccounts", account).await;
    let own = api.create("/api/v1/nodes", json!({ "metadata": { "name": "n1" } })).await;
    let run = api.create("/api/v1/namespaces/t/pods", pod("run", json!({ "nodeName": "n1" }))).await;
    let other = api.create("/api/v1/namespaces/t/pods", pod("other", json!({ "nodeName": "n2" }))).await;
    let uid = |object: &Value| object["metadata"]["uid"].clone();
    let key = rcgen::KeyPair::generate().unwrap();
    let stub = rcgen::CertificateParams::default().serialize_request(&key).unwrap().der().to_vec();
    let forged = {
        let mut der = stub.clone();
        *der.last_mut().unwrap() ^= 1;
        STANDARD.encode(der)
    };
    let asked = |name: &str, changes: Value| {
        let mut spec = json!({
            "signerName": "example.com/s", "podName": "run", "podUID": uid(&run), "nodeName": "n1", "nodeUID": uid(&own),
            "serviceAccountName": "default", "serviceAccountUID": uid(&account), "maxExpirationSeconds": 86400,
            "stubPKCS10Request": STANDARD.encode(&stub),
        });
        for (field, value) in changes.as_object().into_iter().flatten() {
            spec[field] = value.clone();
        }
        json!({ "metadata": { "name": name }, "spec": spec })
    };
    const REQUESTS: &str = "/apis/certificates.k8s.io/v1beta1/namespaces/t/podcertificaterequests";
    let rows = [
        (node(), json!({ "nodeName": "n2" }), 403, "NodeName=\"n2\", which is not the requesting node \"n1\""),
        (node(), json!({ "nodeUID": "u" }), 500, "names node UID \"u\", inconsistent with the running node"),
        (
            node(),
            json!({ "podName": "gone" }),
            500,
            "while retrieving pod \"t/gone\" named in the PodCertificateRequest",
        ),
        (node(), json!({ "podUID": "u" }), 500, "contains pod UID (\"u\") which differs from running pod"),
        (
            node(),
            json!({ "podName": "other", "podUID": uid(&other) }),
            403,
            "pod \"t/other\" is not running on node \"n1\" named in the PodCertificateRequest",
        ),
        (node(), json!({ "serviceAccountName": "x" }), 403, "(\"x\") that differs from running pod (\"default\")"),
        (node(), json!({ "serviceAccountUID": "u" }), 500, "names service account UID \"u\", which differs from"),
        (admin(), json!({ "nodeName": "n2" }), 201, ""),
        (
            admin(),
            json!({ "stubPKCS10Request": forged }),
            422,
            "spec.stubPKCS10Request: Invalid value: could not verify proof-of-possession signature",
        ),
        (node(), json!({}), 201, ""),
    ];
    let create = format!("POST {REQUESTS}");
    let rows = rows
        .into_iter()
        .enumerate()
        .map(|(at, (user, changes, code, text))| (user, create.clone(), asked(&format!("r{at}"), changes), code, text));
    check(&api, rows.collect()).await;
    let denied = json!({ "status": { "conditions": [{
        "type": "Denied", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
    }] } });
    let mut answered = api.get(&format!("{REQUESTS}/r9")).await;
    answered["status"] = denied["status"].clone();
    let status = format!("PUT {REQUESTS}/r9/status");
    let rules = json!([{ "apiGroups": ["certificates.k8s.io"], "resources": ["*"], "verbs": ["get", "update"] }]);
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    api.create(&format!("{rbac}/clusterroles"), json!({ "metadata": { "name": "c" }, "rules": rules })).await;
    let binding = json!({
        "metadata": { "name": "c" }, "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "c" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane" }],
    });
    api.create(&format!("{rbac}/clusterrolebindings"), binding).await;
    let jane = User::new("jane", &["system:authenticated"]);
    let refused = "spec.signerName: Forbidden: User \"jane\" is not permitted to \"sign\" for signer \"example.com/s\"";
    let rows = vec![
        (jane, status.clone(), answered.clone(), 422, refused),
        (node(), status.clone(), answered.clone(), 403, "unexpected operation UPDATE"),
        (admin(), status, answered, 200, ""),
    ];
    check(&api, rows).await;
}

#[tokio::test]
async fn certificates_of_pods_begin_about_now() {
    let serving = Serving {
        versions: "certificates.k8s.io/v1beta1=true".parse().unwrap(),
        gates: "PodCertificateRequest=true".parse().unwrap(),
        ..Serving::default()
    };
    let api = Api::serving(&serving).await;
    const REQUESTS: &str = "/apis/certificates.k8s.io/v1beta1/namespaces/t/podcertificaterequests";
    let key = rcgen::KeyPair::generate().unwrap();
    let stub = rcgen::CertificateParams::default().serialize_request(&key).unwrap().der().to_vec();
    let asked = json!({ "metadata": { "name": "r" }, "spec": {
        "signerName": "example.com/s", "podName": "p", "podUID": "u", "nodeName": "n", "nodeUID": "u",
        "serviceAccountName": "a", "serviceAccountUID": "u", "maxExpirationSeconds": 86400,
        "stubPKCS10Request": STANDARD.encode(&stub),
    } });
    let made = api.create(REQUESTS, asked).await;
    let now = jiff::Timestamp::now().as_second();
    let rows = [(now - 600, 422, "must be set to within 5 minutes of kube-apiserver's current time"), (now, 200, "")];
    for (begins, code, text) in rows {
        let mut params = rcgen::CertificateParams::default();
        let at = |secs: i64| UNIX_EPOCH + Duration::from_secs(secs.try_into().unwrap());
        (params.not_before, params.not_after) = (at(begins).into(), at(begins + 7200).into());
        let chain = params.self_signed(&key).unwrap().pem();
        let shown = |secs: i64| jiff::Timestamp::from_second(secs).unwrap().to_string();
        let mut answer = made.clone();
        answer["status"] = json!({
            "certificateChain": chain, "notBefore": shown(begins), "notAfter": shown(begins + 7200),
            "beginRefreshAt": shown(begins + 3600),
            "conditions": [{
                "type": "Issued", "status": "True", "reason": "R", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }],
        });
        check(&api, vec![(admin(), format!("PUT {REQUESTS}/r/status"), answer, code, text)]).await;
    }
}
