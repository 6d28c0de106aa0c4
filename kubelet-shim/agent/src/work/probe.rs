//! Running one probe of a container.

use std::time::Duration;

use kubernel_podlife::{Outcome, ProbeKind};
use serde_json::Value;

use super::http::{self, Get};
use super::{check, container, grpc};
use crate::pod::PodContext;

/// The most of a probe's output that is shown.
const OUTPUT_BYTES_MAX: usize = 10 << 10;

/// What a probe found.
pub(super) enum Found {
    /// Its command ended with this status.
    Exited(i32),
    /// It was answered with this status.
    Answered(u16),
    /// Somebody listens.
    Connected,
    /// A service says that it is well.
    Serving,
    /// It failed without any of these.
    Nothing,
}

type Probed = (Outcome, Found);

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
    let (outcome, found) = act(context, container, probe, id, ips).await;
    if kind == ProbeKind::Readiness {
        check::tell(context, pod, name, probe, &found).await;
    }
    outcome
}

async fn act(context: &PodContext, container: &Value, probe: &Value, id: &str, ips: &[String]) -> Probed {
    let limit = Duration::from_secs(probe["timeoutSeconds"].as_u64().unwrap_or(1).max(1));
    let unknown = |message: String| (Outcome::Unknown(message), Found::Nothing);
    if probe["exec"].is_object() {
        return exec(context, &probe["exec"], id, limit).await;
    }
    if probe["httpGet"].is_object() {
        return match Get::new(&probe["httpGet"], container, ips) {
            Ok(get) => get_within(&get, limit).await,
            Err(message) => unknown(message),
        };
    }
    let (result, found) = if probe["tcpSocket"].is_object() {
        match http::address(&probe["tcpSocket"], container, ips) {
            Ok(address) => (http::dial(&address, limit).await.map(|_| ()), Found::Connected),
            Err(message) => return unknown(message),
        }
    } else if probe["grpc"].is_object() {
        let service = probe["grpc"]["service"].as_str().unwrap_or_default();
        let answer = match http::address(&probe["grpc"], container, ips) {
            Ok(address) => tokio::time::timeout(limit, grpc::check(&address, service))
                .await
                .unwrap_or_else(|_| Err(format!("timeout: health rpc did not complete within {limit:?}"))),
            Err(message) => return unknown(message),
        };
        (answer, Found::Serving)
    } else {
        return unknown("the probe names no action".into());
    };
    match result {
        Ok(()) => (Outcome::Success, found),
        Err(message) => (Outcome::Failure(message), Found::Nothing),
    }
}

async fn get_within(get: &Get, limit: Duration) -> Probed {
    let failed = |message| (Outcome::Failure(message), Found::Nothing);
    let Ok(answer) = tokio::time::timeout(limit, http::get(get)).await else {
        let url = get.url();
        return failed(format!(
            "Get \"{url}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        ));
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(message) => return failed(message),
    };
    let found = Found::Answered(answer.status);
    if (200..400).contains(&answer.status) {
        return (Outcome::Success, found);
    }
    tracing::debug!(url = get.url(), body = answer.body, "a probe was answered badly");
    (Outcome::Failure(format!("HTTP probe failed with statuscode: {}", answer.status)), found)
}

async fn exec(context: &PodContext, action: &Value, id: &str, limit: Duration) -> Probed {
    let words = action["command"].as_array().into_iter().flatten();
    let command: Vec<String> = words.filter_map(|word| Some(word.as_str()?.to_owned())).collect();
    let shown = command.join(" ");
    match context.node.runtime.exec_sync(id, command, limit).await {
        Ok(output) if output.exit_code == 0 => (Outcome::Success, Found::Exited(0)),
        Ok(output) => {
            let mut text = [output.stdout, output.stderr].concat();
            text.truncate(OUTPUT_BYTES_MAX);
            (Outcome::Failure(String::from_utf8_lossy(&text).into_owned()), Found::Exited(output.exit_code))
        }
        Err(error) if error.is_deadline() => {
            let message = format!("command timed out: \"{shown}\" timed out after {limit:?}");
            (Outcome::Failure(message), Found::Nothing)
        }
        Err(error) => (Outcome::Unknown(error.to_string()), Found::Nothing),
    }
}
