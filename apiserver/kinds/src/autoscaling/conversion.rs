//! Autoscalers of version 1 and what they are stored as, version 2.
//!
//! Version 1 has one field for the CPU target; everything else that version 2 knows it carries in annotations, as JSON in
//! structs of its own (upstream's `pkg/apis/autoscaling/v1/conversion.go`), so that a write through version 1 loses
//! nothing. The annotations exist in version 1 alone.

use kubernel_meta::Object;
use serde_json::{Map, Value, json};

use super::metrics::{CPU_PERCENT, cpu};
use crate::tree::{default_to, items, set, text};

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// Every annotation that only a version's view of an autoscaler has.
pub(super) const ANNOTATIONS: &[&str] = &[
    METRICS,
    CURRENT_METRICS,
    CONDITIONS,
    BEHAVIOR,
    "autoscaling.alpha.kubernetes.io/scale-down-tolerance",
    "autoscaling.alpha.kubernetes.io/scale-up-tolerance",
];

/// A source of metrics: its type, its field, and the old version's fields with their places in version 2.
type Source = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// The old version's name of a version 2 field, by the source's type; in the order of the old version's structs.
const SPEC_FIELDS: &[Source] = &[
    (
        "Object",
        "object",
        &[
            ("target", "/describedObject"),
            ("metricName", "/metric/name"),
            ("targetValue", "/target/value"),
            ("selector", "/metric/selector"),
            ("averageValue", "/target/averageValue"),
        ],
    ),
    (
        "Pods",
        "pods",
        &[
            ("metricName", "/metric/name"),
            ("targetAverageValue", "/target/averageValue"),
            ("selector", "/metric/selector"),
        ],
    ),
    (
        "Resource",
        "resource",
        &[
            ("name", "/name"),
            ("targetAverageUtilization", "/target/averageUtilization"),
            ("targetAverageValue", "/target/averageValue"),
        ],
    ),
    (
        "ContainerResource",
        "containerResource",
        &[
            ("name", "/name"),
            ("targetAverageUtilization", "/target/averageUtilization"),
            ("targetAverageValue", "/target/averageValue"),
            ("container", "/container"),
        ],
    ),
    (
        "External",
        "external",
        &[
            ("metricName", "/metric/name"),
            ("metricSelector", "/metric/selector"),
            ("targetValue", "/target/value"),
            ("targetAverageValue", "/target/averageValue"),
        ],
    ),
];

/// The same for what was measured.
const STATUS_FIELDS: &[Source] = &[
    (
        "Object",
        "object",
        &[
            ("target", "/describedObject"),
            ("metricName", "/metric/name"),
            ("currentValue", "/current/value"),
            ("selector", "/metric/selector"),
            ("averageValue", "/current/averageValue"),
        ],
    ),
    (
        "Pods",
        "pods",
        &[
            ("metricName", "/metric/name"),
            ("currentAverageValue", "/current/averageValue"),
            ("selector", "/metric/selector"),
        ],
    ),
    (
        "Resource",
        "resource",
        &[
            ("name", "/name"),
            ("currentAverageUtilization", "/current/averageUtilization"),
            ("currentAverageValue", "/current/averageValue"),
        ],
    ),
    (
        "ContainerResource",
        "containerResource",
        &[
            ("name", "/name"),
            ("currentAverageUtilization", "/current/averageUtilization"),
            ("currentAverageValue", "/current/averageValue"),
            ("container", "/container"),
        ],
    ),
    (
        "External",
        "external",
        &[
            ("metricName", "/metric/name"),
            ("metricSelector", "/metric/selector"),
            ("currentValue", "/current/value"),
            ("currentAverageValue", "/current/averageValue"),
        ],
    ),
];
/// Fields of the old version that no pointer stands behind: they are shown as zero where version 2 has none.
const ALWAYS: &[(&str, &str)] = &[
    ("object", "targetValue"),
    ("object", "currentValue"),
    ("pods", "targetAverageValue"),
    ("pods", "currentAverageValue"),
    ("resource", "currentAverageValue"),
    ("containerResource", "currentAverageValue"),
    ("external", "currentValue"),
];
/// The behavior is kept as upstream's internal struct prints, which has Go's names.
const RULES: &[(&str, &str)] = &[("ScaleUp", "scaleUp"), ("ScaleDown", "scaleDown")];
const POLICY: &[(&str, &str)] = &[("Type", "type"), ("Value", "value"), ("PeriodSeconds", "periodSeconds")];

