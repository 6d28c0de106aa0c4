//! The metrics of autoscalers: defaults, and the cell that shows them.

use kubernel_meta::Object;
use serde_json::{Map, Value, json};

use crate::tree::{default_to, int, items, map_in, set, text};

/// The target of an autoscaler that names none.
pub(super) const CPU_PERCENT: i64 = 80;
/// As many metrics as the column shows.
const SHOWN_MAX: usize = 2;

/// Fills in the metric and the behavior of an autoscaler that names none.
pub(super) fn defaults(object: &mut Object) {
    let spec = object.map_at_mut(&["spec"]);
    if spec.get("metrics").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        spec.insert("metrics".to_owned(), json!([cpu(CPU_PERCENT)]));
    }
    let Some(behavior) = map_in(spec, "behavior") else { return };
    rules(behavior, "scaleUp", json!([pods(4), percent()]), Some(0));
    rules(behavior, "scaleDown", json!([percent()]), None);
}

fn pods(value: i64) -> Value {
    json!({"type": "Pods", "value": value, "periodSeconds": 15})
}

fn percent() -> Value {
    json!({"type": "Percent", "value": 100, "periodSeconds": 15})
}

fn rules(behavior: &mut Map<String, Value>, direction: &str, policies: Value, window_secs: Option<i64>) {
    default_to(behavior, direction, json!({}));
    let Some(rules) = map_in(behavior, direction) else { return };
    default_to(rules, "selectPolicy", "Max");
    if let Some(secs) = window_secs {
        default_to(rules, "stabilizationWindowSeconds", secs);
    }
    default_to(rules, "policies", policies);
}

/// A target for the CPU.
pub(super) fn cpu(percent: i64) -> Value {
    json!({"type": "Resource", "resource": {
        "name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent},
    }})
}

/// The cell of a stored autoscaler's metrics: `cpu: 33%/50%, <unknown>/1k + 3 more...`.
pub(super) fn targets(object: &Object) -> String {
    let metrics = object.list_at(&["spec", "metrics"]);
    let current = object.list_at(&["status", "currentMetrics"]);
    if metrics.is_empty() {
        return "<none>".to_owned();
    }
    let all: Vec<String> = metrics.iter().enumerate().map(|(at, metric)| target(metric, current.get(at))).collect();
    match all.len() {
        count if count > SHOWN_MAX => format!("{} + {} more...", all[..SHOWN_MAX].join(", "), count - SHOWN_MAX),
        _ => all.join(", "),
    }
}

fn target(metric: &Value, status: Option<&Value>) -> String {
    let (kind, prefix) = match text(metric, "type") {
        "External" => ("external", String::new()),
        "Pods" => ("pods", String::new()),
        "Object" => ("object", String::new()),
        "Resource" => ("resource", name(metric, "resource")),
        "ContainerResource" => ("containerResource", name(metric, "containerResource")),
        _ => return "<unknown type>".to_owned(),
    };
    let target = metric.get(kind).and_then(|source| source.get("target")).unwrap_or(&Value::Null);
    let current = status.and_then(|status| status.get(kind)).and_then(|source| source.get("current"));
    let shown = |field: &str| {
        let value = current.map_or("", |current| text(current, field));
        if value.is_empty() { "<unknown>".to_owned() } else { value.to_owned() }
    };
    if set(target, "averageValue").is_some() {
        let suffix = if matches!(kind, "external" | "object") { " (avg)" } else { "" };
        return format!("{prefix}{}/{}{suffix}", shown("averageValue"), text(target, "averageValue"));
    }
    if !prefix.is_empty() {
        let percent =
            |value: Option<&Value>, otherwise: &str| match value.filter(|v| set(v, "averageUtilization").is_some()) {
                Some(value) => format!("{}%", int(value, "averageUtilization")),
                None => otherwise.to_owned(),
            };
        return format!("{prefix}{}/{}", percent(current, "<unknown>"), percent(Some(target), "<auto>"));
    }
    format!("{}/{}", shown("value"), text(target, "value"))
}

fn name(metric: &Value, kind: &str) -> String {
    format!("{}: ", metric.get(kind).map_or("", |source| text(source, "name")))
}

/// The metric of each source type, for rules.
pub(super) fn source<'a>(metric: &'a Value, kind: &str) -> Option<&'a Value> {
    set(metric, kind).filter(|source| !items(source, "target").is_empty() || source.is_object())
}
