//! Checks of frameworks' tasks: what a readiness probe finds is told as it is, as a condition of the Pod.

use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kubernel_meta::mesos;
use serde_json::{Value, json};

use super::probe::Found;
use crate::objects;
use crate::pod::PodContext;

/// Tells what the probe of a container found, where somebody wants to know and it is not what was told last.
pub(super) async fn tell(context: &PodContext, pod: &Value, container: &str, probe: &Value, found: &Found) {
    let checked = pod["metadata"]["annotations"][mesos::CHECKED].as_str().unwrap_or_default();
    if !checked.split(',').any(|name| name == container) {
        return;
    }
    let status = status(probe, found);
    let told = context.checks.lock().insert(container.to_owned(), status.clone());
    if told.as_ref() == Some(&status) {
        return;
    }
    let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default();
    let condition = json!({
        "type": format!("{}{container}", mesos::CHECK_CONDITION), "status": "True", "reason": "Checked",
        "message": status.to_string(), "lastTransitionTime": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    });
    // A Pod of the same name that came after this one is another's.
    let patch = json!({"metadata": {"uid": text("uid")}, "status": {"conditions": [condition]}});
    let api = objects::pods(&context.node.client, text("namespace"));
    if let Err(error) = api.patch_status(text("name"), &PatchParams::default(), &Patch::Strategic(&patch)).await {
        tracing::debug!(pod = text("name"), %error, "what a check found could not be told");
        // The next result is told again, whatever it is.
        context.checks.lock().remove(container);
    }
}

/// Mesos' `CheckStatusInfo`.
fn status(probe: &Value, found: &Found) -> Value {
    if probe["exec"].is_object() {
        let command = if let Found::Exited(code) = found { json!({"exit_code": code}) } else { json!({}) };
        json!({"type": "COMMAND", "command": command})
    } else if probe["httpGet"].is_object() {
        let http = if let Found::Answered(code) = found { json!({"status_code": code}) } else { json!({}) };
        json!({"type": "HTTP", "http": http})
    } else {
        json!({"type": "TCP", "tcp": {"succeeded": matches!(found, Found::Connected)}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_in_mesos_words() {
        for (action, found, expected) in [
            ("exec", Found::Exited(7), json!({"type": "COMMAND", "command": {"exit_code": 7}})),
            ("exec", Found::Nothing, json!({"type": "COMMAND", "command": {}})),
            ("httpGet", Found::Answered(503), json!({"type": "HTTP", "http": {"status_code": 503}})),
            ("httpGet", Found::Nothing, json!({"type": "HTTP", "http": {}})),
            ("tcpSocket", Found::Connected, json!({"type": "TCP", "tcp": {"succeeded": true}})),
            ("tcpSocket", Found::Nothing, json!({"type": "TCP", "tcp": {"succeeded": false}})),
        ] {
            assert_eq!(status(&json!({action: {}}), &found), expected);
        }
    }
}
