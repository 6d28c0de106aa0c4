//! `pods/exec`, `pods/attach` and `pods/portforward`: the node's kubelet answers them, we copy the bytes.

use axum::body::Body;
use http::Response;
use http::request::Parts;
use kubernel_meta::{ApiError, Object};
use kubernel_store::At;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;

use crate::authz::{self, Attributes, Decision};
use crate::context::Context;
use crate::document;
use crate::resources::Resource;
use crate::verbs::get;

use super::kubelet::{self, Passage};

/// Answers a GET or POST that wants to become a stream.
pub(super) async fn pod(
    context: &Context,
    pods: &Arc<Resource>,
    parts: Parts,
    body: Body,
) -> Result<Response<Body>, ApiError> {
    let info = &context.info;
    super::admit_connection(context, pods, options(context)).await?;
    may_create(context).await?;
    let entry = get::entry(context, pods, &info.namespace, &info.name, At::Latest).await?;
    let pod = document::decode(pods, &entry)?;
    let (namespace, name) = (&info.namespace, &info.name);
    let target = match info.subresource.as_str() {
        "portforward" => {
            let mut query = String::new();
            for port in context.query.all("ports").flat_map(|ports| ports.split(',')) {
                pair(&mut query, "port", port);
            }
            format!("/portForward/{namespace}/{name}?{query}")
        }
        word => {
            let container = container(&pod, context.query.get("container").unwrap_or_default())?;
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
    let backend = kubelet::of_node(context, node).await?;
    let passage = Passage { target, must_upgrade: true, rewrites: false };
    kubelet::forward(context, &backend, passage, parts, body).await
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

/// The container that a request means: the one it names, or the only one.
pub(super) fn container(pod: &Object, named: &str) -> Result<String, ApiError> {
    let names = |field: &str| -> Vec<&str> {
        pod.list_at(&["spec", field]).iter().filter_map(|container| container["name"].as_str()).collect()
    };
    let all = [names("initContainers"), names("containers"), names("ephemeralContainers")];
    let pod_name = pod.name();
    if !named.is_empty() {
        return if all.iter().any(|list| list.contains(&named)) {
            Ok(named.to_owned())
        } else {
            Err(ApiError::bad_request(format!("container {named} is not valid for pod {pod_name}")))
        };
    }
    if let [only] = all[1].as_slice() {
        return Ok((*only).to_owned());
    }
    let choices = all.concat().join(" ");
    Err(ApiError::bad_request(format!(
        "a container name must be specified for pod {pod_name}, choose one of: [{choices}]"
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
