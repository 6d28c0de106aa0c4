//! Subresources: `status` and its like, `scale`, `binding`, `eviction`, `token`, and the connections to nodes, Pods and
//! Services.

mod binding;
mod connect;
mod eviction;
mod kubelet;
mod location;
mod log;
mod proxy;
pub(crate) mod scale;
mod token;

use std::sync::Arc;

use axum::body::Body;
use http::request::Parts;
use http::{Method, Response};
use kubernel_meta::{ApiError, Object};
use serde_json::{Value, json};

use crate::admission::{self, Attributes, Operation, Options, review};
use crate::context::Context;
use crate::handler::{not_allowed, read, write};
use crate::resources::Resource;
use crate::verbs;

pub(crate) use binding::bind_by_name;

/// Answers a request for a subresource.
pub(crate) async fn serve(
    context: &Context,
    resource: &Arc<Resource>,
    parts: Parts,
    body: Body,
) -> Result<Response<Body>, ApiError> {
    let info = &context.info;
    let Some(subresource) = resource.kind.subresource(&info.subresource) else {
        return Err(match resource.custom {
            Some(_) => ApiError::not_found(&resource.gvr, &info.name),
            None => ApiError::unknown_resource(),
        });
    };
    let name = info.subresource.as_str();
    // A method that is no verb goes through a proxy all the same.
    let is_proxied = name == "proxy" && parts.method == Method::OPTIONS;
    if !is_proxied && !subresource.verbs.iter().any(|verb| *verb == info.verb) {
        return Err(not_allowed());
    }
    match (info.resource.as_str(), name) {
        ("pods", "log") => return log::serve(context, resource).await,
        ("pods", "exec" | "attach" | "portforward") => return connect::pod(context, resource, parts, body).await,
        ("nodes" | "pods" | "services", "proxy") => return proxy::serve(context, resource, parts, body).await,
        _ => {}
    }
    let answer = match (info.verb.as_str(), name) {
        ("create", "binding") => binding::create(context, resource, &read(body).await?).await?,
        ("create", "eviction") => eviction::create(context, resource, &read(body).await?).await?,
        ("create", "token") => token::create(context, resource, &read(body).await?).await?,
        ("get", "scale") => scale::get(context, resource).await?,
        ("update", "scale") => scale::update(context, resource, &read(body).await?).await?,
        ("patch", "scale") => scale::patch(context, resource, &read(body).await?).await?,
        ("get", _) => verbs::get::get(context, resource).await?,
        ("update", _) => verbs::update::update(context, resource, name, &read(body).await?).await?,
        ("patch", _) => verbs::patch::patch(context, resource, name, &read(body).await?).await?,
        _ => return Err(not_allowed()),
    };
    write(context, answer).await
}

/// Asks admission whether a stream or proxy may be opened; `options` are what the query says.
async fn admit_connection(context: &Context, resource: &Arc<Resource>, mut options: Object) -> Result<(), ApiError> {
    let kind = review::carried(&resource.kind, &context.info.subresource);
    options.set(&["apiVersion"], kind.api_version());
    options.set(&["kind"], kind.kind);
    let name = context.info.name.clone();
    admit_carried(context, resource, (Operation::Connect, Options::None), &name, &mut options).await
}

/// Puts what is created through a subresource into the request's namespace, where it does not name another one.
fn place(context: &Context, object: &mut Object) -> Result<(), ApiError> {
    let wanted = context.info.namespace.as_str();
    if object.namespace().is_empty() {
        object.set(&["metadata", "namespace"], wanted);
    }
    if object.namespace() == wanted {
        return Ok(());
    }
    Err(ApiError::bad_request("the namespace of the provided object does not match the namespace sent on the request"))
}

/// Lets admission change, accept or refuse what a subresource carries.
pub(crate) async fn admit_carried(
    context: &Context,
    resource: &Arc<Resource>,
    operation: (Operation, Options<'_>),
    name: &str,
    object: &mut Object,
) -> Result<(), ApiError> {
    mutate_carried(context, resource, operation, name, object).await?;
    validate_carried(context, resource, operation, name, object).await
}

/// The first half of admission: what may change.
async fn mutate_carried(
    context: &Context,
    resource: &Arc<Resource>,
    operation: (Operation, Options<'_>),
    name: &str,
    object: &mut Object,
) -> Result<(), ApiError> {
    let attributes = attributes(context, resource, operation, name);
    let warnings = admission::mutate_carried(&context.server, &attributes, Some(object), None).await?;
    warnings.into_iter().for_each(|warning| context.warn(warning));
    Ok(())
}

/// The second half: what may only refuse.
async fn validate_carried(
    context: &Context,
    resource: &Arc<Resource>,
    operation: (Operation, Options<'_>),
    name: &str,
    object: &Object,
) -> Result<(), ApiError> {
    let attributes = attributes(context, resource, operation, name);
    let warnings = admission::validate_carried(&context.server, &attributes, object).await?;
    warnings.into_iter().for_each(|warning| context.warn(warning));
    Ok(())
}

fn attributes<'a>(
    context: &'a Context,
    resource: &'a Arc<Resource>,
    (operation, options): (Operation, Options<'a>),
    name: &'a str,
) -> Attributes<'a> {
    Attributes {
        user: &context.user,
        operation,
        kind: &resource.kind,
        subresource: &context.info.subresource,
        namespace: &context.info.namespace,
        name,
        dry_run: matches!(options, Options::Create(options) if options.dry_run),
        options,
        waited: &context.waited,
    }
}

/// `Status: Success` of something that was created.
fn success() -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 })
}
