//! `/metrics`: what can be counted without keeping books.

use axum::body::Body;
use http::{HeaderValue, Response, header};

use crate::context::Context;

use super::version;

/// The text exposition format, version 0.0.4.
pub(super) fn serve(context: &Context) -> Response<Body> {
    let revision = context.server.store().revision();
    let text = format!(
        "# HELP kubernetes_build_info Which build serves the API.\n\
         # TYPE kubernetes_build_info gauge\n\
         kubernetes_build_info{{git_version=\"{}\",major=\"1\",minor=\"36\"}} 1\n\
         # HELP kubernel_store_revision The last committed revision.\n\
         # TYPE kubernel_store_revision counter\n\
         kubernel_store_revision {revision}\n",
        version::GIT_VERSION
    );
    let mut response = Response::new(Body::from(text));
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
