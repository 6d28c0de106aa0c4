//! What differs by nature between two servers, and between two runs: put out of sight on both sides.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

/// Fields whose value is the server's own.
const MASKED: &[&str] = &[
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "time",
    "clusterIP",
    "nodePort",
    "healthCheckNodePort",
    "continue",
    "token",
    "expirationTimestamp",
    "serverAddress",
];
/// Columns that show how long ago something was.
const AGES: &[&str] = &["Age", "Created At", "Last Schedule", "Duration"];
/// Columns that show it where the object says so, and `<unknown>` otherwise.
const AGES_OF_EVENTS: &[&str] = &["Last Seen", "First Seen"];
/// Our own group, which upstream does not have.
const OWN_GROUP: &str = "kernel.kubernel.io";

static RULES: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
    [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
        (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z", "<time>"),
        (r"kube-api-access-[a-z0-9]{5}", "kube-api-access-<r>"),
        (r"\bgen-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "gen-<r>"),
    ]
    .map(|(pattern, mask)| (Regex::new(pattern).unwrap(), mask))
});
static AGE: LazyLock<Regex> = LazyLock::new(|| Regex::new("^([0-9]+[ydhms])+$").unwrap());

/// An answer without what differs by nature; the script's namespace becomes `{ns}` (empty: it has become that already).
pub fn normal(value: &Value, namespace: &str) -> Value {
    normal_at(value, namespace, "")
}

fn normal_at(value: &Value, namespace: &str, key: &str) -> Value {
    match value {
        Value::Object(fields) => normal_fields(fields, namespace),
        Value::Array(items) => normal_items(items, namespace, key),
        Value::String(text) => Value::String(normal_text(text, namespace)),
        other => other.clone(),
    }
}

fn normal_fields(fields: &Map<String, Value>, namespace: &str) -> Value {
    let mut fields = fields.clone();
    if fields.get("kind") == Some(&json!("Table")) {
        mask_table(&mut fields);
    }
    if let (Some("APIGroupList"), Some(Value::Array(groups))) =
        (fields.get("kind").and_then(Value::as_str).map(str::to_owned).as_deref(), fields.get_mut("groups"))
    {
        groups.retain(|group| group["name"] != OWN_GROUP);
    }
    let mask = |(key, value): (&String, &Value)| {
        let masked = if MASKED.contains(&key.as_str()) && says_something(value) {
            json!(format!("<{key}>"))
        } else {
            normal_at(value, namespace, key)
        };
        (normal_name(key, namespace), masked)
    };
    fields.iter().map(mask).collect()
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => false,
        Value::String(text) => !text.is_empty() && text != "None",
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
    }
}

/// Ages, and the columns' descriptions.
fn mask_table(table: &mut Map<String, Value>) {
    let columns: Vec<Value> = table.get("columnDefinitions").and_then(Value::as_array).cloned().unwrap_or_default();
    for row in table.get_mut("rows").and_then(Value::as_array_mut).into_iter().flatten() {
        for (cell, column) in row["cells"].as_array_mut().into_iter().flatten().zip(&columns) {
            let name = column["name"].as_str().unwrap_or_default();
            let is_age = cell.as_str().is_some_and(|text| AGE.is_match(text));
            if AGES.contains(&name) || (AGES_OF_EVENTS.contains(&name) && is_age) {
                *cell = json!("<age>");
            }
        }
    }
    for column in table.get_mut("columnDefinitions").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(column) = column.as_object_mut() {
            column.remove("description");
        }
    }
}

fn normal_items(items: &[Value], namespace: &str, key: &str) -> Value {
    if key == "clusterIPs" {
        return items.iter().map(|item| if item == "None" { item.clone() } else { json!("<ip>") }).collect();
    }
    let mut items: Vec<Value> = items.iter().map(|item| normal_at(item, namespace, key)).collect();
    if key == "managedFields" {
        // Upstream orders them by time, and two writes may fall into one second or not.
        let order = |entry: &Value| {
            let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
            [text("manager"), text("operation"), text("subresource"), text("apiVersion")]
        };
        items.sort_by_key(order);
    }
    Value::Array(items)
}

fn normal_name(text: &str, namespace: &str) -> String {
    if namespace.is_empty() { text.to_owned() } else { text.replace(namespace, "{ns}") }
}

fn normal_text(text: &str, namespace: &str) -> String {
    let mut text = normal_name(text, namespace);
    for (pattern, mask) in RULES.iter() {
        if let std::borrow::Cow::Owned(masked) = pattern.replace_all(&text, *mask) {
            text = masked;
        }
    }
    text
}
