//! Fields that have become lists: the older one says the first of the newer, and who writes one of them writes both.

use serde_json::{Map, Value, json};

/// Addresses of a Pod, each an object with one field.
pub(super) fn pod_ips(status: &mut Map<String, Value>) {
    agree(status, ("podIP", "podIPs"), |ip| json!({ "ip": ip }), |first| first.get("ip").and_then(Value::as_str));
}

/// Ranges of a Node's Pods.
pub(super) fn pod_cidrs(spec: &mut Map<String, Value>) {
    agree(spec, ("podCIDR", "podCIDRs"), |cidr| json!(cidr), Value::as_str);
}

/// The older field wins where they differ: who knows that one alone changed it alone.
fn agree(
    map: &mut Map<String, Value>,
    (one, list): (&str, &str),
    wrap: fn(&str) -> Value,
    unwrap: fn(&Value) -> Option<&str>,
) {
    let said = map.get(one).and_then(Value::as_str).unwrap_or_default();
    let first = map.get(list).and_then(|list| list.get(0)).and_then(unwrap).unwrap_or_default();
    if said == first {
        return;
    }
    if said.is_empty() {
        let first = Value::from(first);
        map.insert(one.to_owned(), first);
    } else {
        let only = json!([wrap(said)]);
        map.insert(list.to_owned(), only);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_say_the_same() {
        let rows = [
            (json!({}), json!({})),
            (json!({"podIP": "1.1.1.1"}), json!({"podIP": "1.1.1.1", "podIPs": [{"ip": "1.1.1.1"}]})),
            (json!({"podIPs": [{"ip": "1.1.1.1"}]}), json!({"podIP": "1.1.1.1", "podIPs": [{"ip": "1.1.1.1"}]})),
            (
                json!({"podIP": "1.1.1.1", "podIPs": [{"ip": "1.1.1.1"}, {"ip": "fd::1"}]}),
                json!({"podIP": "1.1.1.1", "podIPs": [{"ip": "1.1.1.1"}, {"ip": "fd::1"}]}),
            ),
            (
                json!({"podIP": "1.1.1.2", "podIPs": [{"ip": "1.1.1.1"}, {"ip": "fd::1"}]}),
                json!({"podIP": "1.1.1.2", "podIPs": [{"ip": "1.1.1.2"}]}),
            ),
        ];
        for (said, wanted) in rows {
            let mut status = said.as_object().cloned().unwrap_or_default();
            pod_ips(&mut status);
            assert_eq!(Value::Object(status), wanted, "{said}");
        }
        let mut spec = Map::from_iter([("podCIDR".to_owned(), json!("10.0.0.0/24"))]);
        spec.insert("podCIDRs".to_owned(), json!(["10.1.0.0/24"]));
        pod_cidrs(&mut spec);
        assert_eq!(Value::Object(spec), json!({"podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.0.0/24"]}));
    }
}
