//! Running one probe of a container.

use std::time::Duration;

use kubernel_podlife::{Outcome, ProbeKind};
use serde_json::Value;

use super::http::{self, Get};
use super::{container, grpc};
use crate::pod::PodContext;

/// The most of a probe's output that is shown.
const OUTPUT_BYTES_MAX: usize = 10 << 10;

/// Runs a probe within its time limit.
pub(crate) async fn run(
    context: &PodContext,
    pod: &Value,
    name: &str,
    id: &str,
    kind: ProbeKind,
    ips: &[String],
) -> Outcome {
    let field = match kind {
        ProbeKind::Startup => "startupProbe",
        ProbeKind::Liveness => "livenessProbe",
        ProbeKind::Readiness => "readinessProbe",
    };
    let Some(container) = container::find(pod, name) else { return Outcome::Success };
    let probe = &container[field];
    let limit = Duration::from_secs(probe["timeoutSeconds"].as_u64().unwrap_or(1).max(1));
    if probe["exec"].is_object() {
        return exec(context, &probe["exec"], id, limit).await;
    }
    let result = if probe["httpGet"].is_object() {
        match Get::new(&probe["httpGet"], container, ips) {
            Ok(get) => get_within(&get, limit).await,
            Err(message) => return Outcome::Unknown(message),
        }
    } else if probe["tcpSocket"].is_object() {
        match http::address(&probe["tcpSocket"], container, ips) {
            Ok(address) => http::dial(&address, limit).await.map(|_| ()),
            Err(message) => return Outcome::Unknown(message),
        }
    } else if probe["grpc"].is_object() {
        let service = probe["grpc"]["service"].as_str().unwrap_or_default();
        match http::address(&probe["grpc"], container, ips) {
            Ok(address) => tokio::time::timeout(limit, grpc::check(&address, service))
                .await
                .unwrap_or_else(|_| Err(format!("timeout: health rpc did not complete within {limit:?}"))),
            Err(message) => return Outcome::Unknown(message),
        }
    } else {
        return Outcome::Unknown("the probe names no action".into());
    };
    match result {
        Ok(()) => Outcome::Success,
        Err(message) => Outcome::Failure(message),
    }
}

async fn get_within(get: &Get, limit: Duration) -> Result<(), String> {
    let Ok(answer) = tokio::time::timeout(limit, http::get(get)).await else {
        let url = get.url();
        return Err(format!(
            "Get \"{url}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        ));
    };
    let answer = answer?;
    if (200..400).contains(&answer.status) {
        return Ok(());
    }
    tracing::debug!(url = get.url(), body = answer.body, "a probe was answered badly");
    Err(format!("HTTP probe failed with statuscode: {}", answer.status))
}

async fn exec(context: &PodContext, action: &Value, id: &str, limit: Duration) -> Outcome {
    let words = action["command"].as_array().into_iter().flatten();
    let command: Vec<String> = words.filter_map(|word| Some(word.as_str()?.to_owned())).collect();
    let shown = command.join(" ");
    match context.node.runtime.exec_sync(id, command, limit).await {
        Ok(output) if output.exit_code == 0 => Outcome::Success,
        Ok(output) => {
            let mut text = [output.stdout, output.stderr].concat();
            text.truncate(OUTPUT_BYTES_MAX);
            Outcome::Failure(String::from_utf8_lossy(&text).into_owned())
        }
        Err(error) if error.is_deadline() => {
            Outcome::Failure(format!("command timed out: \"{shown}\" timed out after {limit:?}"))
        }
        Err(error) => Outcome::Unknown(error.to_string()),
    }
}
