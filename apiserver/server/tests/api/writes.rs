//! What writes do, together and one after the other.

use crate::common::{Api, CONFIG_MAPS, names, version};
use http_body_util::BodyExt as _;
use kubernel_server::Serving;
use serde_json::{Value, json};

#[tokio::test]
async fn no_change_is_no_write() {
    let api = Api::new().await;
    let made = api.config_map("a", "1").await;
    let path = format!("{CONFIG_MAPS}/a");
    let again = api.call("PATCH", &path, json!({"metadata": {"labels": {"l": "1"}}})).await.body;
    assert_eq!(version(&again), version(&made));
    let again = api.call("PUT", &path, json!({"metadata": {"name": "a", "labels": {"l": "1"}}})).await.body;
    assert_eq!(version(&again), version(&made));
}

/// An applied configuration without a name takes the name of what is there, and cannot make anything.
#[tokio::test]
async fn an_apply_without_a_name_changes_what_is_there() {
    let api = Api::new().await;
    let configuration = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"}});
    let mut codes = Vec::new();
    for name in ["a", "b"] {
        let path = format!("{CONFIG_MAPS}/{name}?fieldManager=m");
        if name == "a" {
            api.config_map(name, "1").await;
        }
        let response = api.send("PATCH", &path, "application/apply-patch+yaml", configuration.to_string()).await;
        codes.push(response.status().as_u16());
    }
    assert_eq!(codes, [200, 400]);
    assert_eq!(api.get(&format!("{CONFIG_MAPS}/a")).await["data"], json!({"k": "v"}));
}

#[tokio::test]
async fn patches_that_meet_are_all_applied() {
    let api = Api::new().await;
    api.config_map("a", "1").await;
    let path = format!("{CONFIG_MAPS}/a");
    let patches = (0..4).map(|n| api.call("PATCH", &path, json!({"data": {format!("k{n}"): "v"}})));
    for reply in futures::future::join_all(patches).await {
        assert_eq!(reply.code, 200, "{}", reply.body);
    }
    assert_eq!(api.get(&path).await["data"].as_object().unwrap().len(), 4);
}

#[tokio::test]
async fn a_stale_version_is_a_conflict() {
    let api = Api::new().await;
    let made = api.config_map("a", "1").await;
    let path = format!("{CONFIG_MAPS}/a");
    api.call("PATCH", &path, json!({"data": {"k": "v"}})).await;
    let reply = api.call("PUT", &path, made).await;
    assert_eq!((reply.code, &reply.body["reason"]), (409, &json!("Conflict")));
}

