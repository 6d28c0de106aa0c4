//! DefaultTolerationSeconds: a Pod stays five minutes on a node that is not ready or cannot be reached, unless it says
//! otherwise.

use kubernel_meta::Object;
use serde_json::{Value, json};

use super::Attributes;

const TAINTS: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const TOLERATION_SECS: i64 = 300;

pub(super) fn admit(request: &Attributes<'_>, pod: &mut Object) {
    if !request.is_main("", "pods") {
        return;
    }
    let tolerations = pod.list_at(&["spec", "tolerations"]);
    let text = |toleration: &Value, key: &str| toleration[key].as_str().unwrap_or_default().to_owned();
    let tolerates = |taint: &str| {
        tolerations.iter().any(|toleration| {
            let (key, effect) = (text(toleration, "key"), text(toleration, "effect"));
            (key == taint || key.is_empty()) && (effect == "NoExecute" || effect.is_empty())
        })
    };
    let missing: Vec<Value> = TAINTS
        .into_iter()
        .filter(|taint| !tolerates(taint))
        .map(|taint| {
            json!({ "key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATION_SECS })
        })
        .collect();
    if !missing.is_empty() {
        let all: Vec<Value> = tolerations.iter().cloned().chain(missing).collect();
        pod.set(&["spec", "tolerations"], all);
    }
}
