//! Looks after one APIService with a Service: writes whether it is available, and reads what its server says of itself.
//! It looks again when the Service or its endpoints change, and after a while anyhow.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use jiff::Timestamp;
use kubernel_meta::{Object, time};
use kubernel_store::{At, Event, StoreError, Watch};
use serde_json::{Value, json};
use tower::Service as _;

use super::availability::{self, Condition};
use super::remote::Remote;
use super::table::{ApiService, Backend};
use super::{MANAGER, PREFIX, USER};
use crate::{ApiServer, User, document};

/// How often an APIService is looked at that does not seem to change.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How long until an APIService is looked at again whose server could not be reached; doubled each time.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// Looks after the APIService of this name until the future is dropped.
pub(super) async fn run(server: ApiServer, name: String, backend: Backend) {
    let stop = server.shutdown_token();
    let mut pause = TRY_AGAIN;
    loop {
        let mut changes = match Changes::after_now(&server, &backend) {
            Ok(changes) => changes,
            Err(error) => {
                tracing::warn!(%error, name, "the Service of an APIService cannot be watched");
                tokio::time::sleep(LOOK_AGAIN).await;
                continue;
            }
        };
        let passed = look(&server, &name, &backend).await;
        let wait = if passed { LOOK_AGAIN } else { pause };
        pause = if passed { TRY_AGAIN } else { (pause * 2).min(LOOK_AGAIN) };
        tokio::select! {
            () = stop.cancelled() => return,
            () = changes.next() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// One look; whether it is available.
async fn look(server: &ApiServer, name: &str, backend: &Backend) -> bool {
    let Some(service) = server.aggregation().table().get(name).cloned() else { return true };
    let condition = availability::check(server, &service, backend).await;
    let passed = condition.status == "True";
    // What the server says is there before anybody reads that it is available.
    let old = server.aggregation().remote(name);
    let remote = match passed {
        true => Remote::read(server, &service, backend, old.as_deref()).await,
        false => Remote::stale(&service, old.as_deref()),
    };
    server.aggregation().set_remote(name, remote);
    if let Err(problem) = write(server, &service, &condition).await {
        tracing::debug!(name, problem, "the status of an APIService was not written");
    }
    // Its documents may take their time.
    if passed
        && let Some(known) = server.aggregation().remote(name)
        && let Some(remote) = known.with_openapi(server, &service, backend).await
    {
        server.aggregation().set_remote(name, remote);
    }
    passed
}

/// Writes the condition, where the stored one says something else.
async fn write(server: &ApiServer, service: &ApiService, condition: &Condition) -> Result<(), String> {
    let key = format!("{PREFIX}{}", service.name);
    let snapshot = server.store().snapshot(&key, At::Latest).await.map_err(|error| error.to_string())?;
    let Some(entry) = snapshot.get(&key) else { return Ok(()) };
    let object = document::parse(&entry.json).map_err(|error| error.message().to_owned())?;
    let Some(conditions) = with(&object, condition) else { return Ok(()) };
    let patch = json!({
        "metadata": { "resourceVersion": object.resource_version() },
        "status": { "conditions": conditions },
    });
    let request = Request::builder()
        .method(Method::PATCH)
        .uri(format!("/apis/apiregistration.k8s.io/v1/apiservices/{}/status", service.name))
        .header(header::CONTENT_TYPE, "application/merge-patch+json")
        .header(header::USER_AGENT, MANAGER)
        .body(Body::from(patch.to_string()))
        .map_err(|error| error.to_string())?;
    let Ok(response) = server.service(User::system(USER)).call(request).await;
    match response.status() {
        code if code.is_success() || code == StatusCode::NOT_FOUND => Ok(()),
        code => Err(code.to_string()),
    }
}

/// The conditions with this one among them; `None` where it is there already.
fn with(object: &Object, condition: &Condition) -> Option<Vec<Value>> {
    let mut all = object.list_at(&["status", "conditions"]).to_vec();
    let now = json!(time::format(Timestamp::now()));
    let Some(known) = all.iter_mut().find(|known| known["type"] == "Available") else {
        all.push(json!({
            "type": "Available", "status": condition.status, "lastTransitionTime": now,
            "reason": condition.reason, "message": condition.message,
        }));
        return Some(all);
    };
    let before = known.clone();
    if known["status"] != condition.status {
        known["status"] = json!(condition.status);
        known["lastTransitionTime"] = now;
    }
    known["reason"] = json!(condition.reason);
    known["message"] = json!(condition.message);
    (before != *known).then_some(all)
}

/// Changes of a Service and of its endpoints.
struct Changes {
    service: Box<dyn Watch>,
    slices: Box<dyn Watch>,
    name: String,
}

impl Changes {
    fn after_now(server: &ApiServer, backend: &Backend) -> Result<Self, StoreError> {
        let (store, Backend { namespace, name, .. }) = (server.store(), backend);
        let now = store.revision();
        let service = store.watch(&format!("/registry/core/services/{namespace}/"), now)?;
        let slices = store.watch(&format!("/registry/discovery.k8s.io/endpointslices/{namespace}/"), now)?;
        Ok(Self { service, slices, name: name.clone() })
    }

    /// Returns when there is one, or when the store cannot tell.
    async fn next(&mut self) {
        let name = &self.name;
        let is_service = |event: &Arc<Event>| event.entry.key.rsplit('/').next() == Some(name);
        let is_slice = |event: &Arc<Event>| {
            let labels = &event.entry.index.labels;
            labels.iter().any(|(key, value)| &**key == "kubernetes.io/service-name" && **value == **name)
        };
        loop {
            let happened = tokio::select! {
                events = self.service.next() => events.map(|events| events.iter().any(is_service)),
                events = self.slices.next() => events.map(|events| events.iter().any(is_slice)),
            };
            if happened.unwrap_or(true) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions() {
        let condition = |status, reason: &'static str| Condition { status, reason, message: "m".to_owned() };
        let object = |conditions: Value| Object::from_value(json!({"status": {"conditions": conditions}})).unwrap();
        let new = with(&object(json!([])), &condition("False", "R")).unwrap();
        assert_eq!((&new[0]["status"], &new[0]["reason"]), (&json!("False"), &json!("R")));
        let known = json!([{"type": "Other"}, {"type": "Available", "status": "False", "reason": "R", "message": "m",
                           "lastTransitionTime": "2020-01-01T00:00:00Z"}]);
        assert_eq!(with(&object(known.clone()), &condition("False", "R")), None);
        let same = with(&object(known.clone()), &condition("False", "S")).unwrap();
        assert_eq!(same[1]["lastTransitionTime"], "2020-01-01T00:00:00Z");
        let other = with(&object(known), &condition("True", "Passed")).unwrap();
        assert_ne!(other[1]["lastTransitionTime"], "2020-01-01T00:00:00Z");
    }
}
