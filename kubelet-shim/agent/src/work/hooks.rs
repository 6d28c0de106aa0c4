//! Lifecycle hooks: exec, httpGet, tcpSocket, sleep.

use std::time::Duration;

use serde_json::Value;

use super::http::{self, Get};
use crate::pod::PodContext;

/// A hook that says nothing about its time is given up after this.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Runs a hook to its end; the error is a text for the event.
pub(crate) async fn run(
    context: &PodContext,
    container: &Value,
    hook: &Value,
    id: &str,
    ips: &[String],
) -> Result<(), String> {
    if hook["exec"].is_object() {
        let words = hook["exec"]["command"].as_array().into_iter().flatten();
        let command: Vec<String> = words.filter_map(|word| Some(word.as_str()?.to_owned())).collect();
        let shown = command.join(" ");
        let output = context.node.runtime.exec_sync(id, command, Duration::ZERO).await;
        let output = output.map_err(|error| error.to_string())?;
        if output.exit_code == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        return Err(format!("command '{shown}' exited with {}: {}", output.exit_code, text.trim()));
    }
    if hook["httpGet"].is_object() {
        let get = Get::new(&hook["httpGet"], container, ips)?;
        let answer = tokio::time::timeout(TIMEOUT, http::get(&get)).await;
        let answer = answer.map_err(|_| format!("Get \"{}\": no answer in time", get.url()))??;
        return if answer.status < 400 { Ok(()) } else { Err(format!("HTTP status {}", answer.status)) };
    }
    if hook["tcpSocket"].is_object() {
        let address = http::address(&hook["tcpSocket"], container, ips)?;
        return http::dial(&address, TIMEOUT).await.map(|_| ());
    }
    if let Some(secs) = hook["sleep"]["seconds"].as_u64() {
        // The container may end earlier than the sleep; then there is nothing left to wait for.
        let until = tokio::time::Instant::now() + Duration::from_secs(secs);
        while tokio::time::Instant::now() < until {
            tokio::time::sleep((until - tokio::time::Instant::now()).min(Duration::from_secs(1))).await;
            if super::outcome::look(context, id).await.is_some() {
                break;
            }
        }
    }
    Ok(())
}
