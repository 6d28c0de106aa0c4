//! The client that calls webhooks: JSON in, JSON out, within a time and a size. What is asked and what is made of the
//! answer know `admission::webhook` and the conversion of custom resources.

mod answer;
mod target;

use std::time::Duration;

use axum::body::Body;
use http::{HeaderValue, Request, header};
use serde_json::Value;

use crate::ApiServer;

pub(crate) use target::Target;

/// Sends a question and reads the answer, which must come within `timeout`. The error is the text of upstream's client,
/// for example `Post "https://hook.ns.svc:443/?timeout=10s": context deadline exceeded`.
pub(crate) async fn call(
    server: &ApiServer,
    target: &Target,
    timeout: Duration,
    question: &Value,
) -> Result<Value, String> {
    let url = format!("{}?timeout={}s", target.url, timeout.as_secs().max(1));
    let failed = |text: String| format!("Post {url:?}: {text}");
    let body = serde_json::to_vec(question).map_err(|error| error.to_string())?;
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = url.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, */*"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("kube-apiserver-admission"));
    let exchange = async {
        let response = server.connections().send(&target.origin, request).await.map_err(failed)?;
        answer::read(response).await
    };
    tokio::time::timeout(timeout, exchange)
        .await
        .unwrap_or_else(|_| Err(failed("context deadline exceeded".to_owned())))
}