#[tokio::test]
async fn one_of_many_creates_wins() {
    let api = Api::new().await;
    let creates = (0..8).map(|_| api.call("POST", CONFIG_MAPS, json!({"metadata": {"name": "a"}})));
    let mut codes: Vec<u16> = futures::future::join_all(creates).await.iter().map(|reply| reply.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn an_object_with_finalizers_waits_for_them() {
    let api = Api::new().await;
    api.create(CONFIG_MAPS, json!({"metadata": {"name": "a", "finalizers": ["x.io/a"]}})).await;
    let path = format!("{CONFIG_MAPS}/a");
    let reply = api.call("DELETE", &path, Value::Null).await;
    assert_eq!(reply.code, 200);
    assert!(reply.body["metadata"]["deletionTimestamp"].is_string(), "{}", reply.body);
    let added = api.call("PATCH", &path, json!({"metadata": {"finalizers": ["x.io/a", "x.io/b"]}})).await;
    assert_eq!(added.code, 422, "nobody adds finalizers to what is going: {}", added.body);
    api.call("PATCH", &path, json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(api.call("GET", &path, Value::Null).await.code, 404);
}

#[tokio::test]
async fn a_service_gives_its_address_back() {
    let api = Api::new().await;
    let path = "/api/v1/namespaces/t/services";
    let service = |name: &str, address: &str| json!({"metadata": {"name": name}, "spec": {"clusterIP": address, "ports": [{"port": 80}]}});
    api.create(path, service("a", "10.96.0.9")).await;
    let taken = api.call("POST", path, service("b", "10.96.0.9")).await;
    assert_eq!(taken.code, 422, "{}", taken.body);
    let dry = api.call("POST", &format!("{path}?dryRun=All"), service("b", "10.96.0.10")).await;
    assert_eq!(dry.code, 201, "{}", dry.body);
    api.call("DELETE", &format!("{path}/a"), Value::Null).await;
    api.create(path, service("b", "10.96.0.9")).await;
    api.create(path, service("c", "10.96.0.10")).await;
}

#[tokio::test]
async fn a_binding_puts_a_pod_on_its_node() {
    let api = Api::new().await;
    api.create("/api/v1/namespaces/t/serviceaccounts", json!({"metadata": {"name": "default"}})).await;
    let pods = "/api/v1/namespaces/t/pods";
    api.create(pods, json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})).await;
    let pending = api.get(&format!("{pods}?fieldSelector=spec.nodeName%3D")).await;
    assert_eq!(names(&pending), ["p"]);
    let binding = json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}});
    api.create(&format!("{pods}/p/binding"), binding.clone()).await;
    let bound = api.get(&format!("{pods}?fieldSelector=spec.nodeName%3Dn")).await;
    assert_eq!(names(&bound), ["p"]);
    let twice = api.call("POST", &format!("{pods}/p/binding"), binding).await;
    assert_eq!(twice.code, 409, "{}", twice.body);
    // Under the older path the uid is not what the Pod must have: it is dropped before anybody looks.
    let more = json!({"metadata": {"name": "q"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    api.create(pods, more).await;
    let rows = [
        (format!("{pods}/q/binding"), json!({"name": "q", "namespace": "else"}), 400),
        (format!("{pods}/q/eviction"), json!({"name": "q", "namespace": "else"}), 400),
        (format!("{pods}/q/binding"), json!({"name": "q", "uid": "x"}), 409),
        ("/api/v1/namespaces/t/bindings".to_owned(), json!({"name": "q", "uid": "x"}), 201),
    ];
    for (path, metadata, code) in rows {
        let reply = api.call("POST", &path, json!({"metadata": metadata, "target": {"name": "n"}})).await;
        assert_eq!(reply.code, code, "{path}: {}", reply.body);
    }
}

#[tokio::test]
async fn an_eviction_asks_the_budget() {
    let api = Api::new().await;
    api.create("/api/v1/namespaces/t/serviceaccounts", json!({"metadata": {"name": "default"}})).await;
    let pods = "/api/v1/namespaces/t/pods";
    let budgets = "/apis/policy/v1/namespaces/t/poddisruptionbudgets";
    let needs = "The disruption budget b needs 2 healthy pods and has 2 currently";
    let short = "The disruption budget b needs 2 healthy pods and has 1 currently";
    let processed = "The disruption budget b is still being processed by the server.";
    let failed = "The disruption budget b does not allow evicting pods currently because it failed sync: why";
    let sync_failed = json!([{"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "why",
                             "lastTransitionTime": "2024-01-01T00:00:00Z"}]);
    // Whether the Pod is ready, the budget's policy and status; the code, the cause, and what is allowed afterwards.
    let rows = [
        ("Running", true, "", json!({"disruptionsAllowed": 0, "currentHealthy": 2}), 429, needs, 0),
        ("Running", true, "", json!({"disruptionsAllowed": 1, "currentHealthy": 3}), 201, "", 0),
        ("Running", true, "", json!({"disruptionsAllowed": 2, "currentHealthy": 4}), 201, "", 1),
        ("Running", true, "", json!({"disruptionsAllowed": 1, "observedGeneration": 0}), 429, processed, 1),
        ("Running", true, "", json!({"disruptionsAllowed": 0, "conditions": sync_failed}), 429, failed, 0),
        ("Running", true, "AlwaysAllow", json!({"disruptionsAllowed": 0, "currentHealthy": 2}), 429, needs, 0),
        ("Running", false, "", json!({"disruptionsAllowed": 0, "currentHealthy": 2}), 201, "", 0),
        ("Running", false, "", json!({"disruptionsAllowed": 0, "currentHealthy": 1}), 429, short, 0),
        ("Running", false, "IfHealthyBudget", json!({"disruptionsAllowed": 0, "currentHealthy": 1}), 429, short, 0),
        ("Running", false, "AlwaysAllow", json!({"disruptionsAllowed": 0, "currentHealthy": 1}), 201, "", 0),
        ("Pending", false, "", json!({"disruptionsAllowed": 0, "currentHealthy": 0}), 201, "", 0),
    ];
    for (phase, ready, policy, status, code, cause, left) in rows {
        let spec = json!({"terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": "i"}]});
        api.create(pods, json!({"metadata": {"name": "p", "labels": {"a": "b"}}, "spec": spec})).await;
        let is_ready = json!([{"type": "Ready", "status": if ready { "True" } else { "False" }}]);
        let pod_status = json!({"status": {"phase": phase, "conditions": is_ready}});
        api.call("PATCH", &format!("{pods}/p/status"), pod_status).await;
        let mut spec = json!({"minAvailable": 2, "selector": {"matchLabels": {"a": "b"}}});
        if !policy.is_empty() {
            spec["unhealthyPodEvictionPolicy"] = json!(policy);
        }
        api.create(budgets, json!({"metadata": {"name": "b"}, "spec": spec})).await;
        let mut whole = json!({"observedGeneration": 1, "currentHealthy": 1, "desiredHealthy": 2, "expectedPods": 3});
        whole.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
        api.call("PATCH", &format!("{budgets}/b/status"), json!({"status": whole})).await;

        let reply = api.call("POST", &format!("{pods}/p/eviction"), json!({"metadata": {"name": "p"}})).await;
        let said = reply.body["details"]["causes"][0]["message"].as_str().unwrap_or_default();
        let row = format!("{phase} {ready} {policy} {status}: {}", reply.body);
        assert_eq!((reply.code, said), (code, cause), "{row}");
        let after = api.get(&format!("{budgets}/b")).await;
        assert_eq!(after["status"]["disruptionsAllowed"], left, "{row}");
        api.call("DELETE", &format!("{budgets}/b"), Value::Null).await;
        api.call("DELETE", &format!("{pods}/p?gracePeriodSeconds=0"), Value::Null).await;
    }
}

