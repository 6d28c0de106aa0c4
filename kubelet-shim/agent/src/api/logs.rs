//! `/containerLogs`: what a container wrote, now or before its last restart.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jiff::{SignedDuration, Timestamp};
use kubernel_runtime::logs::{self, LogOptions};
use serde_json::Value;
use tokio_stream::wrappers::ReceiverStream;

use super::{Refusal, pods};
use crate::node::NodeContext;
use crate::pod::View;

/// The fields of a log request, named as in PodLogOptions.
type Fields = HashMap<String, String>;

/// Answers with the log, in chunks as it is read.
pub(crate) async fn container(
    State(node): State<Arc<NodeContext>>,
    Path((namespace, pod, container)): Path<(String, String, String)>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Refusal> {
    let (view, container) = pods::find_container(&node, &namespace, &pod, container)?;
    if crate::work::container::find(&view.object, &container).is_none() {
        return Err((StatusCode::NOT_FOUND, format!("container \"{container}\" not found in pod \"{pod}\"\n")));
    }
    let query = super::query(raw.as_deref());
    let options = options(&query)?;
    let id = container_id(&view, &pod, &container, is_true(&query, "previous"))?;
    let status = node.runtime.container_status(&id).await;
    let status = status.map_err(|error| {
        (StatusCode::NOT_FOUND, format!("unable to retrieve container logs for containerd://{id}: {error}\n"))
    })?;
    let path = PathBuf::from(&status.log_path);
    let uid = view.object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let running = move || {
        let pods = node.pods.lock();
        let Some(handle) = pods.get(&uid) else { return false };
        handle.view.borrow().container(&container).is_some_and(|(now, running)| running && now == id)
    };
    let chunks = logs::read(path, options, running);
    let body = Body::from_stream(ReceiverStream::new(chunks));
    Ok(([("content-type", "text/plain")], body).into_response())
}

fn is_true(query: &Fields, name: &str) -> bool {
    query.get(name).is_some_and(|text| matches!(text.as_str(), "true" | "1" | "t" | "T" | "TRUE" | "True"))
}

fn options(query: &Fields) -> Result<LogOptions, Refusal> {
    let bad = |name: &str| (StatusCode::BAD_REQUEST, format!("invalid {name}\n"));
    let text = |name: &str| query.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let number = |name: &str| -> Result<Option<u64>, Refusal> {
        text(name).map(|text| text.parse().map_err(|_| bad(name))).transpose()
    };
    let mut since = text("sinceTime").map(|text| text.parse().map_err(|_| bad("sinceTime"))).transpose()?;
    if let Some(secs) = number("sinceSeconds")? {
        let secs = i64::try_from(secs).unwrap_or(i64::MAX);
        since = Timestamp::now().checked_sub(SignedDuration::from_secs(secs)).ok();
    }
    Ok(LogOptions {
        follow: is_true(query, "follow"),
        tail_lines: number("tailLines")?,
        since,
        timestamps: is_true(query, "timestamps"),
        limit_bytes: number("limitBytes")?,
        stream: text("stream").filter(|name| *name != "All").map(str::to_owned),
    })
}

/// The run of a container whose log is meant.
fn container_id(view: &View, pod: &str, container: &str, previous: bool) -> Result<String, Refusal> {
    let bad = |text: String| Err((StatusCode::BAD_REQUEST, text));
    let lists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
    let status = lists
        .iter()
        .flat_map(|list| view.status[*list].as_array().into_iter().flatten())
        .find(|status| status["name"] == container);
    let Some(status) = status else {
        return bad(format!("container \"{container}\" in pod \"{pod}\" is not available\n"));
    };
    let id = |value: &Value| Some(value.as_str()?.rsplit_once("://")?.1.to_owned()).filter(|id| !id.is_empty());
    let last = id(&status["lastState"]["terminated"]["containerID"]);
    if previous {
        return match last {
            Some(id) => Ok(id),
            None => bad(format!("previous terminated container \"{container}\" in pod \"{pod}\" not found\n")),
        };
    }
    let state = &status["state"];
    if state["running"].is_object() || state["terminated"].is_object() {
        if let Some(id) = id(&status["containerID"]) {
            return Ok(id);
        }
    } else if let Some(id) = last {
        return Ok(id);
    }
    let reason = state["waiting"]["reason"].as_str().unwrap_or("ContainerCreating");
    let verb = match reason {
        "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName" => {
            "trying and failing to pull image"
        }
        reason => return bad(format!("container \"{container}\" in pod \"{pod}\" is waiting to start: {reason}\n")),
    };
    bad(format!("container \"{container}\" in pod \"{pod}\" is waiting to start: {verb}\n"))
}
