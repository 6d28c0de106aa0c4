//! The end of a CRD: its objects go first, then the finalizer that held it.
//!
//! Objects are deleted in the store itself: no webhook of an operator that is gone may hold them. Their own finalizers
//! count, so this may take as long as somebody else likes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use kubernel_kinds::custom::Definition;
use kubernel_meta::{Object, time};
use kubernel_store::{At, Change, Entry, Expect, StoreError};
use serde_json::{Value, json};
use tower::Service as _;

use super::status::{self, Condition};
use super::{CLEANUP_FINALIZER, PREFIX};
use crate::{ApiServer, Error, User, document};

/// As whom the server writes the status of CRDs.
const USER: &str = "system:apiserver";
/// Under which name it owns the fields that it writes.
const MANAGER: &str = "kube-apiserver";
/// How many objects one transaction takes away.
const BATCH: usize = 200;
/// How long until a failed step is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How often a change of the status is tried against a newer state.
const TRIES_MAX: usize = 8;

/// Whether it is the server itself that writes.
pub(crate) fn is_own(user: &User) -> bool {
    user.name == USER
}

/// Patches the status of a CRD, and its finalizers with it; the error is the answer's code.
pub(super) async fn patch_status(server: &ApiServer, name: &str, patch: &Value) -> Result<Object, StatusCode> {
    let request = Request::builder()
        .method(Method::PATCH)
        .uri(format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}/status"))
        .header(header::CONTENT_TYPE, "application/merge-patch+json")
        .header(header::USER_AGENT, MANAGER)
        .body(Body::from(patch.to_string()))
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    let Ok(response) = server.service(User::system(USER)).call(request).await;
    let code = response.status();
    let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    if !code.is_success() {
        if !matches!(code, StatusCode::CONFLICT | StatusCode::NOT_FOUND) {
            tracing::error!(%name, %code, answer = %String::from_utf8_lossy(&body), "the status of a definition stays");
        }
        return Err(code);
    }
    document::parse(&body).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

/// Takes away the objects of a deleted CRD, then its finalizer. Ends when the CRD is gone, or the server stops.
pub(super) async fn run(server: ApiServer, crd: Object) {
    let stop = server.shutdown_token();
    tokio::select! {
        () = stop.cancelled() => {}
        () = finish(&server, &crd) => {}
    }
}

async fn finish(server: &ApiServer, crd: &Object) {
    let name = crd.name();
    let (reason, message) = ("InstanceDeletionInProgress", "CustomResource deletion is in progress");
    let progress = Condition { type_: "Terminating", status: true, reason, message };
    if !mark(server, crd, progress, false).await {
        return;
    }
    let (mut reason, mut message) = ("NeverEstablished", "resource was never established");
    if status::holds(crd, "Established") {
        while let Err(error) = empty(server, crd).await {
            tracing::warn!(crd = name, %error, "objects of a deleted definition stay for now");
            let message = format!("could not issue all deletes: {error}");
            let failed =
                Condition { type_: "Terminating", status: true, reason: "InstanceDeletionFailed", message: &message };
            if !mark(server, crd, failed, false).await {
                return;
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
        (reason, message) = ("InstanceDeletionCompleted", "removed all instances");
    }
    let done = Condition { type_: "Terminating", status: false, reason, message };
    mark(server, crd, done, true).await;
}

/// Sets a condition on the CRD as it is now, and takes the finalizer away where it is `last`. `false`: it is gone, or
/// another one of this name is there.
async fn mark(server: &ApiServer, crd: &Object, condition: Condition<'_>, last: bool) -> bool {
    let key = format!("{PREFIX}{}", crd.name());
    for _ in 0..TRIES_MAX {
        let entry = match server.store().snapshot(&key, At::Latest).await {
            Ok(snapshot) => snapshot.get(&key),
            Err(error) => {
                tracing::warn!(%error, crd = crd.name(), "a deleted definition cannot be read");
                tokio::time::sleep(TRY_AGAIN).await;
                continue;
            }
        };
        let Some(mut now) = entry.and_then(|entry| document::parse(&entry.json).ok()) else { return false };
        if now.uid() != crd.uid() {
            return false;
        }
        status::set(&mut now, condition, &time::format(Timestamp::now()));
        let mut patch = json!({
            "metadata": { "resourceVersion": now.resource_version() },
            "status": { "conditions": now.list_at(&["status", "conditions"]) },
        });
        if last {
            let kept: Vec<&str> = now.finalizers().filter(|name| *name != CLEANUP_FINALIZER).collect();
            patch["metadata"]["finalizers"] = json!(kept);
        }
        match patch_status(server, crd.name(), &patch).await {
            Ok(_) => return true,
            Err(StatusCode::CONFLICT) => {}
            Err(StatusCode::NOT_FOUND) => return false,
            Err(_) => tokio::time::sleep(TRY_AGAIN).await,
        }
    }
    false
}

/// Deletes all objects, and waits until the last of them is gone.
async fn empty(server: &ApiServer, crd: &Object) -> Result<(), Error> {
    let definition = Definition::read(crd);
    let prefix = format!("/registry/{}/{}/", definition.group, definition.names.plural);
    loop {
        let snapshot = server.store().snapshot(&prefix, At::Latest).await?;
        let there: Vec<Arc<Entry>> = snapshot.range(&prefix, "").collect();
        if there.is_empty() {
            return Ok(());
        }
        let mut watch = server.store().watch(&prefix, snapshot.revision())?;
        let now = time::format(Timestamp::now());
        let mut issued = false;
        for batch in there.chunks(BATCH) {
            let changes: Vec<Change> = batch.iter().filter_map(|entry| change(entry, &now)).collect();
            if changes.is_empty() {
                continue;
            }
            issued = true;
            match server.store().commit(changes).await {
                // Somebody changed or deleted one of them: the next round sees.
                Ok(_) | Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !issued {
            watch.next().await?;
        }
    }
}

/// The deletion of an object, or its beginning where finalizers hold it; `None` where it has begun already.
fn change(entry: &Entry, now: &str) -> Option<Change> {
    let (key, revision) = (entry.key.clone(), entry.revision);
    let Ok(mut object) = document::parse(&entry.json) else { return Some(Change::Delete { key, revision }) };
    if object.finalizers().next().is_none() {
        return Some(Change::Delete { key, revision });
    }
    if object.deletion_timestamp().is_some() {
        return None;
    }
    object.set(&["metadata", "deletionTimestamp"], now);
    object.set(&["metadata", "deletionGracePeriodSeconds"], 0);
    object.set(&["metadata", "generation"], object.generation() + 1);
    let document = document::rewrite(&object, entry).ok()?;
    Some(Change::Put { key, expect: Expect::Revision(revision), document })
}
