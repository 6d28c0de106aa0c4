//! Questions of this server's own to the server of an APIService.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};

use super::proxy::identify;
use super::table::Backend;
use crate::{ApiServer, User};

/// How long an answer may take that says whether a server is there, or what it has.
pub(super) const WAIT: Duration = Duration::from_secs(5);
/// How long an answer may take that has to be worked out: OpenAPI documents, above all after a start.
pub(super) const LONG_WAIT: Duration = Duration::from_secs(60);
/// The most that an answer may hold: all OpenAPI documents of a server in one.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// As whom it asks: somebody who may read everything.
const USER: &str = "system:kube-aggregator";

/// An answer, read whole.
pub(super) struct Answer {
    pub(super) code: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// What a next question may say to be answered with 304.
    pub(super) fn etag(&self) -> String {
        let tag = self.headers.get(header::ETAG).and_then(|value| value.to_str().ok());
        tag.unwrap_or_default().to_owned()
    }
}

/// The code with which a path is answered. The error is Go's text.
pub(super) async fn head(server: &ApiServer, backend: &Backend, path: &str) -> Result<StatusCode, String> {
    let (origin, request) = (backend.any_origin(), request(backend, path, "application/json", "")?);
    let sent = server.connections().send(&origin, request);
    let answer = tokio::time::timeout(WAIT, sent).await.map_err(|_| TOO_SLOW.to_owned())??;
    Ok(answer.status())
}

/// The answer to a GET that comes within `wait`. The error is a text.
pub(super) async fn get(
    server: &ApiServer,
    backend: &Backend,
    path: &str,
    (accept, etag): (&str, &str),
    wait: Duration,
) -> Result<Answer, String> {
    let request = request(backend, path, accept, etag)?;
    let exchange = async {
        let (parts, body) = server.connections().send(&backend.origin()?, request).await?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| error.to_string())?;
        Ok(Answer { code: parts.status, headers: parts.headers, body: body.to_bytes() })
    };
    tokio::time::timeout(wait, exchange).await.map_err(|_| TOO_SLOW.to_owned())?
}

/// What Go says where an answer takes too long.
const TOO_SLOW: &str = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";

fn request(backend: &Backend, path: &str, accept: &str, etag: &str) -> Result<Request<Body>, String> {
    let mut request = Request::new(Body::empty());
    let url = format!("https://{}{path}", backend.any_origin().authority());
    *request.uri_mut() = url.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
    let headers = request.headers_mut();
    identify(headers, &User::new(USER, &[crate::authn::user::MASTERS]));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(super::MANAGER));
    for (name, value) in [(header::ACCEPT, accept), (header::IF_NONE_MATCH, etag)] {
        if !value.is_empty() {
            headers.insert(name, HeaderValue::from_str(value).map_err(|error| error.to_string())?);
        }
    }
    Ok(request)
}
