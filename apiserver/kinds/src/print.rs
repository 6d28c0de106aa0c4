//! Cells of the server-side Table that many kinds share. Times are told relative to the `now` that is given.

use jiff::Timestamp;
use kubernel_meta::Object;
use serde_json::Value;

/// How long ago the object was created; `<unknown>` where it does not say.
pub fn age(object: &Object, now: Timestamp) -> String {
    kubernel_meta::time::age(object.str_at(&["metadata", "creationTimestamp"]), now)
}

/// The names and the images of a pod spec's containers, each joined by commas: the wide columns of workloads.
pub fn containers_and_images(pod_spec: Option<&Value>) -> (String, String) {
    let containers = pod_spec.and_then(|spec| spec.get("containers")).and_then(Value::as_array);
    let joined = |key: &str| {
        let texts = containers.into_iter().flatten().map(|c| c.get(key).and_then(Value::as_str).unwrap_or_default());
        texts.collect::<Vec<_>>().join(",")
    };
    (joined("name"), joined("image"))
}

/// A label selector in its string form; `<none>` where it selects everything, `<unset>` where there is none.
pub fn selector(selector: Option<&Value>) -> String {
    let Some(selector) = selector.and_then(Value::as_object) else {
        return "<none>".to_owned();
    };
    let mut parts: Vec<(String, String)> = Vec::new();
    for (key, value) in selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten() {
        parts.push((key.clone(), format!("{key}={}", value.as_str().unwrap_or_default())));
    }
    for expression in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| expression.get(name).and_then(Value::as_str).unwrap_or_default();
        let key = text("key");
        let mut values: Vec<&str> = expression
            .get("values")
            .and_then(Value::as_array)
            .map(|list| list.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        values.sort_unstable();
        let values = values.join(",");
        let part = match text("operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            other => format!("{key} {other} ({values})"),
        };
        parts.push((key.to_owned(), part));
    }
    if parts.is_empty() {
        return "<none>".to_owned();
    }
    parts.sort_by(|a, b| a.0.cmp(&b.0));
    parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(",")
}

/// A map of labels as `a=1,b=2`; `<none>` where it is empty (labels.FormatLabels).
pub fn labels(map: Option<&Value>) -> String {
    let pairs: Vec<String> = map
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    if pairs.is_empty() { "<none>".to_owned() } else { pairs.join(",") }
}
