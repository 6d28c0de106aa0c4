//! Rows: an object and what it counts for.

use serde_json::json;

use super::*;

fn object(value: Value) -> Object {
    Object::from_value(value).unwrap()
}

fn usage(group: &str, plural: &str, value: Value) -> String {
    let classes = Classes::read([&object(json!({
        "metadata": { "name": "gpu" }, "spec": { "extendedResourceName": "example.com/gpu" },
    }))]);
    let now = "2026-01-01T00:01:00Z".parse().unwrap();
    let usage = Measure::of(group, plural).unwrap().usage(&object(value), &classes, now);
    usage.iter().map(|(name, amount)| format!("{name}={amount}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn pods_count_until_they_have_ended() {
    let container = json!({ "name": "c", "resources": {
        "requests": { "cpu": "100m", "example.com/x": "2", "kubernetes.io/y": "1" }, "limits": { "memory": "1Gi" },
    } });
    let spec = json!({ "containers": [container], "overhead": { "cpu": "50m", "memory": "1Mi" } });
    let all = "count/pods=1 cpu=150m limits.memory=1025Mi memory=1Mi pods=1 requests.cpu=150m \
               requests.example.com/x=2 requests.memory=1Mi";
    let resized = |reason: &str| {
        json!({
            "spec": { "containers": [{ "name": "c", "resources": { "requests": { "cpu": "3" } } }] },
            "status": {
                "containerStatuses": [{
                    "name": "c", "resources": { "requests": { "cpu": "1" } }, "allocatedResources": { "cpu": "2" },
                }],
                "conditions": [{ "type": "PodResizePending", "reason": reason }],
            },
        })
    };
    let deleted = |grace: i64| {
        json!({ "spec": {}, "metadata": {
            "deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": grace,
        } })
    };
    for (pod, expect) in [
        (json!({ "spec": spec }), all),
        (json!({ "spec": spec, "status": { "phase": "Running" } }), all),
        (json!({ "spec": spec, "status": { "phase": "Succeeded" } }), "count/pods=1"),
        (deleted(30), "count/pods=1"),
        (deleted(90), "count/pods=1 pods=1"),
        (resized("Deferred"), "count/pods=1 cpu=3 pods=1 requests.cpu=3"),
        (resized("Infeasible"), "count/pods=1 cpu=2 pods=1 requests.cpu=2"),
    ] {
        assert_eq!(usage("", "pods", pod.clone()), expect, "{pod}");
    }
}

#[test]
fn other_kinds_count_in_their_own_ways() {
    let ports = json!([{ "port": 1 }, { "port": 2, "nodePort": 30000 }]);
    let service = |kind: &str, allocates: bool| json!({ "spec": { "type": kind, "ports": ports, "allocateLoadBalancerNodePorts": allocates } });
    let device = |class: &str, mode: &str, count: i64| json!({ "deviceClassName": class, "allocationMode": mode, "count": count });
    for (group, plural, value, expect) in [
        ("", "secrets", json!({}), "count/secrets=1 secrets=1"),
        ("", "endpoints", json!({}), "count/endpoints=1"),
        ("apps", "deployments", json!({}), "count/deployments.apps=1"),
        (
            "",
            "services",
            service("ClusterIP", true),
            "count/services=1 services=1 services.loadbalancers=0 services.nodeports=0",
        ),
        (
            "",
            "services",
            service("LoadBalancer", false),
            "count/services=1 services=1 services.loadbalancers=1 services.nodeports=1",
        ),
        (
            "",
            "services",
            service("NodePort", true),
            "count/services=1 services=1 services.loadbalancers=0 services.nodeports=2",
        ),
        (
            "",
            "persistentvolumeclaims",
            json!({ "spec": { "storageClassName": "fast", "resources": { "requests": { "storage": "1500m" } } } }),
            "count/persistentvolumeclaims=1 fast.storageclass.storage.k8s.io/persistentvolumeclaims=1 \
             fast.storageclass.storage.k8s.io/requests.storage=2 persistentvolumeclaims=1 requests.storage=2",
        ),
        (
            "",
            "persistentvolumeclaims",
            json!({
                "spec": { "resources": { "requests": { "storage": "1Gi" } } },
                "status": { "allocatedResources": { "storage": "2Gi" } },
            }),
            "count/persistentvolumeclaims=1 persistentvolumeclaims=1 requests.storage=2Gi",
        ),
        (
            "resource.k8s.io",
            "resourceclaims",
            json!({ "spec": { "devices": { "requests": [
                { "exactly": device("gpu", "ExactCount", 2) },
                { "firstAvailable": [device("gpu", "ExactCount", 1), device("gpu", "ExactCount", 3), device("nic", "All", 0)] },
            ] } } }),
            "count/resourceclaims.resource.k8s.io=1 gpu.deviceclass.resource.k8s.io/devices=5 \
             nic.deviceclass.resource.k8s.io/devices=32 requests.deviceclass.resource.kubernetes.io/gpu=5 \
             requests.deviceclass.resource.kubernetes.io/nic=32 requests.example.com/gpu=5",
        ),
    ] {
        assert_eq!(usage(group, plural, value.clone()), expect, "{value}");
    }
}

#[test]
fn names_belong_to_resources() {
    let classes = Classes::read([&object(json!({
        "metadata": { "name": "gpu" }, "spec": { "extendedResourceName": "example.com/gpu" },
    }))]);
    for (name, owners) in [
        ("pods", "pods"),
        ("count/pods", "pods"),
        ("limits.cpu", "pods"),
        ("requests.hugepages-2Mi", "pods"),
        ("requests.example.com/gpu", "pods resourceclaims"),
        ("requests.example.com/nic", "pods"),
        ("requests.kubernetes.io/x", ""),
        ("requests.storage", "persistentvolumeclaims"),
        ("a.storageclass.storage.k8s.io/requests.storage", "persistentvolumeclaims"),
        ("services.nodeports", "services"),
        ("gpu.deviceclass.resource.k8s.io/devices", "resourceclaims"),
        ("secrets", ""),
        ("count/secrets", ""),
    ] {
        let found = MEASURED.into_iter().filter(|(group, plural)| Measure { group, plural }.counts(name, &classes));
        let found: Vec<&str> = found.map(|(_, plural)| plural).collect();
        assert_eq!(found.join(" "), owners, "{name}");
    }
    for (name, expect) in [
        ("secrets", Some(("", "secrets"))),
        ("count/secrets", Some(("", "secrets"))),
        ("count/widgets.example.com", Some(("example.com", "widgets"))),
        ("cpu", None),
    ] {
        assert_eq!(counted_resource(name), expect, "{name}");
    }
}

#[test]
fn scopes_select() {
    let pod = |spec: Value| ("", "pods", json!({ "spec": spec }));
    let claim = |spec: Value| ("", "persistentvolumeclaims", json!({ "spec": spec }));
    let expression = |scope: &str, operator: &str, values: &[&str]| json!({ "scopeSelector": { "matchExpressions": [{ "scopeName": scope, "operator": operator, "values": values }] } });
    let gold = || pod(json!({ "priorityClassName": "gold" }));
    let term = json!({ "podAffinityTerm": { "namespaceSelector": {} } });
    let crossing =
        json!({ "affinity": { "podAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [term] } } });
    for (quota, (group, plural, value), expect) in [
        (json!({}), ("apps", "deployments", json!({})), true),
        (json!({ "scopes": ["Terminating"] }), ("apps", "deployments", json!({})), false),
        (json!({ "scopes": ["Terminating"] }), pod(json!({ "activeDeadlineSeconds": 5 })), true),
        (json!({ "scopes": ["NotTerminating"] }), pod(json!({ "activeDeadlineSeconds": 5 })), false),
        (json!({ "scopes": ["BestEffort", "NotTerminating"] }), pod(json!({ "containers": [] })), true),
        (json!({ "scopes": ["PriorityClass"] }), pod(json!({})), false),
        (expression("PriorityClass", "In", &["gold"]), gold(), true),
        (expression("PriorityClass", "NotIn", &["gold"]), gold(), false),
        (expression("PriorityClass", "NotIn", &["gold"]), pod(json!({})), true),
        (expression("PriorityClass", "DoesNotExist", &[]), pod(json!({})), true),
        (json!({ "scopes": ["CrossNamespacePodAffinity"] }), pod(crossing), true),
        (json!({ "scopes": ["CrossNamespacePodAffinity"] }), pod(json!({})), false),
        (
            expression("VolumeAttributesClass", "In", &["silver"]),
            claim(json!({ "volumeAttributesClassName": "silver" })),
            true,
        ),
        (json!({ "scopes": ["BestEffort"] }), claim(json!({})), false),
    ] {
        let holds = Measure { group, plural }.is_in_scope(&object(json!({ "spec": quota })), &object(value.clone()));
        assert_eq!(holds, expect, "{quota} {value}");
    }
}
