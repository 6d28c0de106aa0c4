//! Says in the status of every FlowSchema whether its level is there (`Dangling`), as upstream's configuration
//! controller does, under the same manager's name.
//!
//! It looks whenever a schema or a level has changed, and writes only where the condition says something else. Servers
//! of one cluster say the same, so whoever comes first writes.

use std::time::Duration;

use axum::body::Body;
use futures::StreamExt as _;
use http::{Method, Request};
use jiff::Timestamp;
use kubernel_meta::time;
use kubernel_store::{At, StoreError, Watch};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::table::{LEVELS, SCHEMAS};
use crate::{ApiServer, User};

const MANAGER: &str = "api-priority-and-fairness-config-consumer-v1";
/// How many writes are on their way at the same time: the store commits them in groups.
const WRITES_MAX: usize = 16;
/// How soon it looks again where it could not.
const RETRY: Duration = Duration::from_secs(5);

/// Keeps the conditions true until the server stops.
pub(super) async fn run(server: ApiServer, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            looked = look_and_wait(&server) => {
                if let Err(error) = looked {
                    tracing::warn!(%error, "flow schemas do not say whether their levels are there");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

async fn look_and_wait(server: &ApiServer) -> Result<(), StoreError> {
    let [mut schemas, mut levels] = look(server).await?;
    tokio::select! {
        changed = schemas.next() => changed.map(drop),
        changed = levels.next() => changed.map(drop),
    }
}

/// Brings all conditions up to date; what is given back tells of changes since.
pub(super) async fn look(server: &ApiServer) -> Result<[Box<dyn Watch>; 2], StoreError> {
    let store = server.store();
    let (schemas, levels) = (store.snapshot(SCHEMAS, At::Latest).await?, store.snapshot(LEVELS, At::Latest).await?);
    let changes = [store.watch(SCHEMAS, schemas.revision())?, store.watch(LEVELS, levels.revision())?];
    let writes: Vec<(String, Value)> = schemas
        .range(SCHEMAS, "")
        .filter_map(|entry| {
            let schema: Value = serde_json::from_slice(&entry.json).ok()?;
            let level = text(&schema, "/spec/priorityLevelConfiguration/name");
            let is_there = levels.get(&format!("{LEVELS}{level}")).is_some();
            let condition = behind(&schema, level, is_there)?;
            Some((text(&schema, "/metadata/name").to_owned(), condition))
        })
        .collect();
    let writes = futures::stream::iter(writes).map(|(name, condition)| apply(server, name, condition));
    writes.buffer_unordered(WRITES_MAX).collect::<()>().await;
    Ok(changes)
}

/// The condition as it should be, where the schema says something else.
fn behind(schema: &Value, level: &str, is_there: bool) -> Option<Value> {
    let (status, reason, end) = if is_there {
        ("False", "Found", "and it exists")
    } else {
        ("True", "NotFound", "but there is no such object")
    };
    let message = format!("This FlowSchema references the PriorityLevelConfiguration object named {level:?} {end}");
    let conditions = schema.pointer("/status/conditions").and_then(Value::as_array);
    let old = conditions.into_iter().flatten().find(|condition| condition["type"] == "Dangling");
    if old.is_some_and(|old| old["status"] == status && old["reason"] == reason && old["message"] == message) {
        return None;
    }
    let since = old.filter(|old| old["status"] == status).map(|old| old["lastTransitionTime"].clone());
    Some(json!({
        "type": "Dangling", "status": status, "reason": reason, "message": message,
        "lastTransitionTime": since.unwrap_or_else(|| json!(time::format(Timestamp::now()))),
    }))
}

/// Writes the condition. Whoever deleted the schema meanwhile does not miss it.
async fn apply(server: &ApiServer, name: String, condition: Value) {
    let body = json!({
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema",
        "metadata": { "name": name }, "status": { "conditions": [condition] },
    });
    let request = Request::builder()
        .method(Method::PATCH)
        .uri(format!(
            "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/{name}/status?fieldManager={MANAGER}&force=true"
        ))
        .header(http::header::CONTENT_TYPE, "application/apply-patch+yaml")
        .body(Body::from(body.to_string()));
    let Ok(request) = request else { return };
    let Ok(response) = server.service(User::system("system:apiserver")).call(request).await;
    if !response.status().is_success() {
        tracing::debug!(schema = name, status = %response.status(), "a flow schema's condition was not written");
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_something_only_where_it_changed() {
        let with = |status: &str, reason: &str, message: &str| {
            json!({ "status": { "conditions": [{
                "type": "Dangling", "status": status, "reason": reason, "message": message,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }] } })
        };
        let found = "This FlowSchema references the PriorityLevelConfiguration object named \"l\" and it exists";
        let missing =
            "This FlowSchema references the PriorityLevelConfiguration object named \"l\" but there is no such object";
        // What the schema says, whether its level is there, and what it is told: status, and whether since before.
        let rows = [
            (json!({}), true, Some(("False", found, false))),
            (json!({}), false, Some(("True", missing, false))),
            (with("False", "Found", found), true, None),
            (with("False", "Found", found), false, Some(("True", missing, false))),
            (with("True", "NotFound", missing), false, None),
            (with("False", "Found", "of another level"), true, Some(("False", found, true))),
        ];
        for (schema, is_there, wanted) in rows {
            let told = behind(&schema, "l", is_there);
            let told = told.as_ref().map(|told| {
                let since = told["lastTransitionTime"] == "2026-01-01T00:00:00Z";
                (told["status"].as_str().unwrap(), told["message"].as_str().unwrap(), since)
            });
            assert_eq!(told, wanted, "{schema} {is_there}");
        }
    }
}
