//! The Pods of this node, as the node sees them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Json, Refusal};
use crate::node::NodeContext;
use crate::pod::View;

/// All Pods that are bound here.
pub(crate) async fn all(State(node): State<Arc<NodeContext>>) -> Json {
    list(&node, |_| true)
}

/// Those with a running container.
pub(crate) async fn running(State(node): State<Arc<NodeContext>>) -> Json {
    list(&node, |view| view.containers.iter().any(|(_, _, running)| *running))
}

fn list(node: &NodeContext, keep: impl Fn(&View) -> bool) -> Json {
    let items: Vec<Value> = views(node).iter().filter(|view| keep(view)).map(object).collect();
    Json(json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": items}))
}

/// Looks at all Pods.
pub(crate) fn views(node: &NodeContext) -> Vec<View> {
    node.pods.lock().values().map(|handle| handle.view.borrow().clone()).collect()
}

/// One Pod by name, or the 404 for it.
pub(crate) fn find(node: &NodeContext, namespace: &str, name: &str) -> Result<View, Refusal> {
    let found = views(node)
        .into_iter()
        .find(|view| view.object["metadata"]["namespace"] == namespace && view.object["metadata"]["name"] == name);
    found.ok_or_else(|| (StatusCode::NOT_FOUND, format!("pod \"{name}\" not found\n")))
}

/// A container by its Pod's name, or the 404 for it. A Pod that only stands for a task of an executor has none: the
/// executor's is meant.
pub(crate) fn find_container(
    node: &NodeContext,
    namespace: &str,
    pod: &str,
    container: String,
) -> Result<(View, String), Refusal> {
    let Some(host) = node.guests.host(namespace, pod) else { return Ok((find(node, namespace, pod)?, container)) };
    let view = find(node, namespace, &host)?;
    let name = view.object["spec"]["containers"][0]["name"].as_str().unwrap_or_default().to_owned();
    Ok((view, name))
}

fn object(view: &View) -> Value {
    let mut object = (*view.object).clone();
    if view.status.is_object() {
        object["status"] = (*view.status).clone();
    }
    object
}
