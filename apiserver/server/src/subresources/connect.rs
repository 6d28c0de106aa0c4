//! `pods/exec`, `pods/attach` and `pods/portforward`: the node's kubelet answers them, we copy the bytes.

use axum::body::Body;
use http::request::Parts;
use http::{Method, Response, header};
use hyper::upgrade::OnUpgrade;
use kubernel_meta::{ApiError, Object};
use kubernel_store::At;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;

use crate::authz::{self, Attributes, Decision};
use crate::context::Context;
use crate::document;
use crate::resources::Resource;
use crate::verbs::get;

use super::kubelet;

/// Answers a GET or POST that wants to become a stream.
pub(super) async fn pod(
    context: &Context,
    pods: &Arc<Resource>,
    mut parts: Parts,
    body: Body,
) -> Result<Response<Body>, ApiError> {
    let info = &context.info;
    may_create(context).await?;
    let entry = get::entry(context, pods, &info.namespace, &info.name, At::Latest).await?;
    let pod = document::decode(pods, &entry)?;
    let (namespace, name) = (&info.namespace, &info.name);
    super::admit_connection(context, pods, options(context)).await?;
    let path = match info.subresource.as_str() {
        "portforward" => {
            let mut query = String::new();
            for port in context.query.all("ports").flat_map(|ports| ports.split(',')) {
                pair(&mut query, "port", port);
            }
            format!("/portForward/{namespace}/{name}?{query}")
        }
        word => {
            let container = container(&pod, context.query.get("container").unwrap_or_default())?;
            check_running(&pod, word)?;
            let mut query = String::new();
            for (ours, theirs) in [("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty")] {
                if context.query.flag(ours) {
                    pair(&mut query, theirs, "1");
                }
            }
            context.query.all("command").for_each(|command| pair(&mut query, "command", command));
            format!("/{word}/{namespace}/{name}/{container}?{query}")
        }
    };
    let node = pod.str_at(&["spec", "nodeName"]);
    if node.is_empty() {
        return Err(ApiError::bad_request(format!("pod {name} does not have a host assigned")));
    }
    if !context.headers.contains_key(header::UPGRADE) {
        return Err(ApiError::bad_request("Upgrade request required"));
    }
    let upgrade = parts
        .extensions
        .remove::<OnUpgrade>()
        .ok_or_else(|| ApiError::bad_request("unable to upgrade: this connection cannot be upgraded"))?;
    let backend = kubelet::of_node(context, node).await?;
    kubelet::forward(&context.server, &backend, parts.method, &path, &context.headers, Some(upgrade), body).await
}

/// The request's query as admission sees it: PodExecOptions and its like.
fn options(context: &Context) -> Object {
    let mut options = Object::default();
    let query = &context.query;
    if context.info.subresource == "portforward" {
        let ports: Vec<i64> =
            query.all("ports").flat_map(|ports| ports.split(',')).filter_map(|port| port.parse().ok()).collect();
        options.set(&["ports"], ports);
        return options;
    }
    for flag in ["stdin", "stdout", "stderr", "tty"].into_iter().filter(|flag| query.flag(flag)) {
        options.set(&[flag], true);
    }
    if let Some(container) = query.non_empty("container") {
        options.set(&["container"], container);
    }
    let command: Vec<&str> = query.all("command").collect();
    if !command.is_empty() {
        options.set(&["command"], command);
    }
    options
}

/// Streams are opened by WebSocket clients with GET; reading alone must not be enough for that.
async fn may_create(context: &Context) -> Result<(), ApiError> {
    let info = &context.info;
    if info.verb != "get" {
        return Ok(());
    }
    let attributes = Attributes {
        user: context.user.clone(),
        verb: "create".to_owned(),
        is_resource: true,
        group: info.group.clone(),
        version: info.version.clone(),
        resource: info.resource.clone(),
        subresource: info.subresource.clone(),
        namespace: info.namespace.clone(),
        name: info.name.clone(),
        path: info.path.clone(),
    };
    match authz::authorize(&context.server, &attributes).await {
        Decision::Allow(_) => Ok(()),
        Decision::Deny(reason) => Err(attributes.refuse(&reason)),
    }
}

fn check_running(pod: &Object, word: &str) -> Result<(), ApiError> {
    let phase = pod.str_at(&["status", "phase"]);
    if word == "exec" && matches!(phase, "Succeeded" | "Failed") {
        return Err(ApiError::bad_request(format!(
            "cannot exec into a container in a completed pod; current phase is {phase}"
        )));
    }
    Ok(())
}

/// The container that a request means: the one it names, the only one, or the Pod's default one.
pub(super) fn container(pod: &Object, named: &str) -> Result<String, ApiError> {
    const DEFAULT: &str = "kubectl.kubernetes.io/default-container";
    let names = |field: &str| -> Vec<&str> {
        pod.list_at(&["spec", field]).iter().filter_map(|container| container["name"].as_str()).collect()
    };
    let (main, init, ephemeral) = (names("containers"), names("initContainers"), names("ephemeralContainers"));
    let exists = |name: &str| [&main, &init, &ephemeral].iter().any(|list| list.contains(&name));
    let pod_name = pod.name();
    if !named.is_empty() {
        return if exists(named) {
            Ok(named.to_owned())
        } else {
            Err(ApiError::bad_request(format!("container {named} is not valid for pod {pod_name}")))
        };
    }
    if let [only] = main.as_slice() {
        return Ok((*only).to_owned());
    }
    let default = pod.annotations().find(|(key, _)| *key == DEFAULT).map(|(_, value)| value);
    if let Some(default) = default.filter(|name| exists(name)) {
        return Ok(default.to_owned());
    }
    let choices = if init.is_empty() {
        format!("[{}]", main.join(" "))
    } else {
        format!("[{}] or one of the init containers: [{}]", main.join(" "), init.join(" "))
    };
    Err(ApiError::bad_request(format!(
        "a container name must be specified for pod {pod_name}, choose one of: {choices}"
    )))
}

/// Adds `name=value` to a query string.
pub(super) fn pair(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(name);
    query.push('=');
    query.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
}

/// GET without a body.
pub(super) const READ: Method = Method::GET;