/// Turns an autoscaler of version 2 into one of version 1.
pub(super) fn to_v1(object: &mut Object) {
    object.set(&["apiVersion"], "autoscaling/v1");
    let spec = object.map_at_mut(&["spec"]);
    let metrics = spec.remove("metrics").unwrap_or_default();
    let behavior = spec.remove("behavior").unwrap_or_default();
    let metrics = metrics.as_array().map(Vec::as_slice).unwrap_or_default();
    let percent = |metric: &Value| metric.pointer("/resource/target/averageUtilization").cloned();
    if let Some(percent) = metrics.iter().find(|metric| is_cpu(metric)).and_then(percent) {
        spec.insert("targetCPUUtilizationPercentage".to_owned(), percent);
    }
    let status = object.map_at_mut(&["status"]);
    let current = status.remove("currentMetrics").unwrap_or_default();
    let conditions = status.remove("conditions").unwrap_or_default();
    default_to(status, "currentReplicas", 0);
    let current = current.as_array().map(Vec::as_slice).unwrap_or_default();
    let measured = |metric: &&Value| is_cpu(metric) && metric.pointer("/resource/current/averageUtilization").is_some();
    if let Some(metric) = current.iter().rfind(measured) {
        let percent = metric["resource"]["current"]["averageUtilization"].clone();
        status.insert("currentCPUUtilizationPercentage".to_owned(), percent);
    }
    drop_annotations(object);
    let others = metrics.iter().filter(|metric| !(is_cpu(metric) && percent(metric).is_some()));
    annotate(object, METRICS, others.map(|metric| old_metric(metric, SPEC_FIELDS)).collect());
    annotate(object, CURRENT_METRICS, current.iter().map(|metric| old_metric(metric, STATUS_FIELDS)).collect());
    let conditions = conditions.as_array().map(Vec::as_slice).unwrap_or_default();
    annotate(object, CONDITIONS, conditions.iter().map(condition).collect());
    if behavior.is_object() {
        object.set(&["metadata", "annotations", BEHAVIOR], behavior_text(&behavior));
    }
}

/// Turns an autoscaler of version 1 into one of version 2.
pub(super) fn to_v2(object: &mut Object) {
    object.set(&["apiVersion"], "autoscaling/v2");
    let annotated = |name: &str| -> Option<Value> {
        serde_json::from_str(object.at(&["metadata", "annotations", name])?.as_str()?).ok()
    };
    let list = |name: &str| annotated(name).and_then(|value| value.as_array().cloned());
    let (others, measured, conditions) = (list(METRICS), list(CURRENT_METRICS), list(CONDITIONS));
    let behavior = annotated(BEHAVIOR).map(|behavior| new_behavior(&behavior));
    drop_annotations(object);
    let spec = object.map_at_mut(&["spec"]);
    let mut metrics: Vec<Value> =
        others.unwrap_or_default().iter().map(|metric| new_metric(metric, SPEC_FIELDS, "target")).collect();
    if let Some(percent) = spec.remove("targetCPUUtilizationPercentage").and_then(|value| value.as_i64()) {
        metrics.push(cpu(percent));
    }
    if !metrics.is_empty() {
        spec.insert("metrics".to_owned(), Value::Array(metrics));
    }
    if let Some(behavior) = behavior {
        spec.insert("behavior".to_owned(), behavior);
    }
    let status = object.map_at_mut(&["status"]);
    let percent = status.remove("currentCPUUtilizationPercentage").and_then(|value| value.as_i64());
    if let Some(measured) = measured {
        let measured = measured.iter().map(|metric| new_metric(metric, STATUS_FIELDS, "current")).collect();
        status.insert("currentMetrics".to_owned(), Value::Array(measured));
    } else if let Some(percent) = percent {
        let current = json!({"type": "Resource", "resource": {
            "name": "cpu", "current": {"averageUtilization": percent},
        }});
        status.insert("currentMetrics".to_owned(), json!([current]));
    }
    if let Some(conditions) = conditions {
        status.insert("conditions".to_owned(), Value::Array(conditions));
    }
    status.entry("currentMetrics").or_insert(Value::Null);
    if status.get("currentReplicas").and_then(Value::as_i64) == Some(0) {
        status.remove("currentReplicas");
    }
}

/// An autoscaler of version 1 that names no metric at all has a target for the CPU.
pub(super) fn default_v1(object: &mut Object) {
    let named = object.at(&["metadata", "annotations", METRICS]).and_then(Value::as_str);
    let named = named.and_then(|text| serde_json::from_str::<Vec<Value>>(text).ok()).is_some_and(|all| !all.is_empty());
    if !named {
        default_to(object.map_at_mut(&["spec"]), "targetCPUUtilizationPercentage", CPU_PERCENT);
    }
}

fn is_cpu(metric: &Value) -> bool {
    text(metric, "type") == "Resource" && metric.pointer("/resource/name").and_then(Value::as_str) == Some("cpu")
}

