//! Two kinds over the same stored objects: what goes through the stored form comes back as it was.

#![allow(clippy::unwrap_used, reason = "a test")]

use kubernel_kinds::registry;
use kubernel_meta::Object;
use serde_json::{Value, json};

fn object(value: Value) -> Object {
    Object::from_value(value).unwrap()
}

/// Stores an object, and reads it again as the same kind.
fn check(group: &str, version: &str, plural: &str, view: Value, stored: Value) {
    let kind = registry::find(group, version, plural).unwrap();
    let hook = kind.stored_as.unwrap();
    assert!(registry::find(hook.group, hook.version, hook.plural).unwrap().stored_as.is_none());
    let mut converted = object(view.clone());
    (hook.to_stored)(&mut converted);
    assert_eq!(converted.clone().into_value(), stored);
    (hook.from_stored)(&mut converted);
    assert_eq!(converted.into_value(), view);
}

#[test]
fn events_of_both_groups() {
    let view = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "x"}, "action": "Act",
        "eventTime": "2024-01-01T00:00:00.000000Z", "note": "n", "reason": "R", "regarding": {"kind": "Pod", "name": "p"},
        "reportingController": "example.com/c", "reportingInstance": "i", "type": "Normal",
        "deprecatedSource": {}, "deprecatedFirstTimestamp": null, "deprecatedLastTimestamp": null,
    });
    let stored = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "x"}, "action": "Act",
        "eventTime": "2024-01-01T00:00:00.000000Z", "message": "n", "reason": "R",
        "involvedObject": {"kind": "Pod", "name": "p"}, "reportingComponent": "example.com/c",
        "reportingInstance": "i", "type": "Normal", "source": {}, "firstTimestamp": null, "lastTimestamp": null,
    });
    check("events.k8s.io", "v1", "events", view, stored);
}

#[test]
fn autoscalers_of_both_versions() {
    let behavior = r#"{"ScaleUp":{"StabilizationWindowSeconds":0,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15}],"Tolerance":null},"ScaleDown":null}"#;
    let others = r#"[{"type":"Pods","pods":{"metricName":"rps","targetAverageValue":"10","selector":{"matchLabels":{"a":"b"}}}}]"#;
    let current = r#"[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":33,"currentAverageValue":"330m"}}]"#;
    let conditions = r#"[{"type":"AbleToScale","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z"}]"#;
    let view = json!({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "x", "annotations": {
            "autoscaling.alpha.kubernetes.io/behavior": behavior,
            "autoscaling.alpha.kubernetes.io/conditions": conditions,
            "autoscaling.alpha.kubernetes.io/current-metrics": current,
            "autoscaling.alpha.kubernetes.io/metrics": others,
            "own": "kept",
        }},
        "spec": {"maxReplicas": 3, "minReplicas": 1, "scaleTargetRef": {"kind": "Deployment", "name": "d"},
            "targetCPUUtilizationPercentage": 60},
        "status": {"currentReplicas": 2, "desiredReplicas": 2, "currentCPUUtilizationPercentage": 33},
    });
    let stored = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "x", "annotations": {"own": "kept"}},
        "spec": {
            "maxReplicas": 3, "minReplicas": 1, "scaleTargetRef": {"kind": "Deployment", "name": "d"},
            "metrics": [
                {"type": "Pods", "pods": {
                    "metric": {"name": "rps", "selector": {"matchLabels": {"a": "b"}}},
                    "target": {"type": "AverageValue", "averageValue": "10"},
                }},
                {"type": "Resource", "resource": {
                    "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60},
                }},
            ],
            "behavior": {"scaleUp": {
                "stabilizationWindowSeconds": 0, "selectPolicy": "Max",
                "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}],
            }},
        },
        "status": {
            "currentReplicas": 2, "desiredReplicas": 2,
            "conditions": [{"type": "AbleToScale", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            "currentMetrics": [{"type": "Resource", "resource": {
                "name": "cpu", "current": {"averageUtilization": 33, "averageValue": "330m"},
            }}],
        },
    });
    check("autoscaling", "v1", "horizontalpodautoscalers", view, stored);
}