#[tokio::test]
async fn bad_bodies_are_the_clients_fault() {
    let api = Api::new().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let large = format!("{{\"data\":{{\"a\":\"{}\"}}}}", "x".repeat(4 << 20));
    for (method, path, content_type, body, code) in [
        ("POST", CONFIG_MAPS, "application/json", "{".to_owned(), 400),
        ("POST", CONFIG_MAPS, "application/json", deep.clone(), 400),
        ("POST", CONFIG_MAPS, "application/json", format!("{{\"metadata\":{deep}}}"), 400),
        ("POST", CONFIG_MAPS, "application/yaml", "&a [*a]".to_owned(), 400),
        ("POST", CONFIG_MAPS, "application/json", "\u{0}".to_owned(), 400),
        ("POST", CONFIG_MAPS, "application/xml", "<a/>".to_owned(), 415),
        ("POST", CONFIG_MAPS, "application/vnd.kubernetes.protobuf", "k8s\u{0}\u{7f}".to_owned(), 400),
        ("POST", CONFIG_MAPS, "application/json", large, 413),
        ("PATCH", "/api/v1/namespaces/t", "application/merge-patch+json", deep, 400),
    ] {
        let response = api.send(method, path, content_type, body.clone()).await;
        let shown = &body[..body.len().min(40)];
        assert_eq!(response.status().as_u16(), code, "{method} {content_type} {shown}");
    }
}