fn drop_annotations(object: &mut Object) {
    let Some(annotations) = object.at(&["metadata", "annotations"]).and_then(Value::as_object) else { return };
    if annotations.keys().any(|name| ANNOTATIONS.contains(&name.as_str())) {
        let kept: Map<String, Value> = annotations
            .iter()
            .filter(|(name, _)| !ANNOTATIONS.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if kept.is_empty() {
            object.remove(&["metadata", "annotations"]);
        } else {
            object.set(&["metadata", "annotations"], Value::Object(kept));
        }
    }
}

/// Keeps a list of JSON texts, where there are any.
fn annotate(object: &mut Object, name: &str, items: Vec<String>) {
    if !items.is_empty() {
        object.set(&["metadata", "annotations", name], format!("[{}]", items.join(",")));
    }
}

/// JSON of these fields in this order, without the ones that are not there.
fn ordered<'a>(fields: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let fields = fields.into_iter().filter_map(|(name, value)| value.map(|value| format!("\"{name}\":{value}")));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

fn json_at(value: &Value, names: &[&'static str]) -> String {
    ordered(names.iter().map(|name| (*name, set(value, name).map(Value::to_string))))
}

fn condition(condition: &Value) -> String {
    json_at(condition, &["type", "status", "lastTransitionTime", "reason", "message"])
}

/// A metric of version 2 in the old version's struct.
fn old_metric(metric: &Value, table: &[Source]) -> String {
    let kind = Value::from(text(metric, "type")).to_string();
    let Some((_, name, fields)) = table.iter().find(|(kind, ..)| *kind == text(metric, "type")) else {
        return ordered([("type", Some(kind))]);
    };
    let source = metric.get(*name).unwrap_or(&Value::Null);
    let field = |(old, new): &(&'static str, &str)| {
        let value = source.pointer(new).filter(|value| !value.is_null());
        let shown = match (*old, value) {
            ("target", Some(value)) => Some(json_at(value, &["kind", "name", "apiVersion"])),
            ("selector" | "metricSelector", Some(value)) => Some(json_at(value, &["matchLabels", "matchExpressions"])),
            (_, Some(value)) => Some(value.to_string()),
            (_, None) => ALWAYS.contains(&(*name, *old)).then(|| "\"0\"".to_owned()),
        };
        (*old, shown)
    };
    ordered([("type", Some(kind)), (*name, Some(ordered(fields.iter().map(field))))])
}

/// The reverse of [`old_metric`]; `part` is `target` or `current`. A target's type follows from what it sets.
fn new_metric(metric: &Value, table: &[Source], part: &str) -> Value {
    let Some((kind, name, fields)) = table.iter().find(|(kind, ..)| *kind == text(metric, "type")) else {
        return json!({"type": text(metric, "type")});
    };
    let (old, mut source) = (metric.get(*name).unwrap_or(&Value::Null), json!({ part: {} }));
    for (field, path) in *fields {
        let Some(value) = set(old, field) else { continue };
        // The zero that stands for nothing, where there is an average beside it.
        if *kind == "Object" && field.ends_with("Value") && *field != "averageValue" && *value == json!("0") {
            continue;
        }
        match path.trim_start_matches('/').split_once('/') {
            Some((outer, inner)) => source[outer][inner] = value.clone(),
            None => source[path.trim_start_matches('/')] = value.clone(),
        }
    }
    if part == "target" {
        let target = &source["target"];
        let form = ["averageUtilization", "averageValue"].into_iter().find(|field| set(target, field).is_some());
        source["target"]["type"] = json!(match form {
            Some("averageUtilization") => "Utilization",
            Some(_) => "AverageValue",
            None => "Value",
        });
    }
    json!({"type": kind, *name: source})
}

fn behavior_text(behavior: &Value) -> String {
    let shown = |value: Option<&Value>| Some(value.map_or_else(|| "null".to_owned(), Value::to_string));
    let policy = |policy: &Value| ordered(POLICY.iter().map(|(go, name)| (*go, shown(set(policy, name)))));
    let rules = |rules: &Value| {
        let policies = items(rules, "policies").iter().map(policy).collect::<Vec<_>>().join(",");
        ordered([
            ("StabilizationWindowSeconds", shown(set(rules, "stabilizationWindowSeconds"))),
            ("SelectPolicy", shown(set(rules, "selectPolicy"))),
            (
                "Policies",
                Some(if rules.get("policies").is_some() { format!("[{policies}]") } else { "null".to_owned() }),
            ),
            ("Tolerance", shown(set(rules, "tolerance"))),
        ])
    };
    let side = |(go, name): &(&'static str, &str)| (*go, Some(set(behavior, name).map_or("null".to_owned(), rules)));
    ordered(RULES.iter().map(side))
}

/// The reverse of [`behavior_text`]. Go finds fields whatever their case.
fn new_behavior(behavior: &Value) -> Value {
    match behavior {
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                let mut chars = name.chars();
                let first = chars.next().map(|first| first.to_ascii_lowercase());
                (first.into_iter().chain(chars).collect::<String>(), new_behavior(value))
            };
            Value::Object(fields.iter().filter(|(_, value)| !value.is_null()).map(field).collect())
        }
        Value::Array(items) => items.iter().map(new_behavior).collect(),
        other => other.clone(),
    }
}
