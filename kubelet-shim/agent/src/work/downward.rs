//! The downward API: fields and resources of a Pod as texts.

use std::net::IpAddr;

use kubernel_meta::Quantity;
use serde_json::Value;

/// What of the node a Pod may ask about itself.
#[derive(Clone, Debug)]
pub(crate) struct NodeFacts {
    pub(crate) ip: IpAddr,
    pub(crate) cpu_milli: i64,
    pub(crate) memory_bytes: i64,
    pub(crate) storage_bytes: i64,
}

/// The value of a `fieldRef`. `ips` are the Pod's addresses, which its object may not carry yet.
pub(crate) fn field(pod: &Value, reference: &Value, node: &NodeFacts, ips: &[String]) -> Result<String, String> {
    let path = reference["fieldPath"].as_str().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some((map, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        let map = match map {
            "metadata.labels" => &pod["metadata"]["labels"],
            "metadata.annotations" => &pod["metadata"]["annotations"],
            _ => return Err(format!("unsupported fieldPath: {path}")),
        };
        return Ok(text(&map[key]));
    }
    Ok(match path {
        "metadata.name" => text(&pod["metadata"]["name"]),
        "metadata.namespace" => text(&pod["metadata"]["namespace"]),
        "metadata.uid" => text(&pod["metadata"]["uid"]),
        "metadata.labels" => format_map(&pod["metadata"]["labels"]),
        "metadata.annotations" => format_map(&pod["metadata"]["annotations"]),
        "spec.nodeName" => text(&pod["spec"]["nodeName"]),
        "spec.serviceAccountName" => text(&pod["spec"]["serviceAccountName"]),
        "status.hostIP" | "status.hostIPs" => node.ip.to_string(),
        "status.podIP" => ips.first().cloned().unwrap_or_default(),
        "status.podIPs" => ips.join(","),
        _ => return Err(format!("unsupported fieldPath: {path}")),
    })
}

/// One `key="value"` per line, sorted, the value escaped as in Go.
fn format_map(map: &Value) -> String {
    let lines = map.as_object().into_iter().flatten().map(|(key, value)| {
        let text = value.as_str().unwrap_or_default();
        format!("{key}={}", Value::from(text))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The value of a `resourceFieldRef`; `container` is the one it is asked for when it names none.
pub(crate) fn resource(
    pod: &Value,
    reference: &Value,
    container: Option<&Value>,
    node: &NodeFacts,
) -> Result<String, String> {
    let named = reference["containerName"].as_str().filter(|name| !name.is_empty());
    let container = match (named, container) {
        (Some(name), _) => find(pod, name).ok_or_else(|| format!("container {name} not found"))?,
        (None, Some(container)) => container,
        (None, None) => return Err("resourceFieldRef names no container".into()),
    };
    let path = reference["resource"].as_str().unwrap_or_default();
    let (kind, name) = path.split_once('.').unwrap_or(("", ""));
    let milli = match (kind, name) {
        ("limits", name) => amount(&container["resources"]["limits"][name], name).or_else(|| of_node(node, name)),
        ("requests", name) => amount(&container["resources"]["requests"][name], name)
            .or_else(|| amount(&container["resources"]["limits"][name], name))
            .or(Some(0)),
        _ => None,
    };
    let milli = milli.ok_or_else(|| format!("unsupported container resource : {path}"))?;
    // cpu comes in thousandths, everything else in whole units; both are rounded up.
    let divisor = reference["divisor"].as_str().filter(|text| !text.is_empty() && *text != "0").unwrap_or("1");
    let divisor: Quantity = divisor.parse().map_err(|error| format!("divisor: {error}"))?;
    let divisor = if name == "cpu" { divisor.milli_value() } else { divisor.value() }.max(1);
    Ok(milli.div_euclid(divisor).saturating_add(i64::from(milli.rem_euclid(divisor) > 0)).to_string())
}

fn find<'a>(pod: &'a Value, name: &str) -> Option<&'a Value> {
    let lists = ["containers", "initContainers"];
    lists.iter().flat_map(|list| pod["spec"][*list].as_array().into_iter().flatten()).find(|c| c["name"] == name)
}

fn amount(value: &Value, name: &str) -> Option<i64> {
    let quantity: Quantity = value.as_str()?.parse().ok()?;
    let amount = if name == "cpu" { quantity.milli_value() } else { quantity.value() };
    Some(amount).filter(|amount| *amount != 0)
}

fn of_node(node: &NodeFacts, name: &str) -> Option<i64> {
    match name {
        "cpu" => Some(node.cpu_milli),
        "memory" => Some(node.memory_bytes),
        "ephemeral-storage" => Some(node.storage_bytes),
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node() -> NodeFacts {
        NodeFacts { ip: [10, 0, 0, 9].into(), cpu_milli: 2000, memory_bytes: 1 << 30, storage_bytes: 1 << 40 }
    }

    #[test]
    fn fields() {
        let pod = json!({
            "metadata": {"name": "p", "labels": {"b": "2", "a": "say \"hi\""}},
            "spec": {"nodeName": "n"},
        });
        let ips = ["10.1.0.4".to_owned(), "fd00::4".to_owned()];
        for (path, expected) in [
            ("metadata.name", Ok("p")),
            ("metadata.labels", Ok("a=\"say \\\"hi\\\"\"\nb=\"2\"")),
            ("metadata.labels['b']", Ok("2")),
            ("metadata.labels['none']", Ok("")),
            ("status.hostIP", Ok("10.0.0.9")),
            ("status.podIPs", Ok("10.1.0.4,fd00::4")),
            ("spec.nodeName", Ok("n")),
            ("spec.hostname", Err("unsupported fieldPath: spec.hostname")),
        ] {
            let found = field(&pod, &json!({"fieldPath": path}), &node(), &ips);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{path}");
        }
    }

    #[test]
    fn resources() {
        let container = json!({
            "name": "c",
            "resources": {"requests": {"cpu": "250m"}, "limits": {"cpu": "1500m", "memory": "64Mi"}},
        });
        let pod = json!({"spec": {"containers": [container]}});
        for (resource_name, divisor, expected) in [
            ("limits.cpu", "0", "2"),
            ("limits.cpu", "1m", "1500"),
            ("requests.cpu", "1", "1"),
            ("limits.memory", "1Mi", "64"),
            ("limits.memory", "0", "67108864"),
            ("requests.memory", "0", "67108864"),
            ("limits.ephemeral-storage", "1Gi", "1024"),
            ("requests.ephemeral-storage", "0", "0"),
        ] {
            let reference = json!({"resource": resource_name, "divisor": divisor, "containerName": "c"});
            assert_eq!(resource(&pod, &reference, None, &node()).unwrap(), expected, "{resource_name} / {divisor}");
        }
    }
}