#[tokio::test]
async fn a_namespace_says_how_secure_its_pods_must_be() {
    let api = Api::new().await;
    let namespace = "/api/v1/namespaces/t";
    api.create(&format!("{namespace}/serviceaccounts"), json!({"metadata": {"name": "default"}})).await;
    let spec = json!({"containers": [{"name": "c", "image": "i", "securityContext": {"privileged": true}}]});
    let pods = format!("{namespace}/pods");
    api.create(&pods, json!({"metadata": {"name": "before"}, "spec": spec})).await;

    let label = |name: &str, value: &str| json!({"metadata": {"labels": {(format!("pod-security.kubernetes.io/{name}")): value}}});
    let warnings = |reply: &crate::common::Reply| -> Vec<String> {
        reply.headers.get_all("warning").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    };
    let reply = api.call("PATCH", namespace, label("enforce", "base")).await;
    assert_eq!(
        (reply.code, reply.body["message"].as_str().unwrap()),
        (
            422,
            "Namespace \"t\" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"base\": \
             must be one of privileged, baseline, restricted"
        )
    );
    let reply = api.call("PATCH", namespace, label("enforce", "baseline")).await;
    let told = [
        "299 - \"existing pods in namespace \\\"t\\\" violate the new PodSecurity enforce level \\\"baseline:latest\\\"\"",
        "299 - \"before: privileged\"",
    ];
    assert_eq!((reply.code, warnings(&reply)), (200, told.map(str::to_owned).to_vec()));

    let reply = api.call("POST", &pods, json!({"metadata": {"name": "after"}, "spec": spec})).await;
    assert_eq!(
        (reply.code, reply.body["message"].as_str().unwrap()),
        (
            403,
            "pods \"after\" is forbidden: violates PodSecurity \"baseline:latest\": privileged (container \"c\" must not \
             set securityContext.privileged=true)"
        )
    );
    // Whatever does not change what the Pod may do is no business of the standard.
    let reply = api.call("PATCH", &format!("{pods}/before"), json!({"metadata": {"labels": {"a": "b"}}})).await;
    assert_eq!((reply.code, warnings(&reply)), (200, vec![]));

    api.call("PATCH", namespace, label("warn", "baseline")).await;
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": spec});
    let web =
        json!({"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}});
    let reply = api.call("POST", "/apis/apps/v1/namespaces/t/deployments", web).await;
    let told = "299 - \"would violate PodSecurity \\\"baseline:latest\\\": privileged (container \\\"c\\\" must not set \
                securityContext.privileged=true)\"";
    assert_eq!((reply.code, warnings(&reply)), (201, vec![told.to_owned()]));
}

#[tokio::test]
async fn an_earlier_version_shows_the_same_objects() {
    let versions = "resource.k8s.io/v1beta1=true".parse().unwrap();
    let api = Api::serving(&Serving { versions, ..Serving::default() }).await;
    let path = |version: &str, resource: &str| format!("/apis/resource.k8s.io/{version}/{resource}");
    let (early, stable) = (path("v1beta1", "namespaces/t/resourceclaims"), path("v1", "namespaces/t/resourceclaims"));

    let request = json!({"name": "r", "deviceClassName": "gpu.example.com"});
    let claim = json!({"metadata": {"name": "c"}, "spec": {"devices": {"requests": [request]}}});
    let made = api.create(&early, claim).await;
    assert_eq!(made["apiVersion"], "resource.k8s.io/v1beta1");
    let request = json!({
        "name": "r",
        "exactly": {"deviceClassName": "gpu.example.com", "allocationMode": "ExactCount", "count": 1},
    });
    let stored = api.get(&format!("{stable}/c")).await;
    assert_eq!(
        (&stored["apiVersion"], &stored["spec"]["devices"]["requests"][0]),
        (&json!("resource.k8s.io/v1"), &request)
    );
    assert_eq!(stored["metadata"]["uid"], made["metadata"]["uid"]);
    let listed = api.get(&early).await;
    assert_eq!(listed["items"][0]["spec"], made["spec"]);

    // Upstream validates its own form, so the path is the stable version's.
    let bad = json!({"metadata": {"name": "bad"}, "spec": {"devices": {"requests": [{"name": "r", "deviceClassName": "G"}]}}});
    let reply = api.call("POST", &early, bad).await;
    let message = reply.body["message"].as_str().unwrap();
    assert_eq!(reply.code, 422);
    assert!(message.contains("spec.devices.requests[0].exactly.deviceClassName: Invalid value"), "{message}");

    let slice = json!({"metadata": {"name": "s"}, "spec": {
        "driver": "d.example.com", "nodeName": "n", "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
        "devices": [{"name": "gpu0", "basic": {"attributes": {"model": {"string": "a"}}}}],
    }});
    let made = api.create(&path("v1beta1", "resourceslices"), slice).await;
    assert_eq!(made["spec"]["devices"][0]["basic"], json!({"attributes": {"model": {"string": "a"}}}));
    let stored = api.get(&path("v1", "resourceslices/s")).await;
    assert_eq!(stored["spec"]["devices"][0], json!({"name": "gpu0", "attributes": {"model": {"string": "a"}}}));
}

#[tokio::test]
async fn a_gang_has_a_size_that_stays() {
    let serving = Serving {
        versions: "api/alpha".parse().unwrap(),
        gates: "GenericWorkload".parse().unwrap(),
        ..Serving::default()
    };
    let api = Api::serving(&serving).await;
    let path = "/apis/scheduling.k8s.io/v1alpha2/namespaces/t/workloads";
    let workload = |count: i64| {
        let template = json!({"name": "workers", "schedulingPolicy": {"gang": {"minCount": count}}, "priority": 7});
        json!({"metadata": {"name": "w"}, "spec": {"podGroupTemplates": [template]}})
    };
    let reply = api.call("POST", path, workload(0)).await;
    assert_eq!(
        reply.body["message"],
        "Workload.scheduling.k8s.io \"w\" is invalid: spec.podGroupTemplates[0].schedulingPolicy.gang.minCount: Required value"
    );
    let made = api.create(path, workload(4)).await;
    assert_eq!(
        made["spec"]["podGroupTemplates"][0],
        json!({"name": "workers", "schedulingPolicy": {"gang": {"minCount": 4}}})
    );
    let reply = api.call("PUT", &format!("{path}/w"), workload(5)).await;
    let message = reply.body["message"].as_str().unwrap();
    assert!(reply.code == 422 && message.ends_with("field is immutable"), "{message}");
}

#[tokio::test]
async fn an_older_field_and_its_list_change_together() {
    let api = Api::new().await;
    api.create("/api/v1/namespaces/t/serviceaccounts", json!({"metadata": {"name": "default"}})).await;
    let node = json!({"metadata": {"name": "n"}, "spec": {"podCIDR": "10.9.0.0/24"}});
    api.create("/api/v1/nodes", node).await;
    let changed = api.call("PATCH", "/api/v1/nodes/n", json!({"spec": {"podCIDR": "10.8.0.0/24"}})).await;
    let wanted = "Node \"n\" is invalid: spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" to \
                  valid";
    assert_eq!((changed.code, &changed.body["message"]), (422, &json!(wanted)));
    let pods = "/api/v1/namespaces/t/pods";
    api.create(pods, json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})).await;
    for ip in ["10.9.0.1", "10.9.0.2"] {
        let told = api.call("PATCH", &format!("{pods}/p/status"), json!({"status": {"podIP": ip}})).await;
        let found = (told.code, &told.body["status"]["podIP"], &told.body["status"]["podIPs"]);
        assert_eq!(found, (200, &json!(ip), &json!([{"ip": ip}])));
    }
}

