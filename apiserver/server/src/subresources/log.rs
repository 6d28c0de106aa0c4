//! `pods/log`: a container's log, as its node's kubelet has it.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use kubernel_meta::{ApiError, Details, Gvk, Reason, field};
use kubernel_store::At;

use crate::context::Context;
use crate::document;
use crate::resources::Resource;
use crate::verbs::get;

use super::connect::{READ, container, pair};
use super::kubelet;

/// At most this much of a kubelet's error text is passed on.
const ERROR_BYTES_MAX: usize = 2048;

/// Answers a GET.
pub(super) async fn serve(context: &Context, pods: &Arc<Resource>) -> Result<Response<Body>, ApiError> {
    let info = &context.info;
    let query = kubelet_query(context)?;
    let entry = get::entry(context, pods, &info.namespace, &info.name, At::Latest).await?;
    let pod = document::decode(pods, &entry)?;
    let container = container(&pod, context.query.get("container").unwrap_or_default())?;
    let node = pod.str_at(&["spec", "nodeName"]);
    if node.is_empty() {
        // There is no log yet, which is no error.
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        return Ok(response);
    }
    let backend = kubelet::of_node(context, node).await?;
    let path = format!("/containerLogs/{}/{}/{container}?{query}", info.namespace, info.name);
    let headers = HeaderMap::new();
    let response = kubelet::forward(&context.server, &backend, READ, &path, &headers, None, Body::empty()).await?;
    if response.status().is_success() {
        let (_, body) = response.into_parts();
        let mut response = Response::new(body);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        return Ok(response);
    }
    Err(refusal(context, response).await)
}

/// What the kubelet's refusal is to the client (HttpResponseChecker).
async fn refusal(context: &Context, response: Response<Body>) -> ApiError {
    let code = response.status();
    let body = http_body_util::Limited::new(response.into_body(), ERROR_BYTES_MAX).collect().await;
    let text = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).trim().to_owned()).unwrap_or_default();
    match code {
        StatusCode::BAD_REQUEST => ApiError::bad_request(text),
        StatusCode::NOT_FOUND => {
            let message = format!("the server could not find the requested resource ( pods/log {})", context.info.name);
            let details =
                Details { name: context.info.name.clone(), kind: "pods/log".to_owned(), ..Details::default() };
            ApiError::new(404, Reason::NotFound, message).with_details(details)
        }
        _ => ApiError::internal(text),
    }
}

/// PodLogOptions for the kubelet.
fn kubelet_query(context: &Context) -> Result<String, ApiError> {
    let mut query = String::new();
    let mut wrong = Vec::new();
    for (name, least) in [("sinceSeconds", 1), ("tailLines", 0), ("limitBytes", 1)] {
        let Some(text) = context.query.non_empty(name) else { continue };
        let number: i64 = text
            .parse()
            .map_err(|_| ApiError::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax")))?;
        if number < least {
            let detail = if least == 0 { "must be greater than or equal to 0" } else { "must be greater than 0" };
            wrong.push(field::Path::root(name).invalid(number, detail));
        }
        pair(&mut query, name, text);
    }
    if context.query.non_empty("sinceSeconds").is_some() && context.query.non_empty("sinceTime").is_some() {
        wrong.push(
            field::Path::root("sinceSeconds")
                .forbidden("at most one of `sinceTime` or `sinceSeconds` may be specified"),
        );
    }
    if !wrong.is_empty() {
        return Err(ApiError::invalid(&Gvk::new("", "v1", "PodLogOptions"), &context.info.name, &wrong));
    }
    for name in ["follow", "previous", "timestamps"] {
        if context.query.flag(name) {
            pair(&mut query, name, "true");
        }
    }
    for name in ["sinceTime", "stream"] {
        if let Some(value) = context.query.non_empty(name) {
            pair(&mut query, name, value);
        }
    }
    Ok(query)
}