/// Free content that must not change is compared by its bytes, as upstream does: blanks that a client sent are lost in a
/// patch, and so it is refused. What has none may be patched in whatever order and escapes it came.
#[tokio::test]
async fn revisions_keep_their_data_as_it_came() {
    const PATH: &str = "/apis/apps/v1/namespaces/default/controllerrevisions";
    let api = Api::new().await;
    let object = |name: &str, data: &str| format!(r#"{{"metadata":{{"name":"{name}"}},"revision":1,"data":{data}}}"#);
    let compact = r#"{"z":"a \u0026\u0026 b","a":1}"#;
    let lines = api.send("POST", PATH, "application/json", object("lines", "{\n\"a\":\r\n1}")).await;
    assert_eq!(lines.status(), 201);
    let got = api.fetch(&format!("{PATH}/lines"), &[]).await.into_body().collect().await.unwrap().to_bytes();
    assert!(!got.trim_ascii_end().contains(&b'\n'), "a watch would tell it in several lines");
    let forms = ["application/merge-patch+json", "application/strategic-merge-patch+json"];
    for (name, data, code) in [("compact", compact, 200), ("blanks", r#"{"a": 1}"#, 422)] {
        let made = api.send("POST", PATH, "application/json", object(name, data)).await;
        assert_eq!(made.status(), 201);
        for (at, form) in forms.into_iter().enumerate() {
            let patch = json!({"metadata": {"labels": {"at": at.to_string()}}}).to_string();
            let patched = api.send("PATCH", &format!("{PATH}/{name}"), form, patch).await;
            assert_eq!(patched.status(), code, "{name} {form}");
        }
        for (data, code) in [(data, 200), (r#"{ "a": 1 }"#, 422)] {
            let put = api.send("PUT", &format!("{PATH}/{name}"), "application/json", object(name, data)).await;
            assert_eq!(put.status(), code, "{name} {data}");
        }
    }
}
